"""GraphQL over HTTP, WebSocket and server-sent events.

It has no ticket logic, and imports none of our other packages.
"""
