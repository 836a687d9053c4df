"""What all mutations share: transaction, idempotency key, expected version and user errors."""
