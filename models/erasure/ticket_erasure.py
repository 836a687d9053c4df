"""Rewrites one locked ticket without the texts, name and address of a person.

Messages, events and attachments stay as rows, so the conversation keeps its structure and the
replay of the log stays true. `storage.write` stores the result with a TICKET_REDACTED event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models.changes.change import TicketChange
from models.custom_fields.custom_field import (
    CustomerAccess,
    CustomField,
    CustomFieldType,
    column_of,
)
from models.erasure.event_texts import EventRules, find_own_texts, find_removed_tags
from models.erasure.terms import ERASED, Terms, digest_text
from models.erasure.ticket_records import (
    TICKET_TEXTS,
    TicketRecords,
    read_records,
    yield_to_others,
)
from models.jobs.caller_job import MAX_MESSAGE_CHARS, JobTicket
from models.log.event import EventType
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.message import MessageKind
from models.tickets.ticket import Ticket

if TYPE_CHECKING:
    from models.log.event import Json


@dataclass(frozen=True, slots=True)
class Person:
    """The person to erase.

    `is_customer` decides whether texts on other people's tickets are erased: what agents write
    there belongs to the team, and only loses the name and the address. It is false for a customer
    who was an agent or admin before. `token_ids` are the person's tokens, for the audit log.
    """

    user_id: UUID
    is_customer: bool
    terms: Terms
    token_ids: frozenset[UUID] = frozenset()


@dataclass(slots=True)
class TicketErasure:
    """What was replaced in one ticket.

    counts       the number of changed rows by table
    digests      the fingerprints of the erased texts
    job_tickets  the rows of jobs that the caller must store
    drafts       the drafts that the caller must store
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    digests: set[str] = field(default_factory=set[str])
    job_tickets: list[JobTicket] = field(default_factory=list[JobTicket])
    drafts: list[Draft] = field(default_factory=list[Draft])


async def erase_in_ticket(change: TicketChange, person: Person, reason: str) -> TicketErasure:
    """Replace the person's texts in the change. If there are none, the change stays empty."""
    records = await read_records(change.ticket.id)
    erasure = TicketErasure()
    rules = build_rules(change.ticket, records, person)
    rules = replace(rules, text_fields=await read_text_fields())
    own_texts = list_own_texts(change.ticket, records, rules)
    erasure.digests = {digest_text(text) for text in own_texts if text.strip() != ERASED}
    rules = replace(rules, terms=rules.terms.with_texts(own_texts))
    tags = [tag.name for tag in records.tags]
    rules = replace(rules, removed_tags=find_removed_tags(records.events, tags, rules))
    is_public = await erase_messages(change, records, rules, erasure)
    hidden_fields = await CustomField.filter(customer_access=CustomerAccess.HIDDEN).values_list(
        "id", flat=True
    )
    is_public |= erase_columns(
        change, records, rules, erasure, cast("Collection[UUID]", hidden_fields)
    )
    is_public |= await erase_events(change, records, rules, erasure)
    is_public |= erase_files(change, records, rules, erasure)
    erase_job_tickets(records, rules, erasure)
    if erasure.counts:  # drafts are not logged
        change.log(EventType.TICKET_REDACTED, internal=not is_public, reason=reason)
    erase_drafts(records, rules, erasure)
    return erasure


def build_rules(ticket: Ticket, records: TicketRecords, person: Person) -> EventRules:
    creator = next((e for e in records.events if e.type is EventType.TICKET_CREATED), None)
    has_created = creator is not None and creator.actor_user_id == person.user_id
    is_requester = ticket.requester_id == person.user_id
    # Directory events may be younger than the person's time as an agent. Only staff write notes.
    is_customer = person.is_customer and not any(
        each.kind is MessageKind.NOTE and each.author_user_id == person.user_id
        for each in records.messages
    )
    return EventRules(
        person.terms,
        person.user_id,
        erases_texts=is_customer or is_requester,
        owns_ticket=is_requester or (is_customer and has_created),
    )


async def read_text_fields() -> frozenset[str]:
    """The custom fields with free text, by their names in the changes of events."""
    keys = await CustomField.filter(type=CustomFieldType.TEXT).values_list("key", flat=True)
    return frozenset(map(column_of, cast("list[str]", keys)))


def list_own_texts(ticket: Ticket, records: TicketRecords, rules: EventRules) -> list[str]:
    """The texts of the person on the ticket, before they are replaced."""
    texts = find_own_texts(records.events, rules)
    if rules.erases_texts:
        own = [each for each in records.messages if each.author_user_id == rules.person_id]
        texts += [message.body for message in own]
    if rules.owns_ticket:
        columns = [cast("str | None", getattr(ticket, name)) for name in TICKET_TEXTS]
        texts += [text for text in columns if text]
    return texts


async def erase_messages(
    change: TicketChange, records: TicketRecords, rules: EventRules, erasure: TicketErasure
) -> bool:
    """Replace bodies; returns whether the customer sees a difference."""
    for message in records.messages:
        await yield_to_others()
        is_own = rules.is_own_record(message.author_user_id)
        body = ERASED if is_own else rules.terms.replace(message.body)
        if body != message.body:
            message.body = body
            change.redacted_messages.append(message)
    count(erasure, "messages", len(change.redacted_messages))
    return any(each.kind is MessageKind.REPLY for each in change.redacted_messages)


def erase_columns(
    change: TicketChange,
    records: TicketRecords,
    rules: EventRules,
    erasure: TicketErasure,
    hidden_fields: Collection[UUID] = (),
) -> bool:
    """Replace the ticket's own texts; returns whether the customer sees a difference."""
    values: dict[str, object] = {}
    for name in TICKET_TEXTS:
        text = cast("str | None", getattr(change.ticket, name))
        if text:
            values[name] = rules.rewrite_column(name, text)
    if rules.is_key_removed(change.ticket.external_id):
        values["external_id"] = None
    # The events that repeat these columns are rewritten, so their change is in no event.
    count(erasure, "tickets", 1 if change.set(**values) else 0)
    change.removed_tags = [tag.name for tag in records.tags if tag.name in rules.removed_tags]
    if change.removed_tags:
        change.set_tag_words([t.name for t in records.tags if t.name not in rules.removed_tags])
    change.removed_resources = [
        each.id
        for each in records.resources
        if rules.is_removed([each.kind, each.external_id, each.name])
    ]
    for value in records.text_values:
        text = rules.rewrite_column("", value.stored_text)
        if text != value.stored_text:
            value.stored_text = cast("str", text)
            change.custom_values.changed.append(value)
    count(erasure, "ticket_custom_values", len(change.custom_values.changed))
    count(erasure, "ticket_tags", len(change.removed_tags))
    count(erasure, "ticket_resources", len(change.removed_resources))
    visible = [each for each in change.custom_values.changed if each.field_id not in hidden_fields]
    return bool(change.columns or change.removed_tags or change.removed_resources or visible)


async def erase_events(
    change: TicketChange, records: TicketRecords, rules: EventRules, erasure: TicketErasure
) -> bool:
    """Replace the texts in events; returns whether the customer sees a difference."""
    for event in records.events:
        await yield_to_others()
        data = rules.rewrite(event)
        if data != event.data:
            event.data = data
            change.redacted_events.append(event)
    count(erasure, "events", len(change.redacted_events))
    return any(not each.internal for each in change.redacted_events)


def erase_files(
    change: TicketChange, records: TicketRecords, rules: EventRules, erasure: TicketErasure
) -> bool:
    """Erase the files that the person uploaded, and those of the person's description.

    A file of somebody else whose name contains the person's name or address is erased completely,
    too, because its content is then most likely about the person. Returns whether the customer sees
    a difference.
    """
    notes = {each.id for each in records.messages if each.kind is MessageKind.NOTE}
    is_public = False
    for file in records.files:
        is_own = rules.is_own_record(file.uploader_user_id)
        is_description = rules.owns_ticket and file.message_id is None
        concerns = is_own or is_description or rules.terms.occur_in(file.filename)
        if is_erased(file) or not concerns:
            continue
        erasure.digests.add(digest_text(file.filename))
        erase_file(file)
        change.erased_files.append(file)
        is_public |= file.message_id not in notes
    count(erasure, "attachments", len(change.erased_files))
    return is_public


def is_erased(file: Attachment) -> bool:
    """Whether `erase_file` has treated the file. The name alone can be one that a person chose."""
    return file.filename == ERASED and file.storage_key is None and file.sha256 is None


def erase_file(file: Attachment) -> None:
    """Remove the name and the content of a file; its row, type and size stay."""
    file.filename = ERASED
    file.sha256 = file.declared_sha256 = file.storage_key = file.thumbnail_key = None


def erase_job_tickets(records: TicketRecords, rules: EventRules, erasure: TicketErasure) -> None:
    """Replace texts in what jobs have stored about the ticket."""
    for row in records.job_tickets:
        before = (row.changes, row.previous, row.message)
        row.changes = rewrite_stored_values(row.changes, rules)
        row.previous = rewrite_stored_values(row.previous, rules)
        if row.message is not None:
            row.message = rules.terms.replace(row.message)[:MAX_MESSAGE_CHARS]
        if (row.changes, row.previous, row.message) != before:
            erasure.job_tickets.append(row)
    count(erasure, "caller_job_tickets", len(erasure.job_tickets))


def erase_drafts(records: TicketRecords, rules: EventRules, erasure: TicketErasure) -> None:
    """Replace the terms in drafts of others. Those of the person are deleted with the account."""
    for draft in records.drafts:
        body = rules.terms.replace(draft.body)
        if draft.user_id != rules.person_id and body != draft.body:
            draft.body = body
            erasure.drafts.append(draft)
    count(erasure, "drafts", len(erasure.drafts))


def rewrite_stored_values(
    stored: Mapping[str, Json] | None, rules: EventRules
) -> dict[str, Json] | None:
    """The values that a job has stored, without the removed tags, and with the texts of custom
    fields replaced. They hold no other text."""
    if stored is None:
        return None
    values = dict(stored)
    for name in ("added_tags", "removed_tags"):
        if name in values:
            values[name] = rules.remove_tags(values[name])
    if "tags" in values:
        pair = cast("Sequence[Json]", values["tags"])
        values["tags"] = [rules.remove_tags(each) for each in pair]
    for name in rules.text_fields.intersection(values):
        value = values[name]
        if isinstance(value, list):  # the pair that a dry run shows
            values[name] = [rules.rewrite_column(name, each) for each in value]
        else:  # the value before the change
            values[name] = rules.rewrite_column(name, value)
    return values


def count(erasure: TicketErasure, table: str, number: int) -> None:
    if number:
        erasure.counts[table] += number
