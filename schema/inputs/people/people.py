"""Inputs of the mutations for signing in and for users."""

from __future__ import annotations

import strawberry

from models.people.user import Role
from schema.inputs.fields import (
    KEEP,
    KEEP_OR_REMOVE,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    optional,
    required,
)

USER_ROW = (
    "A user to create or change, identified by the external id or else by the email address. At "
    "least one of them is required."
)


@strawberry.input(description="The credentials of a user.")
class SignInInput:
    email: str = required("The email address, at most 320 characters. Case is ignored.")
    password: str = required("The password, at most 1,024 characters.")
    second_factor: str | None = optional(
        "A current code of the second factor, or an unused recovery code. Needed if the mutation "
        "returns SECOND_FACTOR_REQUIRED without it."
    )


@strawberry.input(
    description="The code that an application receives after a sign-in by a provider."
)
class SignInWithCodeInput:
    code: str = required(
        "The parameter `signInCode` of the URL to which Ticketwire sent the person. It can be "
        "used once, for one minute."
    )
    verifier: str = required(
        "The secret, 43 to 128 characters, whose SHA-256 in base64url was the parameter "
        "`challenge` at the start of the sign-in."
    )


EMAIL = "The email address, at most 320 characters. It is stored in lower case and is unique."
ROLE = "A role other than CUSTOMER needs the scope `admin`."
ORGANIZATION = "The id of an organization that is not archived."
TEAMS = (
    "The slugs of the teams that the user is a member of, by default at most 100. Only agents and "
    "admins can be members."
)
EXTERNAL_ID = "The integrator's own key for the user, 1 to 255 characters. It is unique."
LOCALE = "The language as a BCP 47 tag, such as de-CH; at most 35 characters."
TIME_ZONE = "The IANA name of the time zone, such as Europe/Berlin; at most 64 characters."
USER_ID = "The id of the user."
KEEP_CREDENTIALS = (
    "Whether a customer who becomes an agent or admin keeps the password and the identities. Set "
    "it only if you know that this person, and nobody else, has set them up. Absent or null: "
    "false. The server then removes them, and the user gets an email with a link to choose a new "
    "password."
)


@strawberry.input(description="A new user, who has no password yet.")
class CreateUserInput:
    email: str = required(EMAIL)
    display_name: str = required(f"The name. {NAME}")
    role: Role | None = optional(f"The role. {ROLE} Absent or null: CUSTOMER.")
    organization_id: strawberry.ID | None = optional(f"{ORGANIZATION} Null: none.")
    teams: list[str] | None = optional(f"{TEAMS} Null: none.")
    external_id: str | None = optional(f"{EXTERNAL_ID} Null: none.")
    locale: str | None = optional(f"{LOCALE} Null: unknown.")
    time_zone: str | None = optional(f"{TIME_ZONE} Null: unknown.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a user.")
class UpdateUserInput:
    user_id: strawberry.ID = required(USER_ID)
    email: str | None = optional(f"{EMAIL} {KEEP}")
    display_name: str | None = optional(f"The name. {NAME} {KEEP}")
    role: Role | None = optional(
        f"The role. {ROLE} A user who becomes a customer leaves all teams, and the server removes "
        f"the user as the assignee of open tickets. {KEEP}"
    )
    organization_id: strawberry.ID | None = optional(
        f"{ORGANIZATION} Tickets keep their organization. {KEEP_OR_REMOVE}", strawberry.UNSET
    )
    teams: list[str] | None = optional(f"{TEAMS} {KEEP}")
    external_id: str | None = optional(f"{EXTERNAL_ID} {KEEP_OR_REMOVE}", strawberry.UNSET)
    locale: str | None = optional(f"{LOCALE} {KEEP_OR_REMOVE}", strawberry.UNSET)
    time_zone: str | None = optional(f"{TIME_ZONE} {KEEP_OR_REMOVE}", strawberry.UNSET)
    keep_credentials: bool | None = optional(KEEP_CREDENTIALS)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description=USER_ROW)
class UserRowInput:
    external_id: str | None = optional(f"{EXTERNAL_ID} {KEEP}")
    email: str | None = optional(f"{EMAIL} {KEEP} Required for a new user.")
    display_name: str | None = optional(f"The name. {NAME} {KEEP} Required for a new user.")
    role: Role | None = optional(f"The role. {ROLE} {KEEP} A new user is a CUSTOMER.")
    organization_id: strawberry.ID | None = optional(
        f"{ORGANIZATION} {KEEP_OR_REMOVE}", strawberry.UNSET
    )
    teams: list[str] | None = optional(f"{TEAMS} {KEEP}")
    locale: str | None = optional(f"{LOCALE} {KEEP_OR_REMOVE}", strawberry.UNSET)
    time_zone: str | None = optional(f"{TIME_ZONE} {KEEP_OR_REMOVE}", strawberry.UNSET)
    keep_credentials: bool | None = optional(KEEP_CREDENTIALS)


@strawberry.input(description=USER_ROW)
class UpsertUserInput(UserRowInput):
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Users to create or change, each in a transaction of its own.")
class UpsertUsersInput:
    users: list[UserRowInput] = required("The users, at most 100, in the order of processing.")


@strawberry.input(description="A user to deactivate.")
class DeactivateUserInput:
    user_id: strawberry.ID = required(USER_ID)
    reassign_to: strawberry.ID | None = optional(
        "The id of the active agent or admin who gets the open tickets that are assigned to the "
        "user. Null: they lose their assignee and stay in their teams."
    )
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A deactivated user to reactivate.")
class ReactivateUserInput:
    user_id: strawberry.ID = required(USER_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
