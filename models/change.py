"""A change of one ticket: decided in memory by the verbs, then written in one step, always together with its log entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import TYPE_CHECKING
from uuid import UUID

from models import database, event, lifecycle
from models.access import Viewer
from models.errors import StaleVersion, TransitionRefused
from models.event import Event, EventType, Json
from models.instant import text
from models.lifecycle import Action, Status
from models.message import Kind, Message
from models.ticket import LinkKind, Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher

if TYPE_CHECKING:
    from collections.abc import Iterable

UNLOGGED = frozenset({"id", "description", "updated_at", "version"})
"""Columns that an entry's changes leave out: what never changes and is long, and what each change moves."""


@dataclass
class Change:
    """What happens to one ticket. The verbs read `ticket` as it becomes; nothing is stored before `write`.

    `window` is how long after its closing a ticket may be reopened.
    """

    ticket: Ticket
    by: Viewer
    at: datetime
    window: timedelta
    created: bool = False
    entries: list[Event] = field(default_factory=list[Event])
    columns: dict[str, object] = field(default_factory=dict[str, object])
    messages: list[Message] = field(default_factory=list[Message])
    added_tags: list[str] = field(default_factory=list[str])
    removed_tags: list[str] = field(default_factory=list[str])
    resources: list[TicketResource] = field(default_factory=list[TicketResource])
    added_watchers: list[UUID] = field(default_factory=list[UUID])
    removed_watchers: list[UUID] = field(default_factory=list[UUID])
    links: list[TicketLink] = field(default_factory=list[TicketLink])

    def set(self, **values: object) -> dict[str, Json]:
        """Give columns new values; returns `[from, to]` for those that differ."""
        changes: dict[str, Json] = {}
        for name, value in values.items():
            before = getattr(self.ticket, name)
            if before != value:
                setattr(self.ticket, name, value)
                self.columns[name] = value
                changes[name] = [plain(before), plain(value)]
        return changes

    def log(
        self,
        type: EventType,
        changes: dict[str, Json] | None = None,
        *,
        message: Message | None = None,
        internal: bool = False,
        **said: Json,
    ) -> None:
        """Add an entry; it gets its position when it is written."""
        self.entries.append(
            Event(
                type=type,
                ticket_id=self.ticket.id,
                message_id=message.id if message else None,
                actor_user_id=self.by.user_id,
                actor_client_id=self.by.client_id,
                occurred_at=self.at,
                version=self.ticket.version,
                internal=internal,
                data={"changes": changes or {}, **said},
            )
        )

    def move(self, action: Action, comment: str | None = None, **values: object) -> None:
        """Take a step of the life cycle. Raises TransitionRefused where the table has none."""
        before = self.ticket.status
        if self.ticket.merged_into_id is not None and action is Action.REOPEN:
            raise merged(before, action)
        try:
            after = lifecycle.advance(before, action, reopenable=self.ticket.is_reopenable(self.at, self.window))
        except TransitionRefused as refusal:
            refusal.allowed = self.allowed_actions()
            raise
        if before is Status.ON_HOLD:
            values.setdefault("held_until", None)
        changes = self.set(status=after, **values)
        self.log(EventType.STATUS_CHANGED, changes, action=action.value, comment=comment)

    def allowed_actions(self) -> list[Action]:
        return self.ticket.allowed_actions(self.at, self.window, customer=self.by.is_customer)

    def say(self, kind: Kind, body: str, **values: object) -> Message:
        """Add a message and its entry."""
        message = Message(
            ticket_id=self.ticket.id,
            kind=kind,
            author_user_id=self.by.user_id,
            author_client_id=self.by.client_id,
            body=body,
            created_at=self.at,
        )
        self.messages.append(message)
        type = EventType.REPLY_ADDED if kind is Kind.REPLY else EventType.NOTE_ADDED
        self.log(type, self.set(**values), message=message, internal=kind is Kind.NOTE)
        return message

    def link(self, other: Ticket, kind: LinkKind) -> None:
        """Add one direction of a link and its entry."""
        self.links.append(TicketLink(ticket_id=self.ticket.id, other_id=other.id, kind=kind))
        self.log(EventType.LINKED, kind=kind.value, other_id=str(other.id))


def merged(status: Status, action: Action) -> TransitionRefused:
    return TransitionRefused(status, action, [], "This ticket was merged into another; go on there.")


def plain(value: object) -> Json:
    """A column's value as the log keeps it."""
    if isinstance(value, datetime):
        return text(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return str(value.value)
    assert value is None or isinstance(value, (str, int, bool))
    return value


def stored(ticket: Ticket) -> dict[str, Json]:
    """The ticket's columns as the log keeps them: what folding all its entries gives."""
    columns = ticket._meta.fields_db_projection.values()  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return {name: plain(getattr(ticket, name)) for name in columns if name not in UNLOGGED}


async def write(*changes: Change) -> int:
    """Store the changes and their entries, in one transaction of the caller's; returns the position they reached.

    Raises StaleVersion where a ticket moved on since it was read. A change without entries stores nothing.
    """
    changed = [change for change in changes if change.entries]
    for change in changed:
        await (insert(change) if change.created else update(change))
        await attach(change)
    # Last, for from here to the commit every other writer waits.
    entries = [entry for change in changed for entry in change.entries]
    await event.append(entries)
    return max((entry.position for entry in entries), default=0)


async def insert(change: Change) -> None:
    await change.ticket.save(force_create=True)


async def update(change: Change) -> None:
    """The guarded write: it finds its row only while the version is the one that was read."""
    ticket, read = change.ticket, change.ticket.version
    ticket.version, ticket.updated_at = read + 1, change.at
    found = await Ticket.filter(id=ticket.id, version=read).update(
        **change.columns, version=ticket.version, updated_at=ticket.updated_at
    )
    if not found:  # SQLite counts the rows that triggers wrote as well
        raise StaleVersion((await Ticket.get(id=ticket.id)).version)
    for entry in change.entries:
        entry.version = ticket.version


async def attach(change: Change) -> None:
    """What hangs on the ticket: messages, tags, resources, watchers, links."""
    ticket_id = change.ticket.id
    for message in change.messages:
        await message.save(force_create=True)
    if change.added_tags:
        await TicketTag.bulk_create(TicketTag(ticket_id=ticket_id, name=name) for name in change.added_tags)
    if change.removed_tags:
        await TicketTag.filter(ticket_id=ticket_id, name__in=change.removed_tags).delete()
    if change.resources:
        await TicketResource.bulk_create(change.resources)
    if change.added_watchers:
        await TicketWatcher.bulk_create(TicketWatcher(ticket_id=ticket_id, user_id=user_id) for user_id in change.added_watchers)
    if change.removed_watchers:
        await TicketWatcher.filter(ticket_id=ticket_id, user_id__in=change.removed_watchers).delete()
    if change.links:
        await TicketLink.bulk_create(change.links)


async def read_locked(ticket_ids: Iterable[UUID]) -> dict[UUID, Ticket]:
    """Tickets as they stand, kept from other writers until the transaction ends; in one order, against deadlocks."""
    found = await Ticket.filter(id__in=sorted(set(ticket_ids))).order_by("id").select_for_update()
    return {ticket.id: ticket for ticket in found}


async def next_number() -> int:
    """The next ticket's number."""
    return (await next_numbers(1))[0]


async def next_numbers(count: int) -> list[int]:
    """The numbers of the next tickets, ascending, for the transaction that stores them.

    On Postgres a sequence, so that raising tickets does not queue; a rollback leaves a gap.
    """
    if database.dialect() == "postgres":
        found = await database.rows("SELECT nextval('ticket_numbers') AS number FROM generate_series(1, ?)", [count])
        return sorted(int(str(row["number"])) for row in found)
    found = await database.rows("SELECT COALESCE(MAX(number), 1000) AS number FROM tickets")
    last = int(str(found[0]["number"]))
    return list(range(last + 1, last + 1 + count))


async def replay(ticket: Ticket) -> dict[str, Json]:
    """The ticket's columns as its entries alone tell them: what `stored` must equal."""
    entries: Sequence[Event] = await Event.filter(ticket_id=ticket.id).order_by("position")
    told: dict[str, Json] = dict.fromkeys(stored(ticket))
    for entry in entries:
        told.update({name: change[1] for name, change in entry.changes.items() if name in told})
    return told
