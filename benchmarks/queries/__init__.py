"""Reads and a write over HTTP, beside others who serve the same rows."""
