"""The second factor of a sign-in: time-based codes (TOTP, RFC 6238) and recovery codes.

A code works once, up to 30 s before or after its own 30-s step. Of recovery codes, which
have 80 random bits, only SHA-256 hashes are stored. The caller counts attempts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b32encode
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pyotp
from pyotp.totp import TOTP
from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.core.secrets import SecretStore
from models.core.time import InstantField

if TYPE_CHECKING:
    from models.people.user import User

STEP_SECONDS = 30
LEEWAY_STEPS = 1
RECOVERY_CODE_COUNT = 10
RECOVERY_CODE_BYTES = 10
MAX_CODE_CHARS = 64
ISSUER = "Ticketwire"
ALREADY_ENABLED = "You already have a second factor. Disable it first."
NOT_STARTED = "Call startSecondFactor first."
NO_SECOND_FACTOR = "You have no second factor."
WRONG_CODE = "The code is wrong, or was used before."


class SecondFactor(Model):
    """A user's second factor. It is used once it is confirmed.

    secret            encrypted by models.core.secrets
    last_step         the step of the last accepted code
    recovery_digests  the hashes of the unused recovery codes
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.OneToOneRelation[User] = fields.OneToOneField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    secret = fields.TextField()
    confirmed_at = InstantField(null=True)
    last_step = fields.BigIntField(default=0)
    recovery_digests: Sequence[str] = fields.JSONField(default=list)  # pyright: ignore[reportAssignmentType]
    created_at = InstantField()

    class Meta:
        table = "second_factors"
        table_description = "Second factors of users"


async def is_enabled(user_id: UUID) -> bool:
    """Whether the user has a second factor that is confirmed."""
    return await SecondFactor.exists(user_id=user_id, confirmed_at__isnull=False)


async def read_enabled(user_ids: list[UUID]) -> list[bool]:
    """Whether each user has a second factor that is confirmed."""
    confirmed = SecondFactor.filter(user_id__in=user_ids, confirmed_at__isnull=False)
    owners = set(await confirmed.values_list("user_id", flat=True))
    return [user_id in owners for user_id in user_ids]


async def start(user: User, store: SecretStore, at: datetime) -> tuple[str, str]:
    """Store a new secret, which replaces one that is not confirmed.

    The caller must have locked the user. Returns the secret in Base32, and as an otpauth URI.
    Raises InvalidInput.
    """
    if await is_enabled(user.id):
        raise InvalidInput(UserErrorCode.INVALID, ALREADY_ENABLED)
    secret = pyotp.random_base32()
    encrypted = store.encrypt(secret)
    await SecondFactor.filter(user_id=user.id).delete()
    await SecondFactor.create(user_id=user.id, secret=encrypted, created_at=at)
    return secret, TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)


async def confirm(user_id: UUID, code: str, store: SecretStore, at: datetime) -> list[str]:
    """Enable the second factor, and return its new recovery codes. Raises InvalidInput."""
    factor = await lock_factor(user_id)
    if factor is None:
        raise InvalidInput(UserErrorCode.INVALID, NOT_STARTED)
    if factor.confirmed_at is not None:
        raise InvalidInput(UserErrorCode.INVALID, ALREADY_ENABLED)
    step = find_step(factor, clean_code(code), store, at)
    if step is None:
        raise InvalidInput(UserErrorCode.INVALID, WRONG_CODE, "code")
    codes = set_recovery_codes(factor)
    factor.confirmed_at, factor.last_step = at, step
    await factor.save(update_fields=["confirmed_at", "last_step", "recovery_digests"])
    return codes


async def renew_recovery_codes(user_id: UUID) -> list[str]:
    """Replace all recovery codes, and return the new ones. Raises InvalidInput."""
    factor = await lock_factor(user_id)
    if factor is None or factor.confirmed_at is None:
        raise InvalidInput(UserErrorCode.INVALID, NO_SECOND_FACTOR)
    codes = set_recovery_codes(factor)
    await factor.save(update_fields=["recovery_digests"])
    return codes


def set_recovery_codes(factor: SecondFactor) -> list[str]:
    """Set the hashes of new recovery codes, which are returned. The caller saves the factor."""
    codes = [build_recovery_code() for _ in range(RECOVERY_CODE_COUNT)]
    factor.recovery_digests = [hash_code(clean_code(each)) for each in codes]
    return codes


async def accept_code(user_id: UUID, code: str, store: SecretStore, at: datetime) -> bool:
    """Use up the code or recovery code; return whether it was valid and unused."""

    async def accept() -> bool:
        factor = await lock_factor(user_id)
        if factor is None or factor.confirmed_at is None:
            return False
        text = clean_code(code)
        digest = hash_code(text)
        if digest in factor.recovery_digests:  # works even if the secret can't be decrypted
            factor.recovery_digests = [each for each in factor.recovery_digests if each != digest]
        else:
            step = find_step(factor, text, store, at)
            if step is None:
                return False
            factor.last_step = step
        await factor.save(update_fields=["last_step", "recovery_digests"])
        return True

    return await database.run_in_transaction(accept)


async def disable(user_id: UUID) -> bool:
    """Remove the second factor; returns whether there was one that is confirmed."""
    was_enabled = await is_enabled(user_id)
    await SecondFactor.filter(user_id=user_id).delete()
    return was_enabled


async def lock_factor(user_id: UUID) -> SecondFactor | None:
    return await SecondFactor.select_for_update(no_key=True).get_or_none(user_id=user_id)


def find_step(factor: SecondFactor, code: str, store: SecretStore, at: datetime) -> int | None:
    """The time step that the code belongs to, if within the leeway and after the last accepted
    step; else None."""
    totp = TOTP(store.decrypt(factor.secret))
    current = int(at.timestamp()) // STEP_SECONDS
    for step in range(current - LEEWAY_STEPS, current + LEEWAY_STEPS + 1):
        expected = totp.generate_otp(step)
        is_right = hmac.compare_digest(expected.encode(), code.encode("utf-8", "replace"))
        if is_right and step > factor.last_step:
            return step
    return None


def build_recovery_code() -> str:
    """A code such as ABCD-EFGH-IJKL-MNOP."""
    text = b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode("ascii")
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def clean_code(code: str) -> str:
    """The code without the spaces and hyphens that people type, in upper case."""
    return "".join(code[:MAX_CODE_CHARS].upper().replace("-", "").split())


def hash_code(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
