"""Sessions."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.core import ids
from models.people.token import Token
from schema.context import context_of
from schema.cost import personal


@strawberry.type(name="Session", description="A session of a user, which signing in has created.")
class SessionType:
    @strawberry.field(description="The opaque id, for revokeSession.")
    def id(self, root: strawberry.Parent[Token]) -> strawberry.ID:
        return strawberry.ID(ids.encode(ids.SESSION, root.id))

    created_at: datetime = strawberry.field(description="The time at which the user signed in.")
    last_used_at: datetime | None = strawberry.field(
        description="The time of the last use. The server stores it with a delay of about 30 "
        "seconds. Null if the session was not used yet."
    )
    expires_at: datetime | None = strawberry.field(
        description="The time at which the session expires. Null if it does not expire."
    )
    address: str | None = strawberry.field(
        description="The IP address of the client that signed in. Null if unknown."
    )
    user_agent: str | None = strawberry.field(
        description="The header User-Agent of the client that signed in, at most 200 characters. "
        "Null if it sent none."
    )

    @strawberry.field(
        description="Whether this is the session of the request.", metadata=personal()
    )
    def current(self, root: strawberry.Parent[Token], info: strawberry.Info) -> bool:
        token = context_of(info).viewer.token
        return token is not None and token.id == root.id
