"""Inputs of the mutations for SLA calendars and SLA policies."""

from __future__ import annotations

from datetime import date, timedelta

import strawberry

from models.tickets.lifecycle import Priority
from schema.inputs.fields import (
    ANY,
    KEEP,
    KEEP_OR_ANY,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    SLUG,
    optional,
    required,
)

KEEP_OR_NONE = "Absent: unchanged. Null: no target."

CALENDAR_NAME = "The name of the calendar, unique among calendars."
TIME_ZONE = "The IANA name of the time zone, such as Europe/Berlin; at most 64 characters."
WEEK = (
    "The working hours of the seven days from Monday to Sunday. A day has 0 to 24 blocks, in "
    "ascending order and without overlap. At least one day has a block."
)
HOLIDAYS = "The local dates without working time, at most 1,000."
CALENDAR_ACTIVE = (
    "Whether the calendar is active. True restores an archived calendar, false archives it."
)

ORDER = (
    "Any Int. The server tries policies in ascending order of position, and the older one of two "
    "with equal positions first."
)
PRIORITY = "The priority of the tickets that the policy applies to."
TEAM = f"The slug of the team whose tickets the policy applies to, {SLUG}"
CATEGORY = f"The slug of the category whose tickets the policy applies to, {SLUG}"
ORGANIZATION = "The id of the organization whose tickets the policy applies to."
CALENDAR = "The id of the active calendar whose working time counts."
WORKING_TIME = "in working time: 1 minute to 1,826 days, in whole seconds."
FIRST_RESPONSE = (
    "The target for the time from the ticket's creation to the team's first reply or the "
    f"resolution, {WORKING_TIME}"
)
NEXT_RESPONSE = (
    "The target for the time from the customer's first unanswered message to the team's next "
    f"reply or the resolution, {WORKING_TIME}"
)
RESOLUTION = f"The target for the time from the ticket's creation to its resolution, {WORKING_TIME}"
NO_TARGET = "Null: no target."
AT_RISK = "The percentage of a target after which its clock is at risk, 1 to 99."
POLICY_ACTIVE = "Whether the policy is active. True restores an archived policy, false archives it."


@strawberry.input(description="A block of working time within a day.")
class SlaHoursInput:
    start: str = required("The local time at which the block starts, as HH:MM from 00:00 to 23:59.")
    end: str = required(
        "The local time at which the block ends, as HH:MM after `start` and up to 24:00."
    )


@strawberry.input(description="A new SLA calendar.")
class CreateSlaCalendarInput:
    name: str = required(f"{CALENDAR_NAME} {NAME}")
    time_zone: str = required(TIME_ZONE)
    week: list[list[SlaHoursInput]] = required(WEEK)
    holidays: list[date] | None = optional(f"{HOLIDAYS} Absent or null: none.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="Changes to an SLA calendar. A field that is absent or null keeps its value."
)
class UpdateSlaCalendarInput:
    calendar_id: strawberry.ID = required("The id of the calendar.")
    name: str | None = optional(f"{CALENDAR_NAME} {NAME}")
    time_zone: str | None = optional(TIME_ZONE)
    week: list[list[SlaHoursInput]] | None = optional(WEEK)
    holidays: list[date] | None = optional(HOLIDAYS)
    active: bool | None = optional(CALENDAR_ACTIVE)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="An SLA calendar to archive.")
class ArchiveSlaCalendarInput:
    calendar_id: strawberry.ID = required("The id of a calendar that no active policy uses.")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="A new SLA policy. It applies to tickets that match its priority, team, category "
    "and organization. It has at least one target."
)
class CreateSlaPolicyInput:
    name: str = required(f"The name of the policy. {NAME}")
    position: int | None = optional(
        f"The position of the policy. {ORDER} Absent or null: after all active policies."
    )
    priority: Priority | None = optional(f"{PRIORITY} {ANY}")
    team: str | None = optional(f"{TEAM} {ANY}")
    category: str | None = optional(f"{CATEGORY} {ANY}")
    organization_id: strawberry.ID | None = optional(f"{ORGANIZATION} {ANY}")
    calendar_id: strawberry.ID = required(CALENDAR)
    first_response: timedelta | None = optional(f"{FIRST_RESPONSE} {NO_TARGET}")
    next_response: timedelta | None = optional(f"{NEXT_RESPONSE} {NO_TARGET}")
    resolution: timedelta | None = optional(f"{RESOLUTION} {NO_TARGET}")
    at_risk_percent: int | None = optional(f"{AT_RISK} Null: 75.", 75)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to an SLA policy, which keeps at least one target.")
class UpdateSlaPolicyInput:
    policy_id: strawberry.ID = required("The id of the policy.")
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    position: int | None = optional(f"The new position. {ORDER} {KEEP}")
    priority: Priority | None = optional(f"{PRIORITY} {KEEP_OR_ANY}", strawberry.UNSET)
    team: str | None = optional(f"{TEAM} {KEEP_OR_ANY}", strawberry.UNSET)
    category: str | None = optional(f"{CATEGORY} {KEEP_OR_ANY}", strawberry.UNSET)
    organization_id: strawberry.ID | None = optional(
        f"{ORGANIZATION} {KEEP_OR_ANY}", strawberry.UNSET
    )
    calendar_id: strawberry.ID | None = optional(f"{CALENDAR} {KEEP}")
    first_response: timedelta | None = optional(
        f"{FIRST_RESPONSE} {KEEP_OR_NONE}", strawberry.UNSET
    )
    next_response: timedelta | None = optional(f"{NEXT_RESPONSE} {KEEP_OR_NONE}", strawberry.UNSET)
    resolution: timedelta | None = optional(f"{RESOLUTION} {KEEP_OR_NONE}", strawberry.UNSET)
    at_risk_percent: int | None = optional(f"{AT_RISK} {KEEP}")
    active: bool | None = optional(f"{POLICY_ACTIVE} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="An SLA policy to archive.")
class ArchiveSlaPolicyInput:
    policy_id: strawberry.ID = required("The id of the policy.")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
