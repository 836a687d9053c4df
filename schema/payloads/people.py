"""Payloads of the mutations for signing in and out, and for users."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.access.viewer import Viewer
from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import RECORD, REPLAYED, record_field, user_errors_field
from schema.types.people import UserType, ViewerType


@strawberry.type(description="The result of the mutation signIn.")
class SignInPayload:
    token: str | None = strawberry.field(
        default=None,
        description="The bearer token of the new session, for the header `Authorization: Bearer "
        "<token>`. It cannot be read again. Null with user errors.",
    )
    viewer: Viewer | None = record_field(f"The user who signed in. {RECORD}", ViewerType | None)
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="The time at which the session expires, 30 days later by default. Null with "
        "user errors.",
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation signOut.")
class SignOutPayload:
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that creates or changes a user.")
class UserPayload:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the user, for any token. {RECORD}"
    )
    user: User | None = record_field(
        "The user after the change. Null for a token that may not see the user, which needs the "
        f"scope `users:read`. {RECORD}",
        UserType | None,
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
