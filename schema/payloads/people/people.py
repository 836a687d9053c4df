"""Payloads of the mutations for signing in and out, and for users."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.access.viewer import Viewer
from models.people.user import User
from schema.cost import cost
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import (
    NULL_IF_REFUSED,
    NULL_IF_ROW_REFUSED,
    REPLAYED,
    ROW_INDEX,
    record_field,
    user_errors_field,
)
from schema.types.people.people import UserType, ViewerType


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
    requires_second_factor_setup: bool = strawberry.field(
        default=False,
        description="Whether the user must set up a second factor first. If true, the session has "
        "no scopes until confirmSecondFactor succeeds.",
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation signInWithCode.")
class SignInWithCodePayload:
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


@strawberry.type(description="The result of a mutation that creates or changes a user.")
class UserPayload:
    user_id: strawberry.ID | None = strawberry.field(
        default=None,
        description=f"The id of the user, even without the scope `users:read`. {NULL_IF_REFUSED}",
    )
    user: User | None = record_field(
        "The user after the change. Null for a token that may not see the user, which needs the "
        f"scope `users:read`. {NULL_IF_REFUSED}",
        UserType | None,
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="What upsertUsers did with one of the users.")
class UpsertUserResult:
    index: int = strawberry.field(description=ROW_INDEX)
    user_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the user, even without the scope `users:read`. "
        f"{NULL_IF_ROW_REFUSED}",
    )
    user: User | None = record_field(
        "The user after the change. Null for a token that may not see the user, which needs the "
        f"scope `users:read`. {NULL_IF_ROW_REFUSED}",
        UserType | None,
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation upsertUsers.")
class UpsertUsersPayload:
    results: list[UpsertUserResult] = strawberry.field(
        default_factory=list,
        description="One result per user, in the order of the input. Empty if the whole list is "
        "refused.",
        metadata=cost(each=0),
    )
    user_errors: list[UserErrorInterface] = user_errors_field()
