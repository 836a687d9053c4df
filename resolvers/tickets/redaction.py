"""The mutations that remove a secret from a message, and from a text of a ticket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from models.access.viewer import Viewer
from models.changes.redactions import redaction, ticket_redaction
from models.changes.redactions.ticket_redaction import TEXT_EVENTS, RedactableField
from models.core import ids, text
from models.core.errors import InvalidInput, StaleVersion, UserErrorCode
from models.jobs.caller_job import CallerJob, JobKind, JobTicket
from models.log.event import Event, EventType
from models.tickets.message import Message, MessageKind
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets.messages import RedactMessageInput, RedactTicketInput
from schema.payloads.tickets.tickets import TicketPayload

MAX_REASON_CHARS = 1000


@ticket_mutation(TicketPayload)
async def redact_message(mutation: TicketMutation, input: RedactMessageInput) -> None:
    reason, secret = clean_redaction(input)
    found = await find_message(mutation, input.message_id)
    jobs = await lock_jobs(found.ticket_id)
    ids_by_field = {"messageId": ids.encode(ids.TICKET, found.ticket_id)}
    (change,) = await mutation.lock_tickets(ids_by_field, input.expected_version)
    message = await Message.get(id=found.id)  # another redaction may have waited for the lock
    if message.ticket_id != change.ticket.id:  # an undone merge has moved it
        raise StaleVersion(change.ticket.version)
    status_events = await Event.filter(ticket_id=change.ticket.id, type=EventType.STATUS_CHANGED)
    body = message.body
    redaction.redact(change, message, secret, reason, status_events)
    if message.body != body:
        await save_jobs(redaction.redact_jobs(jobs, [body], secret))


@ticket_mutation(TicketPayload)
async def redact_ticket(mutation: TicketMutation, input: RedactTicketInput) -> None:
    reason, secret = clean_redaction(input)
    is_resolution = input.field is RedactableField.RESOLUTION
    key = ids.key_of(ids.TICKET, input.ticket_id)
    jobs = await lock_jobs(key) if is_resolution and key else []
    change = await mutation.lock_ticket(input)
    ticket_id = change.ticket.id
    events = await Event.filter(ticket_id=ticket_id, type__in=TEXT_EVENTS).order_by("position")
    replies: list[Message] = []
    if is_resolution:
        replies = await Message.filter(ticket_id=ticket_id, kind=MessageKind.REPLY)
    redacted = ticket_redaction.redact_ticket(
        change, input.field, secret, reason, events, replies, jobs
    )
    await save_jobs(redacted)


def clean_redaction(input: RedactMessageInput | RedactTicketInput) -> tuple[str, str | None]:
    """The reason, and the text to remove. Raises InvalidInput."""
    reason = text.clean_line(input.reason, "reason", max_chars=MAX_REASON_CHARS)
    return reason, None if input.text is None else text.clean_body(input.text, "text")


async def lock_jobs(ticket_id: UUID) -> list[CallerJob]:
    """The jobs that may have given texts to the ticket, locked. Jobs are locked before tickets."""
    keys = await JobTicket.filter(ticket_id=ticket_id).values_list("job_id", flat=True)
    jobs = CallerJob.filter(id__in=cast("list[UUID]", keys), kind=JobKind.BULK_UPDATE_TICKETS)
    return await jobs.select_for_update(no_key=True).order_by("id") if keys else []


async def save_jobs(jobs: Iterable[CallerJob]) -> None:
    for job in jobs:
        await job.save(update_fields=["parameters"])


async def find_message(mutation: TicketMutation, message_id: str) -> Message:
    """The message with this id, if the viewer may see it, or wrote it. Raises InvalidInput."""
    key = ids.key_of(ids.MESSAGE, message_id)
    message = await Message.get_or_none(id=key) if key else None
    if message is None or not can_find(mutation.viewer, message):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such message.", "messageId")
    return message


def can_find(viewer: Viewer, message: Message) -> bool:
    """Whether the viewer may see messages of this kind, or wrote the message."""
    is_public = message.kind is MessageKind.REPLY
    return is_public or viewer.can_see_notes or redaction.is_author(viewer, message)
