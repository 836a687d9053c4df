"""The command that removes a secret from a message: a pure function without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.database import search_index
from models.jobs.caller_job import PARAMETER_TEXTS, CallerJob
from models.log.event import Event, EventType
from models.tickets.message import Message, MessageKind

if TYPE_CHECKING:
    from models.log.event import Json

REDACTED = "[redacted]"
"""What stands in a message in place of the removed text."""


def redact(
    change: TicketChange,
    message: Message,
    text: str | None,
    reason: str,
    status_events: Sequence[Event] = (),
) -> None:
    """Replace each occurrence of the text in the message, or the whole message if it is None.

    A resolution that repeats the message, and the `status_events` of the ticket that do, get the
    same replacement. A message that is redacted as a whole already stays as it is. Raises
    InvalidInput.
    """
    if not can_redact(change.actor, message):
        error = "can be redacted only by its author among the staff, and by admins"
        raise InvalidInput(UserErrorCode.INVALID, error, "messageId")
    if message.body == REDACTED:
        return
    check_text([message.body], text, reason)
    redacted = partial(replace, text=text)
    redact_copies(change, message.body, redacted, status_events)
    message.body = redacted(message.body)
    change.redacted_messages.append(message)
    change.indexes_with_erased_words.add(search_index.MESSAGE_INDEX)
    is_note = message.kind is MessageKind.NOTE
    # The log's own column names the event that added the message, so the id is in the data.
    change.log(
        EventType.MESSAGE_REDACTED, internal=is_note, redacted_id=str(message.id), reason=reason
    )


def check_text(values: Sequence[str], text: str | None, reason: str) -> None:
    """Raises InvalidInput if the text occurs in none of the values, or in the reason."""
    if text is None:
        return
    if not any(occurs(value, text) for value in values):
        error = "must occur in the text to redact, exactly as it is written"
        raise InvalidInput(UserErrorCode.NOT_FOUND, error, "text")
    if text in reason:
        error = "must not contain the text to redact, because the log keeps the reason"
        raise InvalidInput(UserErrorCode.INVALID, error, "reason")


def redact_copies(
    change: TicketChange,
    body: str,
    redacted: Callable[[str], str],
    status_events: Sequence[Event],
) -> None:
    """Redact the resolution and the events that repeat the message: a reply can resolve a
    ticket."""
    resolution = redact_value(change.ticket.resolution, body, redacted)
    if resolution != change.ticket.resolution:
        change.ticket.resolution = cast("str", resolution)
        change.columns["resolution"] = resolution
    for event in status_events:
        data = redact_value(event.data, body, redacted)
        if data != event.data:
            event.data = cast("Mapping[str, Json]", data)
            change.redacted_events.append(event)


def redact_jobs(
    jobs: Iterable[CallerJob], values: Sequence[str], text: str | None
) -> list[CallerJob]:
    """Redact the texts that jobs have given to the ticket; returns the changed jobs."""
    stripped = {value.strip() for value in values}
    changed: list[CallerJob] = []
    for job in jobs:
        redacted: dict[str, Json] = {}
        for name in PARAMETER_TEXTS:
            value = job.parameters.get(name)
            if isinstance(value, str) and value.strip() in stripped:
                redacted[name] = replace(value, text)
        if redacted:
            job.parameters = {**job.parameters, **redacted}
            changed.append(job)
    return changed


def redact_value(value: Json, body: str, redacted: Callable[[str], str]) -> Json:
    """The value of an event's data, with each text that equals the body redacted."""
    if isinstance(value, str):
        return redacted(value) if value.strip() == body.strip() else value
    if isinstance(value, Mapping):
        return {name: redact_value(each, body, redacted) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [redact_value(each, body, redacted) for each in value]
    return value


def occurs(body: str, text: str) -> bool:
    """Whether a text occurs in a body outside of the markers of earlier redactions."""
    return any(text in part for part in body.split(REDACTED))


def replace(body: str, text: str | None) -> str:
    """The body with each occurrence of the text replaced, or with everything replaced for None.

    Overlapping occurrences are replaced together. Markers of earlier redactions stay as they are.
    """
    if text is None:
        return REDACTED
    return REDACTED.join(replace_in_part(part, text) for part in body.split(REDACTED))


def replace_in_part(part: str, text: str) -> str:
    kept: list[str] = []
    end, start = 0, part.find(text)
    while start >= 0:
        if start >= end:  # else it overlaps the occurrence before
            kept += [part[end:start], REDACTED]
        end = start + len(text)
        start = part.find(text, start + 1)
    return "".join([*kept, part[end:]])


def can_redact(actor: Viewer, message: Message) -> bool:
    """Whether the actor is an admin, or wrote the message as an agent or API client."""
    return ADMINISTER.allows(actor) or is_author(actor, message)


def is_author(actor: Viewer, message: Message) -> bool:
    if actor.client_id is not None:
        return message.author_client_id == actor.client_id
    return message.author_user_id is not None and message.author_user_id == actor.user_id
