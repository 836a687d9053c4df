"""Reads the records of one ticket that hold text."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from models.custom_fields.custom_field import CustomFieldType, TicketCustomValue
from models.erasure.terms import list_texts
from models.jobs.caller_job import JobTicket
from models.log.event import Event
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketResource, TicketTag

TICKET_TEXTS = ("subject", "description", "resolution", "satisfaction_comment")


@dataclass(slots=True)
class TicketRecords:
    """The records of one ticket that hold text."""

    messages: list[Message]
    events: list[Event]
    tags: list[TicketTag]
    resources: list[TicketResource]
    text_values: list[TicketCustomValue]
    files: list[Attachment]
    job_tickets: list[JobTicket]
    drafts: list[Draft]


async def read_records(ticket_id: UUID) -> TicketRecords:
    return TicketRecords(
        await Message.filter(ticket_id=ticket_id).order_by("id"),
        await Event.filter(ticket_id=ticket_id).order_by("position"),
        await TicketTag.filter(ticket_id=ticket_id).order_by("name"),
        await TicketResource.filter(ticket_id=ticket_id),
        await TicketCustomValue.filter(ticket_id=ticket_id, type=CustomFieldType.TEXT),
        await Attachment.filter(ticket_id=ticket_id),
        await JobTicket.filter(ticket_id=ticket_id),
        await Draft.filter(ticket_id=ticket_id),
    )


async def list_stored_texts(ticket_id: UUID) -> dict[str, list[str]]:
    """All texts of a ticket as they are stored, by column."""
    ticket = await Ticket.get(id=ticket_id)
    records = await read_records(ticket_id)
    texts = {
        f"tickets.{name}": [cast("str | None", getattr(ticket, name))] for name in TICKET_TEXTS
    }
    texts["tickets.external_id"] = [ticket.external_id]
    texts["messages.body"] = [each.body for each in records.messages]
    texts["drafts.body"] = [each.body for each in records.drafts]
    texts["ticket_tags.name"] = [each.name for each in records.tags]
    for name in ("kind", "external_id", "name"):
        texts[f"ticket_resources.{name}"] = [getattr(each, name) for each in records.resources]
    texts["ticket_custom_values.stored_text"] = [each.stored_text for each in records.text_values]
    texts["attachments.filename"] = [each.filename for each in records.files]
    texts["events.data"] = [text for each in records.events for text in list_texts(each.data)]
    for name in ("changes", "message"):
        rows = [list_texts(getattr(each, name)) for each in records.job_tickets]
        texts[f"caller_job_tickets.{name}"] = [text for row in rows for text in row]
    return {column: [each for each in found if each] for column, found in texts.items()}


async def yield_to_others() -> None:
    """Let other tasks run: a ticket may have 100,000 messages."""
    await asyncio.sleep(0)
