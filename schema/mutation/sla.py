"""The mutations for SLA calendars and SLA policies."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers import sla
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.sla import SlaCalendarPayload, SlaPolicyPayload

CALENDAR = SlaCalendarPayload | None
POLICY = SlaPolicyPayload | None
CALENDAR_FIELD_ERRORS = (
    "REQUIRED (name, timeZone, week)",
    "TOO_LONG (name, timeZone, week, holidays)",
    "TAKEN (name)",
)
POLICY_FIELD_ERRORS = (
    "REQUIRED (name; without a field, if there is no target)",
    "TOO_LONG (name)",
    "INVALID (calendarId: archived; name, firstResponse, nextResponse, resolution, "
    "atRiskPercent, idempotencyKey; without a field, if too many policies are already active)",
)


@strawberry.type
class SlaMutations:
    create_sla_calendar: Any = mutation(
        sla.create_sla_calendar,
        ADMINISTER,
        "Creates an SLA calendar, which defines the working time of SLA clocks. By default, at "
        "most 100 calendars are active.",
        CALENDAR,
        errors=(
            *CALENDAR_FIELD_ERRORS,
            "INVALID (name, timeZone, week, idempotencyKey; without a field, if too many calendars "
            "are already active)",
            *KEY_ERRORS,
        ),
    )
    update_sla_calendar: Any = mutation(
        sla.update_sla_calendar,
        ADMINISTER,
        "Changes, archives or restores an SLA calendar. The server then updates the clocks "
        "of open tickets.",
        CALENDAR,
        errors=(
            "NOT_FOUND (calendarId)",
            *CALENDAR_FIELD_ERRORS,
            "INVALID (calendarId: an active policy uses the archived calendar; name, timeZone, "
            "week, idempotencyKey; without a field, if too many calendars are already active)",
            *RECORD_ERRORS,
        ),
    )
    archive_sla_calendar: Any = mutation(
        sla.archive_sla_calendar,
        ADMINISTER,
        "Archives an SLA calendar that no active policy uses.",
        CALENDAR,
        errors=(
            "NOT_FOUND (calendarId)",
            "INVALID (calendarId: an active policy uses it; idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
    create_sla_policy: Any = mutation(
        sla.create_sla_policy,
        ADMINISTER,
        "Creates an SLA policy. The first active policy, by position, that matches a ticket "
        "applies to it. The server then updates the clocks of open tickets. By default, at most "
        "200 policies are active.",
        POLICY,
        errors=(
            "NOT_FOUND (team, category, organizationId, calendarId)",
            *POLICY_FIELD_ERRORS,
            *KEY_ERRORS,
        ),
    )
    update_sla_policy: Any = mutation(
        sla.update_sla_policy,
        ADMINISTER,
        "Changes, archives or restores an SLA policy. The server then updates the clocks of "
        "open tickets, which keep the time that they have spent.",
        POLICY,
        errors=(
            "NOT_FOUND (policyId, team, category, organizationId, calendarId)",
            *POLICY_FIELD_ERRORS,
            *RECORD_ERRORS,
        ),
    )
    archive_sla_policy: Any = mutation(
        sla.archive_sla_policy,
        ADMINISTER,
        "Archives an SLA policy. The next policy that matches, if any, applies to its open "
        "tickets.",
        POLICY,
        errors=("NOT_FOUND (policyId)", "INVALID (idempotencyKey)", *RECORD_ERRORS),
    )
