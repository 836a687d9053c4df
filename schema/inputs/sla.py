"""The inputs of mutations: SLA calendars and policies."""

from __future__ import annotations

from datetime import date, timedelta

import strawberry

from models.tickets.lifecycle import Priority
from schema.inputs.fields import ADMIN_KEY, given, optional

NAME = "1 to 200 characters after trimming."
ZONE = "The IANA name of a time zone, such as Europe/Berlin."
WEEK = "Seven days from Monday; the hours of each in order, at most 24 blocks. An empty day is a day off."
HOLIDAYS = "Local dates on which nothing counts; at most 1,000."
STAYS = "; left out or null, it stays."
CLEARS = "; left out it stays, null means any."
ACTIVE = "true takes an archived one back, false archives it; left out or null, it stays."
TARGET = "Working time, from 1 minute to 5 years, in whole seconds"
PERCENT = "The share of a target after which it is at risk, 1 to 99"
FITS = "; null for any."


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
    idempotency_key: str | None = optional(ADMIN_KEY)


@strawberry.input(description="What to change of a calendar; what is left out, or null, stays. Open tickets follow.")
class UpdateSlaCalendarInput:
    calendar_id: strawberry.ID = given("The calendar.")
    name: str | None = optional("1 to 200 characters after trimming; no other calendar has it.")
    time_zone: str | None = optional(ZONE)
    week: list[list[SlaHoursInput]] | None = optional(WEEK)
    holidays: list[date] | None = optional(HOLIDAYS)
    active: bool | None = optional(ACTIVE)
    idempotency_key: str | None = optional(ADMIN_KEY)


@strawberry.input(description="A calendar to archive.")
class ArchiveSlaCalendarInput:
    calendar_id: strawberry.ID = given("The calendar; no active policy goes by it.")
    idempotency_key: str | None = optional(ADMIN_KEY)


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
    idempotency_key: str | None = optional(ADMIN_KEY)


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
    idempotency_key: str | None = optional(ADMIN_KEY)


@strawberry.input(description="A policy to archive: it holds for no ticket any more.")
class ArchiveSlaPolicyInput:
    policy_id: strawberry.ID = given("The policy.")
    idempotency_key: str | None = optional(ADMIN_KEY)
