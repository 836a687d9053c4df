"""Passwords: argon2id, computed beside the event loop, a few at once, the same time for an unknown name."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 1024
HASHER = PasswordHash((Argon2Hasher(),))


class PasswordQueueFull(Exception):
    """More passwords wait to be checked than can be in good time."""


class PasswordChecker:
    """Checks and makes password hashes; at most `at_once` take memory and a core, at most `waiting` more queue."""

    def __init__(self, max_concurrent: int = 2, max_waiting: int = 50) -> None:
        self.slots = asyncio.Semaphore(max_concurrent)
        self.free_places = max_concurrent + max_waiting

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; costs the same where nothing is stored. Raises Busy."""
        if self.free_places == 0:
            raise PasswordQueueFull
        self.free_places -= 1
        try:
            async with self.slots:
                found = await asyncio.to_thread(
                    verify_password, password[:MAX_PASSWORD_LENGTH], stored
                )
        finally:
            self.free_places += 1
        return found


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; with none stored, the same work is done in vain. The caller's thread computes."""
    stand_in = (
        get_dummy_hash()
    )  # for a stored one too, so that the first unknown name takes no longer than a known one
    return HASHER.verify(password, stored or stand_in) and stored is not None


@lru_cache(maxsize=1)
def get_dummy_hash() -> str:
    """The hash that an unknown name is checked against. Made at the first sign-in of the process: it takes 0.2 s of CPU."""
    return HASHER.hash("nobody's password")


def hash_password(password: str) -> str:
    """A PHC string; takes some 50 ms and 64 MiB."""
    return HASHER.hash(password)
