"""Shared subscriptions: groups of subscribers, and the messages that wait for each client."""
