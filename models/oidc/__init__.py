"""Signing in by identity providers: OpenID Connect, and JWTs as bearer tokens."""
