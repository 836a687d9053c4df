"""Requests, documents and their limits, costs, errors and responses."""
