"""`follow` of the Python client: each event once and in order, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random
from types import ModuleType
from typing import Any

import httpx2
import pytest
from support import Service, World
from support.actors import api_client_token
from support.client import TIMEOUT_SECONDS, TLS, Client
from support.live import head_cursor, log_positions, until
from support.random_writers import Scene, write_randomly
from support.service import start
from support.tcp_proxy import run_tcp_proxy

from models import database
from models.core import time
from models.log.event import Event, decode_cursor, encode_cursor
from models.people.token import Token, hash_token
from models.people.user import User

KILLS = 3
EVENTS_PER_LIFE = 15
START = encode_cursor(0)
WITHOUT_JOBS = {"TICKETWIRE_RUN_JOBS": "false"}
"""Only the test changes tickets."""


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=TLS) as found:
        yield found


async def read(stream: Any, count: int) -> list[int]:
    """The positions of the next events of a stream."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return [decode_cursor((await anext(stream)).cursor) for _ in range(count)]


async def add_notes(client: Client, ticket_id: str, count: int) -> None:
    for number in range(count):
        await client.mutate("addNote", {"ticketId": ticket_id, "body": f"note {number}"})


class Reader:
    """Follows the log as a program does: it stores the cursor, and is restarted now and then."""

    def __init__(self, api: ModuleType, url: str, token: str, after: str, random: Random) -> None:
        self.api, self.url, self.token, self.random = api, url, token, random
        self.cursor = after
        self.seen: list[int] = []
        self.restarts = 0

    async def run(self) -> None:
        while True:
            # less than the first reader sees at least, so that it restarts
            events = self.random.randrange(5, KILLS * EVENTS_PER_LIFE)
            async with (
                httpx2.AsyncClient(verify=TLS) as http,
                self.api.TicketwireClient(self.url, self.token, http_client=http) as client,
                client.follow(self.cursor) as stream,
            ):
                async for event in stream:
                    assert isinstance(event, self.api.TicketEvent)
                    self.seen.append(decode_cursor(event.cursor))
                    self.cursor = event.cursor
                    events -= 1
                    if not events:
                        break
            self.restarts += 1


@pytest.mark.stress
@pytest.mark.never_retried
@pytest.mark.without_default_policies
async def test_each_event_arrives_once_in_order_while_the_server_is_killed(
    ticketwire_client: ModuleType, url: str, random: Random
) -> None:
    await database.connect(url)
    world = await World.make()
    process = await start(url, **WITHOUT_JOBS)
    try:
        scene = await Scene.make(process.client, world)
        await database.disconnect()
        tokens = [world.ada.token, world.cora.token, world.olga.token]
        readers = [
            Reader(ticketwire_client, process.http, token, scene.after, Random(random.random()))
            for token in tokens
        ]
        reading = [asyncio.create_task(reader.run()) for reader in readers]
        stop = asyncio.Event()
        writing = asyncio.gather(
            *(
                write_randomly(Random(random.random()), process.client, scene, stop)
                for _ in range(2)
            )
        )
        for _ in range(KILLS):
            count = len(readers[0].seen)

            async def has_progressed(count: int = count) -> bool:
                return len(readers[0].seen) >= count + EVENTS_PER_LIFE or reading[0].done()

            await until(has_progressed)
            await asyncio.to_thread(process.kill)
            process = await start(url, process.port, **WITHOUT_JOBS)
        stop.set()
        await writing
        await database.connect(url)
        for reader, task in zip(readers, reading, strict=True):
            expected = await scene.expected_positions(reader.token, {})

            async def has_all(
                reader: Reader = reader, task: Any = task, count: int = len(expected)
            ) -> bool:
                return len(reader.seen) >= count or task.done()

            with contextlib.suppress(TimeoutError):
                await until(has_all)
            if task.done():
                task.result()  # the error that ended the reader
            assert reader.seen == expected
            assert expected
        assert readers[0].restarts > 0
        for task in reading:
            task.cancel()
        assert await asyncio.gather(*reading, return_exceptions=True)
    finally:
        process.kill()
        await database.disconnect()


async def test_a_stream_begins_at_the_end_of_the_log_and_returns_typed_events(
    ticketwire_client: ModuleType, service: Service, world: World, http: httpx2.AsyncClient
) -> None:
    api = ticketwire_client
    ticket = await service.client(world.cora.token).raise_ticket()
    client = api.TicketwireClient(service.http, world.ada.token, http_client=http)
    types = [api.TicketEventType.REPLY_ADDED, api.TicketEventType.STATUS_CHANGED]
    async with client.follow(types=types) as stream:
        assert stream.cursor is not None
        ada = service.client(world.ada.token)
        await ada.mutate("addNote", {"ticketId": ticket["id"], "body": "not followed"})
        await ada.mutate("replyToTicket", {"ticketId": ticket["id"], "body": "Hello"})
        async with asyncio.timeout(TIMEOUT_SECONDS):
            events = [await anext(stream), await anext(stream)]
        (started,) = [each for each in events if isinstance(each, api.TicketStatusChanged)]
        (replied,) = [each for each in events if isinstance(each, api.TicketReplied)]
        assert (started.from_, started.to) == (api.TicketStatus.NEW, api.TicketStatus.OPEN)
        assert (replied.reply.body, replied.actor.id) == ("Hello", world.ada.gid)
        assert (replied.ticket.id, replied.ticket.status) == (ticket["id"], api.TicketStatus.OPEN)
        assert stream.cursor == events[-1].cursor


async def test_a_cancelled_read_loses_nothing(
    ticketwire_client: ModuleType, service: Service, world: World, http: httpx2.AsyncClient
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    client = ticketwire_client.TicketwireClient(service.http, world.ada.token, http_client=http)
    seen: list[int] = []
    cancelled = 0
    async with client.follow(START) as stream:
        writing = asyncio.create_task(add_notes(service.client(world.ada.token), ticket["id"], 20))
        while not (writing.done() and cancelled) or len(seen) < len(await log_positions()):
            try:
                event = await asyncio.wait_for(anext(stream), 0.03)
                seen.append(decode_cursor(event.cursor))
            except TimeoutError:
                cancelled += 1
        await writing
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="Another task"):
            await anext(stream)
        reading.cancel()
    assert seen == await log_positions()
    assert cancelled


async def test_a_silent_connection_is_replaced(
    ticketwire_client: ModuleType,
    service: Service,
    world: World,
    http: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = ticketwire_client.__name__
    monkeypatch.setattr(f"{package}.connection.TIMEOUT", httpx2.Timeout(TIMEOUT_SECONDS, read=0.5))
    ticket = await service.client(world.cora.token).raise_ticket()
    async with run_tcp_proxy(service.port) as proxy:
        client = ticketwire_client.TicketwireClient(proxy.http, world.ada.token, http_client=http)
        async with client.follow(START) as stream:
            seen = await read(stream, 1)
            proxy.drop_bytes()
            await add_notes(service.client(world.ada.token), ticket["id"], 3)
            reading = asyncio.create_task(read(stream, 3))
            await until(lambda: has_connected_again(proxy))
            proxy.mend()
            seen += await reading
    assert seen == await log_positions()


async def has_connected_again(proxy: Any) -> bool:
    return bool(proxy.accepted > 1)


async def test_a_stream_ends_when_its_token_is_revoked(
    ticketwire_client: ModuleType, service: Service, world: World, http: httpx2.AsyncClient
) -> None:
    token = await api_client_token("Short")
    client = ticketwire_client.TicketwireClient(service.http, token, http_client=http)
    async with client.follow() as stream:
        reading = asyncio.create_task(anext(stream))
        await Token.filter(digest=hash_token(token)).update(revoked_at=time.now())
        with pytest.raises(ticketwire_client.AuthenticationError):
            await asyncio.wait_for(reading, TIMEOUT_SECONDS)
        with pytest.raises(ticketwire_client.AuthenticationError):
            await anext(stream)


async def test_a_stream_of_a_ticket_ends_when_the_viewer_may_no_longer_see_it(
    ticketwire_client: ModuleType, service: Service, world: World, http: httpx2.AsyncClient
) -> None:
    """Carl sees Cora's ticket because they belong to one organization."""
    ticket = await service.client(world.cora.token).raise_ticket()
    client = ticketwire_client.TicketwireClient(service.http, world.carl.token, http_client=http)
    async with client.follow(ticket_id=ticket["id"]) as stream:
        reading = asyncio.create_task(anext(stream))
        await User.filter(id=world.carl.id).update(organization_id=None)
        await service.client(world.ada.token).mutate(
            "replyToTicket", {"ticketId": ticket["id"], "body": "for Cora"}
        )
        with pytest.raises(ticketwire_client.NotFoundError):
            await asyncio.wait_for(reading, TIMEOUT_SECONDS)


async def test_a_cursor_that_the_log_no_longer_has_ends_the_stream(
    ticketwire_client: ModuleType, service: Service, world: World, http: httpx2.AsyncClient
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    await add_notes(service.client(world.ada.token), ticket["id"], 3)
    await Event.filter(position__lte=2).delete()
    client = ticketwire_client.TicketwireClient(service.http, world.ada.token, http_client=http)
    with pytest.raises(ticketwire_client.CursorExpiredError):
        await anext(client.follow(START))
    with pytest.raises(ticketwire_client.CursorInvalidError):
        await anext(client.follow("nonsense"))


async def test_a_subscription_of_your_own_resumes_too(
    ticketwire_client: ModuleType, service: Service, world: World, http: httpx2.AsyncClient
) -> None:
    document = """subscription($after: String) {
      ticketStatusChanged(after: $after) { cursor to }
    }"""
    ticket = await service.client(world.cora.token).raise_ticket()
    ada = service.client(world.ada.token)
    async with run_tcp_proxy(service.port) as proxy:
        client = ticketwire_client.TicketwireClient(proxy.http, world.ada.token, http_client=http)
        stream = client.subscribe(
            document, {}, lambda data: data["ticketStatusChanged"]["to"], after=START
        )
        async with stream:
            statuses = [await anext(stream)]
            proxy.end_connections()
            await ada.mutate("startTicket", {"ticketId": ticket["id"]})
            await ada.mutate("closeTicket", {"ticketId": ticket["id"], "reason": "SPAM"})
            async with asyncio.timeout(TIMEOUT_SECONDS):
                statuses += [await anext(stream), await anext(stream)]
    assert statuses == ["NEW", "OPEN", "CLOSED"]
    assert stream.cursor == await head_cursor()
