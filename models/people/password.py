"""Passwords: hashing and checking with argon2id. `PasswordChecker` works in worker threads.

A check takes the same time whether or not the user exists.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024
HASHER = PasswordHash((Argon2Hasher(),))


class PasswordQueueFull(Exception):
    """Too many password checks are waiting. Try again later."""


class PasswordChecker:
    """Checks passwords. At most `max_concurrent` checks run at once, at most `max_waiting` wait."""

    def __init__(self, max_concurrent: int = 2, max_waiting: int = 50) -> None:
        self.slots = asyncio.Semaphore(max_concurrent)
        self.free_places = max_concurrent + max_waiting

    @property
    def is_full(self) -> bool:
        return self.free_places == 0

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password has the hash `stored` (never if None). Raises PasswordQueueFull."""
        if self.is_full:
            raise PasswordQueueFull
        self.free_places -= 1
        try:
            async with self.slots:
                return await asyncio.to_thread(
                    verify_password, password[:MAX_PASSWORD_CHARS], stored
                )
        finally:
            self.free_places += 1


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password has the hash `stored`. None never matches, but takes the same time.

    Blocks the calling thread.
    """
    # Needed in every case, so that the check of the first unknown user takes no extra time.
    dummy = get_dummy_hash()
    return HASHER.verify(password, stored or dummy) and stored is not None


@lru_cache(maxsize=1)
def get_dummy_hash() -> str:
    """The hash that passwords of unknown users are checked against. The first call hashes one."""
    return HASHER.hash("nobody's password")


def hash_password(password: str) -> str:
    """The argon2id hash as a PHC string.

    Blocks the calling thread for 50 ms or more, uses about 0.2 s of CPU time in several threads,
    and takes 64 MiB.
    """
    return HASHER.hash(password)
