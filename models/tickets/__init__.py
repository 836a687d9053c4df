"""Tickets and the records that belong to them, and pure rules."""
