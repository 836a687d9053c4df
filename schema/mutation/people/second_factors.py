"""The mutations for second factors."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER, MANAGE_OWN_SECOND_FACTOR, SET_UP_SECOND_FACTOR
from resolvers.people import second_factors
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.people.second_factors import (
    ConfirmSecondFactorPayload,
    RenewRecoveryCodesPayload,
    SecondFactorPayload,
    StartSecondFactorPayload,
)

CODE_LIMIT = (
    "After too many wrong codes, by default 5, the operation fails with RATE_LIMITED until "
    "`retryAfterMs` have passed."
)

LOST_KEY = "NOT_ENABLED (code): the server can't verify codes now; ask its operator"


@strawberry.type
class SecondFactorMutations:
    start_second_factor: Any = mutation(
        second_factors.start_second_factor,
        SET_UP_SECOND_FACTOR,
        "Creates the secret of a second factor: time-based codes of 6 digits (TOTP, RFC 6238). It "
        "takes effect with confirmSecondFactor. Another call replaces an unconfirmed secret. Wrong "
        "passwords count as failed attempts to sign in. A viewer without a password must have "
        "signed in within the last 10 minutes.",
        StartSecondFactorPayload | None,
        errors=(
            "REQUIRED (currentPassword)",
            "INVALID (currentPassword: wrong; idempotencyKey; without a field, if the viewer has a "
            "second factor, or has no password and an older session)",
            "NOT_ENABLED: the server has no encryption key",
            *KEY_ERRORS,
        ),
    )
    confirm_second_factor: Any = mutation(
        second_factors.confirm_second_factor,
        SET_UP_SECOND_FACTOR,
        "Confirms the secret of startSecondFactor with a code. From then on, signIn requires a "
        "code. If the server requires a second factor, a session has no scopes until this call, "
        f"and then those of the viewer's role. {CODE_LIMIT}",
        ConfirmSecondFactorPayload | None,
        errors=(
            "INVALID (code: wrong; idempotencyKey; without a field, if no set-up has started, or "
            "if the viewer has a second factor)",
            LOST_KEY,
            *KEY_ERRORS,
        ),
    )
    disable_second_factor: Any = mutation(
        second_factors.disable_second_factor,
        MANAGE_OWN_SECOND_FACTOR,
        "Removes the viewer's second factor and its recovery codes. A customer has one only from a "
        f"time as an agent or admin. {CODE_LIMIT}",
        SecondFactorPayload | None,
        errors=(
            "INVALID (code: wrong, or used before; idempotencyKey; without a field, if the viewer "
            "has no second factor, or if the server requires one of the viewer)",
            LOST_KEY,
            *KEY_ERRORS,
        ),
    )
    renew_recovery_codes: Any = mutation(
        second_factors.renew_recovery_codes,
        MANAGE_OWN_SECOND_FACTOR,
        "Replaces the recovery codes of the viewer's second factor by ten new ones. The old codes "
        f"no longer work. The second factor and the sessions stay as they are. {CODE_LIMIT}",
        RenewRecoveryCodesPayload | None,
        errors=(
            "INVALID (code: wrong, or used before; idempotencyKey; without a field, if the viewer "
            "has no second factor)",
            LOST_KEY,
            *KEY_ERRORS,
        ),
    )
    reset_second_factor: Any = mutation(
        second_factors.reset_second_factor,
        ADMINISTER,
        "Removes the second factor of a user who has lost it, and revokes the user's sessions. The "
        f"viewer's own second factor needs a code. {CODE_LIMIT}",
        SecondFactorPayload | None,
        errors=(
            "NOT_FOUND (userId)",
            "REQUIRED (code: for the viewer's own second factor)",
            "INVALID (code: wrong, or used before; idempotencyKey)",
            LOST_KEY,
            *KEY_ERRORS,
        ),
    )
