"""Event streams over real connections: from where on, how they resume, how they end, and with whom they share."""

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
from support.live import head_cursor, log_positions, positions_of, until
from support.service import Process, running, start

import services
from engine.fanout import group as groups
from engine.fanout.group import SubscriptionGroups
from engine.limits.connections import ConnectionRegistry
from engine.sse import connection as streaming
from engine.sse import outbox
from models import database
from models.access.viewer import authenticate
from models.core import time
from models.log import event
from models.log.event import Event, decode_cursor, encode_cursor
from models.people.token import Token, TokenKind, hash_token, issue_token
from models.people.user import Role, User
from resolvers.auth import viewer_cache
from schema.loaders import Loaders

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

FIELD = "ticketEvents"
NOTICES = "subscription { notifications { id } }"
WRONG = "subscription { ticketEvents { nothing } }"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[ConnectionRegistry]:
    """What the service, which has to be started after this, counts of its connections."""
    found: list[ConnectionRegistry] = []

    def places(*given: Any) -> ConnectionRegistry:
        found.append(ConnectionRegistry(*given))
        return found[0]

    monkeypatch.setattr(services, "ConnectionRegistry", places)
    return found


@contextlib.asynccontextmanager
async def patient(url: str) -> AsyncIterator[Service]:
    """A service that, when it stops, cancels nobody because the machine is slow."""
    async with running(url, stop_seconds=TIMEOUT_SECONDS) as found:
        yield found


@pytest.fixture
def alarms() -> Iterator[list[str]]:
    """What the server itself logs as an error; also that it had to cancel who was still being answered when it stopped."""
    found: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            found.append(record.getMessage())
        return True

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(keep)  # a server that starts replaces handlers
    yield found
    logger.removeFilter(keep)


async def nobody_left(held: list[ConnectionRegistry]) -> None:
    async def none() -> bool:
        return not held[0].connections and not held[0].counts_by_address and not held[0].counts_by_viewer

    await until(none)


async def notes(client: Client, ticket: dict[str, Any], count: int) -> None:
    for number in range(count):
        await client.do("addNote", ticketId=ticket["id"], body=f"note {number}")


def ends(told: list[StreamEvent]) -> list[str]:
    """The codes of the errors by which a stream ends, with `complete` behind them and nothing else."""
    assert [each.type for each in told] == ["next", "complete"], told
    assert told[1].data == ""
    return [error["extensions"]["code"] for error in told[0].payload["errors"]]


# ---------------------------------------------------------------- from where on


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stream_starts_after_a_cursor_and_sends_cursors_as_ids(
    service: Service, world: World, method: str
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    await notes(ada, ticket, 3)
    async with open_stream(ada, EVENTS, method=method, after=encode_cursor(1)) as events:
        headers = events.response.headers
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("private, no-cache", "no")
        early = [await events.next() for _ in range(3)]
        assert events.retry is not None
        assert 1000 <= events.retry <= 3000
        await notes(ada, ticket, 2)
        came = early + [await events.next() for _ in range(2)]
        assert [each.id for each in came] == [each.payload["data"][FIELD]["cursor"] for each in came]
        assert [decode_cursor(str(each.id)) for each in came] == (await log_positions())[1:]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_last_event_id_resumes_without_gaps_or_duplicates(
    service: Service, world: World, method: str
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    seen: list[int] = []
    last: str | None = None
    for round in range(5):
        writing = asyncio.create_task(notes(ada, ticket, 6))
        async with open_stream(ada, EVENTS, method=method, last_id=last, after=encode_cursor(0)) as events:
            seen += positions_of(await events.take(FIELD, 3 + round))
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
    await notes(ada, ticket, 5)
    await Event.filter(position__lte=3).delete()
    async with open_stream(ada, EVENTS, after=encode_cursor(1)) as events:
        assert ends(await events.read_to_end()) == ["CURSOR_EXPIRED"]
    written = EVENTS.replace("(after: $after,", f'(after: "{encode_cursor(1)}",').replace("$after: String, ", "")
    fragment = f'subscription {{ ...F }} fragment F on Subscription {{ {FIELD}(after: "{encode_cursor(1)}") {{ cursor }} }}'
    for query, given in ((EVENTS, {"after": encode_cursor(1)}), (written, {}), (fragment, {}), (EVENTS, {})):
        async with open_stream(ada, query, last_id=encode_cursor(4), **given) as events:
            assert positions_of(await events.take(FIELD, 2)) == [5, 6], query


async def test_an_empty_or_inapplicable_last_event_id_is_ignored(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    async with open_stream(ada, EVENTS, last_id="", after=encode_cursor(0)) as events:
        assert (await events.next_value(FIELD))["ticket"]["id"] == ticket["id"]
    async with open_stream(ada, NOTICES, last_id="garbage") as events:
        assert await events.wait_until_started() == ""


@pytest.mark.parametrize("last_id", ["garbage", "bG9n", "page:7", "9" * 5000, encode_cursor(99), "\u00fc"])
async def test_an_invalid_last_event_id_is_refused(service: Service, world: World, last_id: str) -> None:
    ada = service.client(world.ada.token)
    async with open_stream(ada, EVENTS, headers={"Last-Event-ID": last_id.encode()}, after=await head_cursor()) as events:  # type: ignore[dict-item]
        assert ends(await events.read_to_end()) == ["CURSOR_INVALID"]


async def test_a_stream_cut_before_its_first_event_resumes_from_its_start(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    async with open_stream(ada, EVENTS) as events:
        began = await events.wait_until_started()
        assert began == await head_cursor()
    await notes(ada, ticket, 2)
    async with open_stream(ada, EVENTS, last_id=began) as events:
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
            while not events.last_id:  # a beat may come before the subscription has begun
                await events.wait_until_started()
            await notes(ada, ticket, 5)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while events.last_id != await head_cursor():
                    await events.wait_for_heartbeats()
        async with open_stream(ada, NOTICES) as events:
            await events.wait_for_heartbeats(4)
            assert events.last_id == ""


# ---------------------------------------------------------------- with whom it shares


async def test_equal_streams_and_socket_subscriptions_share_one_execution(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SubscriptionGroups()
    monkeypatch.setattr(services, "SubscriptionGroups", lambda: shared)
    async with running(url) as service:
        world = await World.make()
        ada, bill = service.client(world.ada.token), service.client(world.bill.token)
        ticket = await service.client(world.cora.token).raise_ticket()
        async with ada.socket() as own, open_stream(ada, EVENTS) as one, open_stream(bill, EVENTS, method="POST") as other:
            await own.subscribe(EVENTS)

            async def all_there() -> bool:
                return sum(len(group.subscribers) for group in shared.running) == 3

            await until(all_there)
            assert len(shared.running) == 1
            items, deliveries = shared.counters.items, shared.counters.deliveries
            await notes(ada, ticket, 4)
            expected = (await log_positions())[-4:]
            for reader in (own, one, other):
                assert positions_of(await reader.take(FIELD, 4)) == expected
            assert (shared.counters.items - items, shared.counters.deliveries - deliveries) == (4, 12)

        async def nobody() -> bool:
            return not shared.running

        await until(nobody)


async def test_a_stream_from_an_older_cursor_catches_up_with_its_group(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    async with open_stream(ada, EVENTS, after=await head_cursor()) as live:
        await live.wait_until_started()
        await notes(ada, ticket, 20)
        async with open_stream(ada, EVENTS, after=encode_cursor(0)) as behind:
            await notes(ada, ticket, 20)
            expected = await log_positions()
            assert positions_of(await behind.take(FIELD, len(expected))) == expected
            assert positions_of(await live.take(FIELD, 40)) == expected[1:]


# ---------------------------------------------------------------- how it ends


async def by_revoking(service: Service, world: World) -> tuple[str, Callable[[], Any]]:
    token, text = await issue_token(TokenKind.API, "p", ["tickets:read", "events:read"], user_id=world.ada.id, at=time.now())
    return text, lambda: Token.filter(id=token.id).delete()


async def by_expiring(service: Service, world: World) -> tuple[str, Callable[[], Any]]:
    at = time.now()
    given: dict[str, Any] = {"user_id": world.ada.id, "expires_at": at + timedelta(hours=1), "at": at}
    _, text = await issue_token(TokenKind.API, "p", ["tickets:read", "events:read"], **given)

    async def expire() -> None:
        service.clock.advance(hours=1)

    return text, expire


@pytest.mark.parametrize("ending", [by_revoking, by_expiring])
async def test_an_ended_token_completes_its_streams_before_further_delivery(
    service: Service, world: World, ending: Callable[..., Any]
) -> None:
    token, end = await ending(service, world)
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    async with open_stream(service.client(token), EVENTS) as events, open_stream(service.client(world.ada.token), EVENTS) as other:
        await events.wait_until_started()
        await other.wait_until_started()
        await end()
        last = await cora.do("replyToTicket", ticketId=ticket["id"], body="after")
        assert ends(await events.read_to_end()) == ["UNAUTHENTICATED"]
        assert (await other.next_value(FIELD))["cursor"] == last["cursor"]
    again = await send_request(service.client(token), params={"query": EVENTS}, headers={"Last-Event-ID": last["cursor"]})
    assert (again.status_code, error_codes(again)) == (401, ["UNAUTHENTICATED"])


async def test_an_agent_who_becomes_a_customer_loses_notes_and_foreign_tickets(service: Service, world: World) -> None:
    ada, bill, cora = (service.client(person.token) for person in (world.ada, world.bill, world.cora))
    ticket = await cora.raise_ticket()
    async with open_stream(ada, EVENTS) as events, open_stream(bill, EVENTS) as other:
        for each in (events, other):
            await each.wait_until_started()
        await notes(bill, ticket, 1)
        assert (await events.next_value(FIELD))["type"] == "NOTE_ADDED"
        await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
        await notes(bill, ticket, 2)
        own = await bill.do("createTicket", subject="s", description="d", category="sales", requesterId=world.ada.gid)
        assert (await events.next_value(FIELD))["ticket"]["id"] == own["ticket"]["id"]
        assert len(await other.take(FIELD, 4)) == 4


async def test_removing_the_scope_completes_the_stream(service: Service, world: World) -> None:
    async with open_stream(service.client(world.ada.token), EVENTS) as events:
        await events.wait_until_started()
        await Token.filter(digest=hash_token(world.ada.token)).update(scopes=["tickets:read"])
        await service.client(world.cora.token).raise_ticket()
        assert ends(await events.read_to_end()) == ["FORBIDDEN"]


async def test_a_long_outage_cuts_the_stream_and_the_client_resumes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "RETRY_DELAYS_SECONDS", (0.01, 0.01))
    ada = service.client(world.ada.token)

    async def away(*_: Any) -> Any:
        raise ConnectionResetError("the database went away")

    async with open_stream(ada, EVENTS) as events:
        began = await events.wait_until_started()
        with monkeypatch.context() as patch:
            patch.setattr(Loaders, "read_tickets", away)
            await service.client(world.cora.token).post(
                'mutation { createTicket(input: {subject: "s", description: "d", category: "sales"}) { cursor } }'
            )
            assert await events.read_until_cut() == []
            assert events.last_id == began
    async with open_stream(ada, EVENTS, last_id=began) as events:
        assert (await events.next_value(FIELD))["type"] == "TICKET_CREATED"


@pytest.mark.parametrize("place", [(viewer_cache, "authenticate"), (event, "read_head")])
async def test_an_outage_at_the_start_cuts_the_stream_without_an_error_response(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    ada = service.client(world.ada.token)

    async def away(*_: Any) -> Any:
        raise ConnectionResetError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr(*place, away)
        async with open_stream(ada, EVENTS) as events:
            assert await events.read_until_cut() == []
            assert events.retry is not None
    async with open_stream(ada, EVENTS) as events:
        await events.wait_until_started()


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_streams_work_with_the_http_implementations_of_uvicorn(
    url: str, held: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch, http: str
) -> None:
    monkeypatch.setattr(groups, "RETRY_DELAYS_SECONDS", ())
    async with running(url, http=http) as service:
        world = await World.make()
        ada, bill = service.client(world.ada.token), service.client(world.bill.token)

        async def away(*_: Any) -> Any:
            raise ConnectionResetError("the database went away")

        async with open_stream(ada, EVENTS) as events, open_stream(bill, EVENTS) as other:
            for each in (events, other):
                await each.wait_until_started()
            await Token.filter(digest=hash_token(world.bill.token)).delete()
            assert ends(await other.read_to_end()) == ["UNAUTHENTICATED"]
            monkeypatch.setattr(Loaders, "read_tickets", away)
            await service.client(world.cora.token).post(
                'mutation { createTicket(input: {subject: "s", description: "d", category: "sales"}) { cursor } }'
            )
            assert await events.read_until_cut() == []
        monkeypatch.setattr(viewer_cache, "authenticate", away)
        async with open_stream(ada, EVENTS) as events:
            assert await events.read_until_cut() == []
        await nobody_left(held)


async def test_an_unexpected_error_at_the_start_is_masked_and_completes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("engine.execution.schema.Schema.start_subscription", broken)
    async with open_stream(service.client(world.ada.token), EVENTS) as events:
        told = await events.read_to_end()
        assert ends(told) == ["INTERNAL"]
        assert "hunter2" not in told[0].data


@contextlib.asynccontextmanager
async def connection(service: Service, *requests: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection, with small buffers, over which requests were sent at once."""
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


def request_of(token: str, query: str) -> bytes:
    line = f"GET /graphql/stream?{httpx2.QueryParams({'query': query, 'access_token': token})} HTTP/1.1"
    return f"{line}\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode()


def large(after: str) -> str:
    reply = "... on TicketReplied { reply { " + " ".join(f"b{place}: body" for place in range(30)) + " } }"
    return f'subscription {{ {FIELD}(after: "{after}") {{ cursor {reply} }} }}'


LONG_REPLIES = 8
"""With their bodies repeated, some 15 MB in all: more than the buffers between take."""


async def long_reply(client: Client, ticket: dict[str, Any]) -> dict[str, Any]:
    return await client.do("replyToTicket", ticketId=ticket["id"], body="x" * 65_000)


async def long_replies(client: Client, ticket: dict[str, Any]) -> None:
    for _ in range(LONG_REPLIES):
        await long_reply(client, ticket)


async def test_a_slow_reader_is_cut_and_delays_nobody(
    url: str, held: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.fanout.batch.MAX_BATCH_BYTES", 1)
    async with running(url, max_outbox_bytes=65_536) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large(await head_cursor())
        async with connection(service, request_of(world.ada.token, query)) as (deaf, _), open_stream(ada, query) as reading:
            await deaf.readuntil(b"id: ")
            await reading.wait_until_started()

            with capture_logs() as lines:
                for _ in range(LONG_REPLIES):  # each is read before the next, so this reader is never slow
                    reply = await long_reply(cora, ticket)
                    assert (await reading.next_value(FIELD))["cursor"] == reply["cursor"]

                async def counted() -> bool:
                    return held[0].slow_clients == 1

                await until(counted)
            assert [line["event"] for line in lines].count("stream.slow_client") == 1
            came = await deaf.read(-1)  # the connection ends, also for who reads on
            assert b"event: complete" not in came
        await nobody_left(held)


async def test_a_reader_that_stalls_while_it_catches_up_is_cut(
    url: str, held: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(groups, "DRAIN_SECONDS", 3600)
    async with running(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large(await head_cursor())
        await long_replies(cora, ticket)
        async with connection(service, request_of(world.ada.token, query)):

            async def counted() -> bool:
                return held[0].slow_clients == 1

            await until(counted)
            await nobody_left(held)


async def test_a_disconnect_ends_the_stream_and_logs_no_error(
    url: str, held: list[ConnectionRegistry], alarms: list[str]
) -> None:
    async with patient(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        for _ in range(3):
            async with open_stream(ada, EVENTS) as events:
                await events.wait_until_started()
                assert len(held[0].connections) == 1
            await nobody_left(held)
    assert alarms == []


async def test_a_pipelined_request_does_not_hide_a_disconnect(
    url: str, held: list[ConnectionRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.05)
    async with running(url) as service:
        world = await World.make()
        request = request_of(world.ada.token, EVENTS)
        async with connection(service, request, request) as (reader, _):
            await reader.readuntil(b"id: ")
            assert len(held[0].connections) == 1
        await nobody_left(held)


# ---------------------------------------------------------------- how the server ends


async def test_a_stopping_server_cuts_its_streams_at_once(url: str, alarms: list[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with patient(url) as service:
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
    assert alarms == []


async def test_a_stopping_server_cuts_a_reader_that_stalls(url: str, alarms: list[str]) -> None:
    async with patient(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        query = large(await head_cursor())
        await long_replies(cora, ticket)
        deaf = connection(service, request_of(world.ada.token, query))
        reader, _ = await deaf.__aenter__()
        await reader.readuntil(b"event: next")
    await deaf.__aexit__(None, None, None)
    assert alarms == []


async def test_a_stream_requested_while_the_server_stops_is_cut(url: str, alarms: list[str]) -> None:
    async with patient(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        reading, asked, stop = authenticate, asyncio.Event(), asyncio.Event()

        async def late(*given: Any) -> Any:
            asked.set()
            await stop.wait()
            return await reading(*given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(viewer_cache, "authenticate", late)
            first = asyncio.create_task(cut_at_once(ada))
            await asked.wait()
            service.stop()
            await until(is_refusing(service))
            stop.set()
            await first
    assert alarms == []


def is_refusing(service: Service) -> Callable[[], Any]:
    async def found() -> bool:
        return not service.is_accepting

    return found


async def cut_at_once(client: Client) -> None:
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
                readers = [await stack.enter_async_context(open_stream(ada, EVENTS, last_id=last)) for _ in range(20)]
                await notes(ada, ticket, 2)
                count = len(await log_positions()) - len(seen)
                for reader in readers:
                    came = positions_of(await reader.take(FIELD, count))
                await database.disconnect()
                await asyncio.to_thread(end, process)
                for reader in readers:
                    with pytest.raises(httpx2.TransportError):
                        await reader.read_to_end()
            seen += came
            last = readers[0].last_id
            process = await start(url, process.port)
            await database.connect(url)
        await notes(ada, ticket, 2)
        async with open_stream(ada, EVENTS, last_id=last) as events:
            seen += positions_of(await events.take(FIELD, 2))
        assert seen == await log_positions()
    finally:
        process.kill()
        await database.disconnect()


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize(
    ("limit", "status", "code"),
    [
        ("max_connections", 503, "UNAVAILABLE"),
        ("max_connections_per_address", 429, "RATE_LIMITED"),
        ("max_connections_per_viewer", 429, "RATE_LIMITED"),
    ],
)
async def test_streams_and_sockets_share_the_connection_limits(
    url: str, held: list[ConnectionRegistry], limit: str, status: int, code: str
) -> None:
    async with running(url, **{limit: 2}) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        async with ada.socket(), open_stream(ada, EVENTS) as events:
            await events.wait_until_started()
            refused = await send_request(ada, params={"query": EVENTS})
            assert (refused.status_code, error_codes(refused)) == (status, [code])
            assert int(refused.headers["retry-after"]) > 0
            assert held[0].refused == 1
            query = await send_request(ada, params={"query": "{ __typename }"})
            assert query.status_code == 200, "who only asks holds nothing"
        await nobody_left(held)
        async with open_stream(ada, EVENTS) as events:
            await events.wait_until_started()


async def test_a_refused_stream_does_not_occupy_a_connection(url: str, held: list[ConnectionRegistry]) -> None:
    async with running(url, max_connections=1) as service:
        world = await World.make()
        for token, query in ((world.ada.token, WRONG), (None, EVENTS)):
            for _ in range(3):
                async with open_stream(service.client(token), query) as events:
                    with contextlib.suppress(Refused):
                        await events.read_to_end()
        await nobody_left(held)


async def test_a_snapshot_cut_in_the_middle_is_sent_again(
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
