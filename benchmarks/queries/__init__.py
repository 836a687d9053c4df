"""Reads and a write over HTTP, compared with peers that serve the same rows."""
