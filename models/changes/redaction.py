"""The command that removes a secret from a message: a pure function without I/O."""

from __future__ import annotations

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType
from models.tickets.message import Message, MessageKind

REDACTED = "[redacted]"
"""What stands in a message in place of the removed text."""


def redact(change: TicketChange, message: Message, text: str | None, reason: str) -> None:
    """Replace each occurrence of the text in the message, or the whole message if it is None.

    A message that is redacted as a whole already stays as it is. Raises InvalidInput.
    """
    if not can_redact(change.actor, message):
        error = "can be redacted only by its author among the staff, and by admins"
        raise InvalidInput(UserErrorCode.INVALID, error, "messageId")
    if message.body == REDACTED:
        return
    if text is not None and text not in message.body:
        error = "does not occur in the message, exactly as it is written"
        raise InvalidInput(UserErrorCode.NOT_FOUND, error, "text")
    if text is not None and text in reason:
        error = "must not contain the text to redact, because the log keeps the reason"
        raise InvalidInput(UserErrorCode.INVALID, error, "reason")
    message.body = REDACTED if text is None else message.body.replace(text, REDACTED)
    change.redacted_messages.append(message)
    is_note = message.kind is MessageKind.NOTE
    # The log's own column names the event that added the message, so the id is in the data.
    change.log(
        EventType.MESSAGE_REDACTED, internal=is_note, redacted_id=str(message.id), reason=reason
    )


def can_redact(actor: Viewer, message: Message) -> bool:
    """Whether the actor is an admin, or wrote the message as an agent or API client."""
    if ADMINISTER.allows(actor):
        return True
    if actor.client_id is not None:
        return message.author_client_id == actor.client_id
    return message.author_user_id is not None and message.author_user_id == actor.user_id
