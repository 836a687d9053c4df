"""The mutations for passwords, invitations and registration."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import MANAGE_CUSTOMERS, MANAGE_OWN_TOKENS, PUBLIC
from resolvers.people import accounts
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.people.accounts import (
    ChangePasswordPayload,
    InviteUserPayload,
    RegisterUserPayload,
    RequestPasswordResetPayload,
    ResetPasswordPayload,
)
from schema.payloads.people.people import UserPayload

EMAIL_LIMIT = (
    "After too many calls, by default 5 for one email address, the operation fails with "
    "RATE_LIMITED until `retryAfterMs` have passed."
)


@strawberry.type
class AccountMutations:
    change_password: Any = mutation(
        accounts.change_password,
        MANAGE_OWN_TOKENS,
        "Changes the viewer's password, and revokes the viewer's other sessions. Wrong current "
        "passwords count as failed attempts to sign in.",
        ChangePasswordPayload | None,
        errors=(
            "INVALID (currentPassword: wrong, or the user has no password; newPassword: too short)",
            "REQUIRED (newPassword)",
            "TOO_LONG (newPassword)",
        ),
    )
    request_password_reset: Any = mutation(
        accounts.request_password_reset,
        PUBLIC,
        "Sends an email with a link to reset the password, if an active account with a password "
        "has this email address. The answer is the same if there is none. The link works once, for "
        f"1 hour by default. {EMAIL_LIMIT}",
        RequestPasswordResetPayload | None,
        errors=(
            "REQUIRED (email)",
            "TOO_LONG (email)",
            "INVALID (email)",
            "NOT_ENABLED: the server does not know its public URL",
        ),
    )
    reset_password: Any = mutation(
        accounts.reset_password,
        PUBLIC,
        "Sets the password of the user to whom a link was sent by email: the link of a password "
        "reset, an invitation or a registration. `token` is that of the link. The link of a "
        "registration also creates the customer. All sessions of the user are revoked. The second "
        "factor stays.",
        ResetPasswordPayload | None,
        errors=(
            "INVALID (token: invalid, used or expired; newPassword: too short)",
            "REQUIRED (newPassword)",
            "TOO_LONG (newPassword)",
            "NOT_ENABLED: the link is that of a registration, and registration is turned off now",
        ),
    )
    invite_user: Any = mutation(
        accounts.invite_user,
        MANAGE_CUSTOMERS,
        "Creates a user without a password, and sends an email with a link to choose one. The link "
        "works once, for 7 days by default. Agents and admins can be invited only with the scope "
        "`admin`; otherwise the operation fails with FORBIDDEN.",
        InviteUserPayload | None,
        errors=(
            "REQUIRED (email, displayName)",
            "TOO_LONG (email, displayName, teams)",
            "INVALID (organizationId: archived; teams: archived, full, or the user is a "
            "customer; email, displayName, idempotencyKey)",
            "TAKEN (email)",
            "NOT_FOUND (organizationId, teams)",
            "NOT_ENABLED: the server does not know its public URL",
            *KEY_ERRORS,
        ),
    )
    send_invitation: Any = mutation(
        accounts.send_invitation,
        MANAGE_CUSTOMERS,
        "Sends an email with a link to choose a password to a user who has none, and who has no "
        "identity of an identity provider: for example because createUser created the user, or "
        "because an invitation has expired. The link works once, for 7 days by default. Agents and "
        "admins can be invited only with the scope `admin`; otherwise the operation fails with "
        "FORBIDDEN. After too many invitations of the user within an hour, by default 5, the "
        "operation fails with RATE_LIMITED until `retryAfterMs` have passed.",
        UserPayload | None,
        errors=(
            "NOT_FOUND (userId)",
            "INVALID (userId: the user is deactivated, or can sign in already; idempotencyKey)",
            "NOT_ENABLED: the server does not know its public URL",
            *KEY_ERRORS,
        ),
    )
    register_user: Any = mutation(
        accounts.register_user,
        PUBLIC,
        "Sends an email with a link to confirm the email address, if no account has it. The "
        "customer is created when resetPassword receives the link's token. The answer is the same "
        "if there is an account; its owner then gets an email with a link to reset the password. "
        f"{EMAIL_LIMIT}",
        RegisterUserPayload | None,
        errors=(
            "REQUIRED (email, displayName)",
            "TOO_LONG (email, displayName)",
            "INVALID (email, displayName)",
            "NOT_ENABLED: registration is turned off, as it is by default",
        ),
    )
