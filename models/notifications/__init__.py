"""Notifications and emails: records, preferences, and the rules that select the recipients."""
