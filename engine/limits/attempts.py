"""A limit on sign-in attempts, by moving windows (the library limits)."""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

WINDOW_MINUTES = 5
WIDE_KEY_FACTOR = 6


class SignInThrottle:
    """Limits attempts per key in five minutes, separately in each process.

    The first, narrow key (an email address from one IP address) may have `max_attempts`; each
    wider key (the IP address) may have six times as many.
    """

    def __init__(self, max_attempts: int) -> None:
        self.limiter = MovingWindowRateLimiter(MemoryStorage())
        self.narrow = RateLimitItemPerMinute(max_attempts, WINDOW_MINUTES)
        self.wide = RateLimitItemPerMinute(max_attempts * WIDE_KEY_FACTOR, WINDOW_MINUTES)

    async def count_attempt(self, *keys: str) -> int:
        """Count one attempt under its keys, the narrow one first.

        Returns 0 if the attempt is allowed, or the milliseconds until the next one is.
        """
        for index, key in enumerate(keys):
            item = self.narrow if index == 0 else self.wide
            if not await self.limiter.hit(item, str(index), key):
                window = await self.limiter.get_window_stats(item, str(index), key)
                return max(1, int((window.reset_time - time.time()) * 1000))
        return 0
