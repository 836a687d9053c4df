"""SLA calendars and policies: queries for staff, and mutations for admins."""

from __future__ import annotations

from typing import cast

import strawberry

from models.sla import calendar_admin, policies, policy_admin
from models.sla.calendar_admin import CalendarFields
from models.sla.policy_admin import PolicyFields
from models.sla.records import SlaCalendar, SlaPolicy
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from schema.inputs.sla import (
    ArchiveSlaCalendarInput,
    ArchiveSlaPolicyInput,
    CreateSlaCalendarInput,
    CreateSlaPolicyInput,
    UpdateSlaCalendarInput,
    UpdateSlaPolicyInput,
)
from schema.payloads.sla import SlaCalendarPayload, SlaPolicyPayload

CLEARABLE_FIELDS = frozenset(
    {
        "priority",
        "team",
        "category",
        "organization_id",
        "first_response",
        "next_response",
        "resolution",
    }
)
"""The fields of a policy that null clears."""


async def sla_policies(
    info: strawberry.Info, include_inactive: bool | None = None
) -> list[SlaPolicy]:
    return await policies.list_policies(include_inactive=bool(include_inactive))


async def sla_calendars(
    info: strawberry.Info, include_inactive: bool | None = None
) -> list[SlaCalendar]:
    return await calendar_admin.list_calendars(include_inactive=bool(include_inactive))


calendar_mutation = admin_mutation(SlaCalendarPayload, "sla_calendar", SlaCalendar)
policy_mutation = admin_mutation(SlaPolicyPayload, "sla_policy", SlaPolicy)


@calendar_mutation
async def create_sla_calendar(
    mutation: AdminMutation, input: CreateSlaCalendarInput
) -> SlaCalendar:
    return await calendar_admin.create_calendar(
        mutation.changes, calendar_fields(input), mutation.at
    )


@calendar_mutation
async def update_sla_calendar(
    mutation: AdminMutation, input: UpdateSlaCalendarInput
) -> SlaCalendar:
    return await calendar_admin.update_calendar(
        mutation.changes,
        input.calendar_id,
        calendar_fields(input),
        mutation.at,
        input.expected_version,
    )


@calendar_mutation
async def archive_sla_calendar(
    mutation: AdminMutation, input: ArchiveSlaCalendarInput
) -> SlaCalendar:
    return await calendar_admin.archive_calendar(
        mutation.changes, input.calendar_id, mutation.at, input.expected_version
    )


def calendar_fields(input: CreateSlaCalendarInput | UpdateSlaCalendarInput) -> CalendarFields:
    fields = given_fields(input)
    if input.week is not None:
        fields["week"] = [[(hours.start, hours.end) for hours in day] for day in input.week]
    return cast("CalendarFields", fields)


@policy_mutation
async def create_sla_policy(mutation: AdminMutation, input: CreateSlaPolicyInput) -> SlaPolicy:
    fields = cast("PolicyFields", given_fields(input))
    return await policy_admin.create_policy(mutation.changes, fields, mutation.at)


@policy_mutation
async def update_sla_policy(mutation: AdminMutation, input: UpdateSlaPolicyInput) -> SlaPolicy:
    fields = cast("PolicyFields", given_fields(input, clearable=CLEARABLE_FIELDS))
    return await policy_admin.update_policy(
        mutation.changes, input.policy_id, fields, mutation.at, input.expected_version
    )


@policy_mutation
async def archive_sla_policy(mutation: AdminMutation, input: ArchiveSlaPolicyInput) -> SlaPolicy:
    return await policy_admin.archive_policy(
        mutation.changes, input.policy_id, mutation.at, input.expected_version
    )
