"""Permissions that end while a subscriber pages from the database: a page that was read already is judged by the new ones.

A reader that is behind the log takes its entries from the database. While it does, nothing is written to the log. So the
tail, which refreshes permissions with each new entry, refreshes nothing: the reader itself has to. The tests stop the reader
between the reading of a page and its delivery, end a permission in the database, and let the reader go on. The history ends
with an entry that the subscriber may still see. When it arrives, everything before it was delivered or left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, Socket, World
from support.actors import token_of
from support.client import EVENTS
from support.live import delivered_values, positions_of, wait_for_close
from support.service import running
from support.ticket_commands import add_notifications

from engine.bus.log_tail import LogTail
from models.core import ids, time
from models.log import event
from models.log.event import Event, decode_cursor, encode_cursor
from models.notifications import notification
from models.notifications.notification import Notification
from models.people.token import Token, hash_token
from models.people.user import Organization, Role, User
from models.tickets.ticket import Ticket
from resolvers.auth.open_sessions import OpenSessions
from resolvers.context import Context
from resolvers.subscriptions import events

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

SECONDS = 60
INBOX = "subscription { notifications { id event { ticket { id } } } }"
SCOPES = ["tickets:read", "tickets:write", "events:read", "notes:read", "notes:write", "users:read"]
"""All that an agent may hold."""


@dataclass
class Pause:
    """Stops a reader once it has read a certain page, until the test lets it go on."""

    read: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    number: int | None = None
    """The first entry or notification of that page; None stops nobody."""

    async def after(self, page: Sequence[Any], number: Callable[[Any], int]) -> None:
        if self.number is not None and page and number(page[0]) == self.number:
            self.read.set()
            await asyncio.wait_for(self.go_on.wait(), SECONDS)

    async def while_reader_waits(self, end: Callable[[], Awaitable[object]]) -> None:
        await asyncio.wait_for(self.read.wait(), SECONDS)
        await end()
        self.number = None
        self.go_on.set()


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Pages of one entry, all read from the database; permissions are refreshed by nobody but readers and the tail."""
    found = Pause()
    page, read_notices = events.read_events_page, notification.read_notifications_after

    async def paged(position: int) -> list[Event]:
        entries = await page(position)
        await found.after(entries, lambda entry: entry.position)
        return entries

    async def read_after(number: int, most: int) -> list[Notification]:
        notices = await read_notices(number, most)
        await found.after(notices, lambda notice: notice.number)
        return notices

    async def never(_: OpenSessions, seconds: float = 1.0) -> None:
        await asyncio.Event().wait()

    monkeypatch.setitem(LogTail.__init__.__kwdefaults__, "max_recent", 0)
    monkeypatch.setattr(events, "MAX_BATCH_EVENTS", 1)
    monkeypatch.setattr(events, "read_events_page", paged)
    monkeypatch.setattr(events, "notification", SimpleNamespace(read_last_number=notification.read_last_number, read_notifications_after=read_after))
    monkeypatch.setattr(OpenSessions, "run", never)
    return found


@pytest.fixture
async def paging(pause: Pause, url: str) -> AsyncIterator[Service]:
    """The service, whose readers all page from the database. Its background jobs, which would write to the log, are off."""
    async with running(url, run_jobs=False) as found:
        yield found


@pytest.fixture
async def people(paging: Service) -> World:
    return await World.make()


def key(ticket: dict[str, Any]) -> UUID:
    found = ids.key_of(ids.TICKET, ticket["id"])
    assert found is not None
    return found


# ---------------------------------------------------------------- ways to lose sight of a ticket


@dataclass
class Case:
    """A subscriber who sees somebody else's ticket, until `end` is called; and what they see before and after."""

    token: str
    user_id: UUID
    shown: dict[str, Any]
    """The subscriber's own ticket."""
    hidden: dict[str, Any]
    """The ticket that disappears."""
    end: Callable[[], Awaitable[object]]


Make = Callable[[Service, World], Awaitable[Case]]


async def account_no_longer_shared(service: Service, world: World) -> Case:
    carl, cora = service.client(world.carl.token), service.client(world.cora.token)
    shown, hidden = await carl.raise_ticket("own"), await cora.raise_ticket("shared")
    return Case(world.carl.token, world.carl.id, shown, hidden, lambda: Organization.filter(name="Acme").update(shared=False))


async def moved_to_another_account(service: Service, world: World) -> Case:
    carl, cora = service.client(world.carl.token), service.client(world.cora.token)
    shown, hidden = await carl.raise_ticket("own"), await cora.raise_ticket("shared")
    return Case(
        world.carl.token,
        world.carl.id,
        shown,
        hidden,
        lambda: User.filter(id=world.carl.id).update(organization_id=None),
    )


async def ticket_given_to_another_requester(service: Service, world: World) -> Case:
    carl, cora = service.client(world.carl.token), service.client(world.cora.token)
    shown, hidden = await carl.raise_ticket("own"), await cora.raise_ticket("shared")
    olga = await User.get(id=world.olga.id)

    async def give() -> None:
        await Ticket.filter(id=key(hidden)).update(requester_id=olga.id, organization_id=olga.organization_id)

    return Case(world.carl.token, world.carl.id, shown, hidden, give)


async def agent_becomes_customer(service: Service, world: World) -> Case:
    bill, cora = service.client(world.bill.token), service.client(world.cora.token)
    given = {"subject": "own", "description": "d", "category": "sales", "requesterId": world.ada.gid}
    shown, hidden = (await bill.do("createTicket", **given))["ticket"], await cora.raise_ticket("foreign")
    token = await token_of(await User.get(id=world.ada.id), SCOPES)
    return Case(token, world.ada.id, shown, hidden, lambda: User.filter(id=world.ada.id).update(role=Role.CUSTOMER))


CASES: list[Make] = [
    account_no_longer_shared,
    moved_to_another_account,
    ticket_given_to_another_requester,
    agent_becomes_customer,
]


@dataclass
class Ended:
    """What the server says when the subscriber may not go on: an error of the operation, or the end of the socket."""

    change: Callable[[str], Awaitable[object]]
    code: str | None = None
    """The code of the operation's error; None if the socket is closed."""


async def revoke(token: str) -> None:
    await Token.filter(digest=hash_token(token)).update(revoked_at=time.now())


async def expire(token: str) -> None:
    await Token.filter(digest=hash_token(token)).update(expires_at=time.now())


async def deactivate(token: str) -> None:
    found = await Token.get(digest=hash_token(token))
    await User.filter(id=found.user_id).update(active=False)


def take_scope(scope: str) -> Callable[[str], Awaitable[object]]:
    async def take(token: str) -> None:
        await Token.filter(digest=hash_token(token)).update(scopes=[each for each in SCOPES if each != scope])

    return take


ENDS = {"revoked": Ended(revoke), "expired": Ended(expire), "deactivated": Ended(deactivate)}


async def expect_end(socket: Socket, operation: str, code: str | None, field: str) -> None:
    """The operation ends, or the socket is closed, and nothing is delivered before."""
    if code is None:
        closed, _, came = await wait_for_close(socket, SECONDS)
        assert [each for each in delivered_values(came, field) if each] == []
        assert closed == 4403
        return
    message = await socket.receive(SECONDS)
    assert (message["type"], message["id"]) == ("error", operation), message
    assert message["payload"][0]["extensions"]["code"] == code


# ---------------------------------------------------------------- the log


async def entry(client: Client, ticket: dict[str, Any]) -> int:
    """Reply to a ticket; the position of the reply's own entry."""
    return decode_cursor((await client.do("replyToTicket", ticketId=ticket["id"], body="hello"))["event"]["cursor"])


async def follow(socket: Socket, after: int) -> str:
    """Follow replies and notes alone: a reply may also change the status, which is an entry of its own."""
    return await socket.subscribe(EVENTS, after=encode_cursor(after), types=["REPLY_ADDED", "NOTE_ADDED"])


async def caught_up(tail: LogTail[Any], position: int) -> None:
    """Wait until the tail has taken everything up to a position, and so refreshed permissions for the last time."""
    await asyncio.wait_for(tail.wait_beyond(position - 1), SECONDS)


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[Context]:
    """The contexts of the sockets that open, by which tests reach the services of the running process."""
    found: list[Context] = []
    hold = OpenSessions.add_token

    def noted(self: OpenSessions, context: Context) -> None:
        found.append(context)
        hold(self, context)

    monkeypatch.setattr(OpenSessions, "add_token", noted)
    return found


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
async def test_events_read_before_visibility_ended_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context], make: Make
) -> None:
    case = await make(paging, people)
    root = paging.client(people.root.token)
    first = await entry(root, case.hidden)
    secrets = [await entry(root, case.hidden) for _ in range(3)]
    last = await entry(root, case.shown)
    pause.number = secrets[0]
    async with paging.client(case.token).socket() as socket:
        await caught_up(contexts[-1].services.event_tail, last)
        await follow(socket, first - 1)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [first], "while it is seen it is delivered"
        await pause.while_reader_waits(case.end)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [last]


async def test_notes_read_before_the_scope_was_removed_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context]
) -> None:
    bill, cora = paging.client(people.bill.token), paging.client(people.cora.token)
    ticket = await cora.raise_ticket()
    notes = [decode_cursor((await bill.do("addNote", ticketId=ticket["id"], body="for us"))["cursor"]) for _ in range(3)]
    last = await entry(bill, ticket)
    token = await token_of(await User.get(id=people.ada.id), SCOPES)
    pause.number = notes[1]
    async with paging.client(token).socket() as socket:
        await caught_up(contexts[-1].services.event_tail, last)
        await follow(socket, notes[0] - 1)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [notes[0]]
        await pause.while_reader_waits(lambda: take_scope("notes:read")(token))
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [last]


@pytest.mark.parametrize("ended", [*ENDS.values(), Ended(take_scope("events:read"), "FORBIDDEN")], ids=[*ENDS, "scope"])
async def test_events_read_before_the_token_ended_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context], ended: Ended
) -> None:
    cora, bill = paging.client(people.cora.token), paging.client(people.bill.token)
    ticket = await cora.raise_ticket()
    positions = [await entry(bill, ticket) for _ in range(4)]
    token = await token_of(await User.get(id=people.ada.id), SCOPES)
    pause.number = positions[1]
    async with paging.client(token).socket() as socket:
        await caught_up(contexts[-1].services.event_tail, positions[-1])
        operation = await follow(socket, positions[0] - 1)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [positions[0]]
        await pause.while_reader_waits(lambda: ended.change(token))
        await expect_end(socket, operation, ended.code, "ticketEvents")


# ---------------------------------------------------------------- the inbox


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a subscriber of notifications begins to read: nothing tells a client that a subscription has begun."""
    begun, take = asyncio.Event(), events.NotificationSource.next_batch

    async def noted(self: events.NotificationSource) -> list[tuple[int, Notification]]:
        begun.set()
        return await take(self)

    monkeypatch.setattr(events.NotificationSource, "next_batch", noted)
    return begun


async def told(contexts: list[Context], pause: Pause, tickets: Sequence[dict[str, Any]], user_id: UUID) -> list[str]:
    """Notify a person of each ticket, and have the reader stop after it has read the second; the notifications' ids.

    The reader is stopped when the tail announces the first ones, so the rest is written before the page is judged.
    """
    pause.number = await notification.read_last_number() + 2
    numbers = [await add_notifications(key(ticket), user_id) for ticket in tickets]
    await caught_up(contexts[-1].services.notification_tail, numbers[-1])
    await caught_up(contexts[-1].services.event_tail, await event.read_head())
    return [f"ntf_{number}" for number in numbers]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
async def test_notifications_read_before_visibility_ended_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context], reading: asyncio.Event, make: Make
) -> None:
    case = await make(paging, people)
    async with paging.client(case.token).socket() as socket:
        await socket.subscribe(INBOX)
        await asyncio.wait_for(reading.wait(), SECONDS)
        tickets = [case.hidden, case.hidden, case.hidden, case.shown]
        numbers = await told(contexts, pause, tickets, case.user_id)
        assert (await socket.next("notifications", SECONDS))["id"] == numbers[0], "while it is seen it is delivered"
        await pause.while_reader_waits(case.end)
        assert (await socket.next("notifications", SECONDS))["id"] == numbers[-1]


@pytest.mark.parametrize("ended", [*ENDS.values(), Ended(take_scope("tickets:read"), "FORBIDDEN")], ids=[*ENDS, "scope"])
async def test_notifications_read_before_the_token_ended_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context], reading: asyncio.Event, ended: Ended
) -> None:
    ticket = await paging.client(people.cora.token).raise_ticket()
    token = await token_of(await User.get(id=people.ada.id), SCOPES)
    async with paging.client(token).socket() as socket:
        operation = await socket.subscribe(INBOX)
        await asyncio.wait_for(reading.wait(), SECONDS)
        numbers = await told(contexts, pause, [ticket] * 3, people.ada.id)
        assert (await socket.next("notifications", SECONDS))["id"] == numbers[0]
        await pause.while_reader_waits(lambda: ended.change(token))
        await expect_end(socket, operation, ended.code, "notifications")
