"""Running the workers: beside the requests in the embedded default, or in a process of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from models import idempotency, instant
from workers.clock import Days, tick

SECONDS = 5.0
log = structlog.get_logger("ticketwire.workers")


async def run(days: Days, *, now: Callable[[], datetime] = instant.now, changed: Callable[[], None] | None = None) -> None:
    """Do what is due, for ever. `changed` is called after tickets changed, so that who follows the log hears it at once."""
    while True:
        try:
            done = await tick(now(), days)
            await idempotency.forget(now() - idempotency.KEPT)
            if done:
                log.info("clock", changed=done)
                if changed is not None:
                    changed()
        except Exception:  # a database that is away for a while delays what is due, and ends nothing
            log.exception("clock.failed")
        await asyncio.sleep(SECONDS)
