"""Statistics over tickets: read from the database, and kept in memory for live statistics."""
