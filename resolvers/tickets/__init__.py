"""Tickets: their queries, and the mutations of tickets, messages and presence."""
