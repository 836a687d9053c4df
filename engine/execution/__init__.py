"""Executing operations: the schema, subscriptions, timeouts and compiled plans."""
