"""Notifications and email: who receives which, and by which channel."""
