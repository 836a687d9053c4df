"""The HTTP endpoints for the contents of attachments."""
