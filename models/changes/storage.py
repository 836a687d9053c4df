"""Stores the changes of tickets, with their log events, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from tortoise.models import Model

from models import database
from models.changes import idempotency
from models.changes.change import TicketChange
from models.changes.idempotency import KeyedRequest, ResultReference
from models.core.errors import StaleVersion
from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.sql import TRUE, Condition, in_list
from models.custom_fields.custom_field import TicketCustomValue
from models.database import batch, search_index
from models.log.event import assign_positions, build_append_statements, is_rewriting_event
from models.sla.clock_records import build_clock_records, build_clock_updates
from models.sla.update import update_clocks
from models.tickets.attachment import Attachment, FileDeletion
from models.tickets.ticket import (
    FIRST_TICKET_NUMBER,
    Ticket,
    TicketLink,
    TicketParticipant,
    TicketResource,
    TicketTag,
    TicketWatcher,
)
from models.webhooks.delivery import forget_bodies

ERASED_FILE_COLUMNS = ("filename", "sha256", "declared_sha256", "storage_key", "thumbnail_key")
SHARING_COLUMN = "shared_with_organization"
VERSION_COLUMNS = ("version", "updated_at", "public_version", "public_updated_at")


async def write(
    *changes: TicketChange, key: KeyedRequest | None = None, commit: bool = False
) -> int:
    """Update the SLA clocks; store the changes and their events in the caller's transaction.

    The statements are one batch:
    1. The updates of tickets, guarded by their versions. Then the other records.
    2. The advance of the log head. Every other writer waits for its row from then until the commit,
       so it comes after all other locks.
    3. The events, with whom the tickets are shared, and `key`, the idempotency key of the first
       change. Only now are the events' positions known. Until then, an event's position is the
       number of new events after it, which the statement subtracts from the new head.

    With `commit`, nothing follows in the transaction, and the batch may commit it itself. A batch
    with guarded updates does not, because a stale version must roll it back.

    Returns the position of the last event. If there are no events, stores nothing and returns 0.
    Raises StaleVersion if a ticket has changed since it was read.
    """
    await update_clocks(changes)
    changed = [change for change in changes if change.events]
    events = [event for change in changed for event in change.events]
    if not events:
        return 0
    rewritten = {event.ticket_id for event in events if is_rewriting_event(event)}
    await forget_bodies(sorted(rewritten))
    updated: list[TicketChange] = []
    steps: list[batch.WriteStatement] = []
    for change in changed:
        version_read = change.ticket.version
        change.set_versions()
        update = None if change.creates_ticket else build_guarded_update(change, version_read)
        if update is not None:
            updated.append(change)
            steps.append(update)
    steps += build_record_statements(changed)
    append = build_append_statements(events)
    # On SQLite, triggers store the log's position when a ticket is shared, so this comes after it
    # has advanced.
    sharing = build_sharing_statements(changed)
    key_insert: list[batch.WriteStatement] = []
    if key is not None:
        reference = build_result_reference(changes[0])
        key_insert = idempotency.build_insert(key, reference)
    statements = [*steps, *append, *sharing, *key_insert]
    results = await batch.execute(statements, commit=commit and not updated)
    for change, updated_rows in zip(updated, results, strict=False):
        if not updated_rows:
            current = await Ticket.get(id=change.ticket.id)
            raise StaleVersion(current.get_version(is_customer=change.actor.is_customer))
    indexes = {name for change in changed for name in change.indexes_with_erased_words}
    await search_index.remove_deleted_words(*sorted(indexes))
    assign_positions(events, results[len(steps)])
    return max(event.position for event in events)


def build_result_reference(change: TicketChange) -> ResultReference:
    """The reference from which a replay loads the result of the change.

    Its positions are numbers of new events that come after; see `idempotency.build_insert`.
    """
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
        statements += build_row_changes(change)
        statements += build_move_statements(change)
        statements += build_attach_statements(change)
        statements += build_redaction_statements(change)
        if change.clocks is not None:
            statements += build_clock_updates(change.clocks)
    return statements


def build_sharing_statements(changes: Sequence[TicketChange]) -> list[batch.WriteStatement]:
    """Statements for participants, and for the column that shares a ticket with customers."""
    records: list[Model] = [
        new_record(TicketParticipant, ticket_id=change.ticket.id, user_id=user_id)
        for change in changes
        for user_id in change.added_participants
    ]
    statements = batch.insert(records) if records else []
    for change in changes:
        if change.removed_participants:
            owner, removed = {"ticket_id": change.ticket.id}, change.removed_participants
            statements.append(batch.delete(TicketParticipant, owner, "user_id", removed))
        if SHARING_COLUMN in change.columns and stores_sharing_apart():
            value = {SHARING_COLUMN: change.columns[SHARING_COLUMN]}
            statements.append(batch.update(change.ticket, value, {"id": change.ticket.id}))
    return statements


def stores_sharing_apart() -> bool:
    """Whether the update of a ticket leaves SHARING_COLUMN to another statement.

    On Postgres, the trigger runs at the commit, and a batch can't update a row twice.
    """
    return database.dialect() == "sqlite"


def build_move_statements(change: TicketChange) -> Iterable[batch.WriteStatement]:
    """Statements that move replies, with their attachments, to the ticket of the change."""
    ticket_id = {"ticket_id": change.ticket.id}
    for event, message in change.moved_replies:
        values = {"type": event.type, "message_id": None, "data": event.data}
        yield batch.update(event, values, {"position": event.position})
        yield batch.update(message, ticket_id, {"id": message.id})
        yield batch.update(Attachment, ticket_id, {"message_id": message.id})


def build_attach_statements(change: TicketChange) -> Iterable[batch.WriteStatement]:
    for file in change.attached_files:
        owners = {"ticket_id": file.ticket_id, "message_id": file.message_id}
        values = {**owners, "draft_id": None}
        yield batch.update(file, values, {"id": file.id})


def build_redaction_statements(change: TicketChange) -> Iterable[batch.WriteStatement]:
    """Statements that store redacted messages and events. The search indexes follow the words."""
    for message in change.redacted_messages:
        values = {"body": message.body, "body_words": ""}  # a WordsField: it computes the words
        yield batch.update(message, values, {"id": message.id})
    for event in change.redacted_events:
        yield batch.update(event, {"data": event.data}, {"position": event.position})
    for file in change.erased_files:
        values = {name: getattr(file, name) for name in ERASED_FILE_COLUMNS}
        yield batch.update(file, values, {"id": file.id})
    deletions: list[Model] = [
        new_record(FileDeletion, attachment_id=file.id, requested_at=change.at)
        for file in change.erased_files
    ]
    yield from batch.insert(deletions)


def build_row_changes(change: TicketChange) -> Iterable[batch.WriteStatement]:
    """Deletions and updates of the rows that belong to the ticket."""
    owner = {"ticket_id": change.ticket.id}
    if change.removed_tags:
        yield batch.delete(TicketTag, owner, "name", change.removed_tags)
    if change.removed_resources:
        yield batch.delete(TicketResource, owner, "id", change.removed_resources)
    for resource in change.renamed_resources:
        yield batch.update(resource, {"name": resource.name}, {"id": resource.id})
    for value in change.custom_values.changed:
        stored = {"stored_text": value.stored_text, "stored_number": value.stored_number}
        yield batch.update(value, stored, {"id": value.id})
    if change.custom_values.removed:
        removed = [value.id for value in change.custom_values.removed]
        yield batch.delete(TicketCustomValue, owner, "id", removed)
    if change.removed_watchers:
        yield batch.delete(TicketWatcher, owner, "user_id", change.removed_watchers)
    for other_id, kind in change.removed_links:
        yield batch.delete(TicketLink, {**owner, "other_id": other_id}, "kind", [kind.value])


def build_guarded_update(change: TicketChange, version_read: int) -> batch.WriteStatement | None:
    """An update that finds the ticket's row only if its version is still the one that was read.

    Returns None if no column changes.
    """
    ticket = change.ticket
    if change.is_unversioned and not change.columns:
        return None
    values = {**change.columns, **{name: getattr(ticket, name) for name in VERSION_COLUMNS}}
    if stores_sharing_apart():
        values.pop(SHARING_COLUMN, None)
    if "subject" in values:
        values["subject_words"] = ""  # a WordsField: it stores the words of the new subject
    if "description" in values:
        values["description_words"] = ""
    return batch.update(ticket, values, {"id": ticket.id, "version": version_read})


def build_new_records(change: TicketChange) -> list[Model]:
    """New records of the ticket: messages, tags, resources, values, watchers, links, clocks."""
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
        *change.custom_values.added,
        *watchers,
        *change.links,
        *new_clocks,
    ]


async def lock_tickets(
    ticket_ids: Iterable[UUID], accessible: Condition = TRUE
) -> dict[UUID, Ticket]:
    """Read tickets and lock them until the transaction ends, in id order to prevent deadlocks.

    Neither locks nor waits for tickets that don't meet the condition `accessible`. So the caller
    of a mutation can't find out by waiting that a ticket exists.
    """
    condition = in_list("t.id", sorted(set(ticket_ids))) & accessible
    tickets = await ListQuery(LazyQuery(Ticket, "t", "tickets t", condition, "t.id", lock=True))
    return {ticket.id: ticket for ticket in tickets}


async def allocate_numbers(count: int) -> list[int]:
    """The numbers of the next `count` tickets, ascending, for the transaction that stores them.

    Postgres uses a sequence, so that writers don't wait for each other; a rollback leaves a gap.
    `models.changes.intake` has the same SQL for one ticket.
    """
    if database.dialect() == "postgres":
        statement = "SELECT nextval('ticket_numbers') FROM generate_series(1, ?)"
        rows = await database.fetch(statement, [count])
        return sorted(int(str(row[0])) for row in rows)
    rows = await database.fetch(
        f"SELECT COALESCE(MAX(number), {FIRST_TICKET_NUMBER - 1}) FROM tickets"
    )
    last = int(str(rows[0][0]))
    return list(range(last + 1, last + 1 + count))
