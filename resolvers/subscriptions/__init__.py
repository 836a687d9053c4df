"""The sources of the subscriptions."""
