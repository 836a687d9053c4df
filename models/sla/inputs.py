"""What the entries of the log mean to the clocks. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from models.log.event import Event, EventType
from models.tickets.lifecycle import OPEN_STATUSES, CloseReason, Status


class Side(Enum):
    """Who spoke: the customer, or the team."""

    CUSTOMER = "customer"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class ClockInput:
    """What an entry of the log means to the clocks; None where it says nothing of it."""

    at: datetime
    terms: tuple[str | None] | None = None
    status: tuple[Status | None, Status] | None = None
    reason: CloseReason | None = None
    side: Side | None = None
    is_message: bool = False
    responded: bool = False


CLOCK_EVENT_TYPES = frozenset({EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED})
"""Entries that are the clocks' own."""


def parse_clock_input(entry: Event) -> ClockInput | None:
    """What an entry means to the clocks, or None where it means nothing to them."""
    changes = entry.changes
    terms = (_text(changes["sla_terms"][1]),) if "sla_terms" in changes else None
    status = None
    if "status" in changes:
        old, new = changes["status"]
        status = (None if old is None else Status(old), Status(new))
    is_message = entry.type is EventType.REPLY_ADDED
    if terms is None and status is None and not is_message:
        return None
    reason = _text(changes["close_reason"][1]) if "close_reason" in changes else None
    side = _text(entry.value("side"))
    return ClockInput(
        entry.occurred_at,
        terms,
        status,
        CloseReason(reason) if reason else None,
        Side(side) if side else None,
        is_message,
        changes.get("first_responded_at", (None, None))[1] is not None,
    )


def update_waiting_since(before: datetime | None, clock_input: ClockInput) -> datetime | None:
    """Since when the customer waits for an answer after a step, by since when they did before it; None where they do not."""
    if clock_input.status is not None:
        old, new = clock_input.status
        if new not in OPEN_STATUSES:
            return None
        asked = old is not None and old not in OPEN_STATUSES and clock_input.side is Side.CUSTOMER
    elif clock_input.is_message and clock_input.side is Side.TEAM:
        return None
    else:
        asked = clock_input.is_message and clock_input.side is Side.CUSTOMER
    return before or clock_input.at if asked else before


def _text(value: object) -> str | None:
    return None if value is None else str(value)
