"""`python -m benchmarks.exports.worker URL FOLDER`: runs exports without a rate limit.

It runs the same job as `ticketwire run-jobs`, but no other jobs, because their work would be
measured too.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from models import database
from models.core.time import now
from models.files.store import LocalFileStore
from services.components import build_components
from settings.application import load
from workers.ticket_exports import TicketExports

UNLIMITED_RATE = 1_000_000


async def run(url: str, folder: Path) -> None:
    source = build_components(load(database_url=url), None).tickets
    await database.connect(url, 2)
    try:
        worker = TicketExports(LocalFileStore(folder), source, tickets_per_second=UNLIMITED_RATE)
        while (await worker.run_once(now(), 0)).more:
            pass
    finally:
        await database.disconnect()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2])))
