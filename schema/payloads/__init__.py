"""The payloads of the mutations, one file per domain."""
