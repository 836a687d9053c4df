"""Rate limits: a leaky bucket for each caller.

The cost of a caller's operations fills the bucket, and it leaks at a constant rate. An operation
that would overflow it is refused. Each process has its own buckets, so that no operation waits for
another machine. With Redis, twice a second, a process sends the costs that it has added, and raises
these buckets to the levels of all processes. While Redis is unavailable, each process uses its own
levels.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, cast

import structlog

if TYPE_CHECKING:
    from engine.bus.redis_connection import RedisConnection

MAX_BUCKETS = 100_000
MAX_BUCKETS_PER_MESSAGE = 200
SYNC_SECONDS = 0.5
RETRY_SECONDS = 1.0
KEY_PREFIX = "ticketwire:bucket:"
SYNC_SCRIPT = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local levels = {}
for i, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 'level', 'at')
  local level = tonumber(kept[1] or 0) - (at - tonumber(kept[2] or at)) * tonumber(ARGV[1]) / 1000
  level = math.max(0, level) + tonumber(ARGV[i + 1])
  redis.call('HSET', key, 'level', level, 'at', at)
  redis.call('PEXPIRE', key, math.ceil(level / tonumber(ARGV[1]) * 1000) + 1000)
  levels[i] = math.ceil(level)
end
return levels
"""
"""Adds costs to the buckets KEYS and returns their levels. Arguments: the leak per second, then one
cost for each key."""
log = structlog.get_logger("ticketwire.rate_limits")


@dataclass(slots=True)
class Bucket:
    level: float
    updated_at: float
    unsynced_cost: int = 0
    """The cost that Redis has not counted yet."""


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    remaining: int
    """The cost that the caller may still use at once."""
    reset_seconds: float
    """Seconds until the bucket is empty."""
    retry_after_ms: int
    """0 if the cost was taken; otherwise nothing was taken, and this is the time to wait."""


class LeakyBuckets:
    """One bucket for each key. Each holds `capacity` and leaks `leak_per_second`.

    A capacity of 0 turns the rate limit off; check that before you take a cost.
    """

    def __init__(
        self,
        capacity: int,
        leak_per_second: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = capacity
        self.leak_per_second = leak_per_second
        self.now = now
        self.buckets: OrderedDict[str, Bucket] = OrderedDict()
        self.unsynced_keys: set[str] = set()
        self.is_shared = False

    def take(self, key: str, cost: int) -> RateLimitResult:
        """Add a cost to the key's bucket, unless the bucket would overflow."""
        retry_after_ms = self.milliseconds_until(key, cost)
        if not retry_after_ms:
            self.add(key, cost)
        return self.read(key, retry_after_ms)

    def read(self, key: str, retry_after_ms: int = 0) -> RateLimitResult:
        """Return the state of the key's bucket."""
        level = self.update_bucket(key).level
        return RateLimitResult(
            remaining=max(0, int(self.capacity - level)),
            reset_seconds=level / self.leak_per_second,
            retry_after_ms=retry_after_ms,
        )

    def milliseconds_until(self, key: str, cost: int, capacity: float | None = None) -> int:
        """Return in how many milliseconds the bucket has room for a cost; 0 if it has now.

        `capacity` replaces that of the bucket.
        """
        limit = self.capacity if capacity is None else capacity
        wait_seconds = (self.update_bucket(key).level + cost - limit) / self.leak_per_second
        return max(0, ceil(wait_seconds * 1000))

    def add(self, key: str, cost: int) -> None:
        """Add the cost of work that is done, also if the bucket overflows."""
        bucket = self.update_bucket(key)
        bucket.level += cost
        if self.is_shared:
            bucket.unsynced_cost += cost
            self.unsynced_keys.add(key)

    def give_back(self, key: str, cost: int) -> None:
        """Take a cost out of the bucket again, as far as it has not leaked already."""
        self.add(key, -min(cost, int(self.update_bucket(key).level)))

    def update_bucket(self, key: str) -> Bucket:
        """Return the key's bucket with its level at this moment; creates it if necessary."""
        now = self.now()
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Bucket(0.0, now)
            if len(self.buckets) > MAX_BUCKETS:
                least_recently_used, _ = self.buckets.popitem(last=False)
                self.unsynced_keys.discard(least_recently_used)
        else:
            self.buckets.move_to_end(key)
            elapsed_seconds = max(0.0, now - bucket.updated_at)
            bucket.level = max(0.0, bucket.level - elapsed_seconds * self.leak_per_second)
            bucket.updated_at = now
        return bucket

    # ------------------------------------------------------------ synchronisation through Redis

    async def run(self, url: str) -> None:
        """Synchronise with the Redis at the URL until cancelled."""
        # Imported here, because it takes 0.1 s and a server with memory:// does not need it.
        from engine.bus.redis_connection import RedisConnection

        self.is_shared = True
        while True:
            try:
                async with RedisConnection(url) as connection:
                    while True:
                        await asyncio.sleep(SYNC_SECONDS)
                        await self.sync(connection)
            except Exception as error:
                log.warning("rate_limits.redis_unavailable", error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def sync(self, connection: RedisConnection) -> None:
        """Send all unsynced costs to Redis, and raise the levels of their buckets to its levels."""
        while self.unsynced_keys:
            count = min(MAX_BUCKETS_PER_MESSAGE, len(self.unsynced_keys))
            keys = [self.unsynced_keys.pop() for _ in range(count)]
            costs = [self.unsynced_cost(key) for key in keys]
            try:
                redis_keys = [KEY_PREFIX + key for key in keys]
                arguments = [str(self.leak_per_second), *map(str, costs)]
                reply = await connection.request(
                    "EVAL", SYNC_SCRIPT, str(len(keys)), *redis_keys, *arguments
                )
            except BaseException:
                self.unsynced_keys.update(key for key in keys if key in self.buckets)
                raise
            levels = cast("list[int]", reply)
            for key, cost, level in zip(keys, costs, levels, strict=True):
                self.adopt_level(key, cost, level)

    def unsynced_cost(self, key: str) -> int:
        bucket = self.buckets.get(key)
        return 0 if bucket is None else bucket.unsynced_cost

    def adopt_level(self, key: str, synced_cost: int, level: int) -> None:
        """Raise the bucket to the common level, plus the cost that this process has not sent yet.

        The common level includes all costs that this process has sent. It is lower only if Redis
        has lost its data or has another clock, so it never lowers the bucket.
        """
        if key in self.buckets:
            bucket = self.update_bucket(key)
            bucket.unsynced_cost -= synced_cost
            bucket.level = max(bucket.level, level + bucket.unsynced_cost)
