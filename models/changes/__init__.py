"""The only writers of tickets: commands, the change that they build, and idempotency keys."""
