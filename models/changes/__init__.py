"""The only writers of tickets: commands, the change that they build, its storage, idempotency keys.

`intake` prepares a new ticket, and `sla_audit` compares clocks with the log.
"""
