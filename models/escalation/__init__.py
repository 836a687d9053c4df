"""Escalation paths: records and administration."""
