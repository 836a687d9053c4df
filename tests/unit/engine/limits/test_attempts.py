"""Sign-in attempts in a sliding window, counted by a narrow and a wider key."""

from __future__ import annotations

import time_machine

from engine.limits.attempts import SignInThrottle

START = 1_800_000_000.0


async def test_each_narrow_key_has_its_own_count() -> None:
    with time_machine.travel(START, tick=False):
        attempts = SignInThrottle(3)
        assert [await attempts.count_attempt("cora here", "here") for _ in range(3)] == [0, 0, 0]
        assert await attempts.count_attempt("cora here", "here") > 0
        assert await attempts.count_attempt("ada here", "here") == 0
        assert await attempts.count_attempt("cora there", "there") == 0


async def test_a_wider_key_allows_six_times_as_many_attempts() -> None:
    with time_machine.travel(START, tick=False):
        attempts = SignInThrottle(2)
        waits = [await attempts.count_attempt(f"name {n}", "here") for n in range(14)]
        assert [wait > 0 for wait in waits] == [False] * 12 + [True] * 2
        assert await attempts.count_attempt("name 99", "there") == 0


async def test_an_attempt_is_allowed_after_the_reported_wait() -> None:
    with time_machine.travel(START, tick=False) as clock:
        attempts = SignInThrottle(2)
        assert await attempts.count_attempt("a") == 0
        clock.shift(100)
        assert await attempts.count_attempt("a") == 0
        wait = await attempts.count_attempt("a")
        assert 199_000 <= wait <= 201_000, (
            "until the first attempt leaves the window of five minutes"
        )
        clock.shift(wait / 1000 - 2)
        assert await attempts.count_attempt("a") > 0
        clock.shift(4)
        assert await attempts.count_attempt("a") == 0
        assert await attempts.count_attempt("a") > 0, "only the first attempt has left the window"
