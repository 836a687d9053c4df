"""Where a mirror is stored: SQLite, Postgres or a file of JSON lines."""
