"""Permissions that end while a subscriber reads pages from the database.

A reader that is behind the log reads its events from the database. Nothing is written to the log
meanwhile, so the tail, which refreshes permissions with each new event, refreshes nothing. The
reader has to refresh them itself. The tests pause the reader between the read of a page and its
delivery, remove a permission in the database, and let the reader continue. The history ends with
an event that the subscriber may still see. When it arrives, every earlier event was either
delivered or skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
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
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context
from resolvers.subscriptions import events, notifications
from services import components

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

SECONDS = 60
INBOX = "subscription { notifications { id event { ticket { id } } } }"
SCOPES = ["tickets:read", "tickets:write", "events:read", "notes:read", "notes:write", "users:read"]
"""All scopes that an agent may hold."""


@dataclass
class Pause:
    """Pauses a reader after it has read a certain page, until the test lets it continue."""

    read: asyncio.Event = field(default_factory=asyncio.Event)
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    number: int | None = None
    """The position or number of the first item of that page. If None, no reader pauses."""

    async def after(self, page: Sequence[Any], number: Callable[[Any], int]) -> None:
        if self.number is not None and page and number(page[0]) == self.number:
            self.read.set()
            await asyncio.wait_for(self.resume.wait(), SECONDS)

    async def while_reader_waits(self, end: Callable[[], Awaitable[object]]) -> None:
        await asyncio.wait_for(self.read.wait(), SECONDS)
        await end()
        self.number = None
        self.resume.set()


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Readers read pages of one event from the database.

    Only readers and the tail refresh permissions.
    """
    pause = Pause()
    read_events_page, read_notifications = events.read_events_page, notification.read_own_after

    async def read_page(position: int) -> list[Event]:
        page = await read_events_page(position)
        await pause.after(page, lambda event: event.position)
        return page

    async def read_after(user_id: UUID | None, number: int, limit: int) -> list[Notification]:
        page = await read_notifications(user_id, number, limit)
        await pause.after(page, lambda notification: notification.number)
        return page

    async def never(_: ViewerRegistry, seconds: float = 1.0) -> None:
        await asyncio.Event().wait()

    monkeypatch.setitem(LogTail.__init__.__kwdefaults__, "max_recent", 0)
    monkeypatch.setattr(components, "MAX_RECENT_NOTIFICATIONS", 0)
    monkeypatch.setattr(events, "MAX_BATCH_EVENTS", 1)
    monkeypatch.setattr(notifications, "MAX_BATCH_NOTIFICATIONS", 1)
    monkeypatch.setattr(events, "read_events_page", read_page)
    monkeypatch.setattr(notification, "read_own_after", read_after)
    monkeypatch.setattr(ViewerRegistry, "run", never)
    return pause


@pytest.fixture
async def paging(pause: Pause, url: str) -> AsyncIterator[Service]:
    """A service whose readers all read from the database.

    It runs no jobs, which would write to the log.
    """
    async with running(url, run_jobs=False) as service:
        yield service


@pytest.fixture
async def people(paging: Service) -> World:
    return await World.make()


def ticket_key(ticket: dict[str, Any]) -> UUID:
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    return key


# ---------------------------------------------------------------- ways to lose visibility


@dataclass
class Case:
    """A subscriber who can see another person's ticket until `end` is called."""

    token: str
    user_id: UUID
    shown: dict[str, Any]
    """The subscriber's own ticket."""
    hidden: dict[str, Any]
    """The ticket that becomes invisible."""
    end: Callable[[], Awaitable[object]]


CaseFactory = Callable[[Service, World], Awaitable[Case]]


async def account_no_longer_shared(service: Service, world: World) -> Case:
    carl, cora = service.client(world.carl.token), service.client(world.cora.token)
    shown, hidden = await carl.raise_ticket("own"), await cora.raise_ticket("shared")
    return Case(
        world.carl.token,
        world.carl.id,
        shown,
        hidden,
        lambda: Organization.filter(name="Acme").update(shared=False),
    )


async def user_removed_from_account(service: Service, world: World) -> Case:
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

    async def change_requester() -> None:
        await Ticket.filter(id=ticket_key(hidden)).update(
            requester_id=olga.id, organization_id=olga.organization_id
        )

    return Case(world.carl.token, world.carl.id, shown, hidden, change_requester)


async def agent_becomes_customer(service: Service, world: World) -> Case:
    bill, cora = service.client(world.bill.token), service.client(world.cora.token)
    arguments = {
        "subject": "own",
        "description": "d",
        "category": "sales",
        "requesterId": world.ada.gid,
    }
    shown, hidden = (
        (await bill.do("createTicket", **arguments))["ticket"],
        await cora.raise_ticket("foreign"),
    )
    token = await token_of(await User.get(id=world.ada.id), SCOPES)
    return Case(
        token,
        world.ada.id,
        shown,
        hidden,
        lambda: User.filter(id=world.ada.id).update(role=Role.CUSTOMER),
    )


CASES: list[CaseFactory] = [
    account_no_longer_shared,
    user_removed_from_account,
    ticket_given_to_another_requester,
    agent_becomes_customer,
]


@dataclass
class Ended:
    """How the server ends a subscriber: an error of the operation, or a close of the socket."""

    change: Callable[[str], Awaitable[object]]
    code: str | None = None
    """The code of the operation's error; None if the socket is closed."""


async def revoke(token: str) -> None:
    await Token.filter(digest=hash_token(token)).update(revoked_at=time.now())


async def expire(token: str) -> None:
    await Token.filter(digest=hash_token(token)).update(expires_at=time.now())


async def deactivate(token: str) -> None:
    record = await Token.get(digest=hash_token(token))
    await User.filter(id=record.user_id).update(active=False)


def remove_scope(scope: str) -> Callable[[str], Awaitable[object]]:
    async def remove(token: str) -> None:
        await Token.filter(digest=hash_token(token)).update(
            scopes=[each for each in SCOPES if each != scope]
        )

    return remove


ENDS = {"revoked": Ended(revoke), "expired": Ended(expire), "deactivated": Ended(deactivate)}


async def expect_end(socket: Socket, operation: str, code: str | None, field: str) -> None:
    """Fail unless the operation ends or the socket is closed, and no value is delivered before."""
    if code is None:
        closed, _, received = await wait_for_close(socket, SECONDS)
        assert [each for each in delivered_values(received, field) if each] == []
        assert closed == 4403
        return
    message = await socket.receive(SECONDS)
    assert (message["type"], message["id"]) == ("error", operation), message
    assert message["payload"][0]["extensions"]["code"] == code


# ---------------------------------------------------------------- the log


async def append_reply(client: Client, ticket: dict[str, Any]) -> int:
    """Reply to a ticket; return the position of the event REPLY_ADDED."""
    return decode_cursor(
        (await client.do("replyToTicket", ticketId=ticket["id"], body="hello"))["event"]["cursor"]
    )


async def subscribe_to_messages(socket: Socket, after: int) -> str:
    """Subscribe to replies and notes only, because a reply may also append a change of the
    status."""
    return await socket.subscribe(
        EVENTS, after=encode_cursor(after), types=["REPLY_ADDED", "NOTE_ADDED"]
    )


async def wait_for_tail(tail: LogTail[Any], position: int) -> None:
    """Wait until the tail has read up to the position and so refreshed permissions for the last
    time."""
    await asyncio.wait_for(tail.wait_beyond(position - 1), SECONDS)


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[Context]:
    """The contexts of the opened sockets. Through them tests reach the services of the process."""
    contexts: list[Context] = []
    add_token = ViewerRegistry.add_token

    def remember(self: ViewerRegistry, context: Context) -> None:
        contexts.append(context)
        add_token(self, context)

    monkeypatch.setattr(ViewerRegistry, "add_token", remember)
    return contexts


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
async def test_events_read_before_visibility_ended_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context], make: CaseFactory
) -> None:
    case = await make(paging, people)
    root = paging.client(people.root.token)
    first = await append_reply(root, case.hidden)
    hidden_positions = [await append_reply(root, case.hidden) for _ in range(3)]
    last = await append_reply(root, case.shown)
    pause.number = hidden_positions[0]
    async with paging.client(case.token).socket() as socket:
        await wait_for_tail(contexts[-1].services.event_tail, last)
        await subscribe_to_messages(socket, first - 1)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [first], (
            "delivered while it is visible"
        )
        await pause.while_reader_waits(case.end)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [last]


async def test_notes_read_before_the_scope_was_removed_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context]
) -> None:
    bill, cora = paging.client(people.bill.token), paging.client(people.cora.token)
    ticket = await cora.raise_ticket()
    notes = [
        decode_cursor((await bill.do("addNote", ticketId=ticket["id"], body="for staff"))["cursor"])
        for _ in range(3)
    ]
    last = await append_reply(bill, ticket)
    token = await token_of(await User.get(id=people.ada.id), SCOPES)
    pause.number = notes[1]
    async with paging.client(token).socket() as socket:
        await wait_for_tail(contexts[-1].services.event_tail, last)
        await subscribe_to_messages(socket, notes[0] - 1)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [notes[0]]
        await pause.while_reader_waits(lambda: remove_scope("notes:read")(token))
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [last]


@pytest.mark.parametrize(
    "ended", [*ENDS.values(), Ended(remove_scope("events:read"), "FORBIDDEN")], ids=[*ENDS, "scope"]
)
async def test_events_read_before_the_token_ended_are_not_delivered(
    paging: Service, people: World, pause: Pause, contexts: list[Context], ended: Ended
) -> None:
    cora, bill = paging.client(people.cora.token), paging.client(people.bill.token)
    ticket = await cora.raise_ticket()
    positions = [await append_reply(bill, ticket) for _ in range(4)]
    token = await token_of(await User.get(id=people.ada.id), SCOPES)
    pause.number = positions[1]
    async with paging.client(token).socket() as socket:
        await wait_for_tail(contexts[-1].services.event_tail, positions[-1])
        operation = await subscribe_to_messages(socket, positions[0] - 1)
        assert positions_of([await socket.next("ticketEvents", SECONDS)]) == [positions[0]]
        await pause.while_reader_waits(lambda: ended.change(token))
        await expect_end(socket, operation, ended.code, "ticketEvents")


# ---------------------------------------------------------------- the inbox


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a subscriber of notifications starts to read, which no client can observe."""
    started, wait = asyncio.Event(), notifications.NotificationSource.wait

    async def start(self: notifications.NotificationSource) -> None:
        started.set()
        await wait(self)

    monkeypatch.setattr(notifications.NotificationSource, "wait", start)
    return started


async def notify_person(
    contexts: list[Context], pause: Pause, tickets: Sequence[dict[str, Any]], user_id: UUID
) -> list[str]:
    """Notify a person of each ticket and pause the reader after the second notification; return the
    ids.

    The reader pauses when the tail announces the first ones, so the rest is written before the page
    is checked.
    """
    pause.number = await notification.read_last_number() + 2
    numbers = [await add_notifications(ticket_key(ticket), user_id) for ticket in tickets]
    await wait_for_tail(contexts[-1].services.notification_tail, numbers[-1])
    await wait_for_tail(contexts[-1].services.event_tail, await event.read_head())
    return [f"ntf_{number}" for number in numbers]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
async def test_notifications_read_before_visibility_ended_are_not_delivered(
    paging: Service,
    people: World,
    pause: Pause,
    contexts: list[Context],
    reading: asyncio.Event,
    make: CaseFactory,
) -> None:
    case = await make(paging, people)
    async with paging.client(case.token).socket() as socket:
        await socket.subscribe(INBOX)
        await asyncio.wait_for(reading.wait(), SECONDS)
        tickets = [case.hidden, case.hidden, case.hidden, case.shown]
        numbers = await notify_person(contexts, pause, tickets, case.user_id)
        assert (await socket.next("notifications", SECONDS))["id"] == numbers[0], (
            "delivered while it is visible"
        )
        await pause.while_reader_waits(case.end)
        assert (await socket.next("notifications", SECONDS))["id"] == numbers[-1]


@pytest.mark.parametrize(
    "ended",
    [*ENDS.values(), Ended(remove_scope("tickets:read"), "FORBIDDEN")],
    ids=[*ENDS, "scope"],
)
async def test_notifications_read_before_the_token_ended_are_not_delivered(
    paging: Service,
    people: World,
    pause: Pause,
    contexts: list[Context],
    reading: asyncio.Event,
    ended: Ended,
) -> None:
    ticket = await paging.client(people.cora.token).raise_ticket()
    token = await token_of(await User.get(id=people.ada.id), SCOPES)
    async with paging.client(token).socket() as socket:
        operation = await socket.subscribe(INBOX)
        await asyncio.wait_for(reading.wait(), SECONDS)
        numbers = await notify_person(contexts, pause, [ticket] * 3, people.ada.id)
        assert (await socket.next("notifications", SECONDS))["id"] == numbers[0]
        await pause.while_reader_waits(lambda: ended.change(token))
        await expect_end(socket, operation, ended.code, "notifications")
