"""Inputs of the mutations for second factors."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import RECORD_IDEMPOTENCY_KEY, optional, required

CODE = "A current code of the second factor, 6 digits. Spaces are ignored."
CODE_OR_RECOVERY_CODE = "A current code of the second factor, or an unused recovery code."


@strawberry.input(description="The start of the set-up of a second factor.")
class StartSecondFactorInput:
    current_password: str | None = optional(
        "The viewer's password, at most 1,024 characters. Required unless the viewer has none. It "
        "is not stored with the idempotency key."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="The first code of a new second factor.")
class ConfirmSecondFactorInput:
    code: str = required(CODE)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A code of the second factor to remove.")
class DisableSecondFactorInput:
    code: str = required(CODE_OR_RECOVERY_CODE)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A code of the second factor whose recovery codes are replaced.")
class RenewRecoveryCodesInput:
    code: str = required(CODE_OR_RECOVERY_CODE)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A user whose second factor is lost.")
class ResetSecondFactorInput:
    user_id: strawberry.ID = required("The id of the user.")
    code: str | None = optional(
        f"{CODE_OR_RECOVERY_CODE} Required for the viewer's own second factor."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
