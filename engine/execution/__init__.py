"""Executes operations: the schema, subscriptions, timeouts and compiled plans."""
