"""Webhooks: their records, owners and signatures. `models/webhook_deliveries` sends the events."""
