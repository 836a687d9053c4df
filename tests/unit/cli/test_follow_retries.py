"""The delays of `ticketwire follow` between attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cli.follow import retries
from cli.follow.errors import ServerError
from cli.follow.retries import Retries, TemporaryError, parse_retry_after


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays, which take no time."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(retries.asyncio, "sleep", sleep)
    return found


def test_retry_after_is_seconds_or_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < parse_retry_after(later) <= 90
    assert parse_retry_after("17") == 17
    for nothing in (None, "", "-3", "soon", "1.5", "Mon, 01 Jan 2001 00:00:00 GMT"):
        assert parse_retry_after(nothing) == 0


async def test_delays_grow_to_a_maximum_and_vary(waited: list[float]) -> None:
    found = Retries(None, lambda _: None)
    for _ in range(40):
        await found.wait(TemporaryError("down"))
    bounds = [min(0.5 * 2**number, 30) for number in range(40)]
    assert all(bound / 2 <= each <= bound for each, bound in zip(waited, bounds, strict=True))
    assert len(set(waited)) > 30
    found.succeed()
    await found.wait(TemporaryError("down"))
    assert waited[-1] <= 0.5


async def test_the_server_can_ask_for_delays_of_up_to_an_hour(waited: list[float]) -> None:
    lines: list[str] = []
    found = Retries(None, lines.append)
    for asked in (20, 10**9):
        await found.wait(TemporaryError("limited", asked, is_outage=False))
    assert waited == [20, 3600]
    assert lines[0] == "limited; next attempt in 20.0 seconds"


async def test_an_outage_that_is_too_long_is_an_error(waited: list[float]) -> None:
    found = Retries(5, lambda _: None)
    with pytest.raises(ServerError, match="gave up after 5 seconds: down"):
        await found.wait(TemporaryError("down", 6))
    await found.wait(TemporaryError("limited", 100, is_outage=False))
    assert waited == [100], "a limited rate is no outage"
