"""Tokens, as their owners see them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.interfaces import Node


@strawberry.type(name="ApiToken", description="A bearer token. Its text is shown once, when it is made.")
class ApiTokenType(Node):
    name: str = strawberry.field(description="What its owner calls it.")
    scopes: list[str] = strawberry.field(description="What it may do.")
    prefix: str = strawberry.field(description="First characters, to recognise it.")
    expires_at: datetime | None = strawberry.field(description="When it ends by itself; null for never.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used, within a minute.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
    created_at: datetime = strawberry.field(description="When it was made.")
