"""Opening a pairing: the code that a new screen shows.

Everybody can open pairings. So their number is limited, for each network and in total, and they
expire soon.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.people.token import hash_token
from models.wall.screen import WallPairing

CODE_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without 0, O, 1, I and L, which look alike on a screen."""
CODE_CHARS = 8
CODE_LIFETIME = timedelta(minutes=10)
MAX_OPEN_PER_NETWORK = 10
"""Of one IPv4 address or IPv6 /64 network. Several screens of an office may share it."""
MAX_OPEN = 500
"""The maximum number of screens that wait for approval."""


class TooManyPairings(Exception):
    """Too many screens wait for approval, in this network or in total."""

    limit_name = "wall_pairings"


@dataclass(frozen=True, slots=True)
class OpenedPairing:
    """What the screen gets. Neither the code nor the secret is stored."""

    code: str
    secret: str
    expires_at: datetime


async def open_pairing(network: str, previous_secret: str | None, at: datetime) -> OpenedPairing:
    """Store a new pairing, which replaces that of the same screen. Raises TooManyPairings."""
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))
    opened = OpenedPairing(code, secrets.token_urlsafe(32), at + CODE_LIFETIME)
    key = hash_token(network)

    async def store() -> None:
        await delete_expired(at)
        if previous_secret is not None:
            await WallPairing.filter(digest=hash_token(previous_secret)).delete()
        if await WallPairing.filter(network=key).count() >= MAX_OPEN_PER_NETWORK:
            raise TooManyPairings
        if await WallPairing.all().count() >= MAX_OPEN:
            raise TooManyPairings
        await WallPairing.create(
            code_digest=hash_token(code),
            digest=hash_token(opened.secret),
            network=key,
            expires_at=opened.expires_at,
        )

    await database.run_in_transaction(store)
    return opened


async def delete_expired(at: datetime) -> None:
    await WallPairing.filter(expires_at__lte=at).delete()


def clean_code(text: str) -> str:
    """A code as it is stored, from what a person entered: any case, with spaces or hyphens."""
    return "".join(each for each in text.upper() if each.isalnum())
