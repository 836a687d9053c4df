"""The mutations of tickets and of their parts."""
