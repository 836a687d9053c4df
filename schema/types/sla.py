"""What is promised: calendars, policies, and each ticket's clocks with their ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import strawberry

from models.changes import sla_audit as ledger
from models.changes.sla_audit import IntervalReason
from models.people.user import Organization
from models.sla.clock import ClockStatus
from models.sla.clock_records import MICROSECOND
from models.sla.records import SlaCalendar, SlaClock, SlaPolicy
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from schema.context import context_of, loaders
from schema.cost import LEDGER_COST, cost
from schema.interfaces import Node
from schema.relations import foreign_key_field
from schema.types.people import CategoryType, OrganizationType, TeamType


@strawberry.type(description="A part of a day in which work is done.")
class SlaHours:
    start: str = strawberry.field(description="Local time from which it counts, as HH:MM.")
    end: str = strawberry.field(description="Local time up to which it counts, as HH:MM; 24:00 is the day's end.")


def format_time_of_day(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@strawberry.type(name="SlaCalendar", description="When work is done: clocks of promises count no other time.")
class SlaCalendarType(Node):
    name: str = strawberry.field(description="Its name.")
    time_zone: str = strawberry.field(description="The IANA name of the time zone that its hours are in.")

    @strawberry.field(description="Seven days from Monday, each a list of hours; an empty one is a day off.")
    def week(self, root: strawberry.Parent[SlaCalendar]) -> list[list[SlaHours]]:
        return [[SlaHours(start=format_time_of_day(start), end=format_time_of_day(end)) for start, end in day] for day in root.week]

    @strawberry.field(description="Local dates on which nothing counts.")
    def holidays(self, root: strawberry.Parent[SlaCalendar]) -> list[date]:
        return [date.fromisoformat(day) for day in root.holidays]

    active: bool = strawberry.field(description="Whether policies may use it.")


def duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


@strawberry.type(
    name="SlaPolicy",
    description="What is promised for the tickets that fit. The first active policy, by position, that fits a ticket holds.",
)
class SlaPolicyType(Node):
    name: str = strawberry.field(description="Its name.")
    position: int = strawberry.field(description="Policies are tried from the lowest on.")
    priority: Priority | None = strawberry.field(description="Only for this priority; null for any.")

    team: Any = foreign_key_field("team", TeamType | None, "Only for this team; null for any.")

    category: Any = foreign_key_field("category", CategoryType | None, "Only for this category; null for any.")

    @strawberry.field(description="Only for this account, null for any; shown to staff.", graphql_type=OrganizationType | None)
    async def organization(self, root: strawberry.Parent[SlaPolicy], info: strawberry.Info) -> Organization | None:
        context = context_of(info)
        if root.organization_id is None or context.viewer.is_customer:
            return None
        return await loaders(info).organizations.load(root.organization_id)

    @strawberry.field(description="Working time within which the team speaks first; null promises nothing.")
    def first_response(self, root: strawberry.Parent[SlaPolicy]) -> timedelta | None:
        return duration(root.first_response)

    @strawberry.field(description="Working time within which the team answers the customer again; null promises nothing.")
    def next_response(self, root: strawberry.Parent[SlaPolicy]) -> timedelta | None:
        return duration(root.next_response)

    @strawberry.field(description="Working time within which the ticket is resolved; null promises nothing.")
    def resolution(self, root: strawberry.Parent[SlaPolicy]) -> timedelta | None:
        return duration(root.resolution)

    at_risk_percent: int = strawberry.field(description="The share of a target after which it is at risk.")

    calendar: Any = foreign_key_field("calendar", SlaCalendarType, "The time that counts.")

    active: bool = strawberry.field(description="Whether it holds for tickets still.")


@strawberry.type(description="A part of a clock's life, and whether it counted.")
class SlaInterval:
    start: datetime = strawberry.field(description="From when.")
    end: datetime = strawberry.field(description="Up to when; the last one of a clock that is not finished ends now.")
    counted: bool = strawberry.field(description="Whether it was counted against the target.")
    reason: IntervalReason = strawberry.field(description="Why.")
    spent: timedelta = strawberry.field(description="How much of the target was spent by its end.")


@strawberry.type(name="SlaClock", description="One promise on a ticket, and how it stands.")
class SlaClockType:
    metric: Metric = strawberry.field(description="What is promised.")
    ordinal: int = strawberry.field(description="Which one of this metric it is on the ticket, from 1; next responses are many.")
    status: ClockStatus = strawberry.field(description="How it stands.")
    started_at: datetime = strawberry.field(description="When it started.")
    paused_at: datetime | None = strawberry.field(description="Since when it stands still; null while it runs or is finished.")

    @strawberry.field(description="Working time already spent paused.")
    async def paused_for(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> timedelta:
        context = context_of(info)
        paused = root.paused_for * MICROSECOND
        if root.paused_at is None:
            return paused
        terms = await loaders(info).policy_snapshots.load(root.terms)
        return paused + terms.calendar.working_time(root.paused_at, context.now())

    at_risk_at: datetime | None = strawberry.field(description="When it is at risk, or was; null while it is paused.")
    breaches_at: datetime | None = strawberry.field(description="When the promised time is over; null while it is paused.")
    achieved_at: datetime | None = strawberry.field(description="When it was done.")
    breached_at: datetime | None = strawberry.field(description="When the promised time passed without its being done.")

    @strawberry.field(description="The working time that was promised.")
    async def target(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> timedelta:
        terms = await loaders(info).policy_snapshots.load(root.terms)
        return terms.targets[root.metric]

    @strawberry.field(description="The working time that is spent by now.")
    async def spent(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> timedelta:
        context = context_of(info)
        spent = root.spent * MICROSECOND
        if root.since is None:
            return spent
        terms = await loaders(info).policy_snapshots.load(root.terms)
        return spent + terms.calendar.working_time(root.since, context.now())

    @strawberry.field(description="The policy that promises it.", graphql_type=SlaPolicyType)
    async def policy(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> SlaPolicy | None:
        return await loaders(info).snapshot_policies.load(root.terms)

    @strawberry.field(
        description="Each interval since the start, whether it counted and why: what explains a breach to the second. "
        "It is worked out from the ticket's log alone.",
        metadata=cost(flat=LEDGER_COST),
    )
    async def ledger(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> list[SlaInterval]:
        context = context_of(info)
        tale = await loaders(info).rebuilt_clocks.load(root.ticket_id)
        clock = ledger.find_clock(tale, root.metric, root.ordinal)
        return to_intervals(list(ledger.list_intervals(clock, context.now()))) if clock is not None else []


def to_intervals(found: Sequence[ledger.Interval]) -> list[SlaInterval]:
    return [SlaInterval(start=i.start, end=i.end, counted=i.is_counted, reason=i.reason, spent=i.spent) for i in found]
