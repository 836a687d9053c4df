"""Escalation: events start escalation paths, and due steps of started paths are taken."""
