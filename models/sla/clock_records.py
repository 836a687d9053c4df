"""Reads and writes the SLA clocks of tickets: conversion between `Clock` and `SlaClock`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.sql import in_list
from models.database import batch
from models.sla.clock import Clock
from models.sla.records import SlaClock
from models.sla.state_machine import TicketClocks

MICROSECOND = timedelta(microseconds=1)
"""The unit of `SlaClock.spent` and `SlaClock.paused_for`."""


async def read_clocks(ticket_ids: Sequence[UUID]) -> Mapping[UUID, list[Clock]]:
    """Return the clocks of each ticket, in the order in which they started."""
    clocks: dict[UUID, list[Clock]] = {ticket_id: [] for ticket_id in ticket_ids}
    condition = in_list("c.ticket_id", ticket_ids)
    query = LazyQuery(SlaClock, "c", "sla_clocks c", condition, "c.started_at, c.id")
    for record in await ListQuery(query):
        clocks[record.ticket_id].append(clock_from_record(record))
    return clocks


def clock_from_record(record: SlaClock) -> Clock:
    return Clock(
        metric=record.metric,
        terms=record.terms,
        started_at=record.started_at,
        ordinal=record.ordinal,
        id=record.id,
        status=record.status,
        since=record.since,
        spent=record.spent * MICROSECOND,
        paused_at=record.paused_at,
        paused_for=record.paused_for * MICROSECOND,
        at_risk_at=record.at_risk_at,
        breaches_at=record.breaches_at,
        warned_at=record.warned_at,
        breached_at=record.breached_at,
        achieved_at=record.achieved_at,
        cancelled_at=record.cancelled_at,
        is_new=False,
    )


def record_from_clock(ticket_id: UUID, clock: Clock) -> SlaClock:
    constant_columns = {
        "id": clock.id,
        "ticket_id": ticket_id,
        "metric": clock.metric,
        "ordinal": clock.ordinal,
        "started_at": clock.started_at,
    }
    return new_record(SlaClock, **constant_columns, **changing_columns(clock))


def changing_columns(clock: Clock) -> dict[str, object]:
    """The values of the columns that can change after the clock's creation."""
    return {
        "status": clock.status,
        "terms": clock.terms,
        "since": clock.since,
        "spent": clock.spent // MICROSECOND,
        "paused_at": clock.paused_at,
        "paused_for": clock.paused_for // MICROSECOND,
        "at_risk_at": clock.at_risk_at,
        "breaches_at": clock.breaches_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "achieved_at": clock.achieved_at,
        "cancelled_at": clock.cancelled_at,
        "due_at": clock.due_at,
    }


def build_clock_records(ticket_id: UUID, clocks: TicketClocks) -> list[SlaClock]:
    """Return the records of the clocks that a change created."""
    return [record_from_clock(ticket_id, clock) for clock in clocks.all if clock.is_new]


def build_clock_updates(clocks: TicketClocks) -> list[batch.WriteStatement]:
    """Return the statements that store the existing clocks which a change has changed."""
    changed = [clock for clock in clocks.all if clock.is_changed and not clock.is_new]
    return [batch.update(SlaClock, changing_columns(clock), {"id": clock.id}) for clock in changed]
