"""When failed deliveries are tried again, and the limits of a request without settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.webhooks import build_deliverer

from models.outbound.http_client import OutboundHttpClient
from models.webhook_deliveries.retry_schedule import RetrySchedule

AT = datetime(2026, 3, 2, tzinfo=UTC)
HALF_DAY = timedelta(hours=12)
SCHEDULE = RetrySchedule()


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 5), (1, 5), (2, 20), (3, 80), (4, 320), (5, 1280), (6, 5120), (7, 20480), (8, 43200)],
)
def test_delays_grow_from_5_seconds_to_12_hours_and_vary_by_a_fifth(
    attempts: int, seconds: int
) -> None:
    base = timedelta(seconds=seconds)
    found = [SCHEDULE.delay(attempts) for _ in range(50)]
    assert min(found) >= 0.8 * base
    assert max(found) <= min(1.2 * base, HALF_DAY)
    assert len(set(found)) > 1, "deliveries that failed together must not return together"


def test_the_longest_delay_is_12_hours() -> None:
    for attempts in (9, 100, 10**9):
        assert 0.8 * HALF_DAY <= SCHEDULE.delay(attempts) <= HALF_DAY
    assert SCHEDULE.bound(timedelta(days=400)) == HALF_DAY
    assert SCHEDULE.bound(timedelta(minutes=1)) == timedelta(minutes=1)


def test_attempts_end_and_webhooks_pause_after_3_days() -> None:
    for days, expected in ((2.9, False), (3, True), (30, True)):
        at = AT + timedelta(days=days)
        assert SCHEDULE.is_exhausted(AT, at) is expected
        assert SCHEDULE.must_pause(AT, at) is expected
    assert not SCHEDULE.is_exhausted(None, AT)


def test_a_delivery_has_few_attempts() -> None:
    at, attempts = AT, 1
    while not SCHEDULE.is_exhausted(AT, at):
        at, attempts = at + SCHEDULE.delay(attempts), attempts + 1
    assert 12 <= attempts <= 18


def test_the_limits_of_requests_without_settings(tmp_path: Path) -> None:
    deliverer = build_deliverer(f"sqlite:///{tmp_path}/unused.db")
    client = deliverer.services.client
    assert isinstance(client, OutboundHttpClient)
    assert client.timeout_seconds == 15
    assert client.max_response_bytes == 64 * 1024
    assert deliverer.services.recorder.schedule == SCHEDULE
    assert deliverer.retention == timedelta(days=30)
