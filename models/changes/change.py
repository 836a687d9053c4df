"""A change of one ticket. Commands build it in memory; `write` stores it with its log events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise.models import Model

from models import database
from models.access.viewer import Viewer
from models.changes import idempotency
from models.changes.idempotency import KeyedRequest, ResultReference
from models.core.errors import StaleVersion
from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, Many
from models.core.sql import in_list
from models.core.time import format_instant
from models.database import batch
from models.log.event import (
    UNVERSIONED_EVENTS,
    Event,
    EventType,
    Json,
    append_statements,
    assign_positions,
)
from models.sla.clock_records import build_clock_records, build_clock_updates
from models.sla.inputs import CLOCK_EVENT_TYPES, Side
from models.sla.state_machine import TicketClocks
from models.sla.update import update_clocks
from models.tickets import lifecycle
from models.tickets.lifecycle import Action, Status, TransitionRefused
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import (
    LinkKind,
    Ticket,
    TicketLink,
    TicketResource,
    TicketTag,
    TicketWatcher,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

UNLOGGED_COLUMNS = frozenset(
    {"id", "description", "updated_at", "version", "status_since", "sla_breaches_at"}
)
"""Columns that events leave out: the id, long text, derived columns, columns set by each change."""


@dataclass
class TicketChange:
    """A change of one ticket by one actor.

    Commands modify `ticket` in memory; `write` stores the result. `reopen_window` is the time after
    closing in which the ticket can be reopened. `advances_clocks` is true if the change exists to
    let due SLA clocks act. `has_current_terms` is true if `ticket.sla_terms` is up to date.
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
    clocks: TicketClocks | None = None

    def __post_init__(self) -> None:
        self.previous_terms = self.ticket.sla_terms
        self.previous_status_since = self.ticket.status_since

    @property
    def main_event(self) -> Event | None:
        """The first event that no SLA clock caused, if any. It states what the command did."""
        return next((event for event in self.events if event.type not in CLOCK_EVENT_TYPES), None)

    @property
    def is_quiet(self) -> bool:
        """Whether the change leaves the ticket's version and `updated_at` as they are."""
        return not self.creates_ticket and all(
            event.type in UNVERSIONED_EVENTS for event in self.events
        )

    def set(self, **values: object) -> dict[str, Json]:
        """Set columns of the ticket; returns `[from, to]` for each column whose value differs."""
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
        **data: Json,
    ) -> None:
        """Add an event with further `data`. `write` gives the event its position."""
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
                data={"changes": changes or {}, **data},
            )
        )

    def transition(
        self,
        action: Action,
        comment: str | None = None,
        side: Side | None = None,
        **values: object,
    ) -> None:
        """Apply a life-cycle action and set further columns.

        Raises TransitionRefused if the ticket's status does not permit the action.
        """
        before = self.ticket.status
        if self.ticket.merged_into_id is not None and action is Action.REOPEN:
            raise build_merged_refusal(before, action)
        reopenable = self.ticket.is_reopenable(self.at, self.reopen_window)
        try:
            after = lifecycle.advance(before, action, reopenable=reopenable)
        except TransitionRefused as refusal:
            refusal.allowed = self.allowed_actions()
            raise
        if before is Status.ON_HOLD:
            values.setdefault("held_until", None)
        changes = self.set(status=after, reminded_at=None, **values)
        status_since = max(self.at, self.previous_status_since or self.at)
        self.ticket.status_since = self.columns["status_since"] = status_since
        self.log(
            EventType.STATUS_CHANGED,
            changes,
            action=action.value,
            comment=comment,
            side=side.value if side else None,
        )

    def allowed_actions(self) -> list[Action]:
        """The life-cycle actions that the ticket's status permits to the actor."""
        return self.ticket.allowed_actions(
            self.at, self.reopen_window, is_customer=self.actor.is_customer
        )

    def add_message(
        self, kind: MessageKind, body: str, side: Side | None = None, **values: object
    ) -> Message:
        """Add a message and its event, and set further columns. `side` is the author's side."""
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
        type = EventType.REPLY_ADDED if kind is MessageKind.REPLY else EventType.NOTE_ADDED
        self.log(
            type,
            self.set(**values),
            message=message,
            internal=kind is MessageKind.NOTE,
            side=side.value if side else None,
        )
        return message

    def add_link(self, other: Ticket, kind: LinkKind) -> None:
        """Add one direction of a link, and its event."""
        self.links.append(
            new_record(TicketLink, ticket_id=self.ticket.id, other_id=other.id, kind=kind)
        )
        self.log(EventType.LINKED, kind=kind.value, other_id=str(other.id))


def build_merged_refusal(status: Status, action: Action) -> TransitionRefused:
    message = "This ticket was merged into another ticket. Use that ticket instead."
    return TransitionRefused(status, action, [], message)


def serialize_value(value: object) -> Json:
    """A column's value in the form that events store."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return str(value.value)
    assert value is None or isinstance(value, (str, int, bool))
    return value


def serialize_ticket(ticket: Ticket) -> dict[str, Json]:
    """The ticket's logged columns, with values in the form that events store."""
    meta = ticket._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    columns = meta.fields_db_projection.values()
    return {
        name: serialize_value(getattr(ticket, name))
        for name in columns
        if name not in UNLOGGED_COLUMNS
    }


async def write(*changes: TicketChange, key: KeyedRequest | None = None, last: bool = False) -> int:
    """Store the changes and their events in the caller's transaction.

    `key` is the idempotency key of the first change; it is stored with them. `last` ends the
    transaction with this write. Returns the position of the last event. If there are no events,
    stores nothing and returns 0. Raises StaleVersion if a ticket has changed since it was read.
    """
    await update_clocks(changes)
    changed = [change for change in changes if change.events]
    events = [event for change in changed for event in change.events]
    if not events:
        return 0
    updated: list[TicketChange] = []
    steps: list[batch.WriteStatement] = []
    for change in changed:
        update = None if change.creates_ticket else build_guarded_update(change)
        if update is not None:
            updated.append(change)
            steps.append(update)
    steps += build_record_statements(changed)
    # The log head is locked last: every other writer waits from that lock until the commit.
    append = append_statements(events)
    key_insert: list[batch.WriteStatement] = []
    if key is not None:
        reference = build_result_reference(changes[0])
        key_insert = idempotency.build_insert(key, reference)
    results = await batch.execute([*steps, *append, *key_insert], last=last and not updated)
    for change, updated_rows in zip(updated, results, strict=False):
        if not updated_rows:
            raise StaleVersion((await Ticket.get(id=change.ticket.id)).version)
    assign_positions(events, results[len(steps)])
    return max(event.position for event in events)


def build_result_reference(change: TicketChange) -> ResultReference:
    """The reference from which a replay loads the result of the change."""
    message_id = change.messages[0].id if change.messages else None
    position = change.main_event.position if change.main_event else None
    return ResultReference(change.at, change.ticket.id, message_id, position, 0)


def build_record_statements(changes: Sequence[TicketChange]) -> list[batch.WriteStatement]:
    """Statements for new tickets and for the records that belong to tickets.

    Tickets come first, because SQLite checks foreign keys row by row.
    """
    tickets = [change.ticket for change in changes if change.creates_ticket]
    records_by_type: dict[type[Model], list[Model]] = {Ticket: [*tickets]}
    for change in changes:
        for record in build_new_records(change):
            records_by_type.setdefault(type(record), []).append(record)
    statements: list[batch.WriteStatement] = []
    for records in records_by_type.values():
        statements += batch.insert(records)
    for change in changes:
        statements += build_delete_statements(change)
        if change.clocks is not None:
            statements += build_clock_updates(change.clocks)
    return statements


def build_delete_statements(change: TicketChange) -> Iterable[batch.WriteStatement]:
    owner = {"ticket_id": change.ticket.id}
    if change.removed_tags:
        yield batch.delete(TicketTag, owner, "name", change.removed_tags)
    if change.removed_watchers:
        yield batch.delete(TicketWatcher, owner, "user_id", change.removed_watchers)


def build_guarded_update(change: TicketChange) -> batch.WriteStatement | None:
    """An update that finds the ticket's row only if its version is still the one that was read.

    Returns None if no column changes. Sets the version of the ticket and of its events.
    """
    ticket, version_read = change.ticket, change.ticket.version
    if not change.is_quiet:
        ticket.version, ticket.updated_at = version_read + 1, change.at
    elif not change.columns:
        return None
    for event in change.events:
        event.version = ticket.version
    values = {**change.columns, "version": ticket.version, "updated_at": ticket.updated_at}
    return batch.update(ticket, values, {"id": ticket.id, "version": version_read})


def build_new_records(change: TicketChange) -> list[Model]:
    """New records of the ticket: messages, tags, resources, watchers, links and SLA clocks."""
    ticket_id = change.ticket.id
    tags = [new_record(TicketTag, ticket_id=ticket_id, name=name) for name in change.added_tags]
    watchers = [
        new_record(TicketWatcher, ticket_id=ticket_id, user_id=user_id)
        for user_id in change.added_watchers
    ]
    new_clocks = build_clock_records(ticket_id, change.clocks) if change.clocks is not None else ()
    return [
        *change.messages,
        *tags,
        *change.resources,
        *watchers,
        *change.links,
        *new_clocks,
    ]


async def lock_tickets(ticket_ids: Iterable[UUID]) -> dict[UUID, Ticket]:
    """Read tickets and lock them until the transaction ends, in id order to prevent deadlocks."""
    condition = in_list("t.id", sorted(set(ticket_ids)))
    tickets = await Many(LazyQuery(Ticket, "t", "tickets t", condition, "t.id", lock=True))
    return {ticket.id: ticket for ticket in tickets}


async def allocate_number() -> int:
    """The number of the next ticket."""
    return (await allocate_numbers(1))[0]


async def allocate_numbers(count: int) -> list[int]:
    """The numbers of the next `count` tickets, ascending, for the transaction that stores them.

    Postgres uses a sequence, so that writers don't wait for each other; a rollback leaves a gap.
    `models.changes.intake` has the same SQL for one ticket.
    """
    if database.dialect() == "postgres":
        statement = "SELECT nextval('ticket_numbers') FROM generate_series(1, ?)"
        rows = await database.fetch(statement, [count])
        return sorted(int(str(row[0])) for row in rows)
    rows = await database.fetch("SELECT COALESCE(MAX(number), 1000) FROM tickets")
    last = int(str(rows[0][0]))
    return list(range(last + 1, last + 1 + count))


async def rebuild_from_log(ticket: Ticket) -> dict[str, Json]:
    """The ticket's columns, computed from its events alone; they must equal `serialize_ticket`."""
    events: Sequence[Event] = await Event.filter(ticket_id=ticket.id).order_by("position")
    columns: dict[str, Json] = dict.fromkeys(serialize_ticket(ticket))
    for event in events:
        for name, change in event.changes.items():
            if name in columns:
                columns[name] = change[1]
    return columns
