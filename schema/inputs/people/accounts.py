"""Inputs of the mutations for passwords, invitations and registration."""

from __future__ import annotations

import strawberry

from models.people.user import Role
from schema.inputs.fields import NAME, RECORD_IDEMPOTENCY_KEY, optional, required

EMAIL = "The email address, at most 320 characters. Case is ignored."
NEW_PASSWORD = "The new password, 8 to 1,024 characters."  # noqa: S105 - a description


@strawberry.input(description="A new password of the viewer.")
class ChangePasswordInput:
    current_password: str = required("The current password, at most 1,024 characters.")
    new_password: str = required(NEW_PASSWORD)


@strawberry.input(description="The account whose password is to be reset.")
class RequestPasswordResetInput:
    email: str = required(EMAIL)


@strawberry.input(description="A new password of the person who received the link in an email.")
class ResetPasswordInput:
    token: str = required(
        "The token of the link: what follows `#token=` in its URL. At most 200 characters."
    )
    new_password: str = required(NEW_PASSWORD)


@strawberry.input(description="A new user, who receives an email with a link.")
class InviteUserInput:
    email: str = required(
        "The email address, at most 320 characters. It is stored in lower case and is unique."
    )
    display_name: str = required(f"The name. {NAME}")
    role: Role | None = optional(
        "The role. A role other than CUSTOMER needs the scope `admin`. Absent or null: CUSTOMER."
    )
    organization_id: strawberry.ID | None = optional(
        "The id of an organization that is not archived. Null: none."
    )
    teams: list[str] | None = optional(
        "The slugs of the teams that the user is a member of, by default at most 100. Only agents "
        "and admins can be members. Null: none."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A user who receives another email with a link.")
class SendInvitationInput:
    user_id: strawberry.ID = required("The id of the user.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A customer who registers.")
class RegisterUserInput:
    email: str = required(EMAIL)
    display_name: str = required(f"The name. {NAME}")
