"""The Python client with a scripted server: delays, refusals, and what a newer server adds."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

URL = "http://tickets.example.com/graphql"
Answer = Callable[[httpx2.Request], httpx2.Response]


def cursor(position: int) -> str:
    return f"{position:016x}"


def event(position: int, **fields: object) -> dict[str, Any]:
    """An event of the log as the server sends it."""
    return {
        "__typename": "TicketReminded",
        "id": f"evt_{position}",
        "type": "REMINDED",
        "cursor": cursor(position),
        "occurredAt": "2026-03-02T12:00:00Z",
        "actor": {"__typename": "System", "displayName": "Ticketwire"},
        "ticket": {
            "id": "tkt_1",
            "number": 1001,
            "ref": "TKT-1001",
            "externalId": None,
            "subject": "VPN",
            "status": "OPEN",
            "priority": "HIGH",
            "version": 1,
            "updatedAt": "2026-03-02T12:00:00Z",
        },
        **fields,
    }


def next_message(position: int, **fields: object) -> str:
    data = {"data": {"ticketEvents": event(position, **fields)}}
    return f"event: next\nid: {cursor(position)}\ndata: {json.dumps(data)}\n\n"


def heartbeat(position: int) -> str:
    return f":\nid: {cursor(position)}\n\n"


def error_message(code: str, **extensions: object) -> str:
    error = {"message": "refused", "extensions": {"code": code, **extensions}}
    return f"event: next\ndata: {json.dumps({'errors': [error]})}\n\nevent: complete\ndata:\n\n"


def stream_of(*parts: str, media_type: str = "text/event-stream") -> Answer:
    headers = {"content-type": media_type}
    return lambda request: httpx2.Response(200, headers=headers, content="".join(parts))


def refusal(status: int, code: str | None = None, **headers: str) -> Answer:
    errors = [{"message": "refused", "extensions": {"code": code}}]
    content = json.dumps({"errors": errors}) if code else "<html>"
    return lambda request: httpx2.Response(status, headers=headers, content=content)


def fail(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


class Script:
    """A server that gives one answer after the other, and the requests and delays of the client."""

    def __init__(self, api: ModuleType) -> None:
        self.api = api
        self.answers: Iterator[Answer] = iter(())
        self.bodies: list[dict[str, Any]] = []
        self.delays: list[float] = []

    async def respond(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(json.loads(request.content or "{}"))
        return next(self.answers)(request)

    async def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)

    def client(self, *answers: Answer, **options: Any) -> Any:
        self.answers = iter(answers)
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self.respond))
        return self.api.TicketwireClient(URL, "t", http_client=http, **options)

    @property
    def starts(self) -> list[str | None]:
        """The cursors after which the client has subscribed."""
        return [each["variables"]["after"] for each in self.bodies]


@pytest.fixture
def script(ticketwire_client: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Script:
    found = Script(ticketwire_client)
    for module in ("operations", "stream"):
        monkeypatch.setattr(f"{ticketwire_client.__name__}.{module}.sleep", found.sleep)
    return found


async def test_a_stream_resumes_after_its_last_event_and_drops_repeated_ones(
    script: Script,
) -> None:
    client = script.client(
        stream_of("retry: 2000\n\n", heartbeat(5), next_message(6), next_message(7), "id: 8\nda"),
        fail,
        stream_of(heartbeat(6), next_message(6), next_message(7), next_message(9)),
    )
    stream = client.follow(cursor(5))
    assert [(await anext(stream)).cursor for _ in range(3)] == [cursor(at) for at in (6, 7, 9)]
    assert script.starts == [cursor(5), cursor(7), cursor(7)]
    assert all(each >= 2 for each in script.delays), "the server asks for 2 seconds"


async def test_heartbeats_move_the_position_of_a_stream(script: Script) -> None:
    client = script.client(
        stream_of(heartbeat(3)),
        stream_of(heartbeat(3), heartbeat(50)),
        stream_of(heartbeat(50), next_message(51)),
    )
    async with client.follow() as stream:
        assert stream.cursor == cursor(3)
        assert (await anext(stream)).cursor == cursor(51)
    assert script.starts == [None, cursor(3), cursor(50)]


async def test_delays_double_and_do_not_exceed_half_a_minute(script: Script) -> None:
    client = script.client(*[fail] * 12, stream_of(next_message(1)))
    await anext(client.follow(cursor(0)))
    for number, delay in enumerate(script.delays):
        longest = min(30, 0.5 * 2**number)
        assert longest / 2 <= delay <= longest
    assert len(script.delays) == 12
    assert len(set(script.delays)) > 1, "they are random"


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refusal(503, "UNAVAILABLE", **{"retry-after": "7"}), 7),
        (refusal(429, "RATE_LIMITED", **{"retry-after": "9"}), 9),
        (refusal(502), 0.25),
        (stream_of(error_message("RATE_LIMITED", retryAfterMs=4000)), 4),
        (stream_of(error_message("UNAVAILABLE")), 0.25),
        (stream_of("event: complete\ndata:\n\n"), 0.25),
    ],
)
async def test_a_stream_waits_as_long_as_the_server_asks(
    script: Script, answer: Answer, seconds: float
) -> None:
    client = script.client(*[answer] * 10, stream_of(next_message(1)))
    await anext(client.follow(cursor(0)))
    assert len(script.delays) == 10, "such an interruption may last"
    assert min(script.delays) >= seconds


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (refusal(401, "UNAUTHENTICATED"), "AuthenticationError"),
        (stream_of(heartbeat(1), error_message("UNAUTHENTICATED")), "AuthenticationError"),
        (stream_of(error_message("FORBIDDEN")), "PermissionDeniedError"),
        (stream_of(error_message("NOT_FOUND")), "NotFoundError"),
        (stream_of(error_message("CURSOR_EXPIRED")), "CursorExpiredError"),
        (stream_of(error_message("CURSOR_INVALID")), "CursorInvalidError"),
        (stream_of(error_message("QUERY_TOO_EXPENSIVE")), "QueryTooExpensiveError"),
        (stream_of(error_message("GRAPHQL_VALIDATION_FAILED")), "RequestError"),
    ],
)
async def test_a_stream_ends_with_an_error_that_waiting_cannot_avoid(
    script: Script, answer: Answer, name: str
) -> None:
    client = script.client(answer)
    with pytest.raises(getattr(script.api, name)) as error:
        await anext(client.follow(cursor(0)))
    assert type(error.value).__name__ == name
    assert script.delays == []


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (refusal(500, "INTERNAL"), "ServerError"),
        (refusal(404), "UnexpectedResponseError"),
        (stream_of("<html>", media_type="text/html"), "UnexpectedResponseError"),
        (stream_of(f"event: next\nid: {cursor(2)}\ndata: {{\n\n"), "UnexpectedResponseError"),
        (stream_of(next_message(2).replace('"id"', '"ID"')), "UnexpectedResponseError"),
        (stream_of(next_message(2).replace("id: ", "ix: ")), "UnexpectedResponseError"),
    ],
)
async def test_a_stream_never_skips_and_gives_up_after_five_faults_in_a_row(
    script: Script, answer: Answer, name: str
) -> None:
    answers = [*[answer] * 4, stream_of(next_message(1)), *[answer] * 5, stream_of(next_message(2))]
    stream = script.client(*answers).follow(cursor(0))
    assert (await anext(stream)).cursor == cursor(1)
    with pytest.raises(getattr(script.api, name)):
        await anext(stream)
    assert len(script.bodies) == 10
    assert (await anext(stream)).cursor == cursor(2), "the next read tries again"


async def test_an_event_that_the_server_cannot_build_is_named(script: Script) -> None:
    failed = {"data": None, "errors": [{"message": "x", "extensions": {"code": "INTERNAL"}}]}
    message = f"event: next\nid: {cursor(4)}\ndata: {json.dumps(failed)}\n\n"
    stream = script.client(*[stream_of(message)] * 5).follow(cursor(3))
    with pytest.raises(script.api.ServerError) as error:
        await anext(stream)
    assert cursor(4) in error.value.__notes__[0]
    assert stream.cursor == cursor(3)


async def test_a_stream_gives_up_after_the_time_that_the_caller_states(script: Script) -> None:
    stream = script.client(*[fail] * 30).follow(cursor(0), give_up_after_seconds=8)
    with pytest.raises(script.api.NetworkError):
        await anext(stream)
    assert 3 <= len(script.delays) < 10


async def test_what_a_newer_server_adds_is_accepted(script: Script) -> None:
    api = script.api
    unknown = {"__typename": "TicketFolded", "type": "FOLDED", "corners": 4}
    ticket = {**event(1)["ticket"], "status": "FOLDED"}
    stream = script.client(stream_of(next_message(1, **unknown, ticket=ticket))).follow(cursor(0))
    found = await anext(stream)
    assert type(found) is api.TicketEvent
    assert (found.typename__, found.type, found.type.value) == ("TicketFolded", "FOLDED", "FOLDED")
    assert found.ticket.status.name == "FOLDED"
    assert found.ticket.status != api.TicketStatus.OPEN
    error = {"__typename": "Folded", "code": "FOLDED", "message": "It is folded.", "field": None}
    payload = {"data": {"createTicket": {"userErrors": [error]}}}
    client = script.client(lambda request: httpx2.Response(200, content=json.dumps(payload)))
    input = api.CreateTicketInput(subject="VPN", description="down", category="technical")
    with pytest.raises(api.MutationRefused, match="It is folded") as refused:
        await client.create_ticket(input)
    assert refused.value.codes == ["FOLDED"]


async def test_a_mutation_keeps_its_key_and_waits_for_an_earlier_attempt(script: Script) -> None:
    api = script.api
    running = {"__typename": "InvalidInput", "code": "IDEMPOTENCY_IN_PROGRESS", "message": "wait"}
    payload = {"data": {"addNote": {"userErrors": [{**running, "field": None}]}}}
    client = script.client(
        refusal(503),
        lambda request: httpx2.Response(200, content=json.dumps(payload)),
        refusal(429, "RATE_LIMITED", **{"retry-after": "3"}),
        refusal(500, "INTERNAL"),
    )
    input = api.AddNoteInput(ticket_id="tkt_1", body="x", expected_version=None)
    with pytest.raises(api.ServerError) as error:
        await client.add_note(input)
    inputs = [each["variables"]["input"] for each in script.bodies]
    assert len(inputs) == 4
    assert inputs == [inputs[0]] * 4
    assert set(inputs[0]) == {"ticketId", "body", "expectedVersion", "idempotencyKey"}
    assert error.value.idempotency_key == inputs[0]["idempotencyKey"]
    assert input.idempotency_key is None, "the caller's input is unchanged"
    assert script.delays[2] >= 3


@pytest.mark.parametrize("answer", [refusal(503), refusal(500, "INTERNAL"), refusal(404)])
async def test_a_mutation_without_a_key_is_sent_once(script: Script, answer: Answer) -> None:
    api = script.api
    client = script.client(fail, answer)
    with pytest.raises(api.TicketwireError):
        await client.ping_webhook(api.PingWebhookInput(webhook_id="whk_1"))
    assert len(script.bodies) == 2, "it was repeated only because the first one was not sent"


def json_answer(body: object) -> Answer:
    return lambda request: httpx2.Response(200, content=json.dumps(body))


@pytest.mark.parametrize("content", [b"Hallo", b"Hell", b"Hello!", b"Hello" * 100_000])
async def test_a_file_that_is_not_the_uploaded_one_is_refused(
    script: Script, content: bytes, tmp_path: Path
) -> None:
    node = {"id": "att_1", "filename": "a", "contentType": "text/plain", "size": 5}
    digest = hashlib.sha256(b"Hello").hexdigest()
    node |= {"sha256": digest, "createdAt": "2026-03-02T12:00:00Z", "url": "/files/1/content"}
    client = script.client(
        json_answer({"data": {"node": node}}), lambda request: httpx2.Response(200, content=content)
    )
    with pytest.raises(script.api.UnexpectedResponseError, match="another SHA-256"):
        await client.download_attachment("att_1", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_changes_while_it_is_uploaded_is_an_error(
    ticketwire_client: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"x" * 700_000)
    file = ticketwire_client.attachments.inspect_file(path, None, None)

    async def read_sizes() -> list[int]:
        return [len(part) async for part in file.read_parts()]

    assert await read_sizes() == [262_144, 262_144, 175_712], "it is read in parts"
    for content in (b"x" * 700_001, b"x"):
        path.write_bytes(content)
        with pytest.raises(OSError, match="has changed while it was uploaded"):
            await read_sizes()


LONG = {"max_response_bytes": 1_000_000}


@pytest.mark.parametrize("status", [200, 404])
async def test_a_response_or_an_event_without_an_end_is_an_error(
    script: Script, status: int
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(status, headers=headers, content=endless(b"data: " + b"x" * 65536))

    client = script.client(*[answer] * 6, **LONG)
    with pytest.raises(script.api.UnexpectedResponseError, match="more than 1,000,000 bytes"):
        await client.get_viewer()
    reason = "exceeded the 1000000 byte limit" if status == 200 else "more than 1,000,000 bytes"
    with pytest.raises(script.api.UnexpectedResponseError, match=reason):
        await anext(client.follow(cursor(0)))
    assert len(script.delays) == 4, "a stream gives up after five faults in a row"


async def endless(part: bytes) -> AsyncIterator[bytes]:
    while True:
        yield part
        await asyncio.sleep(0)


async def test_a_response_or_a_stream_that_takes_too_long_is_an_interruption(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not silent, so that the time between two bytes would not end it."""
    monkeypatch.setattr(f"{script.api.__name__}.connection.SILENCE_SECONDS", 0.2)

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=endless(b":\n"))

    client = script.client(*[answer] * 2, timeout_seconds=0.2, retry_seconds=0)
    with pytest.raises(script.api.NetworkError, match="no response in 0"):
        await client.get_viewer()
    with pytest.raises(script.api.NetworkError, match="no heartbeat"):
        await anext(client.follow(cursor(0), give_up_after_seconds=0))
