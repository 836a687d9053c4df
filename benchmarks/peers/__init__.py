"""Other ways to serve the same, to measure against."""
