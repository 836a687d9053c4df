"""Payloads of the mutations for signing in and out."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.access.viewer import Viewer
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, record_field, user_errors_field
from schema.types.people import ViewerType


@strawberry.type(description="The result of the mutation signIn.")
class SignInPayload:
    token: str | None = strawberry.field(
        default=None,
        description="The bearer token of the new session, for the header `Authorization: Bearer "
        f"<token>`. It cannot be read again. {NULL_IF_REFUSED}",
    )
    viewer: Viewer | None = record_field(
        f"The user who signed in. {NULL_IF_REFUSED}", ViewerType | None
    )
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="The time at which the session expires, 30 days later by default. "
        f"{NULL_IF_REFUSED}",
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation signOut.")
class SignOutPayload:
    user_errors: list[UserErrorInterface] = user_errors_field()
