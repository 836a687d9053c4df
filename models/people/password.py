"""Passwords: hashing and checking with argon2id. `PasswordChecker` works in threads of its own.

A check takes the same time whether or not the user exists.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial
from typing import ParamSpec, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from models.core.errors import InvalidInput, UserErrorCode
from models.core.text import is_blank, is_storable

P = ParamSpec("P")
T = TypeVar("T")
MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024
PASSWORD_COST = 4000
"""The query cost of hashing or checking a password, which takes about 0.15 s of CPU time. By this
time it would cost 15,000 points. It costs about a quarter of that, because the threads have a low
priority, and so use only CPU time that other threads leave."""
THREAD_NICENESS = 15
"""How far the priority of the threads is below that of the process."""
HASHER = PasswordHash((Argon2Hasher(),))


def check_new_password(password: str, *path: str) -> None:
    """Raises InvalidInput if the password is too short, too long, or can't be stored."""
    if len(password) > MAX_PASSWORD_CHARS:
        message = f"must have at most {MAX_PASSWORD_CHARS:,} characters"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, *path)
    if len(password) < MIN_PASSWORD_CHARS:
        message = f"must have at least {MIN_PASSWORD_CHARS} characters"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    if is_blank(password):
        raise InvalidInput(UserErrorCode.REQUIRED, "must not be blank", *path)
    if not is_storable(password):
        message = "must not contain NUL bytes or lone surrogates"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)


class PasswordQueueFull(Exception):
    """Too many password checks are waiting. Try again later."""


class QueueCapacity:
    """The places in a queue. The clients of one wide network can take only `per_network` of them.

    A wide network is an IPv4 /24 or IPv6 /48 network.
    """

    def __init__(self, total: int, per_network: int) -> None:
        self.free, self.per_network = total, per_network
        self.taken_by_network: Counter[str] = Counter()

    @contextmanager
    def take_place(self, wide_network: str) -> Generator[None]:
        """Take a place in the queue until the block ends. Raises PasswordQueueFull."""
        if self.free == 0 or self.taken_by_network[wide_network] >= self.per_network:
            raise PasswordQueueFull
        self.free -= 1
        self.taken_by_network[wide_network] += 1
        try:
            yield
        finally:
            self.free += 1
            self.taken_by_network[wide_network] -= 1
            self.taken_by_network += Counter()  # removes the networks that hold nothing


class PasswordChecker:
    """Checks passwords, at most `max_concurrent` at once, in threads of a low priority.

    A network is known to an account after a sign-in from it. Callers wait in two queues, with
    `max_queued` places each: one for known networks, and one for all others. So clients at unknown
    networks can't fill the queue of known ones. Only one caller at an unknown network competes for
    a slot at a time, so callers at known networks hardly wait for it.
    """

    def __init__(self, max_concurrent: int = 2, max_queued: int = 52) -> None:
        self.threads = ThreadPoolExecutor(max_concurrent, "passwords", initializer=lower_priority)
        self.slots = asyncio.Semaphore(max_concurrent)
        self.unknown_network_lock = asyncio.Semaphore(1)
        """Held by the one caller at an unknown network that competes for a slot."""
        self.known_queue = QueueCapacity(max_queued, max_queued // 2)
        self.unknown_queue = QueueCapacity(max_queued, max_queued // 4)

    def enter_queue(self, wide_network: str, *, is_known: bool) -> AbstractContextManager[None]:
        """Take a place in a queue until the block ends, so that `matches` or `hash` can be called.

        Call it before the attempt is counted, so that a full queue costs no attempt. Raises
        PasswordQueueFull.
        """
        queue = self.known_queue if is_known else self.unknown_queue
        return queue.take_place(wide_network)

    async def matches(self, password: str, stored_hash: str | None, *, is_known: bool) -> bool:
        """Whether the password has the stored hash; false if there is none.

        The caller must have entered a queue.
        """
        if is_known:
            await self.slots.acquire()
        else:
            async with self.unknown_network_lock:
                await self.slots.acquire()
        return await self.run(verify_password, password[:MAX_PASSWORD_CHARS], stored_hash)

    async def hash(self, password: str) -> str:
        """The hash of a new password. The caller must have entered the queue of known networks."""
        await self.slots.acquire()
        return await self.run(hash_password, password)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work in a thread, and release the caller's slot."""
        try:
            call = partial(work, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self.threads, call)
        finally:
            self.slots.release()


def lower_priority() -> None:
    """Lower the priority of the calling thread, and of the threads that argon2 starts in it.

    Only Linux has priorities of threads. Elsewhere, this does nothing.
    """
    if sys.platform == "linux":
        niceness = os.getpriority(os.PRIO_PROCESS, 0) + THREAD_NICENESS
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def verify_password(password: str, stored_hash: str | None) -> bool:
    """Whether the password has the stored hash. None never matches, but takes the same time.

    Blocks the calling thread.
    """
    # Computed in every case, so that the check of the first unknown user takes no extra time.
    dummy_hash = get_dummy_hash()
    return HASHER.verify(password, stored_hash or dummy_hash) and stored_hash is not None


@lru_cache(maxsize=1)
def get_dummy_hash() -> str:
    """The hash that passwords of unknown users are checked against. The first call hashes one."""
    return HASHER.hash("nobody's password")


def hash_password(password: str) -> str:
    """The argon2id hash as a PHC string.

    Blocks the calling thread for 50 ms or more, uses about 0.15 s of CPU time in several threads,
    and takes 64 MiB of memory.
    """
    return HASHER.hash(password)
