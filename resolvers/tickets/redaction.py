"""The mutation that removes a secret from a message."""

from __future__ import annotations

from models.access.viewer import Viewer
from models.changes import redaction
from models.core import ids, text
from models.core.errors import InvalidInput, StaleVersion, UserErrorCode
from models.log.event import Event, EventType
from models.tickets.message import Message, MessageKind
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.tickets.messages import RedactMessageInput
from schema.payloads.tickets.tickets import TicketPayload

MAX_REASON_CHARS = 1000


@ticket_mutation(TicketPayload)
async def redact_message(mutation: TicketMutation, input: RedactMessageInput) -> None:
    reason = text.clean_line(input.reason, "reason", max_chars=MAX_REASON_CHARS)
    secret = None if input.text is None else text.clean_body(input.text, "text")
    found = await find_message(mutation, input.message_id)
    ids_by_field = {"messageId": ids.encode(ids.TICKET, found.ticket_id)}
    (change,) = await mutation.lock_tickets(ids_by_field, input.expected_version)
    message = await Message.get(id=found.id)  # another redaction may have waited for the lock
    if message.ticket_id != change.ticket.id:  # an undone merge has moved it
        raise StaleVersion(change.ticket.version)
    status_events = await Event.filter(ticket_id=change.ticket.id, type=EventType.STATUS_CHANGED)
    redaction.redact(change, message, secret, reason, status_events)


async def find_message(mutation: TicketMutation, message_id: str) -> Message:
    """The message with this id, if the caller may see it, or wrote it. Raises InvalidInput."""
    key = ids.key_of(ids.MESSAGE, message_id)
    message = await Message.get_or_none(id=key) if key else None
    if message is None or not can_find(mutation.viewer, message):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such message.", "messageId")
    return message


def can_find(viewer: Viewer, message: Message) -> bool:
    """Whether the viewer may see messages of this kind, or wrote the message."""
    is_public = message.kind is MessageKind.REPLY
    return is_public or viewer.can_see_notes or redaction.is_author(viewer, message)
