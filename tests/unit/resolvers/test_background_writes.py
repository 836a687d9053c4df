"""Writes that a response does not wait for are bounded, logged and finished."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from engine.limit_refusals import COUNTS
from resolvers.services import background_writes
from resolvers.services.background_writes import MAX_CONCURRENT, BackgroundWrites


class SlowDatabase:
    """Writes wait until it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.running = self.most = self.written = self.cancelled = 0

    async def write(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.released.wait()
            self.written += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


async def test_a_flood_of_slow_writes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_writes, "MAX_WAITING", 10)
    writes, database = BackgroundWrites(), SlowDatabase()
    refused = COUNTS["background_writes"]
    with capture_logs() as lines:
        for _ in range(MAX_CONCURRENT + 10 + 3):
            writes.start("signInFailed", database.write)
    dropped = [line for line in lines if line["event"] == "background_write.dropped"]
    assert [(line["write"], line["log_level"]) for line in dropped] == [
        ("signInFailed", "error")
    ] * 3
    assert COUNTS["background_writes"] - refused == 3
    await asyncio.sleep(0)  # the first ones begin
    database.released.set()
    await writes.finish()
    assert (database.written, database.most) == (MAX_CONCURRENT + 10, MAX_CONCURRENT)
    assert not writes.tasks


async def test_a_failed_write_does_not_stop_the_others() -> None:
    writes, database = BackgroundWrites(), SlowDatabase()
    database.released.set()

    async def fail() -> None:
        raise OSError("no space left")

    with capture_logs() as lines:
        for _ in range(2 * MAX_CONCURRENT):
            writes.start("fails", fail)
        writes.start("succeeds", database.write)
        await writes.finish()
    assert database.written == 1
    failures = [line["write"] for line in lines if line["event"] == "background_write.failed"]
    assert failures == ["fails"] * 2 * MAX_CONCURRENT


async def test_a_server_that_stops_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_writes, "FINISH_SECONDS", 0)
    writes, database = BackgroundWrites(), SlowDatabase()
    for _ in range(MAX_CONCURRENT + 1):
        writes.start("signInFailed", database.write)
    await asyncio.sleep(0)
    with capture_logs() as lines:
        await writes.finish()
    assert [(line["event"], line["count"]) for line in lines] == [
        ("background_write.lost_at_shutdown", MAX_CONCURRENT + 1)
    ]
    assert (database.cancelled, database.running) == (MAX_CONCURRENT, 0)
