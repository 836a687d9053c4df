"""Requests, documents and their limits, query cost, errors and responses."""
