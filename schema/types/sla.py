"""SLA calendars, SLA policies, and the SLA clocks of tickets with their ledgers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import strawberry

from models.changes import sla_audit
from models.people.user import Organization
from models.sla.clock import ClockStatus
from models.sla.clock_records import MICROSECOND
from models.sla.intervals import ClockInterval, IntervalReason, list_intervals
from models.sla.records import SlaCalendar, SlaClock, SlaPolicy
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from schema.context import context_of, loaders
from schema.cost import LEDGER_COST, cost
from schema.interfaces import Node
from schema.records.relations import foreign_key_field
from schema.types.people.organizations import OrganizationType
from schema.types.people.people import VERSION
from schema.types.people.teams import CategoryType, TeamType


@strawberry.type(description="A block of working time within a day.")
class SlaHours:
    start: str = strawberry.field(
        description="The local time at which the block starts, as HH:MM from 00:00 to 23:59."
    )
    end: str = strawberry.field(
        description="The local time at which the block ends, as HH:MM up to 24:00."
    )


def format_time_of_day(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@strawberry.type(name="SlaCalendar", description="The working time that SLA clocks count.")
class SlaCalendarType(Node):
    name: str = strawberry.field(description="The name, 1 to 200 characters.")
    time_zone: str = strawberry.field(
        description="The IANA name of the time zone of the working hours, such as Europe/Berlin."
    )

    @strawberry.field(
        description="The working hours of the seven days from Monday to Sunday. A day without "
        "working time is empty."
    )
    def week(self, root: strawberry.Parent[SlaCalendar]) -> list[list[SlaHours]]:
        return [
            [
                SlaHours(start=format_time_of_day(start), end=format_time_of_day(end))
                for start, end in day
            ]
            for day in root.week
        ]

    @strawberry.field(
        description="The local dates without working time, in ascending order; at most 1,000."
    )
    def holidays(self, root: strawberry.Parent[SlaCalendar]) -> list[date]:
        return [date.fromisoformat(day) for day in root.holidays]

    active: bool = strawberry.field(
        description="Whether active policies may use the calendar. False if it is archived."
    )
    version: int = strawberry.field(description=VERSION)


def duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


@strawberry.type(
    name="SlaPolicy",
    description="The SLA targets of tickets. The first active policy, by position, that matches a "
    "ticket applies to it.",
)
class SlaPolicyType(Node):
    name: str = strawberry.field(description="The name, 1 to 200 characters.")
    position: int = strawberry.field(
        description="The position of the policy. The server tries policies in ascending order of "
        "position, and the older one of two with equal positions first."
    )
    priority: Priority | None = strawberry.field(
        description="The priority of the tickets that the policy applies to. Null for any."
    )

    team: Any = foreign_key_field(
        "team", TeamType | None, "The team whose tickets the policy applies to. Null for any."
    )

    category: Any = foreign_key_field(
        "category",
        CategoryType | None,
        "The category whose tickets the policy applies to. Null for any.",
    )

    @strawberry.field(
        description="The organization whose tickets the policy applies to. Null for any, and if "
        "the viewer is a customer.",
        graphql_type=OrganizationType | None,
    )
    async def organization(
        self, root: strawberry.Parent[SlaPolicy], info: strawberry.Info
    ) -> Organization | None:
        context = context_of(info)
        if root.organization_id is None or context.viewer.is_customer:
            return None
        return await loaders(info).organizations.load(root.organization_id)

    @strawberry.field(
        description="The target for the time from the ticket's creation to the team's first reply "
        "or the resolution, in working time. Null if there is none."
    )
    def first_response(self, root: strawberry.Parent[SlaPolicy]) -> timedelta | None:
        return duration(root.first_response)

    @strawberry.field(
        description="The target for the time from the customer's first unanswered message to the "
        "team's next reply or the resolution, in working time. Null if there is none."
    )
    def next_response(self, root: strawberry.Parent[SlaPolicy]) -> timedelta | None:
        return duration(root.next_response)

    @strawberry.field(
        description="The target for the time from the ticket's creation to its resolution, in "
        "working time. Null if there is none."
    )
    def resolution(self, root: strawberry.Parent[SlaPolicy]) -> timedelta | None:
        return duration(root.resolution)

    at_risk_percent: int = strawberry.field(
        description="The percentage of a target after which its clock is at risk, 1 to 99."
    )

    calendar: Any = foreign_key_field(
        "calendar", SlaCalendarType, "The calendar whose working time counts."
    )

    active: bool = strawberry.field(
        description="Whether the policy applies to tickets. False if it is archived."
    )
    version: int = strawberry.field(description=VERSION)


@strawberry.type(description="An interval in the life of an SLA clock.")
class SlaInterval:
    start: datetime = strawberry.field(description="The start of the interval.")
    end: datetime = strawberry.field(
        description="The end of the interval. The last interval of an unfinished clock ends now."
    )
    counted: bool = strawberry.field(description="Whether the interval counts towards the target.")
    reason: IntervalReason = strawberry.field(
        description="The reason for which the interval counts or does not."
    )
    spent: timedelta = strawberry.field(
        description="The working time that the clock had spent by the end of the interval."
    )


@strawberry.type(name="SlaClock", description="The clock of one SLA target on a ticket.")
class SlaClockType:
    metric: Metric = strawberry.field(description="The metric that the clock measures.")
    ordinal: int = strawberry.field(
        description="The number of the clock among the ticket's clocks of this metric, from 1. "
        "Each wait for a next response has its own clock."
    )
    status: ClockStatus = strawberry.field(description="The status of the clock.")
    started_at: datetime = strawberry.field(description="The time at which the clock started.")
    paused_at: datetime | None = strawberry.field(
        description="The time since which the clock has been paused. Null while it runs or is "
        "finished."
    )

    @strawberry.field(description="The working time during which the clock was paused so far.")
    async def paused_for(
        self, root: strawberry.Parent[SlaClock], info: strawberry.Info
    ) -> timedelta:
        context = context_of(info)
        paused = root.paused_for * MICROSECOND
        if root.paused_at is None:
            return paused
        snapshot = await loaders(info).policy_snapshots.load(root.terms)
        return paused + snapshot.calendar.working_time(root.paused_at, context.now())

    at_risk_at: datetime | None = strawberry.field(
        description="The time at which the clock becomes or became at risk. Null while it is "
        "paused, and if the calendar has too little working time to reach it."
    )
    breaches_at: datetime | None = strawberry.field(
        description="The deadline of the target, in the past or future. Null while the clock is "
        "paused, and if the calendar has too little working time to reach it."
    )
    achieved_at: datetime | None = strawberry.field(
        description="The time of the response or resolution. Null until then."
    )
    breached_at: datetime | None = strawberry.field(
        description="The time at which the target passed without the response or resolution. Null "
        "if it has not."
    )

    @strawberry.field(description="The target, in working time.")
    async def target(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> timedelta:
        snapshot = await loaders(info).policy_snapshots.load(root.terms)
        return snapshot.targets[root.metric]

    @strawberry.field(description="The working time that the clock has spent so far.")
    async def spent(self, root: strawberry.Parent[SlaClock], info: strawberry.Info) -> timedelta:
        context = context_of(info)
        spent = root.spent * MICROSECOND
        if root.since is None:
            return spent
        snapshot = await loaders(info).policy_snapshots.load(root.terms)
        return spent + snapshot.calendar.working_time(root.since, context.now())

    @strawberry.field(
        description="The SLA policy that set the clock's target.", graphql_type=SlaPolicyType
    )
    async def policy(
        self, root: strawberry.Parent[SlaClock], info: strawberry.Info
    ) -> SlaPolicy | None:
        return await loaders(info).snapshot_policies.load(root.terms)

    @strawberry.field(
        description="The intervals from the start of the clock until now or its end, in order. "
        "They explain the spent time exactly, and the server computes them from the events of the "
        "ticket.",
        metadata=cost(flat=LEDGER_COST),
    )
    async def ledger(
        self, root: strawberry.Parent[SlaClock], info: strawberry.Info
    ) -> list[SlaInterval]:
        clocks = await loaders(info).rebuilt_clocks.load(root.ticket_id)
        clock = sla_audit.find_clock(clocks, root.metric, root.ordinal)
        if clock is None:
            return []
        intervals = list_intervals(clock, context_of(info).now())
        return [to_interval(interval) for interval in intervals]


def to_interval(interval: ClockInterval) -> SlaInterval:
    return SlaInterval(
        start=interval.start,
        end=interval.end,
        counted=interval.is_counted,
        reason=interval.reason,
        spent=interval.spent,
    )
