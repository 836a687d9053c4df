"""Which log events are inputs for a ticket's SLA clocks. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from models.log.event import Event, EventType
from models.tickets.lifecycle import OPEN_STATUSES, CloseReason, Status


class Side(Enum):
    """Whether the customer's side or the team caused an event."""

    CUSTOMER = "customer"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class TermsChange:
    """A change of the policy snapshot that applies to a ticket."""

    digest: str | None
    """The digest of the new snapshot; None if no policy applies any more."""


@dataclass(frozen=True, slots=True)
class ClockInput:
    """The parts of a log event that affect SLA clocks.

    Each attribute that can be None is None if the event does not have that part.
    """

    at: datetime
    terms_change: TermsChange | None = None
    status: tuple[Status | None, Status] | None = None
    """The ticket's status before and after; before its creation, None."""
    reason: CloseReason | None = None
    side: Side | None = None
    is_reply: bool = False
    has_first_response: bool = False
    """Whether the event records the team's first response."""
    waiting_since: datetime | None = None
    """The time since which the customer of a ticket that was merged into this one has waited for an
    answer."""


REPLY_EVENT_TYPES = frozenset({EventType.REPLY_ADDED, EventType.REPLY_MOVED})
"""The types of the events of replies. A reply that was moved later has affected the clocks."""
CLOCK_EVENT_TYPES = frozenset(
    {EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED}
)
"""The types of the events that record clock transitions."""
WAITING_EVENT_TYPES = frozenset({EventType.STATUS_CHANGED, EventType.MERGED, *REPLY_EVENT_TYPES})
"""The types of the events that decide whether the customer waits for an answer."""


def parse_clock_input(event: Event) -> ClockInput | None:
    """Return the clock input of an event; None if the event does not affect clocks."""
    changes = event.changes
    terms_change = None
    if "sla_terms" in changes:
        terms_change = TermsChange(_text_or_none(changes["sla_terms"][1]))
    status = None
    if "status" in changes:
        old, new = changes["status"]
        if old != new:  # moving the end of a hold keeps the status
            status = (None if old is None else Status(old), Status(new))
    is_reply = event.type in REPLY_EVENT_TYPES
    waiting_since = None
    if event.type is EventType.MERGED:
        waiting_since = _text_or_none(event.value("waiting_since"))
    if terms_change is None and status is None and not is_reply and waiting_since is None:
        return None
    reason = _text_or_none(changes["close_reason"][1]) if "close_reason" in changes else None
    side = _text_or_none(event.value("side"))
    return ClockInput(
        at=event.occurred_at,
        terms_change=terms_change,
        status=status,
        reason=CloseReason(reason) if reason else None,
        side=Side(side) if side else None,
        is_reply=is_reply,
        has_first_response=changes.get("first_responded_at", (None, None))[1] is not None,
        waiting_since=datetime.fromisoformat(waiting_since) if waiting_since else None,
    )


def next_waiting_since(before: datetime | None, clock_input: ClockInput) -> datetime | None:
    """Return the start of the customer's wait for an answer after the input, or None.

    `before` is the result for the previous input.
    """
    if clock_input.waiting_since is not None:
        return before or clock_input.waiting_since
    is_customer = clock_input.side is Side.CUSTOMER
    if clock_input.status is not None:
        old, new = clock_input.status
        if new not in OPEN_STATUSES:
            return None
        starts_wait = is_customer and old is not None and old not in OPEN_STATUSES
    elif clock_input.is_reply and clock_input.side is Side.TEAM:
        return None
    else:
        starts_wait = is_customer and clock_input.is_reply
    if starts_wait and before is None:
        return clock_input.at
    return before


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
