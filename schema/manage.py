"""The inputs and payloads by which admins manage promises, escalation, teams and the demo's time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import strawberry

from models.escalation.path import EscalationPath, StepAction, Trigger
from models.people.team import Team
from models.people.user import User
from models.sla.records import SlaCalendar, SlaPolicy
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from schema.inputs import given, optional
from schema.interfaces import UserErrorInterface
from schema.payloads import REPLAYED, errors, made
from schema.types.escalation import EscalationPathType
from schema.types.people import TeamType, UserType
from schema.types.sla import SlaCalendarType, SlaPolicyType

NAME = "1 to 200 characters after trimming."
ZONE = "The IANA name of a time zone, such as Europe/Berlin."
WEEK = "Seven days from Monday; the hours of each in order, at most 24 blocks. An empty day is a day off."
HOLIDAYS = "Local dates on which nothing counts; at most 1,000."
STAYS = "; left out or null, it stays."
CLEARS = "; left out it stays, null means any."
ACTIVE = "true takes an archived one back, false archives it; left out or null, it stays."
TARGET = "Working time, from 1 minute to 5 years, in whole seconds"
PERCENT = "The share of a target after which it is at risk, 1 to 99"
STEPS = "1 to 20 steps."
FITS = "; null for any."
KEY = (
    "1 to 128 characters, kept 24 hours: the same key and input do nothing again and give what was changed as it stands by then, "
    "with replayed: true."
)


@strawberry.input(description="A part of a day in which work is done.")
class SlaHoursInput:
    start: str = given("Local time from which it counts, as HH:MM.")
    end: str = given("Local time up to which it counts, as HH:MM; 24:00 is the day's end.")


@strawberry.input(description="A new calendar.")
class CreateSlaCalendarInput:
    name: str = given("1 to 200 characters after trimming; no other calendar has it.")
    time_zone: str = given(ZONE)
    week: list[list[SlaHoursInput]] = given(WEEK)
    holidays: list[date] | None = optional(HOLIDAYS)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="What to change of a calendar; what is left out, or null, stays. Open tickets follow.")
class UpdateSlaCalendarInput:
    calendar_id: strawberry.ID = given("The calendar.")
    name: str | None = optional("1 to 200 characters after trimming; no other calendar has it.")
    time_zone: str | None = optional(ZONE)
    week: list[list[SlaHoursInput]] | None = optional(WEEK)
    holidays: list[date] | None = optional(HOLIDAYS)
    active: bool | None = optional(ACTIVE)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A calendar to archive.")
class ArchiveSlaCalendarInput:
    calendar_id: strawberry.ID = given("The calendar; no active policy goes by it.")
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A new policy; it holds for tickets that fit all that it names. It promises something at least.")
class CreateSlaPolicyInput:
    name: str = given(NAME)
    position: int | None = optional("Policies are tried from the lowest on; left out or null, this one comes last.")
    priority: Priority | None = optional("Only for this priority" + FITS)
    team: str | None = optional("Only for this team, by slug" + FITS)
    category: str | None = optional("Only for this category, by slug" + FITS)
    organization_id: strawberry.ID | None = optional("Only for this account" + FITS)
    calendar_id: strawberry.ID = given("The time that counts.")
    first_response: timedelta | None = optional(TARGET + "; null promises nothing.")
    next_response: timedelta | None = optional(TARGET + "; null promises nothing.")
    resolution: timedelta | None = optional(TARGET + "; null promises nothing.")
    at_risk_percent: int | None = optional(PERCENT + ".", 75)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="What to change of a policy; what is left out stays. Open tickets follow, and keep what was spent.")
class UpdateSlaPolicyInput:
    policy_id: strawberry.ID = given("The policy.")
    name: str | None = optional("1 to 200 characters after trimming" + STAYS)
    position: int | None = optional("Policies are tried from the lowest on" + STAYS)
    priority: Priority | None = optional("Only for this priority" + CLEARS, strawberry.UNSET)
    team: str | None = optional("Only for this team, by slug" + CLEARS, strawberry.UNSET)
    category: str | None = optional("Only for this category, by slug" + CLEARS, strawberry.UNSET)
    organization_id: strawberry.ID | None = optional("Only for this account" + CLEARS, strawberry.UNSET)
    calendar_id: strawberry.ID | None = optional("The time that counts" + STAYS)
    first_response: timedelta | None = optional(TARGET + "; left out it stays, null promises nothing.", strawberry.UNSET)
    next_response: timedelta | None = optional(TARGET + "; left out it stays, null promises nothing.", strawberry.UNSET)
    resolution: timedelta | None = optional(TARGET + "; left out it stays, null promises nothing.", strawberry.UNSET)
    at_risk_percent: int | None = optional(PERCENT + STAYS)
    active: bool | None = optional(ACTIVE)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="A policy to archive: it holds for no ticket any more.")
class ArchiveSlaPolicyInput:
    policy_id: strawberry.ID = given("The policy.")
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="What an escalation path does at some time.")
class EscalationStepInput:
    after: timedelta = given("How long after what set the path off, up to 365 days, in whole seconds.")
    action: StepAction = given("What is done.")
    team: str | None = optional("The team to hand the ticket to, by slug: for TRANSFER, which needs it.")
    user_id: strawberry.ID | None = optional(
        "The agent or admin to give the ticket to: for REASSIGN; null lets the fewest open tickets decide."
    )


@strawberry.input(description="A new escalation path; it is taken for tickets that fit all that it names.")
class CreateEscalationPathInput:
    name: str = given(NAME)
    position: int | None = optional("Paths are tried from the lowest on; left out or null, this one comes last.")
    trigger: Trigger = given("What sets it off.")
    metric: Metric | None = optional("Only for this promise, where a promise sets it off" + FITS)
    priority: Priority | None = optional("Only for tickets of this priority" + FITS)
    team: str | None = optional("Only for tickets of this team, by slug" + FITS)
    steps: list[EscalationStepInput] = given(STEPS)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(
    description="What to change of an escalation path; what is left out stays. Where it is under way, it goes on as it was."
)
class UpdateEscalationPathInput:
    path_id: strawberry.ID = given("The path.")
    name: str | None = optional("1 to 200 characters after trimming" + STAYS)
    position: int | None = optional("Paths are tried from the lowest on" + STAYS)
    trigger: Trigger | None = optional("What sets it off" + STAYS)
    metric: Metric | None = optional("Only for this promise, where a promise sets it off" + CLEARS, strawberry.UNSET)
    priority: Priority | None = optional("Only for tickets of this priority" + CLEARS, strawberry.UNSET)
    team: str | None = optional("Only for tickets of this team, by slug" + CLEARS, strawberry.UNSET)
    steps: list[EscalationStepInput] | None = optional("1 to 20 steps in place of those it has" + STAYS)
    active: bool | None = optional(ACTIVE)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="An escalation path to archive: nothing sets it off any more.")
class ArchiveEscalationPathInput:
    path_id: strawberry.ID = given("The path.")
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="What to change of a team; what is left out, or null, stays.")
class UpdateTeamInput:
    team: str = given("By slug.")
    name: str | None = optional(NAME)
    assigns_by_load: bool | None = optional(
        "Whether a new ticket is given to whoever of the team is present and has the fewest open ones."
    )
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="Whether rules may give tickets to somebody now.")
class SetAvailabilityInput:
    present: bool = given("Whether they may.")
    user_id: strawberry.ID | None = optional("Whose; null for the caller's own. Admins say it for others.")
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="How far to move the demo's clock.")
class AdvanceClockInput:
    by: timedelta = given("From 1 second to 366 days; 3660 days in all.")
    idempotency_key: str | None = optional(KEY)


@strawberry.type(description="What became of a calendar.")
class SlaCalendarPayload:
    sla_calendar: SlaCalendar | None = made("The calendar as it is now.", SlaCalendarType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a policy.")
class SlaPolicyPayload:
    sla_policy: SlaPolicy | None = made("The policy as it is now.", SlaPolicyType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of an escalation path.")
class EscalationPathPayload:
    escalation_path: EscalationPath | None = made("The path as it is now.", EscalationPathType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a team.")
class TeamPayload:
    team: Team | None = made("The team as it is now.", TeamType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of somebody's availability.")
class AvailabilityPayload:
    user: User | None = made("The person.", UserType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of the demo's time.")
class AdvanceClockPayload:
    now: datetime | None = strawberry.field(default=None, description="What time it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()
