"""Reads of the ordered log and of the audit log."""
