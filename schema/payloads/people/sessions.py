"""Payloads of the mutations for sessions."""

from __future__ import annotations

import strawberry

from models.people.token import Token
from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import (
    NULL_IF_REFUSED,
    NULL_IF_REPLAYED,
    REPLAYED,
    record_field,
    user_errors_field,
)
from schema.types.people.people import UserType
from schema.types.people.sessions import SessionType


@strawberry.type(description="The result of the mutation revokeSession.")
class RevokeSessionPayload:
    session: Token | None = record_field(
        f"The revoked session. {NULL_IF_REFUSED}", SessionType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation revokeAllSessions.")
class RevokeAllSessionsPayload:
    user: User | None = record_field(
        f"The user whose sessions were revoked. {NULL_IF_REFUSED}", UserType | None
    )
    revoked: int | None = strawberry.field(
        default=None,
        description=f"The number of sessions and JWTs that were revoked. {NULL_IF_REPLAYED}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
