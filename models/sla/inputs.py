"""Which log events are inputs for a ticket's SLA clocks. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from models.log.event import Event, EventType
from models.tickets.lifecycle import OPEN_STATUSES, CloseReason, Status


class Side(Enum):
    """The side for which a message's author speaks."""

    CUSTOMER = "customer"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class ClockInput:
    """The parts of a log event that affect SLA clocks; None if the event has no such part.

    `terms` is a tuple of one: the digest of the new policy snapshot, or None if no policy applies.
    `status` is the ticket's status before and after.
    """

    at: datetime
    terms: tuple[str | None] | None = None
    status: tuple[Status | None, Status] | None = None
    reason: CloseReason | None = None
    side: Side | None = None
    is_message: bool = False
    responded: bool = False


CLOCK_EVENT_TYPES = frozenset(
    {EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED}
)
"""The types of the events that record clock transitions."""


def parse_clock_input(event: Event) -> ClockInput | None:
    """Return the clock input of an event; None if the event does not affect clocks."""
    changes = event.changes
    terms = (_text_or_none(changes["sla_terms"][1]),) if "sla_terms" in changes else None
    status = None
    if "status" in changes:
        old, new = changes["status"]
        status = (None if old is None else Status(old), Status(new))
    is_message = event.type is EventType.REPLY_ADDED
    if terms is None and status is None and not is_message:
        return None
    reason = _text_or_none(changes["close_reason"][1]) if "close_reason" in changes else None
    side = _text_or_none(event.value("side"))
    return ClockInput(
        event.occurred_at,
        terms,
        status,
        CloseReason(reason) if reason else None,
        Side(side) if side else None,
        is_message,
        changes.get("first_responded_at", (None, None))[1] is not None,
    )


def update_waiting_since(before: datetime | None, clock_input: ClockInput) -> datetime | None:
    """Return since when the customer has waited for an answer; None if they do not wait.

    `before` is the result for the previous input.
    """
    is_customer = clock_input.side is Side.CUSTOMER
    if clock_input.status is not None:
        old, new = clock_input.status
        if new not in OPEN_STATUSES:
            return None
        is_question = is_customer and old is not None and old not in OPEN_STATUSES
    elif clock_input.is_message and clock_input.side is Side.TEAM:
        return None
    else:
        is_question = is_customer and clock_input.is_message
    if is_question and before is None:
        return clock_input.at
    return before


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
