"""The queries: one entry per query."""
