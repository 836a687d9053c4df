"""Webhooks: the queries, the mutations, and how payloads are read through the API's own schema."""
