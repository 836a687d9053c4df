"""The ordered log and its consumers."""
