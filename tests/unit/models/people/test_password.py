"""The queue of password checks: its places, and the order of strangers and known callers."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import ExitStack

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from models.people import password
from models.people.password import PasswordChecker, PasswordQueueFull


def test_a_wide_network_holds_a_share_and_strangers_no_place_of_known_callers() -> None:
    checker = PasswordChecker(max_queued=8)
    with ExitStack() as stack:
        for network in ("a", "a", "b", "b", "c", "c", "d", "d"):
            stack.enter_context(checker.enter_queue(network, is_known=False))
            if network == "a":
                continue
            with pytest.raises(PasswordQueueFull), checker.enter_queue("a", is_known=False):
                pass
        with pytest.raises(PasswordQueueFull), checker.enter_queue("e", is_known=False):
            pass
        for _ in range(4):
            stack.enter_context(checker.enter_queue("a", is_known=True))
        with pytest.raises(PasswordQueueFull), checker.enter_queue("a", is_known=True):
            pass
    for places in (checker.known_queue, checker.unknown_queue):
        assert (places.free, dict(places.taken_by_network)) == (8, {})


async def test_a_known_caller_waits_for_few_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(password, "HASHER", PasswordHash((hasher,)))
    stored = password.hash_password("right")
    checker, order = PasswordChecker(max_concurrent=1), list[str]()

    async def check(name: str, *, is_known: bool) -> None:
        assert await checker.matches("right", stored, is_known=is_known)
        order.append(name)

    checks = [asyncio.create_task(check(f"stranger {n}", is_known=False)) for n in range(20)]
    await asyncio.sleep(0)
    checks.append(asyncio.create_task(check("known", is_known=True)))
    await asyncio.sleep(0)
    checks[5].cancel()
    await asyncio.gather(*checks, return_exceptions=True)
    assert order.index("known") == 2
    assert len(order) == 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
async def test_passwords_are_hashed_in_threads_of_a_low_priority() -> None:
    checker = PasswordChecker(max_concurrent=1)

    def read_niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    own = read_niceness()
    await checker.slots.acquire()
    assert await checker.run(read_niceness) == min(own + password.THREAD_NICENESS, 19)
    assert read_niceness() == own
    assert not checker.slots.locked()
