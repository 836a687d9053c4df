"""The types of tickets and of their parts."""
