"""Opening a pairing: the code that a new screen shows.

Everybody can open pairings. So their number is limited, for each network and in total, and they
expire soon.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.people.token import hash_token
from models.wall.screen import WallPairing, WallScreen, is_in_use

LOCK_ID = 5_318_604_229
"""The Postgres advisory lock of new pairings; the same in all processes."""
CODE_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without 0, O, 1, I and L, which look alike on a screen."""
CODE_CHARS = 8
CODE_LIFETIME = timedelta(minutes=10)
MAX_OPEN_PER_NETWORK = 10
"""Of one IPv4 address or IPv6 /64 network. Several screens of an office may share it."""
MAX_OPEN_PER_WIDE_NETWORK = 30
"""Of one IPv4 /24 or IPv6 /48 network, so that one customer of a provider can't open MAX_OPEN."""
MAX_OPEN = 500
"""The maximum number of screens that wait for approval."""


class AlreadyPaired(Exception):
    """Staff have approved the screen that asks for a code."""


class TooManyPairings(Exception):
    """Too many screens wait for approval, in this network or in total."""

    limit_name = "wall_pairings"


@dataclass(frozen=True, slots=True)
class OpenedPairing:
    """What the screen gets. Neither the code nor the secret is stored."""

    code: str
    secret: str
    expires_at: datetime


async def open_pairing(
    network: str, wide_network: str, previous_secret: str | None, at: datetime
) -> OpenedPairing:
    """Return the open pairing of the screen with the previous secret, or store a new one.

    So all tabs of a browser show the same code, and an approval meanwhile is not lost. Raises
    AlreadyPaired and TooManyPairings.
    """
    key, wide_key = hash_token(network), hash_token(wide_network)

    async def store() -> OpenedPairing:
        if previous_secret is not None:
            found = await find_opened(previous_secret, at)
            if found is not None:
                return found
        # so that parallel requests don't exceed the limits; SQLite's transactions are serial
        if database.dialect() == "postgres":
            await database.fetch("SELECT pg_advisory_xact_lock(?)", [LOCK_ID])
        await delete_expired(at)
        if await WallPairing.filter(network=key).count() >= MAX_OPEN_PER_NETWORK:
            raise TooManyPairings
        if await WallPairing.filter(wide_network=wide_key).count() >= MAX_OPEN_PER_WIDE_NETWORK:
            raise TooManyPairings
        if await WallPairing.all().count() >= MAX_OPEN:
            raise TooManyPairings
        secret = secrets.token_urlsafe(32)
        opened = OpenedPairing(derive_code(secret), secret, at + CODE_LIFETIME)
        await WallPairing.create(
            code_digest=hash_token(opened.code),
            digest=hash_token(opened.secret),
            network=key,
            wide_network=wide_key,
            expires_at=opened.expires_at,
        )
        return opened

    return await database.run_in_transaction(store)


async def find_opened(secret: str, at: datetime) -> OpenedPairing | None:
    """The open pairing with this secret. Raises AlreadyPaired if staff have approved it."""
    digest = hash_token(secret)
    found = await WallPairing.get_or_none(digest=digest, expires_at__gt=at)
    if found is not None:
        return OpenedPairing(derive_code(secret), secret, found.expires_at)
    # in this order, because an approval replaces the pairing by a screen
    if await WallScreen.exists(is_in_use(at), digest=digest):
        raise AlreadyPaired
    return None


def derive_code(secret: str) -> str:
    """The code of the pairing with this secret, 40 bits of a hash of it.

    So the server can show it again without storing it. It tells nothing about the secret.
    """
    number = int.from_bytes(hmac.digest(secret.encode(), b"wall pairing code", "sha256"))
    code = ""
    for _ in range(CODE_CHARS):
        number, position = divmod(number, len(CODE_ALPHABET))
        code += CODE_ALPHABET[position]
    return code


async def delete_expired(at: datetime) -> None:
    await WallPairing.filter(expires_at__lte=at).delete()


def clean_code(text: str) -> str:
    """A code as it is stored, from what a person entered: any case, with spaces or hyphens."""
    return "".join(each for each in text.upper() if each.isalnum())
