"""Plans, claims and records the deliveries of webhooks. The job is in workers/webhooks."""
