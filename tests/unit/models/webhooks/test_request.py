"""The header Retry-After of a target's response."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.outbound.http_client import OutboundResponse
from models.webhook_deliveries.request import build_result, parse_retry_after
from models.webhook_deliveries.results import Outcome
from models.webhooks.delivery import StoredRequest

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
REQUEST: StoredRequest = {"url": "https://hooks.example.com", "headers": {}}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 5 ", 5),
        ("9" * 5000, 999_999_999),
        ("Mon, 02 Mar 2026 09:31:00 GMT", 60),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0),
        ("01 Jan 99999999999 12:60", None),
        ("01 Jan 99999999999999999999 12:00:00 GMT", None),
        ("01 Jan 2026 12:00:00 +99999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("01 Jan 0001 00:00:00 +2359", 0),
        ("-1", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_malformed_header_is_ignored(value: str | None, seconds: int | None) -> None:
    found = parse_retry_after(value, AT)
    if value is not None and "9999 23" in value:
        assert found is not None
        assert found > timedelta(days=365)
    else:
        assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_only_failures_are_delayed() -> None:
    headers = {"retry-after": "120"}
    busy = build_result(
        OutboundResponse(503, headers, b"", is_cut=False, milliseconds=1), AT, REQUEST
    )
    assert (busy.outcome, busy.retry_after) == (Outcome.FAILED, timedelta(minutes=2))
    done = build_result(
        OutboundResponse(200, headers, b"", is_cut=False, milliseconds=1), AT, REQUEST
    )
    assert (done.outcome, done.retry_after) == (Outcome.DELIVERED, None)
