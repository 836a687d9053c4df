"""Calendars and policies: what is promised, read by the team and managed by admins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import strawberry

from models.sla import admin, policies
from models.sla.admin import CalendarFields, PolicyFields
from models.sla.records import SlaCalendar, SlaPolicy
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import Archived, answered, fields_of
from resolvers.mutations.idempotency import Keyed
from schema import manage as words
from schema.manage import SlaCalendarPayload, SlaPolicyPayload

CLEARED = frozenset({"priority", "team", "category", "organization_id", "first_response", "next_response", "resolution"})


async def sla_policies(info: strawberry.Info, include_inactive: Archived = None) -> list[SlaPolicy]:
    return await policies.in_order(archived=bool(include_inactive))


async def sla_calendars(info: strawberry.Info, include_inactive: Archived = None) -> list[SlaCalendar]:
    return await admin.calendars(archived=bool(include_inactive))


async def create_sla_calendar(info: strawberry.Info, input: words.CreateSlaCalendarInput) -> SlaCalendarPayload:
    return await calendar_payload(info, input, lambda: admin.create_calendar(calendar_fields(input), context_of(info).now()))


async def update_sla_calendar(info: strawberry.Info, input: words.UpdateSlaCalendarInput) -> SlaCalendarPayload:
    return await calendar_payload(
        info, input, lambda: admin.update_calendar(input.calendar_id, calendar_fields(input), context_of(info).now())
    )


async def archive_sla_calendar(info: strawberry.Info, input: words.ArchiveSlaCalendarInput) -> SlaCalendarPayload:
    return await calendar_payload(info, input, lambda: admin.archive_calendar(input.calendar_id, context_of(info).now()))


def calendar_payload(
    info: strawberry.Info, input: Keyed, act: Callable[[], Awaitable[SlaCalendar]]
) -> Awaitable[SlaCalendarPayload]:
    return answered(info, input, SlaCalendarPayload, "sla_calendar", act, lambda key: SlaCalendar.get(id=key))


def calendar_fields(input: words.CreateSlaCalendarInput | words.UpdateSlaCalendarInput) -> CalendarFields:
    fields = fields_of(input)
    if input.week is not None:
        fields["week"] = [[(hours.start, hours.end) for hours in day] for day in input.week]
    return cast("CalendarFields", fields)


async def create_sla_policy(info: strawberry.Info, input: words.CreateSlaPolicyInput) -> SlaPolicyPayload:
    return await policy_payload(
        info, input, lambda: admin.create_policy(cast("PolicyFields", fields_of(input)), context_of(info).now())
    )


async def update_sla_policy(info: strawberry.Info, input: words.UpdateSlaPolicyInput) -> SlaPolicyPayload:
    fields = cast("PolicyFields", fields_of(input, cleared=CLEARED))
    return await policy_payload(info, input, lambda: admin.update_policy(input.policy_id, fields, context_of(info).now()))


async def archive_sla_policy(info: strawberry.Info, input: words.ArchiveSlaPolicyInput) -> SlaPolicyPayload:
    return await policy_payload(info, input, lambda: admin.archive_policy(input.policy_id, context_of(info).now()))


def policy_payload(info: strawberry.Info, input: Keyed, act: Callable[[], Awaitable[SlaPolicy]]) -> Awaitable[SlaPolicyPayload]:
    return answered(info, input, SlaPolicyPayload, "sla_policy", act, lambda key: SlaPolicy.get(id=key))
