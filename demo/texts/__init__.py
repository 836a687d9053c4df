"""Writes the texts of the demo's tickets from the phrases, topics and names in demo/data."""
