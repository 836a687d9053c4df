"""Passwords: argon2id, computed beside the event loop, a few at once, the same time for an unknown name."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

SHORTEST = 8
LONGEST = 1024
HASH = PasswordHash((Argon2Hasher(),))


class Busy(Exception):
    """More passwords wait to be checked than can be in good time."""


class Passwords:
    """Checks and makes password hashes; at most `at_once` take memory and a core, at most `waiting` more queue."""

    def __init__(self, at_once: int = 2, waiting: int = 50) -> None:
        self.slots = asyncio.Semaphore(at_once)
        self.places = at_once + waiting

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; costs the same where nothing is stored. Raises Busy."""
        if self.places == 0:
            raise Busy
        self.places -= 1
        try:
            async with self.slots:
                found = await asyncio.to_thread(verify, password[:LONGEST], stored)
        finally:
            self.places += 1
        return found


def verify(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; with none stored, the same work is done in vain. The caller's thread computes."""
    stand_in = stand_in_hash()  # for a stored one too, so that the first unknown name takes no longer than a known one
    return HASH.verify(password, stored or stand_in) and stored is not None


@lru_cache(maxsize=1)
def stand_in_hash() -> str:
    """The hash that an unknown name is checked against. Made at the first sign-in of the process: it takes 0.2 s of CPU."""
    return HASH.hash("nobody's password")


def hashed(password: str) -> str:
    """A PHC string; takes some 50 ms and 64 MiB."""
    return HASH.hash(password)
