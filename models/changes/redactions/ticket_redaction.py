"""The command that removes a secret from a text of a ticket itself: a function without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, cast

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.changes.change import TicketChange
from models.changes.redactions.redaction import (
    REDACTED,
    check_text,
    redact_jobs,
    redact_value,
    replace,
)
from models.core import text as text_limits
from models.core.errors import InvalidInput, UserErrorCode
from models.database import search_index
from models.jobs.caller_job import CallerJob
from models.log.event import Event, EventType
from models.tickets.message import Message

if TYPE_CHECKING:
    from models.log.event import Json


class RedactableField(Enum):
    """A text of a ticket; the value is its column."""

    SUBJECT = "subject"
    DESCRIPTION = "description"
    RESOLUTION = "resolution"


TEXT_EVENTS = (EventType.TICKET_CREATED, EventType.TICKET_UPDATED, EventType.STATUS_CHANGED)
"""The events that set these texts."""


def redact_ticket(
    change: TicketChange,
    field: RedactableField,
    text: str | None,
    reason: str,
    events: Sequence[Event],
    replies: Iterable[Message] = (),
    jobs: Iterable[CallerJob] = (),
) -> list[CallerJob]:
    """Replace each occurrence of the text in the field and its earlier values, or all of them.

    `events` are those of the ticket with TEXT_EVENTS. `replies` are its replies and `jobs` its
    jobs; both may repeat a resolution. Returns the jobs that the caller must store. A field that is
    redacted as a whole already stays as it is. Raises InvalidInput.
    """
    values = list_values(change, field, events)
    if not values:
        error = f"The ticket has no {field.value}."
        raise InvalidInput(UserErrorCode.NOT_FOUND, error, "field")
    if not can_redact_field(change.actor, field, events):
        error = (
            "can be redacted only by the author of all its values among the staff, and by admins"
        )
        raise InvalidInput(UserErrorCode.INVALID, error, "field")
    if field is RedactableField.RESOLUTION:
        check_no_reply(values, replies, text)
    if all(value == REDACTED for value in values):
        return []
    check_text(values, text, reason)
    current = cast("str | None", getattr(change.ticket, field.value))
    if current is not None:
        change.set(**{field.value: shorten(field, replace(current, text))})
    for event in events:
        data = redact_event(event, field, text)
        if data != event.data:
            event.data = data
            change.redacted_events.append(event)
    if field is not RedactableField.RESOLUTION:
        change.indexes_with_erased_words.add(search_index.TICKET_INDEX)
    # The events that repeat the field are rewritten, so its change is in no event.
    change.log(EventType.TICKET_REDACTED, reason=reason)
    return redact_jobs(jobs, values, text)


def list_values(change: TicketChange, field: RedactableField, events: Iterable[Event]) -> list[str]:
    """The value of the field, and those that the log has."""
    values = [getattr(change.ticket, field.value)]
    for event in events:
        values += event.changes.get(field.value, ())
    return [value for value in values if isinstance(value, str)]


def can_redact_field(actor: Viewer, field: RedactableField, events: Iterable[Event]) -> bool:
    """Whether the actor is an admin, or the only author of the field's values, as the staff."""
    if ADMINISTER.allows(actor):
        return True
    setting = [event for event in events if sets_field(event, field)]
    return bool(setting) and all(
        event.actor_client_id == actor.client_id and event.actor_user_id == actor.user_id
        for event in setting
    )


def sets_field(event: Event, field: RedactableField) -> bool:
    """Whether the event has set the field. The log does not repeat the description."""
    if event.type is EventType.TICKET_CREATED:
        return field is not RedactableField.RESOLUTION
    return isinstance(event.changes.get(field.value, (None,))[-1], str)


def check_no_reply(values: Sequence[str], replies: Iterable[Message], text: str | None) -> None:
    """Raises InvalidInput if a reply repeats a resolution with the text: it would keep the text."""
    affected = {value.strip() for value in values if text is None or text in value} - {REDACTED}
    if any(reply.body.strip() in affected for reply in replies):
        error = "repeats a reply of the ticket; redact the reply, which redacts the resolution, too"
        raise InvalidInput(UserErrorCode.INVALID, error, "field")


def redact_event(event: Event, field: RedactableField, text: str | None) -> dict[str, Json]:
    """The event's data, with the field's values redacted. An event may repeat a resolution."""
    pair = event.changes.get(field.value)
    data = dict(event.data)
    if pair is None:
        return data
    redacted = [
        shorten(field, replace(value, text)) if isinstance(value, str) else value for value in pair
    ]
    resolution = pair[-1]
    if field is RedactableField.RESOLUTION and isinstance(resolution, str):
        comment = redact_value(data.get("comment"), resolution, partial(replace, text=text))
        data |= {"comment": comment} if "comment" in data else {}
    return {**data, "changes": {**event.changes, field.value: redacted}}


def shorten(field: RedactableField, value: str) -> str:
    """The replacement can be longer than a short text."""
    return value[: text_limits.MAX_SUBJECT_CHARS] if field is RedactableField.SUBJECT else value
