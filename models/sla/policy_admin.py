"""Administration of SLA policies. Each change is one transaction, with the new policy snapshot.

Fields that the input leaves out keep their values. Open tickets are updated later, by the job
`workers.sla_refresh`.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from models import database
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.positions import next_position
from models.core.record_changes import RecordChanges, check_version
from models.core.record_limits import RecordLimits
from models.core.time import to_whole_seconds
from models.people import team
from models.people.user import Organization
from models.sla import defaults, policies
from models.sla.calendar_admin import get_calendar
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.lifecycle import Priority

MIN_TARGET, MAX_TARGET = timedelta(minutes=1), timedelta(days=5 * 365 + 1)


class PolicyFields(TypedDict, total=False):
    """Team and category by slug; organization and calendar by global id."""

    name: str
    position: int
    priority: Priority | None
    team: str | None
    category: str | None
    organization_id: str | None
    calendar_id: str
    first_response: timedelta | None
    next_response: timedelta | None
    resolution: timedelta | None
    at_risk_percent: int
    active: bool


async def create_policy(changes: RecordChanges, fields: PolicyFields, at: datetime) -> SlaPolicy:
    """Create a policy. Without a position, it comes after all active ones. Raises InvalidInput."""
    policy = SlaPolicy(
        name="",
        position=0,
        at_risk_percent=defaults.AT_RISK_PERCENT,
        terms="",
        created_at=at,
    )
    async with database.transaction():
        await policies.lock_admin_changes()
        if "position" not in fields:
            last = await SlaPolicy.filter(active=True).order_by("-position").first()
            policy.position = next_position(last.position if last else None)
        await set_fields(policy, fields, changes.limits, was_active=False)
        await changes.create(policy)
        await policies.increment_revision(at)
    return policy


async def update_policy(
    changes: RecordChanges,
    policy_id: str,
    fields: PolicyFields,
    at: datetime,
    expected_version: int | None = None,
) -> SlaPolicy:
    """Change the given fields of a policy. Raises InvalidInput and StaleVersion."""
    key = ids.key_of(ids.SLA_POLICY, policy_id)
    async with database.transaction():
        await policies.lock_admin_changes()
        policy = await SlaPolicy.get_or_none(id=key) if key else None
        if policy is None:
            raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such policy.", "policyId")
        check_version(policy, expected_version)
        draft = copy(policy)
        await set_fields(draft, fields, changes.limits, was_active=policy.active)
        if await changes.update_from(policy, draft):
            await policies.increment_revision(at)
    return policy


async def archive_policy(
    changes: RecordChanges, policy_id: str, at: datetime, expected_version: int | None = None
) -> SlaPolicy:
    """Archive a policy: it no longer applies to any ticket.

    Raises InvalidInput and StaleVersion.
    """
    return await update_policy(changes, policy_id, {"active": False}, at, expected_version)


async def set_fields(
    policy: SlaPolicy, fields: PolicyFields, limits: RecordLimits, *, was_active: bool
) -> None:
    """Set the given fields of the record, and store its new snapshot. Raises InvalidInput."""
    await set_policy_fields(policy, fields)
    if "calendar_id" in fields:
        calendar = await get_calendar(fields["calendar_id"])
    else:
        calendar = await SlaCalendar.get(id=policy.calendar_id)
    policy.calendar_id = calendar.id
    if policy.active and not calendar.active:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active calendar", "calendarId")
    if policy.active and not was_active:
        await check_policy_limit(limits.max_sla_policies)
    policy.terms = await policies.store_snapshot(policy, calendar)


async def check_policy_limit(maximum: int) -> None:
    """Raises InvalidInput if no other policy may be active."""
    if await SlaPolicy.filter(active=True).count() >= maximum:
        message = f"At most {maximum} policies can be active; archive one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="sla_policies")


async def set_policy_fields(policy: SlaPolicy, fields: PolicyFields) -> None:
    if "name" in fields:
        policy.name = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    policy.position = fields.get("position", policy.position)
    policy.priority = fields.get("priority", policy.priority)
    await set_matched_records(policy, fields)
    set_targets(policy, fields)
    policy.at_risk_percent = fields.get("at_risk_percent", policy.at_risk_percent)
    if not 1 <= policy.at_risk_percent <= 99:
        raise InvalidInput(UserErrorCode.INVALID, "must be 1 to 99 percent", "atRiskPercent")
    policy.active = fields.get("active", policy.active)


async def set_matched_records(policy: SlaPolicy, fields: PolicyFields) -> None:
    """Set the team, category and organization whose tickets the policy applies to."""
    if "team" in fields:
        slug = fields["team"]
        policy.team_id = None if slug is None else (await team.get_team(slug, "team")).id
    if "category" in fields:
        slug = fields["category"]
        category = None if slug is None else await team.get_category(slug, "category")
        policy.category_id = None if category is None else category.id
    if "organization_id" in fields:
        organization_id = fields["organization_id"]
        policy.organization_id = (
            None if organization_id is None else await get_organization_key(organization_id)
        )


def set_targets(policy: SlaPolicy, fields: PolicyFields) -> None:
    if "first_response" in fields:
        policy.first_response = parse_target(fields["first_response"], "firstResponse")
    if "next_response" in fields:
        policy.next_response = parse_target(fields["next_response"], "nextResponse")
    if "resolution" in fields:
        policy.resolution = parse_target(fields["resolution"], "resolution")
    if policy.first_response is policy.next_response is policy.resolution is None:
        message = "A policy needs a target for the first response, next response or resolution."
        raise InvalidInput(UserErrorCode.REQUIRED, message)


def parse_target(value: timedelta | None, *path: str) -> int | None:
    """Return a target in seconds. Raises InvalidInput."""
    if value is None:
        return None
    return to_whole_seconds(value, MIN_TARGET, MAX_TARGET, "must be 1 minute to 5 years", *path)


async def get_organization_key(organization_id: str) -> UUID:
    """Return the key of the organization with this global id. Raises InvalidInput NOT_FOUND."""
    key = ids.key_of(ids.ORGANIZATION, organization_id)
    organization = await Organization.get_or_none(id=key) if key else None
    if organization is None:
        raise InvalidInput(
            UserErrorCode.NOT_FOUND, "There is no such organization.", "organizationId"
        )
    return organization.id
