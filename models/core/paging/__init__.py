"""Keyset cursors, orders and pages."""
