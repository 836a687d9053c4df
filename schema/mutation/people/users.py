"""The mutations of users."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import AUTHENTICATED, MANAGE_CUSTOMERS
from resolvers.people import users
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS, ROWS
from schema.payloads.people.people import UpsertUsersPayload, UserPayload

USER = UserPayload | None
ROLE_RULE = (
    "Setting teams or a role other than CUSTOMER, or changing an agent or admin, needs the scope "
    "`admin`; otherwise the operation fails with FORBIDDEN."
)
STAFF_RULE = (
    "For an agent or admin, this needs the scope `admin`; otherwise the operation fails with "
    "FORBIDDEN."
)
PROMOTION = (
    "A promotion makes a customer an agent or admin. It must name {fields}, so that a changed "
    "email address does not give the new role to another person. It ends the sessions, API tokens "
    "and links of the account. Unless `keepCredentials` is set, its password and identities are "
    "removed, and the user gets an email with a link to choose a new password."
)
PROMOTION_BY_UPDATE = PROMOTION.format(fields="`expectedVersion` or `email`")
PROMOTION_BY_UPSERT = PROMOTION.format(fields="`email`")
PROMOTION_ERROR = (
    "NOT_ENABLED: a promotion removes a password or an identity, and the server does not know its "
    "public URL"
)
FIELD_ERRORS = (
    "NOT_FOUND (organizationId, teams)",
    "TOO_LONG (email, displayName, teams, externalId, locale, timeZone)",
    "INVALID (email, displayName, externalId, locale, timeZone, idempotencyKey; organizationId: "
    "archived; teams: archived, full, or the user is a customer)",
)
LAST_ADMIN = "INVALID ({field}: the last active admin who can sign in)"


@strawberry.type
class UserMutations:
    create_user: Any = mutation(
        users.create_user,
        MANAGE_CUSTOMERS,
        "Creates a user without a password. To create an agent or admin, or a user with teams, the "
        "token needs the scope `admin`; otherwise the operation fails with FORBIDDEN.",
        USER,
        errors=(
            "REQUIRED (email, displayName, externalId, timeZone)",
            "TAKEN (email, externalId)",
            *FIELD_ERRORS,
            *KEY_ERRORS,
        ),
    )
    update_user: Any = mutation(
        users.update_user,
        AUTHENTICATED,
        "Changes a user. Users change their own name, locale and time zone with a session token, "
        "or with a provider's JWT that has the scope `tickets:write`. Other changes need the scope "
        f"`users:write`, as for createUser. {ROLE_RULE} {PROMOTION_BY_UPDATE}",
        USER,
        errors=(
            "NOT_FOUND (userId)",
            "INVALID (userId: the person was erased)",
            "REQUIRED (email, displayName, externalId, timeZone; expectedVersion: for a promotion "
            "without it and without email)",
            "TAKEN (email, externalId)",
            LAST_ADMIN.format(field="role"),
            PROMOTION_ERROR,
            *FIELD_ERRORS,
            *RECORD_ERRORS,
        ),
    )
    upsert_user: Any = mutation(
        users.upsert_user,
        MANAGE_CUSTOMERS,
        "Changes the user with the external id or else with the email address, or creates one "
        f"without a password. It does not reactivate a user. {ROLE_RULE} {PROMOTION_BY_UPSERT}",
        USER,
        errors=(
            "REQUIRED (externalId: both it and email are absent; email, displayName: for a new "
            "user; email: for a promotion; timeZone)",
            "TAKEN (email: of another user, or of one with another external id)",
            LAST_ADMIN.format(field="role"),
            PROMOTION_ERROR,
            *FIELD_ERRORS,
            *KEY_ERRORS,
        ),
    )
    upsert_users: Any = mutation(
        users.upsert_users,
        MANAGE_CUSTOMERS,
        f"Changes or creates up to 100 users, each as upsertUser does. {ROWS} "
        f"{PROMOTION_BY_UPSERT}",
        UpsertUsersPayload | None,
        errors=(
            "INVALID (users: more than 100)",
            "in a result: those of upsertUser",
            "in a result: INVALID for the row, if an earlier row has the same external id or "
            "email address, or if the row needs the scope `admin` as for createUser",
        ),
    )
    deactivate_user: Any = mutation(
        users.deactivate_user,
        MANAGE_CUSTOMERS,
        "Deactivates a user. The user can no longer sign in, all tokens of the user are revoked, "
        "and open connections end within seconds. The server then hands over the open tickets that "
        "are assigned to the user, also those that are reopened later. Everything that the user "
        f"wrote stays. {STAFF_RULE}",
        USER,
        errors=(
            "NOT_FOUND (userId, reassignTo)",
            LAST_ADMIN.format(field="userId"),
            "INVALID (reassignTo: not another active agent or admin, or the user is a customer; "
            "idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
    reactivate_user: Any = mutation(
        users.reactivate_user,
        MANAGE_CUSTOMERS,
        "Lets a deactivated user sign in again. Earlier sessions and tokens stay revoked. Tickets "
        f"that were handed over stay where they are. {STAFF_RULE}",
        USER,
        errors=(
            "NOT_FOUND (userId)",
            "INVALID (userId: the person was erased; idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
