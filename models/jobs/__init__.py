"""Jobs that callers start, and their tickets."""
