"""Limits: connections, rates, attempts and concurrent work."""
