"""Presence at tickets over real sockets: snapshots, expiry, permissions, cost, several servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count, pairwise
from math import inf
from random import Random
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, Socket, World
from support.actors import api_client_token, token_of
from support.assert_unchanged import assert_nothing_stored, format_error
from support.live import operation_error, until, wait_for_close
from support.presence_client import (
    PRESENCE_SUBSCRIPTION,
    PresenceSnapshot,
    next_snapshot,
    run_set_presence,
    set_presence,
    snapshot_of,
    subscribe_to_presence,
)
from support.redis_server import redis_server
from support.service import Clock, running, start
from support.statements import statements

from models import database
from models.core import ids, time
from models.people.token import Token, hash_token
from models.people.user import Role, User
from models.tickets import presence
from models.tickets.presence import Presence
from resolvers.services import presence_tail
from resolvers.services.presence_tail import PresenceTail

pytestmark = pytest.mark.never_retried

UNKNOWN_TICKET = ids.encode(ids.TICKET, UUID(int=7))


@pytest.fixture(autouse=True)
def presence_tails(monkeypatch: pytest.MonkeyPatch) -> list[PresenceTail]:
    """The presence tails of the services that start in this process."""
    created: list[PresenceTail] = []
    initialise = PresenceTail.__init__

    def remember(self: PresenceTail, *arguments: Any, **options: Any) -> None:
        initialise(self, *arguments, **options)
        created.append(self)

    monkeypatch.setattr(PresenceTail, "__init__", remember)
    return created


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock advances by a millisecond per call, and when a test advances it.

    So no presence expires because a test is slow.
    """
    calls, start = count(), time.now()
    monkeypatch.setattr(
        Clock, "__call__", lambda self: start + self.ahead + timedelta(milliseconds=next(calls))
    )


def sources_of(tail: PresenceTail, ticket: dict[str, Any]) -> set[object]:
    """The sources that are subscribed to a ticket."""
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    watched = tail.watched.get(key)
    return set(watched.sources) if watched else set()


@pytest.fixture
def wakeups_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tails do not poll; only wake-ups trigger a read. Request it before the service."""
    monkeypatch.setattr(presence_tail, "POLL_SECONDS", 3600.0)


@pytest.fixture
async def ticket(service: Service, world: World) -> dict[str, Any]:
    return await service.client(world.cora.token).raise_ticket()


# ---------------------------------------------------------------- snapshots


@pytest.mark.usefixtures("wakeups_only")
async def test_agents_see_each_other_at_once(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    assert await set_presence(ada, ticket, "LOOKING") == {"Ada": "LOOKING"}
    async with (
        ada.socket() as ada_socket,
        bill.socket() as bill_socket,
        service.client(world.root.token).socket() as root_socket,
    ):
        sockets = (ada_socket, bill_socket, root_socket)
        for socket in sockets:
            await subscribe_to_presence(socket, ticket)
            assert await next_snapshot(socket) == {"Ada": "LOOKING"}
        for client, state, expected in (
            (bill, "LOOKING", {"Ada": "LOOKING", "Bill": "LOOKING"}),
            (bill, "WRITING", {"Ada": "LOOKING", "Bill": "WRITING"}),
            (ada, "WRITING", {"Ada": "WRITING", "Bill": "WRITING"}),
            (bill, "LOOKING", {"Ada": "WRITING", "Bill": "LOOKING"}),
            (ada, "GONE", {"Bill": "LOOKING"}),
            (bill, "GONE", {}),
        ):
            assert await set_presence(client, ticket, state) == expected
            for socket in sockets:
                assert await next_snapshot(socket) == expected


async def test_a_snapshot_contains_each_person_with_state_and_time(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    before = (await run_set_presence(ada, ticket, "LOOKING"))["presence"]["people"][0]["since"]
    service.clock.advance(seconds=5)
    await set_presence(ada, ticket, "LOOKING")
    then = (await run_set_presence(bill, ticket, "WRITING"))["presence"]["people"][1]["since"]
    assert before < then
    async with ada.socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await socket.next("ticketPresence") == {
            "ticket": {"id": ticket["id"]},
            "people": [
                {
                    "state": "LOOKING",
                    "since": before,
                    "user": {"id": world.ada.gid, "displayName": "Ada"},
                },
                {
                    "state": "WRITING",
                    "since": then,
                    "user": {"id": world.bill.gid, "displayName": "Bill"},
                },
            ],
        }


async def test_a_person_writes_if_one_of_their_windows_writes(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada = service.client(world.ada.token)
    other = service.client(await token_of(await User.get(id=world.ada.id)))
    async with service.client(world.bill.token).socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {}
        await set_presence(ada, ticket, "WRITING", clientKey="left")
        assert await next_snapshot(socket) == {"Ada": "WRITING"}
        await set_presence(ada, ticket, "LOOKING", clientKey="right")
        await set_presence(other, ticket, "LOOKING")
        await set_presence(ada, ticket, "GONE", clientKey="left")
        assert await next_snapshot(socket) == {"Ada": "LOOKING"}
        # without a client key, the token identifies the window
        await set_presence(ada, ticket, "WRITING")
        assert await next_snapshot(socket) == {"Ada": "WRITING"}
        await set_presence(other, ticket, "GONE")
        await set_presence(ada, ticket, "GONE", clientKey="right")
        await set_presence(ada, ticket, "LOOKING")
        assert await next_snapshot(socket) == {"Ada": "LOOKING"}
        await set_presence(ada, ticket, "GONE")
        assert await next_snapshot(socket) == {}


async def test_presence_expires_after_15_seconds_without_a_refresh(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    async with service.client(world.root.token).socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {}
        await set_presence(ada, ticket, "WRITING")
        assert await next_snapshot(socket) == {"Ada": "WRITING"}
        for _ in range(3):
            service.clock.advance(seconds=9)
            await set_presence(ada, ticket, "WRITING")
        await set_presence(bill, ticket, "LOOKING")
        assert await next_snapshot(socket) == {"Ada": "WRITING", "Bill": "LOOKING"}
        service.clock.advance(seconds=9)
        await set_presence(bill, ticket, "LOOKING")
        service.clock.advance(seconds=6)
        assert await next_snapshot(socket) == {"Bill": "LOOKING"}
        service.clock.advance(seconds=15)
        assert await next_snapshot(socket) == {}


async def test_presence_expires_after_a_socket_is_cut(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada = service.client(world.ada.token)
    async with service.client(world.bill.token).socket() as bill_socket:
        await subscribe_to_presence(bill_socket, ticket)
        assert await next_snapshot(bill_socket) == {}
        async with ada.socket() as ada_socket:
            await subscribe_to_presence(ada_socket, ticket)
            await set_presence(ada, ticket, "WRITING")
            assert await next_snapshot(bill_socket) == {"Ada": "WRITING"}
            ada_socket.connection.transport.abort()
        service.clock.advance(seconds=15)
        assert await next_snapshot(bill_socket) == {}


async def test_each_ticket_has_its_own_presence(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    other = await bill.raise_ticket()
    async with ada.socket() as socket, bill.socket() as another:
        await subscribe_to_presence(socket, ticket)
        await subscribe_to_presence(another, other)
        assert await next_snapshot(socket) == await next_snapshot(another) == {}
        await set_presence(ada, other, "LOOKING")
        assert await next_snapshot(another) == {"Ada": "LOOKING"}
        await set_presence(bill, ticket, "LOOKING")
        assert await next_snapshot(socket) == {"Bill": "LOOKING"}


@pytest.mark.parametrize(
    "change", [{"active": False}, {"role": Role.CUSTOMER}], ids=["deactivated", "customer"]
)
async def test_former_staff_disappear_from_the_snapshot(
    service: Service, world: World, ticket: dict[str, Any], change: dict[str, Any]
) -> None:
    ada = service.client(world.ada.token)
    await set_presence(service.client(world.bill.token), ticket, "LOOKING")
    async with ada.socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {"Bill": "LOOKING"}
        await User.filter(id=world.bill.id).update(**change)
        assert await next_snapshot(socket) == {}


async def test_presence_is_not_stored_in_the_log(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada = service.client(world.ada.token)
    async with assert_nothing_stored():
        for state in ("LOOKING", "WRITING", "WRITING", "LOOKING", "GONE"):
            await set_presence(ada, ticket, state)


# ---------------------------------------------------------------- each snapshot once


async def test_a_late_subscriber_starts_with_the_current_snapshot(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    expected: PresenceSnapshot = {}
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[Socket] = []
        for state in ("LOOKING", "WRITING", "LOOKING", "GONE", "LOOKING"):
            socket = await stack.enter_async_context(bill.socket())
            await subscribe_to_presence(socket, ticket)
            assert await next_snapshot(socket) == expected
            sockets.append(socket)
            expected = await set_presence(ada, ticket, state)
            for each in sockets:
                assert await next_snapshot(each) == expected


@pytest.mark.stress
@pytest.mark.parametrize("example", range(2))
async def test_no_snapshot_is_repeated_and_the_last_one_is_current(
    service: Service, world: World, ticket: dict[str, Any], random: Random, example: int
) -> None:
    people = [world.ada, world.bill, world.root]

    async def change_state(client: Client) -> None:
        for _ in range(25):
            state = random.choice(["LOOKING", "WRITING", "GONE"])
            await set_presence(client, ticket, state, clientKey=random.choice(["a", "b"]))

    async def read_current() -> Any:
        """The people in the payload of a mutation, which reads the current state."""
        return (await run_set_presence(service.client(world.ada.token), ticket, "LOOKING"))[
            "presence"
        ]["people"]

    async def read(client: Client, received: list[Any], limit: float) -> None:
        """Read the given number of snapshots into `received`."""
        async with client.socket() as socket:
            await subscribe_to_presence(socket, ticket)
            while len(received) < limit:
                message = await socket.receive(None)
                people = message["payload"]["data"]["ticketPresence"]["people"]
                for each in people:
                    del each["user"]["id"]
                received.append(people)

    snapshots = [list[Any]() for _ in range(9)]
    staying = [
        asyncio.create_task(read(service.client(person.token), received, inf))
        for person, received in zip(people * 2, snapshots, strict=False)
    ]
    visitors = [
        asyncio.create_task(read(service.client(random.choice(people).token), received, 1))
        for received in snapshots[6:]
    ]
    await asyncio.gather(*(change_state(service.client(person.token)) for person in people))
    current = await read_current()

    async def all_are_current() -> bool:
        for reading in staying:
            if reading.done():
                reading.result()
        return all(received and received[-1] == current for received in snapshots[:6])

    await until(all_are_current)
    await asyncio.gather(*visitors)
    for reading in staying:
        reading.cancel()
    await asyncio.gather(*staying, return_exceptions=True)
    for received in snapshots:
        assert all(before != after for before, after in pairwise(received))


# ---------------------------------------------------------------- permissions


async def test_customers_and_anonymous_clients_have_no_access(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    await set_presence(service.client(world.ada.token), ticket, "WRITING")
    for token, code in (
        (world.cora.token, "FORBIDDEN"),
        (world.olga.token, "FORBIDDEN"),
        (None, "UNAUTHENTICATED"),
    ):
        client = service.client(token)
        for ticket_id in (ticket["id"], UNKNOWN_TICKET):
            async with assert_nothing_stored():
                with pytest.raises(Refused) as refused:
                    await run_set_presence(client, {"id": ticket_id}, "LOOKING")
                assert refused.value.code == code
            async with client.socket() as socket:
                await socket.subscribe(PRESENCE_SUBSCRIPTION, id=ticket_id)
                assert await operation_error(socket) == code


async def test_api_clients_can_read_but_not_set_presence(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    sync = service.client(world.api_client_token)
    with pytest.raises(Refused) as refused:
        await run_set_presence(sync, ticket, "LOOKING")
    assert refused.value.code == "FORBIDDEN"
    async with sync.socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {}
        await set_presence(service.client(world.ada.token), ticket, "LOOKING")
        assert await next_snapshot(socket) == {"Ada": "LOOKING"}
    async with service.client(await api_client_token("Narrow", ["events:read"])).socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await operation_error(socket) == "FORBIDDEN"


async def test_a_write_only_token_sees_only_its_own_presence(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    await set_presence(service.client(world.bill.token), ticket, "WRITING")
    writing = service.client(await token_of(await User.get(id=world.ada.id), ["tickets:write"]))
    assert await set_presence(writing, ticket, "LOOKING") == {"Ada": "LOOKING"}
    assert await set_presence(writing, ticket, "GONE") == {}


@pytest.mark.parametrize(
    "ticket_id",
    [
        UNKNOWN_TICKET,
        "",
        "x",
        "tkt_",
        "tkt_7",
        "usr_" + str(UUID(int=7)),
        "evt_1",
        "tkt_\0",
        "t" * 5000,
    ],
)
async def test_an_unknown_ticket_is_not_found(
    service: Service, world: World, ticket_id: str
) -> None:
    ada = service.client(world.ada.token)
    for state in ("LOOKING", "GONE"):
        async with assert_nothing_stored():
            payload = await run_set_presence(ada, {"id": ticket_id}, state)
        assert payload["presence"] is None
        assert [format_error(each) for each in payload["userErrors"]] == ["NOT_FOUND ticketId"]
    async with ada.socket() as socket:
        await socket.subscribe(PRESENCE_SUBSCRIPTION, id=ticket_id)
        assert await operation_error(socket) == "NOT_FOUND"
        await socket.subscribe("{ viewer { role } }")
        assert await socket.next("viewer") == {"role": "AGENT"}


async def test_invalid_client_keys_are_refused(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    ada = service.client(world.ada.token)
    for key, code in (
        ("", "REQUIRED"),
        (" ", "REQUIRED"),
        ("k" * 65, "TOO_LONG"),
        ("a\0", "INVALID"),
    ):
        async with assert_nothing_stored():
            payload = await run_set_presence(ada, ticket, "LOOKING", clientKey=key)
        assert payload["presence"] is None
        assert [format_error(each) for each in payload["userErrors"]] == [f"{code} clientKey"]
    assert await set_presence(ada, ticket, "LOOKING", clientKey="k" * 64) == {"Ada": "LOOKING"}


async def test_losing_the_permission_ends_the_subscription(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    bill = service.client(world.bill.token)
    narrowed = await token_of(await User.get(id=world.ada.id))
    async with (
        service.client(world.ada.token).socket() as ada_socket,
        service.client(narrowed).socket() as narrow,
        bill.socket() as bill_socket,
    ):
        for socket in (ada_socket, narrow, bill_socket):
            await subscribe_to_presence(socket, ticket)
            assert await next_snapshot(socket) == {}
        await Token.filter(digest=hash_token(narrowed)).update(scopes=["tickets:write"])
        await set_presence(bill, ticket, "LOOKING")
        assert await next_snapshot(bill_socket) == {"Bill": "LOOKING"}
        assert await next_snapshot(ada_socket) == {"Bill": "LOOKING"}
        assert await operation_error(narrow) == "FORBIDDEN"
        await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
        await set_presence(bill, ticket, "WRITING")
        assert await next_snapshot(bill_socket) == {"Bill": "WRITING"}
        assert await operation_error(ada_socket) == "FORBIDDEN"
        await ada_socket.subscribe("{ viewer { role } }")
        assert await ada_socket.next("viewer") == {"role": "CUSTOMER"}


async def test_an_ended_token_closes_the_socket_before_further_delivery(
    service: Service, world: World, ticket: dict[str, Any]
) -> None:
    async with service.client(world.ada.token).socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {}
        await User.filter(id=world.ada.id).update(active=False)
        await set_presence(service.client(world.bill.token), ticket, "LOOKING")
        code, _, received = await wait_for_close(socket)
        assert (code, received) == (4403, [])


async def test_gaining_permissions_does_not_repeat_the_snapshot(
    service: Service, world: World, ticket: dict[str, Any], presence_tails: list[PresenceTail]
) -> None:
    bill = service.client(world.bill.token)
    await set_presence(bill, ticket, "LOOKING")
    async with service.client(world.ada.token).socket() as socket:
        operation = await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {"Bill": "LOOKING"}
        before = sources_of(presence_tails[-1], ticket)
        await User.filter(id=world.ada.id).update(role=Role.ADMIN)

        async def has_new_source() -> bool:
            return (
                bool(sources_of(presence_tails[-1], ticket))
                and not sources_of(presence_tails[-1], ticket) & before
            )

        await until(has_new_source)
        await set_presence(bill, ticket, "WRITING")
        message = await socket.receive()
        assert (message["id"], snapshot_of(message["payload"]["data"]["ticketPresence"])) == (
            operation,
            {"Bill": "WRITING"},
        )


# ---------------------------------------------------------------- cost


async def test_subscribers_with_equal_permissions_share_one_source(
    service: Service, world: World, ticket: dict[str, Any], presence_tails: list[PresenceTail]
) -> None:
    (tail,) = presence_tails
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)

    async def wait_for_sources(sources: int) -> None:
        async def has_sources() -> bool:
            return len(sources_of(tail, ticket)) == sources

        await until(has_sources)

    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client.socket()) for client in (ada, bill) * 5]
        operations = [await subscribe_to_presence(socket, ticket) for socket in sockets]
        for socket in sockets:
            assert await next_snapshot(socket) == {}
        await wait_for_sources(1)
        async with service.client(world.root.token).socket() as socket:
            await subscribe_to_presence(socket, ticket)
            await next_snapshot(socket)
            await wait_for_sources(2)
        await wait_for_sources(1)
        for socket, operation in zip(sockets[:4], operations, strict=False):
            await socket.send({"type": "complete", "id": operation})
        for socket in sockets[4:7]:
            socket.connection.transport.abort()
        await set_presence(ada, ticket, "LOOKING")
        for socket in sockets[7:]:
            assert await next_snapshot(socket) == {"Ada": "LOOKING"}
    await wait_for_sources(0)
    assert tail.watched == {}


async def test_a_poll_costs_one_statement_for_all_tickets_and_subscribers(
    service: Service, world: World, presence_tails: list[PresenceTail]
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    costs: list[int] = []
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            ticket = await bill.raise_ticket()
            for client in (ada, bill, ada):
                socket = await stack.enter_async_context(client.socket())
                await subscribe_to_presence(socket, ticket)
                assert await next_snapshot(socket) == {}
            with statements() as quiet:
                await presence_tails[-1].read_presence()
            await Presence.create(
                ticket_id=ids.key_of(ids.TICKET, ticket["id"]),
                user_id=world.ada.id,
                **window_row(service),
            )
            with statements() as changed:
                await presence_tails[-1].read_presence()
            assert await next_snapshot(socket) == {"Ada": "LOOKING"}
            costs.append(len(changed))
            assert len(quiet) == 1
    # after a change the tail also reads the permissions of subscribers and of new tokens
    assert set(costs) <= {1, 2, 3}


def window_row(service: Service) -> dict[str, Any]:
    """The columns of a window that looks, stored without the mutation and its wake-up."""
    at = service.clock()
    return {
        "client_key": "x",
        "state": presence.PresenceState.LOOKING,
        "since": at,
        "until": at + presence.PRESENCE_LIFETIME,
    }


async def test_a_database_error_delays_the_snapshot(
    service: Service, world: World, ticket: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_presence, failures = presence.read_presence, [ConnectionRefusedError("away")] * 2

    async def failing(*arguments: Any) -> Any:
        task = asyncio.current_task()
        if (
            failures
            and task is not None
            and "PresenceTail" in getattr(task.get_coro(), "__qualname__", "")
        ):
            raise failures.pop()
        return await read_presence(*arguments)

    ada = service.client(world.ada.token)
    async with service.client(world.bill.token).socket() as socket:
        await subscribe_to_presence(socket, ticket)
        assert await next_snapshot(socket) == {}
        monkeypatch.setattr(presence, "read_presence", failing)
        await set_presence(ada, ticket, "LOOKING")
        assert await next_snapshot(socket) == {"Ada": "LOOKING"}
        assert failures == []


# ---------------------------------------------------------------- several processes


async def test_servers_without_a_bus_share_presence_by_polling(url: str) -> None:
    await database.connect(url)
    try:
        world = await World.make()
    finally:
        await database.disconnect()
    servers = await asyncio.gather(
        *(start(url, TICKETWIRE_RUN_JOBS="false", TICKETWIRE_BUS_URL="memory://") for _ in range(2))
    )
    try:
        here, there = servers
        ada, bill = here.client(world.ada.token), there.client(world.bill.token)
        ticket = await here.client(world.cora.token).raise_ticket()
        async with ada.socket() as ada_socket, bill.socket() as bill_socket:
            for socket in (ada_socket, bill_socket):
                await subscribe_to_presence(socket, ticket)
                assert await next_snapshot(socket) == {}
            for states, expected in (
                ({ada: "LOOKING"}, {"Ada": "LOOKING"}),
                ({ada: "LOOKING", bill: "WRITING"}, {"Ada": "LOOKING", "Bill": "WRITING"}),
                ({ada: "GONE", bill: "WRITING"}, {"Bill": "WRITING"}),
            ):
                async with refresh_presence(ticket, states):
                    for socket in (ada_socket, bill_socket):
                        while await next_snapshot(socket) != expected:
                            pass  # on a slow machine a presence may expire and return
    finally:
        for server in servers:
            server.kill()


@pytest.mark.usefixtures("wakeups_only")
async def test_a_wakeup_through_redis_delivers_the_presence_on_another_server(url: str) -> None:
    """The subscriber's server does not poll, so it reads only after a wake-up."""
    async with (
        redis_server() as bus,
        running(url, bus_url=bus.url, run_jobs=False, own_time=True) as here,
    ):
        world = await World.make()
        ticket = await here.client(world.cora.token).raise_ticket()
        there = await start(url, TICKETWIRE_RUN_JOBS="false", TICKETWIRE_BUS_URL=bus.url)
        try:
            async with here.client(world.bill.token).socket() as socket:
                await subscribe_to_presence(socket, ticket)
                assert await next_snapshot(socket) == {}
                await set_presence(there.client(world.ada.token), ticket, "LOOKING")
                assert await next_snapshot(socket) == {"Ada": "LOOKING"}
        finally:
            there.kill()


@contextlib.asynccontextmanager
async def refresh_presence(
    ticket: dict[str, Any], states: dict[Client, str]
) -> AsyncIterator[None]:
    """Refresh the presence every second, as clients do, because these servers use the real
    clock."""

    async def repeat() -> None:
        while True:
            for client, state in states.items():
                await set_presence(client, ticket, state)
            await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        refreshing = group.create_task(repeat())
        yield
        refreshing.cancel()
