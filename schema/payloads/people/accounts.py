"""Payloads of the mutations for passwords, invitations and registration."""

from __future__ import annotations

import strawberry

from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.people.people import UserType


@strawberry.type(description="The result of the mutation changePassword.")
class ChangePasswordPayload:
    user: User | None = record_field(
        f"The user whose password has changed. {NULL_IF_REFUSED}", UserType | None
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(
    description="The result of the mutation requestPasswordReset. It does not tell whether an "
    "account has the email address."
)
class RequestPasswordResetPayload:
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation resetPassword.")
class ResetPasswordPayload:
    email: str | None = strawberry.field(
        default=None,
        description=f"The email address with which the person can sign in now. {NULL_IF_REFUSED}",
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation inviteUser.")
class InviteUserPayload:
    user: User | None = record_field(f"The new user. {NULL_IF_REFUSED}", UserType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(
    description="The result of the mutation registerUser. It does not tell whether an account has "
    "the email address."
)
class RegisterUserPayload:
    user_errors: list[UserErrorInterface] = user_errors_field()
