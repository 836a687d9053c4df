"""Retention policies: how long the texts of closed tickets are kept."""
