"""API tokens."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.interfaces import Node


@strawberry.type(
    name="ApiToken",
    description="A bearer token of a user or an API client, for programs. Only the mutations "
    "createApiToken and rotateApiToken return its secret text.",
)
class ApiTokenType(Node):
    name: str = strawberry.field(
        description="The name that the owner gave the token, 1 to 200 characters."
    )
    scopes: list[str] = strawberry.field(description="The scopes of the token.")
    prefix: str = strawberry.field(
        description="The first characters of the secret text, to recognise the token."
    )
    expires_at: datetime | None = strawberry.field(
        description="The time at which the token expires. Null if it does not expire."
    )
    last_used_at: datetime | None = strawberry.field(
        description="The time of the last use. The server stores it with a delay of about 30 "
        "seconds. Null if the token was never used."
    )
    revoked_at: datetime | None = strawberry.field(
        description="The time at which the token was revoked. Null if it was not."
    )
    rotated_at: datetime | None = strawberry.field(
        description="The time at which rotateApiToken created the token's successor. Null if there "
        "is none. A rotated token expires at the end of the grace period, and is not rotated again."
    )
    created_at: datetime = strawberry.field(description="The time at which the token was created.")
