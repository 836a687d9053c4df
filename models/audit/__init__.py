"""The record of what administrators do: the audit log, and the events of the directory.

The directory is all administrative records: people, organizations, teams, categories and policies.
"""
