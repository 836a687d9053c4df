"""Files of attachments: their names and types, signed URLs, uploads, checks and the store."""
