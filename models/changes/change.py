"""A change of one ticket: decided in memory by the verbs, then written in one step, always together with its log entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise.models import Model

from models import database
from models.access.permissions import Viewer
from models.changes import idempotency
from models.changes.idempotency import KeyedRequest, ResultReference
from models.core.errors import StaleVersion
from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, Many
from models.core.sql import in_list
from models.core.time import text
from models.database import batch
from models.log import event
from models.log.event import QUIET, Event, EventType, Json
from models.sla import update as clocks
from models.sla.inputs import TOLD, Side
from models.sla.state_machine import Clocks
from models.sla.update import settle
from models.tickets import lifecycle
from models.tickets.lifecycle import Action, Status, TransitionRefused
from models.tickets.message import Kind, Message
from models.tickets.ticket import LinkKind, Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher

if TYPE_CHECKING:
    from collections.abc import Iterable

UNLOGGED_COLUMNS = frozenset({"id", "description", "updated_at", "version", "status_since", "sla_breaches_at"})
"""Columns that an entry's changes leave out: what never changes and is long, what each change moves, what follows from others."""


@dataclass
class TicketChange:
    """What happens to one ticket. The verbs read `ticket` as it becomes; nothing is stored before `write`.

    `window` is how long after its closing a ticket may be reopened. A `timed` change is made for what time does to the clocks.
    One that `has_terms` was given already those that hold now.
    """

    ticket: Ticket
    actor: Viewer
    at: datetime
    reopen_window: timedelta
    creates_ticket: bool = False
    advances_clocks: bool = False
    has_current_terms: bool = False
    previous_terms: str | None = field(init=False)
    previous_status_since: datetime | None = field(init=False)
    events: list[Event] = field(default_factory=list[Event])
    columns: dict[str, object] = field(default_factory=dict[str, object])
    messages: list[Message] = field(default_factory=list[Message])
    added_tags: list[str] = field(default_factory=list[str])
    removed_tags: list[str] = field(default_factory=list[str])
    resources: list[TicketResource] = field(default_factory=list[TicketResource])
    added_watchers: list[UUID] = field(default_factory=list[UUID])
    removed_watchers: list[UUID] = field(default_factory=list[UUID])
    links: list[TicketLink] = field(default_factory=list[TicketLink])
    clocks: Clocks | None = None

    def __post_init__(self) -> None:
        self.previous_terms, self.previous_status_since = self.ticket.sla_terms, self.ticket.status_since

    @property
    def main_event(self) -> Event | None:
        """The entry that says what was done; the others say what followed."""
        return next((entry for entry in self.events if entry.type not in TOLD), None)

    @property
    def is_quiet(self) -> bool:
        return not self.creates_ticket and all(entry.type in QUIET for entry in self.events)

    def set(self, **values: object) -> dict[str, Json]:
        """Give columns new values; returns `[from, to]` for those that differ."""
        changes: dict[str, Json] = {}
        for name, value in values.items():
            before = getattr(self.ticket, name)
            if before != value:
                setattr(self.ticket, name, value)
                self.columns[name] = value
                changes[name] = [serialize_value(before), serialize_value(value)]
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
        self.events.append(
            new_record(
                Event,
                type=type,
                ticket_id=self.ticket.id,
                message_id=message.id if message else None,
                actor_user_id=self.actor.user_id,
                actor_client_id=self.actor.client_id,
                occurred_at=self.at,
                version=self.ticket.version,
                internal=internal,
                data={"changes": changes or {}, **said},
            )
        )

    def transition(self, action: Action, comment: str | None = None, side: Side | None = None, **values: object) -> None:
        """Take a step of the life cycle. Raises TransitionRefused where the table has none."""
        before = self.ticket.status
        if self.ticket.merged_into_id is not None and action is Action.REOPEN:
            raise build_merged_refusal(before, action)
        try:
            after = lifecycle.advance(before, action, reopenable=self.ticket.is_reopenable(self.at, self.reopen_window))
        except TransitionRefused as refusal:
            refusal.allowed = self.allowed_actions()
            raise
        if before is Status.ON_HOLD:
            values.setdefault("held_until", None)
        changes = self.set(status=after, reminded_at=None, **values)
        self.ticket.status_since = self.columns["status_since"] = max(self.at, self.previous_status_since or self.at)
        self.log(EventType.STATUS_CHANGED, changes, action=action.value, comment=comment, side=side.value if side else None)

    def allowed_actions(self) -> list[Action]:
        return self.ticket.allowed_actions(self.at, self.reopen_window, customer=self.actor.is_customer)

    def add_message(self, kind: Kind, body: str, side: Side | None = None, **values: object) -> Message:
        """Add a message and its entry; `side` tells who speaks in a reply."""
        message = new_record(
            Message,
            ticket_id=self.ticket.id,
            kind=kind,
            author_user_id=self.actor.user_id,
            author_client_id=self.actor.client_id,
            body=body,
            created_at=self.at,
        )
        self.messages.append(message)
        type = EventType.REPLY_ADDED if kind is Kind.REPLY else EventType.NOTE_ADDED
        spoke = side.value if side else None
        self.log(type, self.set(**values), message=message, internal=kind is Kind.NOTE, side=spoke)
        return message

    def add_link(self, other: Ticket, kind: LinkKind) -> None:
        """Add one direction of a link and its entry."""
        self.links.append(new_record(TicketLink, ticket_id=self.ticket.id, other_id=other.id, kind=kind))
        self.log(EventType.LINKED, kind=kind.value, other_id=str(other.id))


def build_merged_refusal(status: Status, action: Action) -> TransitionRefused:
    return TransitionRefused(status, action, [], "This ticket was merged into another; go on there.")


def serialize_value(value: object) -> Json:
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


def serialize_ticket(ticket: Ticket) -> dict[str, Json]:
    """The ticket's columns as the log keeps them: what folding all its entries gives."""
    columns = ticket._meta.fields_db_projection.values()  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return {name: serialize_value(getattr(ticket, name)) for name in columns if name not in UNLOGGED_COLUMNS}


async def write(*changes: TicketChange, key: KeyedRequest | None = None, last: bool = False) -> int:
    """Store the changes and their entries, in one transaction of the caller's; returns the position they reached.

    With them goes the key that the first was asked for with. `last` says that nothing else belongs to the transaction.
    Raises StaleVersion where a ticket moved on since it was read. A change without entries stores nothing.
    """
    await settle(changes)
    changed = [change for change in changes if change.events]
    entries = [entry for change in changed for entry in change.events]
    if not entries:
        return 0
    updated = [
        (change, step) for change in changed if not change.creates_ticket and (step := build_guarded_update(change)) is not None
    ]
    todo = [*(step for _, step in updated), *build_record_statements(changed)]
    # Last of what locks, for from here to the commit every other writer waits.
    log = event.appended(entries)
    remembered = idempotency.build_insert(key, build_result_reference(changes[0])) if key is not None else []
    told = await batch.execute([*todo, *log, *remembered], last=last and not updated)
    for (change, _), found in zip(updated, told, strict=False):
        if not found:
            raise StaleVersion((await Ticket.get(id=change.ticket.id)).version)
    event.place(entries, told[len(todo)])
    return max(entry.position for entry in entries)


def build_result_reference(change: TicketChange) -> ResultReference:
    """By what a replay finds it again; how far the log is, is told by its own head."""
    message_id = change.messages[0].id if change.messages else None
    return ResultReference(change.at, change.ticket.id, message_id, change.main_event.position if change.main_event else None, 0)


def build_record_statements(changes: Sequence[TicketChange]) -> list[batch.Statement]:
    """What stores new tickets and all that hangs on tickets; tickets come first, for SQLite looks at keys row by row."""
    new: dict[type[Model], list[Model]] = {Ticket: [change.ticket for change in changes if change.creates_ticket]}
    for change in changes:
        for record in build_new_records(change):
            new.setdefault(type(record), []).append(record)
    found = [step for records in new.values() for step in batch.insert(records)]
    for change in changes:
        found += build_delete_statements(change)
        found += clocks.moved(change.clocks) if change.clocks is not None else ()
    return found


def build_delete_statements(change: TicketChange) -> Iterable[batch.Statement]:
    owner = {"ticket_id": change.ticket.id}
    if change.removed_tags:
        yield batch.delete(TicketTag, owner, "name", change.removed_tags)
    if change.removed_watchers:
        yield batch.delete(TicketWatcher, owner, "user_id", change.removed_watchers)


def build_guarded_update(change: TicketChange) -> batch.Statement | None:
    """The guarded write: it finds its row only while the version is the one that was read. None where nothing moves."""
    ticket, read = change.ticket, change.ticket.version
    if not change.is_quiet:
        ticket.version, ticket.updated_at = read + 1, change.at
    elif not change.columns:
        return None
    for entry in change.events:
        entry.version = ticket.version
    values = {**change.columns, "version": ticket.version, "updated_at": ticket.updated_at}
    return batch.update(ticket, values, {"id": ticket.id, "version": read})


def build_new_records(change: TicketChange) -> list[Model]:
    """The new records that hang on the ticket: messages, tags, resources, watchers, links, clocks."""
    ticket_id = change.ticket.id
    return [
        *change.messages,
        *(new_record(TicketTag, ticket_id=ticket_id, name=name) for name in change.added_tags),
        *change.resources,
        *(new_record(TicketWatcher, ticket_id=ticket_id, user_id=user_id) for user_id in change.added_watchers),
        *change.links,
        *(clocks.started(ticket_id, change.clocks) if change.clocks is not None else ()),
    ]


async def lock_tickets(ticket_ids: Iterable[UUID]) -> dict[UUID, Ticket]:
    """Tickets as they stand, kept from other writers until the transaction ends; in one order, against deadlocks."""
    named = in_list("t.id", sorted(set(ticket_ids)))
    return {ticket.id: ticket for ticket in await Many(LazyQuery(Ticket, "t", "tickets t", named, "t.id", lock=True))}


async def allocate_number() -> int:
    """The next ticket's number."""
    return (await allocate_numbers(1))[0]


async def allocate_numbers(count: int) -> list[int]:
    """The numbers of the next tickets, ascending, for the transaction that stores them.

    On Postgres a sequence, so that raising tickets does not queue; a rollback leaves a gap. models/changes/intake has it for one.
    """
    if database.dialect() == "postgres":
        found = await database.fetch("SELECT nextval('ticket_numbers') FROM generate_series(1, ?)", [count])
        return sorted(int(str(row[0])) for row in found)
    last = int(str((await database.fetch("SELECT COALESCE(MAX(number), 1000) FROM tickets"))[0][0]))
    return list(range(last + 1, last + 1 + count))


async def rebuild_from_log(ticket: Ticket) -> dict[str, Json]:
    """The ticket's columns as its entries alone tell them: what `stored` must equal."""
    entries: Sequence[Event] = await Event.filter(ticket_id=ticket.id).order_by("position")
    told: dict[str, Json] = dict.fromkeys(serialize_ticket(ticket))
    for entry in entries:
        told.update({name: change[1] for name, change in entry.changes.items() if name in told})
    return told
