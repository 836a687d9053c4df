"""Removes texts: from messages (`redaction`) and from tickets (`ticket_redaction`)."""
