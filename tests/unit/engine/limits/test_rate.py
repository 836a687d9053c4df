"""Leaky buckets: of one process, and of several that tell one another by Redis, also while that is away."""

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
from engine.limits.rate import LeakyBuckets, address_key


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes tell of their buckets often, and wait for Redis without end."""
    RedisTimeouts(monkeypatch)
    monkeypatch.setattr(rate, "SYNC_SECONDS", 0.02)
    monkeypatch.setattr(rate, "RETRY_SECONDS", 0.05)


class Time:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def test_a_bucket_takes_its_size_at_once_and_its_rate_for_long() -> None:
    time = Time()
    buckets = LeakyBuckets(100, 10, time)
    assert [buckets.take("a", 40).retry_after_ms for _ in range(3)] == [0, 0, 2000]
    assert buckets.take("a", 20).remaining == 0
    time.at += 2
    assert buckets.take("a", 40).retry_after_ms == 2000
    assert buckets.take("a", 20).retry_after_ms == 0
    time.at += 3600
    full = buckets.take("a", 100)
    assert (full.remaining, full.reset_seconds, full.retry_after_ms) == (0, 10, 0)
    assert buckets.take("b", 100).retry_after_ms == 0


async def test_a_clock_that_jumps_back_empties_nothing_and_stops_nobody() -> None:
    time = Time()
    buckets = LeakyBuckets(100, 10, time)
    buckets.take("a", 100)
    time.at -= 500
    assert buckets.take("a", 10).retry_after_ms == 1000
    time.at += 1
    assert buckets.take("a", 10).retry_after_ms == 0


async def test_what_is_refused_costs_nothing() -> None:
    buckets = LeakyBuckets(100, 1, Time())
    buckets.take("a", 90)
    for _ in range(50):
        assert buckets.take("a", 20).retry_after_ms == 10_000
    assert buckets.take("a", 10).retry_after_ms == 0


async def test_there_is_a_bound_on_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MAX_BUCKETS", 100)
    buckets = LeakyBuckets(100, 1, Time())
    for place in range(110):
        buckets.take(str(place), 1)
    assert len(buckets.buckets) == 100
    assert "0" not in buckets.buckets


async def test_addresses_of_one_network_are_one_caller() -> None:
    assert address_key("192.0.2.7") == "address:192.0.2.7"
    assert address_key("2001:db8:1:2:3::4") == address_key("2001:db8:1:2::9") != address_key("2001:db8:1:3::9")
    assert address_key("::ffff:192.0.2.7") != address_key("::ffff:192.0.2.8")
    assert address_key("") == "address:"


@contextlib.asynccontextmanager
async def shared(url: str, count: int = 2) -> AsyncIterator[list[LeakyBuckets]]:
    all = [LeakyBuckets(10_000, 0.001) for _ in range(count)]
    tasks = [asyncio.create_task(each.run(url)) for each in all]
    try:
        await asyncio.sleep(0)
        yield all
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def level(buckets: LeakyBuckets, key: str) -> int:
    return round(buckets.update_bucket(key).level)


async def test_processes_go_by_one_level() -> None:
    async with redis_server() as redis, shared(redis.url) as (one, other):
        for place in range(300):
            one.take("a", 10)
            other.take("a", 5)
            one.take(f"only {place}", 1)

        async def told() -> bool:
            one.take("a", 0)
            one.unsynced_keys.add("a")
            other.unsynced_keys.add("a")
            return level(one, "a") == level(other, "a") == 4500

        await until(told)
        assert other.take("a", 9000).retry_after_ms > 0
        assert level(other, "only 1") == 0


@pytest.mark.never_retried
@pytest.mark.stress
async def test_while_redis_is_away_each_goes_by_its_own_and_what_was_spent_is_told_later() -> None:
    async with redis_server() as redis, shared(redis.url) as (one, other):
        one.take("a", 100)

        async def first() -> bool:
            other.unsynced_keys.add("a") if "a" in other.buckets else other.take("a", 1)
            return level(other, "a") >= 101

        await until(first)
        with capture_logs() as lines:
            redis.kill()
            one.take("a", 1000)

            async def noticed() -> bool:
                one.take("a", 0)
                return any(line["event"] == "rate_limits.redis_unavailable" for line in lines)

            await until(noticed)
            assert one.take("a", 500).retry_after_ms == 0, "nobody waits, and nothing fails"
            await redis.start()

        async def told() -> bool:
            other.unsynced_keys.add("a")
            return level(other, "a") >= 1500

        await until(told)
