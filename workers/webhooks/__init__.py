"""The job that delivers webhooks."""
