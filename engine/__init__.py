"""How operations travel. Knows GraphQL and sockets, not tickets; imports nothing of ours."""
