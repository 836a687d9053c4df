"""Jobs that viewers start, and their tickets."""
