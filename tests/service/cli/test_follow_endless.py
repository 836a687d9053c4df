"""`ticketwire follow` with a server whose responses and event streams do not end."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.databases import IS_SQLITE
from support.raw_server import Answer, answer_endlessly, answer_with, raw_server

from cli.follow import api as follow_api
from cli.follow.api import Api
from cli.follow.errors import ServerError
from cli.follow.follower import Follower
from cli.follow.retries import Retries, TemporaryError
from cli.follow.stream import WakeUp, read_stream
from cli.follow.target_url import build_target

pytestmark = pytest.mark.skipif(not IS_SQLITE, reason="these servers have no database")

JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
FAILED = b"HTTP/1.1 500 Failed\r\ncontent-type: text/html\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
LINE = b"data: " + b"x" * 65536


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_api, "MAX_RESPONSE_BYTES", 1_000_000)


@pytest.fixture
def short_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_api, "MAX_REQUEST_SECONDS", 0.5)


async def follow(answer: Answer, folder: Path) -> None:
    async with raw_server(answer) as server:
        api = Api(f"http://127.0.0.1:{server.port}", "t", 0, lambda _: None)
        target = build_target(f"sqlite:///{folder}/mirror.db")
        try:
            await Follower(api, target, lambda _: None).run(once=True)
        finally:
            await api.close()


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize(
    "answer",
    [
        answer_endlessly(JSON, b"x" * 65536),
        answer_endlessly(JSON + b'{"data":', b" " * 65536),
        answer_endlessly(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        answer_endlessly(FAILED, b"x" * 65536),
    ],
)
async def test_a_response_without_an_end_is_an_error(answer: Answer, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="sends more than 1,000,000 bytes"):
        await follow(answer, tmp_path)


@pytest.mark.usefixtures("short_request")
@pytest.mark.parametrize(
    "answer",
    [
        answer_endlessly(JSON, b"x", 0.01),
        answer_endlessly(b"HTTP/1.1 200 OK\r\nx-a: ", b"b", 0.01),
        answer_endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
    ],
)
async def test_a_response_that_takes_too_long_is_an_outage(answer: Answer, tmp_path: Path) -> None:
    message = "gave up after 0 seconds: .* sends its response too slowly"
    with pytest.raises(ServerError, match=message):
        await follow(answer, tmp_path)


async def read(answer: Answer) -> None:
    """Read a stream to its end, which is an error."""
    async with raw_server(answer) as server:
        api = Api(f"http://127.0.0.1:{server.port}", "t", None, lambda _: None)
        try:
            await read_stream(api, WakeUp(), None, Retries(None, lambda _: None))
        finally:
            await api.close()


@pytest.mark.parametrize(
    "answer",
    [
        answer_endlessly(STREAM, LINE),
        answer_endlessly(STREAM, LINE + b"\n"),
        answer_with(STREAM, LINE * 20),
    ],
)
async def test_an_event_without_an_end_is_an_error(answer: Answer) -> None:
    with pytest.raises(ServerError, match=r"no valid event stream: .* exceeded the 1048576"):
        await read(answer)


@pytest.mark.usefixtures("small_limit")
async def test_a_refused_stream_without_an_end_is_an_error() -> None:
    with pytest.raises(ServerError, match="sends more than 1,000,000 bytes"):
        await read(answer_endlessly(FAILED, b"x" * 65536))


@pytest.mark.parametrize("part", [b":\n", b"data: x\n"])
async def test_a_stream_without_heartbeats_is_replaced(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not silent, so that the time between two bytes would not end it."""
    monkeypatch.setattr(follow_api, "HEARTBEAT_DEADLINE_SECONDS", 0.5)
    with pytest.raises(TemporaryError, match="sends no heartbeats"):
        await read(answer_endlessly(STREAM, part, 0.01))


@pytest.mark.usefixtures("short_request")
async def test_a_stream_that_does_not_begin_is_replaced() -> None:
    with pytest.raises(TemporaryError, match="sends its response too slowly"):
        await read(answer_endlessly(b"HTTP/1.1 200 OK\r\nx-a: ", b"b", 0.01))


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (b"event: next\ndata: {\n\n", "an event that can't be read"),
        (b"event: next\ndata: []\n\n", "an event that can't be read"),
        (b"id: 0000000000000001\n\n", "ended the event stream"),
        (b"event: complete\ndata:\n\n", "ended the event stream"),
    ],
)
async def test_a_stream_that_cannot_be_read_is_replaced(messages: bytes, reason: str) -> None:
    with pytest.raises(TemporaryError, match=reason):
        await read(answer_with(STREAM, messages))
