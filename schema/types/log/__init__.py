"""The types of the log, of the audit log and of directory events."""
