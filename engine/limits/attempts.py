"""How often something may be attempted, by moving windows (the limits library)."""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

MINUTES = 5
WIDER = 6


class SignInThrottle:
    """Attempts by key in five minutes: `most` for the first, narrow key, six times that for each wider one."""

    def __init__(self, most: int) -> None:
        self.limiter = MovingWindowRateLimiter(MemoryStorage())
        self.narrow = RateLimitItemPerMinute(most, MINUTES)
        self.wide = RateLimitItemPerMinute(most * WIDER, MINUTES)

    async def wait(self, *keys: str) -> int:
        """Count one attempt; returns in how many milliseconds the next may be made, 0 where this one may."""
        for place, key in enumerate(keys):
            item = self.wide if place else self.narrow
            if not await self.limiter.hit(item, str(place), key):
                window = await self.limiter.get_window_stats(item, str(place), key)
                return max(1, int((window.reset_time - time.time()) * 1000))
        return 0
