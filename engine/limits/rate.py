"""A leaky bucket for each caller: what their operations cost fills it, time empties it, and while it is full they wait.

Each process keeps its own, so that no operation waits for another machine. With Redis the processes tell one another what was
spent twice a second, and so go by one level up to what is spent within that time; while Redis is away each goes by its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import TYPE_CHECKING, cast

import structlog

if TYPE_CHECKING:
    from engine.bus.redis_connection import RedisConnection

KEPT = 100_000
TOGETHER = 200
"""Buckets that are told of in one message."""
TELL_SECONDS = 0.5
AGAIN_SECONDS = 1.0
NAME = "ticketwire:bucket:"
SCRIPT = """
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
log = structlog.get_logger("ticketwire.buckets")


@dataclass(slots=True)
class Bucket:
    level: float
    at: float
    untold: int = 0
    """What was spent since the other processes were told."""


@dataclass(frozen=True, slots=True)
class Taken:
    remaining: int
    full_in: float
    """Seconds until nothing of what was spent counts any more."""
    wait_ms: int
    """0 where there was room; else nothing was taken."""


class LeakyBuckets:
    """Each holds `size` and leaks `rate` a second; with a size of 0 nothing is counted."""

    def __init__(self, size: int, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self.size = size
        self.rate = rate
        self.now = now
        self.kept: OrderedDict[str, Bucket] = OrderedDict()
        self.untold: set[str] = set()
        self.is_shared = False

    def take(self, key: str, cost: int) -> Taken:
        bucket = self.bucket(key)
        wait = (bucket.level + cost - self.size) / self.rate
        if wait > 0:
            return Taken(max(0, int(self.size - bucket.level)), bucket.level / self.rate, ceil(wait * 1000))
        bucket.level += cost
        if self.is_shared:
            bucket.untold += cost
            self.untold.add(key)
        return Taken(int(self.size - bucket.level), bucket.level / self.rate, 0)

    def bucket(self, key: str) -> Bucket:
        """As full as it is now."""
        at = self.now()
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = Bucket(0.0, at)
            if len(self.kept) > KEPT:
                self.untold.discard(self.kept.popitem(last=False)[0])  # who came longest ago
        else:
            self.kept.move_to_end(key)
            found.level = max(0.0, found.level - max(0.0, at - found.at) * self.rate)
            found.at = at
        return found

    # ------------------------------------------------------------ with other processes

    async def run(self, url: str) -> None:
        """Tell Redis and learn from it, until cancelled."""
        from engine.bus.redis_connection import (
            RedisConnection,
        )  # here, as importing redis takes 0.1 s that memory:// can do without

        self.is_shared = True
        while True:
            try:
                async with RedisConnection(url) as line:
                    while True:
                        await asyncio.sleep(TELL_SECONDS)
                        await self.tell(line)
            except Exception as error:
                log.warning("buckets.apart", error=repr(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def tell(self, line: RedisConnection) -> None:
        while self.untold:
            keys = [self.untold.pop() for _ in range(min(TOGETHER, len(self.untold)))]
            spent = [self.kept[key].untold if key in self.kept else 0 for key in keys]
            try:
                given = [*(NAME + key for key in keys), str(self.rate), *map(str, spent)]
                levels = cast("list[int]", await line.ask("EVAL", SCRIPT, str(len(keys)), *given))
            except BaseException:
                self.untold.update(key for key in keys if key in self.kept)
                raise
            for key, told, level in zip(keys, spent, levels, strict=True):
                self.learn(key, told, level)

    def learn(self, key: str, told: int, level: int) -> None:
        """What all have spent together, and this one since it told."""
        if key in self.kept:
            bucket = self.bucket(key)
            bucket.untold -= told
            bucket.level = max(bucket.level, level + bucket.untold)


@lru_cache(maxsize=10_000)
def address_key(address: str) -> str:
    """One for who has no name: an address, or the network of 64 bits that is given to one customer in IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"address:{address}"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"address:{IPv6Address(int(found) >> 64 << 64)}"
    return f"address:{found}"
