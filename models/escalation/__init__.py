"""Escalation paths: their records, and how administrators change them."""
