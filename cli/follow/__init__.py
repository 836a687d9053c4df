"""`ticketwire follow`: copies a server into tables, by the public API alone."""
