"""The mutation that removes a secret from a message."""

from __future__ import annotations

from models.changes import redaction
from models.core import ids, text
from models.core.errors import InvalidInput, StaleVersion, UserErrorCode
from models.log.event import Event, EventType
from models.tickets.message import Message, MessageKind
from resolvers.mutations.ticket_mutation import TicketMutation, ticket_mutation
from schema.inputs.messages import RedactMessageInput
from schema.payloads.tickets import TicketPayload

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
    """The message with this id, if the caller may see messages of its kind. Raises InvalidInput."""
    key = ids.key_of(ids.MESSAGE, message_id)
    message = await Message.get_or_none(id=key) if key else None
    is_visible = (
        message is not None and (message.kind is MessageKind.REPLY or mutation.viewer.can_see_notes)
    ) or (message is not None and redaction.is_author(mutation.viewer, message))
    if message is None or not is_visible:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such message.", "messageId")
    return message
