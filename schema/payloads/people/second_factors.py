"""Payloads of the mutations for second factors."""

from __future__ import annotations

import strawberry

from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import (
    NULL_IF_REFUSED,
    NULL_IF_REPLAYED,
    REPLAYED,
    record_field,
    user_errors_field,
)
from schema.types.people.people import UserType

SHOWN_ONCE = f"It cannot be read again. {NULL_IF_REPLAYED}"
RECOVERY_CODES = (
    "Ten recovery codes. Each can be used once in place of a code, for example if the device is "
    "lost. They cannot be read again. Null if `replayed` is true or the mutation returns user "
    "errors."
)
USER = f"The user of the second factor. {NULL_IF_REFUSED}"


@strawberry.type(description="The result of the mutation startSecondFactor.")
class StartSecondFactorPayload:
    user: User | None = record_field(USER, UserType | None)
    secret: str | None = strawberry.field(
        default=None, description=f"The secret in Base32, to enter by hand. {SHOWN_ONCE}"
    )
    otpauth_uri: str | None = strawberry.field(
        default=None, description=f"The secret as an otpauth URI, for a QR code. {SHOWN_ONCE}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation confirmSecondFactor.")
class ConfirmSecondFactorPayload:
    user: User | None = record_field(USER, UserType | None)
    recovery_codes: list[str] | None = strawberry.field(default=None, description=RECOVERY_CODES)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation renewRecoveryCodes.")
class RenewRecoveryCodesPayload:
    user: User | None = record_field(USER, UserType | None)
    recovery_codes: list[str] | None = strawberry.field(default=None, description=RECOVERY_CODES)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(
    description="The result of the mutations disableSecondFactor and resetSecondFactor."
)
class SecondFactorPayload:
    user: User | None = record_field(
        f"The user, who has no second factor now. {NULL_IF_REFUSED}", UserType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
