"""Macros: canned replies with actions on a ticket."""
