"""GraphQL over server-sent events (graphql-sse, distinct connections mode)."""
