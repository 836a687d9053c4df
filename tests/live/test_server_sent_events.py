"""Server-sent events over real connections: start, resumption, sharing, end, limits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs
from support import Refused, Service, World
from support.client import EVENTS, TIMEOUT_SECONDS, Client
from support.event_stream_client import StreamEvent, error_codes, open_stream, send_request
from support.live import (
    head_cursor,
    log_positions,
    positions_of,
    until,
    wait_until_log_is_read,
)
from support.service import Process, running, start
from support.ticket_reads import replace_ticket_reads

from engine.fanout import group as groups
from engine.fanout import outbox, work
from engine.fanout.group import SubscriptionGroups
from engine.limits.connections import ConnectionRegistry
from engine.sse import connection as streaming
from models import database
from models.access.viewer import authenticate
from models.core import time
from models.log import event
from models.log.event import Event, decode_cursor, encode_cursor
from models.people.token import Token, TokenKind, hash_token, issue_token
from models.people.user import Role, User
from resolvers.auth import viewer_cache
from services import components

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

FIELD = "ticketEvents"
STATS = "subscription { ticketStats { total } }"
CREATE_TICKET = """
  mutation { createTicket(input: {subject: "s", description: "d", category: "sales"}) { cursor } }
"""
INVALID_SUBSCRIPTION = "subscription { ticketEvents { nothing } }"


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> list[ConnectionRegistry]:
    """The connection registry of the service. Request this fixture before the service starts."""
    created: list[ConnectionRegistry] = []

    def create_registry(*arguments: Any) -> ConnectionRegistry:
        created.append(ConnectionRegistry(*arguments))
        return created[0]

    monkeypatch.setattr(components, "ConnectionRegistry", create_registry)
    return created


@contextlib.asynccontextmanager
async def service_with_long_shutdown(url: str) -> AsyncIterator[Service]:
    """A service that waits long for its requests when it stops, also on a slow machine."""
    async with running(url, stop_seconds=TIMEOUT_SECONDS) as service:
        yield service


async def raise_connection_lost(*_: Any) -> Any:
    raise ConnectionResetError("the database went away")


@pytest.fixture
def logged_errors() -> Iterator[list[str]]:
    """The errors that uvicorn logs, for example that it cancelled a request when it stopped."""
    messages: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            messages.append(record.getMessage())
        return True

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(keep)  # not a handler: a server that starts replaces handlers
    yield messages
    logger.removeFilter(keep)


async def wait_until_no_connections(registries: list[ConnectionRegistry]) -> None:
    async def has_none() -> bool:
        return (
            not registries[0].connections
            and not registries[0].counts_by_network
            and not registries[0].counts_by_viewer
        )

    await until(has_none)


async def add_notes(client: Client, ticket: dict[str, Any], count: int) -> None:
    for number in range(count):
        await client.do("addNote", ticketId=ticket["id"], body=f"note {number}")


def end_codes(events: list[StreamEvent]) -> list[str]:
    """The error codes of a stream that consists of one `next` with errors and one `complete`."""
    assert [each.type for each in events] == ["next", "complete"], events
    assert events[1].data == ""
    return [error["extensions"]["code"] for error in events[0].payload["errors"]]


# ---------------------------------------------------------------- start and resumption


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stream_starts_after_a_cursor_and_sends_cursors_as_ids(
    service: Service, world: World, method: str
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    await add_notes(ada, ticket, 3)
    async with open_stream(ada, EVENTS, method=method, after=encode_cursor(1)) as events:
        headers = events.response.headers
        assert (headers["cache-control"], headers["x-accel-buffering"]) == (
            "private, no-cache",
            "no",
        )
        first_events = [await events.next() for _ in range(3)]
        assert events.retry is not None
        assert 1000 <= events.retry <= 3000
        await add_notes(ada, ticket, 2)
        received = first_events + [await events.next() for _ in range(2)]
        assert [each.id for each in received] == [
            each.payload["data"][FIELD]["cursor"] for each in received
        ]
        assert [decode_cursor(str(each.id)) for each in received] == (await log_positions())[1:]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_last_event_id_resumes_without_gaps_or_duplicates(
    service: Service, world: World, method: str
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    seen: list[int] = []
    last: str | None = None
    for attempt in range(5):
        writing = asyncio.create_task(add_notes(ada, ticket, 6))
        async with open_stream(
            ada, EVENTS, method=method, last_id=last, after=encode_cursor(0)
        ) as events:
            seen += positions_of(await events.take(FIELD, 3 + attempt))
            last = events.last_id
        await writing
    expected = await log_positions()
    async with open_stream(ada, EVENTS, last_id=last, after=encode_cursor(0)) as events:
        seen += positions_of(await events.take(FIELD, len(expected) - len(seen)))
    assert seen == expected


async def test_last_event_id_takes_precedence_over_the_after_argument(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    await add_notes(ada, ticket, 5)
    await wait_until_log_is_read(ada)
    await Event.filter(position__lte=3).delete()
    async with open_stream(ada, EVENTS, after=encode_cursor(1)) as events:
        assert end_codes(await events.read_to_end()) == ["CURSOR_EXPIRED"]
    literal = EVENTS.replace("(after: $after,", f'(after: "{encode_cursor(1)}",').replace(
        "$after: String, ", ""
    )
    field = f'{FIELD}(after: "{encode_cursor(1)}") {{ cursor }}'
    fragment = f"subscription {{ ...F }} fragment F on Subscription {{ {field} }}"
    for query, variables in (
        (EVENTS, {"after": encode_cursor(1)}),
        (literal, {}),
        (fragment, {}),
        (EVENTS, {}),
    ):
        async with open_stream(ada, query, last_id=encode_cursor(4), **variables) as events:
            assert positions_of(await events.take(FIELD, 2)) == [5, 6], query


async def test_an_empty_or_inapplicable_last_event_id_is_ignored(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    async with open_stream(ada, EVENTS, last_id="", after=encode_cursor(0)) as events:
        assert (await events.next_value(FIELD))["ticket"]["id"] == ticket["id"]
    async with open_stream(ada, STATS, last_id="garbage") as events:
        assert (await events.next_value("ticketStats"))["total"] >= 1
        assert events.last_id == ""


@pytest.mark.parametrize(
    "last_id", ["garbage", "bG9n", "page:7", "9" * 5000, encode_cursor(99), "\u00fc"]
)
async def test_an_invalid_last_event_id_is_refused(
    service: Service, world: World, last_id: str
) -> None:
    ada = service.client(world.ada.token)
    headers: Any = {"Last-Event-ID": last_id.encode()}
    async with open_stream(ada, EVENTS, headers=headers, after=await head_cursor()) as events:
        assert end_codes(await events.read_to_end()) == ["CURSOR_INVALID"]


async def test_a_stream_cut_before_its_first_event_resumes_from_its_start(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    async with open_stream(ada, EVENTS) as events:
        start_cursor = await events.wait_until_started()
        assert start_cursor == await head_cursor()
    await add_notes(ada, ticket, 2)
    async with open_stream(ada, EVENTS, last_id=start_cursor) as events:
        assert positions_of(await events.take(FIELD, 2)) == (await log_positions())[1:]


async def test_a_heartbeat_carries_the_position_reached_in_the_log(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.05)
    async with running(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        ticket = await service.client(world.cora.token).raise_ticket()
        async with open_stream(ada, EVENTS, types=["RATED"]) as events:
            while not events.last_id:  # a heartbeat may arrive before the subscription starts
                await events.wait_until_started()
            await add_notes(ada, ticket, 5)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while events.last_id != await head_cursor():
                    await events.wait_for_heartbeats()
        async with open_stream(ada, STATS) as events:
            await events.next_value("ticketStats")
            await events.wait_for_heartbeats(4)
            assert events.last_id == ""


# ---------------------------------------------------------------- sharing


async def test_equal_streams_and_socket_subscriptions_share_one_execution(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SubscriptionGroups()
    monkeypatch.setattr(components, "SubscriptionGroups", lambda _: shared)
    async with running(url) as service:
        world = await World.make()
        ada, bill = service.client(world.ada.token), service.client(world.bill.token)
        ticket = await service.client(world.cora.token).raise_ticket()
        async with (
            ada.socket() as socket,
            open_stream(ada, EVENTS) as one,
            open_stream(bill, EVENTS, method="POST") as other,
        ):
            await socket.subscribe(EVENTS)

            async def all_have_joined() -> bool:
                return sum(len(group.subscribers) for group in shared.running) == 3

            await until(all_have_joined)
            assert len(shared.running) == 1
            items, deliveries = shared.counters.items, shared.counters.deliveries
            await add_notes(ada, ticket, 4)
            expected = (await log_positions())[-4:]
            for reader in (socket, one, other):
                assert positions_of(await reader.take(FIELD, 4)) == expected
            assert (shared.counters.items - items, shared.counters.deliveries - deliveries) == (
                4,
                12,
            )

        async def none_running() -> bool:
            return not shared.running

        await until(none_running)


async def test_a_stream_from_an_older_cursor_catches_up_with_its_group(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    async with open_stream(ada, EVENTS, after=await head_cursor()) as live:
        await live.wait_until_started()
        await add_notes(ada, ticket, 20)
        async with open_stream(ada, EVENTS, after=encode_cursor(0)) as behind:
            await add_notes(ada, ticket, 20)
            expected = await log_positions()
            assert positions_of(await behind.take(FIELD, len(expected))) == expected
            assert positions_of(await live.take(FIELD, 40)) == expected[1:]


# ---------------------------------------------------------------- end of a stream


async def token_to_revoke(service: Service, world: World) -> tuple[str, Callable[[], Any]]:
    token, text = await issue_token(
        TokenKind.API, "p", ["tickets:read", "events:read"], user_id=world.ada.id, at=time.now()
    )
    return text, lambda: Token.filter(id=token.id).delete()


async def token_to_expire(service: Service, world: World) -> tuple[str, Callable[[], Any]]:
    at = time.now()
    arguments: dict[str, Any] = {
        "user_id": world.ada.id,
        "expires_at": at + timedelta(hours=1),
        "at": at,
    }
    _, text = await issue_token(TokenKind.API, "p", ["tickets:read", "events:read"], **arguments)

    async def expire() -> None:
        service.clock.advance(hours=1)

    return text, expire


@pytest.mark.parametrize("ending", [token_to_revoke, token_to_expire])
async def test_an_ended_token_completes_its_streams_before_further_delivery(
    service: Service, world: World, ending: Callable[..., Any]
) -> None:
    token, end = await ending(service, world)
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    async with (
        open_stream(service.client(token), EVENTS) as events,
        open_stream(service.client(world.ada.token), EVENTS) as other,
    ):
        await events.wait_until_started()
        await other.wait_until_started()
        await end()
        last = await cora.do("replyToTicket", ticketId=ticket["id"], body="after")
        assert end_codes(await events.read_to_end()) == ["UNAUTHENTICATED"]
        assert (await other.next_value(FIELD))["cursor"] == last["cursor"]
    again = await send_request(
        service.client(token), params={"query": EVENTS}, headers={"Last-Event-ID": last["cursor"]}
    )
    assert (again.status_code, error_codes(again)) == (401, ["UNAUTHENTICATED"])


async def test_demoting_an_agent_hides_notes_and_foreign_tickets(
    service: Service, world: World
) -> None:
    ada, bill, cora = (
        service.client(person.token) for person in (world.ada, world.bill, world.cora)
    )
    ticket = await cora.raise_ticket()
    async with open_stream(ada, EVENTS) as events, open_stream(bill, EVENTS) as other:
        for each in (events, other):
            await each.wait_until_started()
        await add_notes(bill, ticket, 1)
        assert (await events.next_value(FIELD))["type"] == "NOTE_ADDED"
        await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
        await add_notes(bill, ticket, 2)
        own = await bill.do(
            "createTicket",
            subject="s",
            description="d",
            category="sales",
            requesterId=world.ada.gid,
        )
        assert (await events.next_value(FIELD))["ticket"]["id"] == own["ticket"]["id"]
        assert len(await other.take(FIELD, 4)) == 4


async def test_removing_the_scope_completes_the_stream(service: Service, world: World) -> None:
    async with open_stream(service.client(world.ada.token), EVENTS) as events:
        await events.wait_until_started()
        await Token.filter(digest=hash_token(world.ada.token)).update(scopes=["tickets:read"])
        await service.client(world.cora.token).raise_ticket()
        assert end_codes(await events.read_to_end()) == ["FORBIDDEN"]


async def test_a_long_outage_cuts_the_stream_and_the_client_resumes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "RETRY_DELAYS_SECONDS", (0.01, 0.01))
    ada = service.client(world.ada.token)

    async with open_stream(ada, EVENTS) as events:
        start_cursor = await events.wait_until_started()
        with monkeypatch.context() as patch:
            replace_ticket_reads(patch, raise_connection_lost)
            await service.client(world.cora.token).post(CREATE_TICKET)
            assert await events.read_until_cut() == []
            assert events.last_id == start_cursor
    async with open_stream(ada, EVENTS, last_id=start_cursor) as events:
        assert (await events.next_value(FIELD))["type"] == "TICKET_CREATED"


@pytest.mark.parametrize("patched", [(viewer_cache, "authenticate"), (event, "read_head")])
async def test_an_outage_at_the_start_cuts_a_get_and_refuses_a_post(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, patched: tuple[Any, str]
) -> None:
    ada = service.client(world.ada.token)

    with monkeypatch.context() as patch:
        patch.setattr(*patched, raise_connection_lost)
        async with open_stream(ada, EVENTS) as events:
            assert await events.read_until_cut() == []
            assert events.retry is not None
        # An EventSource, which sends GET, reconnects only after a status of 200.
        if patched[1] == "authenticate":
            posted = await send_request(ada, "POST", json={"query": EVENTS})
            assert (posted.status_code, error_codes(posted)) == (503, ["UNAVAILABLE"])
    async with open_stream(ada, EVENTS) as events:
        await events.wait_until_started()


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_streams_work_with_the_http_implementations_of_uvicorn(
    url: str, registries: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch, http: str
) -> None:
    monkeypatch.setattr(work, "RETRY_DELAYS_SECONDS", ())
    async with running(url, http=http) as service:
        world = await World.make()
        ada, bill = service.client(world.ada.token), service.client(world.bill.token)

        async with open_stream(ada, EVENTS) as events, open_stream(bill, EVENTS) as other:
            for each in (events, other):
                await each.wait_until_started()
            await Token.filter(digest=hash_token(world.bill.token)).delete()
            assert end_codes(await other.read_to_end()) == ["UNAUTHENTICATED"]
            replace_ticket_reads(monkeypatch, raise_connection_lost)
            await service.client(world.cora.token).post(CREATE_TICKET)
            assert await events.read_until_cut() == []
        monkeypatch.setattr(viewer_cache, "authenticate", raise_connection_lost)
        async with open_stream(ada, EVENTS) as events:
            assert await events.read_until_cut() == []
        await wait_until_no_connections(registries)


async def test_an_unexpected_error_at_the_start_is_masked_and_completes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("engine.execution.schema.Schema.start_subscription", broken)
    async with open_stream(service.client(world.ada.token), EVENTS) as events:
        received = await events.read_to_end()
        assert end_codes(received) == ["INTERNAL"]
        assert "hunter2" not in received[0].data


@contextlib.asynccontextmanager
async def raw_connection(
    service: Service, *requests: bytes
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw TCP connection with small buffers that has sent the requests at once."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", service.port))
    reader, writer = await asyncio.open_connection(sock=peer, limit=2**14)
    try:
        writer.write(b"".join(requests))
        await writer.drain()
        yield reader, writer
    finally:
        writer.transport.abort()


def build_request(token: str, query: str) -> bytes:
    parameters = httpx2.QueryParams({"query": query, "access_token": token})
    line = f"GET /graphql/stream?{parameters} HTTP/1.1"
    return f"{line}\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode()


def large_subscription(after: str) -> str:
    reply = (
        "... on TicketReplied { reply { "
        + " ".join(f"b{number}: body" for number in range(30))
        + " } }"
    )
    return f'subscription {{ {FIELD}(after: "{after}") {{ cursor {reply} }} }}'


LONG_REPLIES = 8
"""About 15 MB with their repeated bodies: more than the buffers between server and client hold."""


async def add_long_reply(client: Client, ticket: dict[str, Any]) -> dict[str, Any]:
    return await client.do("replyToTicket", ticketId=ticket["id"], body="x" * 65_000)


async def add_long_replies(client: Client, ticket: dict[str, Any]) -> None:
    for _ in range(LONG_REPLIES):
        await add_long_reply(client, ticket)


async def test_a_slow_reader_is_cut_and_delays_nobody(
    url: str, registries: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.fanout.batch.MAX_BATCH_BYTES", 1)
    async with running(url, max_outbox_bytes=65_536) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large_subscription(await head_cursor())
        async with (
            raw_connection(service, build_request(world.ada.token, query)) as (stalled, _),
            open_stream(ada, query) as fast,
        ):
            await stalled.readuntil(b"id: ")
            await fast.wait_until_started()

            with capture_logs() as lines:
                for _ in range(LONG_REPLIES):
                    # this reader takes each event before the next one is written
                    reply = await add_long_reply(cora, ticket)
                    assert (await fast.next_value(FIELD))["cursor"] == reply["cursor"]

                async def is_counted() -> bool:
                    return registries[0].slow_clients == 1

                await until(is_counted)
            assert [line["event"] for line in lines].count("sse.slow_client") == 1
            # the connection ends, even for a client that continues to read
            received = await stalled.read(-1)
            assert b"event: complete" not in received
        await wait_until_no_connections(registries)


async def test_a_reader_that_stalls_while_it_catches_up_is_cut(
    url: str, registries: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STALL_SECONDS", 0.2)
    async with running(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large_subscription(await head_cursor())
        await add_long_replies(cora, ticket)
        async with raw_connection(service, build_request(world.ada.token, query)):

            async def is_counted() -> bool:
                return registries[0].slow_clients == 1

            await until(is_counted)
            await wait_until_no_connections(registries)


async def test_a_reader_that_stalls_is_cut_without_further_events(
    url: str, registries: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further event fills the outbox, and the subscription does not wait for the reader."""
    monkeypatch.setattr(outbox, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.05)
    async with running(url, max_outbox_bytes=2**28) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large_subscription(await head_cursor())
        async with (
            raw_connection(service, build_request(world.ada.token, query)) as (stalled, _),
            raw_connection(service, build_request(world.bill.token, query)) as (other, _),
        ):
            await stalled.readuntil(b"id: ")
            await other.readuntil(b"id: ")
            await add_long_replies(cora, ticket)

            async def are_counted() -> bool:
                return registries[0].slow_clients == 2

            await until(are_counted)
            await wait_until_no_connections(registries)


async def test_the_bytes_that_a_client_reads_are_its_progress(
    url: str, registries: list[ConnectionRegistry]
) -> None:
    """Bytes in the kernel don't count before the client has acknowledged them."""
    async with running(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large_subscription(await head_cursor())
        async with raw_connection(service, build_request(world.ada.token, query)) as (reader, _):
            await reader.readuntil(b"id: ")
            await add_long_replies(cora, ticket)
            [stream] = registries[0].connections
            assert isinstance(stream, streaming.SSEConnection)

            async def is_waiting() -> bool:
                return stream.outbox.queued_bytes > 0

            await until(is_waiting)
            for _ in range(3):
                before = stream.outbox.accepted_bytes
                while stream.outbox.accepted_bytes <= before:
                    assert await reader.read(2**14)


async def test_a_disconnect_ends_the_stream_and_logs_no_error(
    url: str, registries: list[ConnectionRegistry], logged_errors: list[str]
) -> None:
    async with service_with_long_shutdown(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        for _ in range(3):
            async with open_stream(ada, EVENTS) as events:
                await events.wait_until_started()
                assert len(registries[0].connections) == 1
            await wait_until_no_connections(registries)
    assert logged_errors == []


async def test_a_pipelined_request_does_not_hide_a_disconnect(
    url: str, registries: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.05)
    async with running(url) as service:
        world = await World.make()
        request = build_request(world.ada.token, EVENTS)
        async with raw_connection(service, request, request) as (reader, _):
            await reader.readuntil(b"id: ")
            assert len(registries[0].connections) == 1
        await wait_until_no_connections(registries)


# ---------------------------------------------------------------- end of the server


async def test_a_stopping_server_cuts_its_streams_at_once(
    url: str, logged_errors: list[str]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with service_with_long_shutdown(url) as service:
            world = await World.make()
            cora, ada = service.client(world.cora.token), service.client(world.ada.token)
            readers = [await stack.enter_async_context(open_stream(ada, EVENTS)) for _ in range(20)]
            for reader in readers:
                await reader.wait_until_started()
            created = await cora.raise_ticket()
            for reader in readers:
                assert (await reader.next_value(FIELD))["ticket"]["id"] == created["id"]
        for reader in readers:
            assert await reader.read_until_cut() == []
    assert logged_errors == []


async def test_a_stopping_server_cuts_a_reader_that_stalls(
    url: str, logged_errors: list[str]
) -> None:
    async with service_with_long_shutdown(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large_subscription(await head_cursor())
        await add_long_replies(cora, ticket)
        stalled = raw_connection(service, build_request(world.ada.token, query))
        reader, _ = await stalled.__aenter__()
        await reader.readuntil(b"event: next")
    await stalled.__aexit__(None, None, None)
    assert logged_errors == []


async def test_a_stream_requested_while_the_server_stops_is_cut(
    url: str, logged_errors: list[str]
) -> None:
    async with service_with_long_shutdown(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        authenticate_now, requested, stopping = authenticate, asyncio.Event(), asyncio.Event()

        async def authenticate_late(*arguments: Any) -> Any:
            requested.set()
            await stopping.wait()
            return await authenticate_now(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(viewer_cache, "authenticate", authenticate_late)
            first = asyncio.create_task(expect_cut(ada))
            await requested.wait()
            service.stop()
            await until(is_refusing(service))
            stopping.set()
            await first
    assert logged_errors == []


def is_refusing(service: Service) -> Callable[[], Any]:
    async def refuses() -> bool:
        return not service.is_accepting

    return refuses


async def expect_cut(client: Client) -> None:
    async with open_stream(client, EVENTS) as events:
        assert await events.read_until_cut() == []


@pytest.mark.stress
async def test_streams_resume_after_the_process_restarts(url: str) -> None:
    await database.connect(url)
    world = await World.make()
    process = await start(url)
    try:
        ada, cora = process.client(world.ada.token), process.client(world.cora.token)
        ticket = await cora.raise_ticket()
        seen: list[int] = []
        last = encode_cursor(0)
        for end in (Process.stop, Process.kill):
            async with contextlib.AsyncExitStack() as stack:
                readers = [
                    await stack.enter_async_context(open_stream(ada, EVENTS, last_id=last))
                    for _ in range(20)
                ]
                await add_notes(ada, ticket, 2)
                count = len(await log_positions()) - len(seen)
                for reader in readers:
                    received = positions_of(await reader.take(FIELD, count))
                await database.disconnect()
                await asyncio.to_thread(end, process)
                for reader in readers:
                    with pytest.raises(httpx2.TransportError):
                        await reader.read_to_end()
            seen += received
            last = readers[0].last_id
            process = await start(url, process.port)
            await database.connect(url)
        await add_notes(ada, ticket, 2)
        async with open_stream(ada, EVENTS, last_id=last) as events:
            seen += positions_of(await events.take(FIELD, 2))
        assert seen == await log_positions()
    finally:
        process.kill()
        await database.disconnect()


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("limit", "status", "code"),
    [
        ("max_connections", 503, "UNAVAILABLE"),
        ("max_connections_per_address", 429, "RATE_LIMITED"),
        ("max_connections_per_viewer", 429, "RATE_LIMITED"),
    ],
)
async def test_streams_and_sockets_share_the_connection_limits(
    url: str, registries: list[ConnectionRegistry], limit: str, status: int, code: str
) -> None:
    async with running(url, **{limit: 2}) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        async with ada.socket(), open_stream(ada, EVENTS) as events:
            await events.wait_until_started()
            refused = await send_request(ada, params={"query": EVENTS})
            assert (refused.status_code, error_codes(refused)) == (status, [code])
            assert int(refused.headers["retry-after"]) > 0
            assert registries[0].refused == 1
            query = await send_request(ada, params={"query": "{ __typename }"})
            assert query.status_code == 200, "a query does not count as a connection"
        await wait_until_no_connections(registries)
        async with open_stream(ada, EVENTS) as events:
            await events.wait_until_started()


async def test_a_refused_stream_does_not_occupy_a_connection(
    url: str, registries: list[ConnectionRegistry]
) -> None:
    async with running(url, max_connections=1) as service:
        world = await World.make()
        for token, query in ((world.ada.token, INVALID_SUBSCRIPTION), (None, EVENTS)):
            for _ in range(3):
                async with open_stream(service.client(token), query) as events:
                    with contextlib.suppress(Refused):
                        await events.read_to_end()
        await wait_until_no_connections(registries)


async def test_a_snapshot_has_no_event_id_before_its_end(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_BATCH_ITEMS", 1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(3):
        await cora.raise_ticket()
    query = "subscription { ticketChanges { kind ticketId } }"
    async with open_stream(ada, query) as events:
        assert await events.wait_until_started() == ""
        assert (await events.next_value("ticketChanges"))["kind"] == "SNAPSHOT"
        assert events.last_id == ""
        kinds = [(await events.next_value("ticketChanges"))["kind"] for _ in range(3)]
        assert kinds == ["SNAPSHOT", "SNAPSHOT", "SNAPSHOT_END"]
        assert events.last_id == await head_cursor()
