"""The settings, from environment variables."""
