"""Leaky buckets of one process, and of several that synchronize over Redis, also during an
outage."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from support.live import until
from support.redis_server import redis_server
from support.wakeup import RedisTimeouts

from engine.limits import rate
from engine.limits.rate import LeakyBuckets


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes synchronize their buckets often, and wait for Redis without a clock limit."""
    RedisTimeouts(monkeypatch)
    monkeypatch.setattr(rate, "SYNC_SECONDS", 0.02)
    monkeypatch.setattr(rate, "RETRY_SECONDS", 0.05)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def test_a_bucket_allows_its_size_at_once_and_its_rate_afterwards() -> None:
    clock = Clock()
    buckets = LeakyBuckets(100, 10, clock)
    assert [buckets.take("a", 40).retry_after_ms for _ in range(3)] == [0, 0, 2000]
    assert buckets.take("a", 20).remaining == 0
    clock.at += 2
    assert buckets.take("a", 40).retry_after_ms == 2000
    assert buckets.take("a", 20).retry_after_ms == 0
    clock.at += 3600
    full = buckets.take("a", 100)
    assert (full.remaining, full.reset_seconds, full.retry_after_ms) == (0, 10, 0)
    assert buckets.take("b", 100).retry_after_ms == 0


async def test_a_clock_that_is_set_back_does_not_change_the_level() -> None:
    clock = Clock()
    buckets = LeakyBuckets(100, 10, clock)
    buckets.take("a", 100)
    clock.at -= 500
    assert buckets.take("a", 10).retry_after_ms == 1000
    clock.at += 1
    assert buckets.take("a", 10).retry_after_ms == 0


async def test_a_refused_operation_costs_nothing() -> None:
    buckets = LeakyBuckets(100, 1, Clock())
    buckets.take("a", 90)
    for _ in range(50):
        assert buckets.take("a", 20).retry_after_ms == 10_000
    assert buckets.take("a", 10).retry_after_ms == 0


async def test_the_number_of_buckets_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MAX_BUCKETS", 100)
    buckets = LeakyBuckets(100, 1, Clock())
    for index in range(110):
        buckets.take(str(index), 1)
    assert len(buckets.buckets) == 100
    assert "0" not in buckets.buckets


@contextlib.asynccontextmanager
async def run_buckets(url: str, count: int = 2) -> AsyncIterator[list[LeakyBuckets]]:
    processes = [LeakyBuckets(10_000, 0.001) for _ in range(count)]
    tasks = [asyncio.create_task(each.run(url)) for each in processes]
    try:
        await asyncio.sleep(0)
        yield processes
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def level(buckets: LeakyBuckets, key: str) -> int:
    return round(buckets.update_bucket(key).level)


async def test_processes_share_the_level_of_a_bucket() -> None:
    async with redis_server() as redis, run_buckets(redis.url) as (one, other):
        for index in range(300):
            one.take("a", 10)
            other.take("a", 5)
            one.take(f"only {index}", 1)

        async def are_synchronized() -> bool:
            one.take("a", 0)
            one.unsynced_keys.add("a")
            other.unsynced_keys.add("a")
            return level(one, "a") == level(other, "a") == 4500

        await until(are_synchronized)
        assert other.take("a", 9000).retry_after_ms > 0
        assert level(other, "only 1") == 0


@pytest.mark.never_retried
@pytest.mark.stress
async def test_without_redis_each_process_counts_alone_and_synchronizes_later() -> None:
    async with redis_server() as redis, run_buckets(redis.url) as (one, other):
        one.take("a", 100)

        async def is_received() -> bool:
            other.unsynced_keys.add("a") if "a" in other.buckets else other.take("a", 1)
            return level(other, "a") >= 101

        await until(is_received)
        with capture_logs() as log_lines:
            redis.kill()
            one.take("a", 1000)

            async def is_logged() -> bool:
                one.take("a", 0)
                return any(line["event"] == "rate_limits.redis_unavailable" for line in log_lines)

            await until(is_logged)
            assert one.take("a", 500).retry_after_ms == 0, "no caller waits, and no request fails"
            await redis.start()

        async def are_synchronized() -> bool:
            other.unsynced_keys.add("a")
            return level(other, "a") >= 1500

        await until(are_synchronized)
