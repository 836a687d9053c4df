"""A second process on the same database; prints its result as JSON.

Usage: second_process.py URL migrate, or second_process.py URL escalate TIMES SEED TICKET…
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from models import database, migrate
from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core import time
from models.database import config


async def escalate(times: int, seed: str, keys: list[UUID]) -> dict[str, int]:
    """Escalate random tickets; return how often each was escalated."""
    random, done = Random(seed), dict.fromkeys(map(str, keys), 0)
    for _ in range(times):
        key = random.choice(keys)
        async with database.transaction():
            change = TicketChange(
                (await lock_tickets([key]))[key], SYSTEM, time.now(), timedelta(days=14)
            )
            commands.escalate(change, "too slow")
            await write(change)
        done[str(key)] += 1
    return done


async def main(url: str, task: str, *arguments: str) -> object:
    await wait_for_start()
    config.BUSY_TIMEOUT_MS = (
        200_000  # on a slow machine several processes may wait longer than the default 15 s
    )
    await database.connect(url, max_connections=2)
    try:
        if task == "migrate":
            return await migrate.migrate()
        times, seed, *keys = arguments
        return await escalate(int(times), seed, [UUID(key) for key in keys])
    finally:
        await database.disconnect()


async def wait_for_start() -> None:
    """Report readiness and wait for a line, so that all processes start together."""
    print("here", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
