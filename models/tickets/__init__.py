"""Tickets and what belongs to them: records and pure rules."""
