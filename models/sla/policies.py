"""SLA policies: which policy applies to a ticket, and which open tickets still have older terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from models import database
from models.database import as_uuid
from models.sla.calendars.calendar import Calendar
from models.sla.records import SlaCalendar, SlaPolicy, SlaRevision, SlaTerms
from models.sla.snapshot import Metric, PolicySnapshot
from models.tickets.lifecycle import OPEN_STATUSES
from models.tickets.ticket import Ticket

SETTLING_TIME = timedelta(seconds=60)
"""How long after a change of the policies a transaction may still store a ticket by the old ones.

No transaction takes longer.
"""

MAX_CACHED_SNAPSHOTS = 10_000
snapshot_cache: dict[str, PolicySnapshot] = {}
"""Snapshots by digest. They never change, so each process reads a snapshot only once."""


# Snapshots of policies


def calendar_from_record(record: SlaCalendar) -> Calendar:
    return Calendar.from_dict(
        {"zone": record.time_zone, "week": record.week, "holidays": record.holidays}
    )


def build_snapshot(policy: SlaPolicy, calendar: Calendar) -> PolicySnapshot:
    """Return the snapshot of a policy's current contents."""
    seconds_by_metric = {
        Metric.FIRST_RESPONSE: policy.first_response,
        Metric.NEXT_RESPONSE: policy.next_response,
        Metric.RESOLUTION: policy.resolution,
    }
    targets = {
        metric: timedelta(seconds=seconds)
        for metric, seconds in seconds_by_metric.items()
        if seconds is not None
    }
    return PolicySnapshot(policy.id, policy.name, targets, policy.at_risk_percent, calendar)


async def store_snapshot(policy: SlaPolicy, calendar: SlaCalendar) -> str:
    """Store the snapshot of a policy, and return its digest.

    The job `workers.sla_refresh` updates open tickets later.
    """
    snapshot = build_snapshot(policy, calendar_from_record(calendar))
    record = SlaTerms(id=snapshot.digest, data=snapshot.to_dict())
    await SlaTerms.bulk_create([record], ignore_conflicts=True)
    return snapshot.digest


async def update_terms(policy: SlaPolicy, calendar: SlaCalendar) -> None:
    """Give a policy its new snapshot after a change of its calendar.

    The logs don't show it, because it follows from the change of the calendar.
    """
    digest = await store_snapshot(policy, calendar)
    await SlaPolicy.filter(id=policy.id).update(terms=digest)


async def read_snapshots(digests: Iterable[str]) -> Mapping[str, PolicySnapshot]:
    """Return the snapshots with these digests, from the cache if possible."""
    requested = set(digests)
    snapshots = {digest: snapshot_cache[digest] for digest in requested & snapshot_cache.keys()}
    missing = requested - snapshots.keys()
    if missing:
        if len(snapshot_cache) > MAX_CACHED_SNAPSHOTS:
            snapshot_cache.clear()
        for record in await SlaTerms.filter(id__in=list(missing)):
            snapshot = PolicySnapshot.from_dict(record.data)
            snapshots[record.id] = snapshot_cache[record.id] = snapshot
    return snapshots


# Which policy applies to a ticket


class PolicyRule(NamedTuple):
    """The columns of a policy that select its tickets, with its terms; None matches all tickets."""

    terms: str | None
    priority: int | None
    team_id: UUID | None
    category_id: UUID | None
    organization_id: UUID | None


def is_applicable(policy: SlaPolicy | PolicyRule, ticket: Ticket) -> bool:
    return (
        policy.priority in (None, ticket.priority)
        and policy.team_id in (None, ticket.team_id)
        and policy.category_id in (None, ticket.category_id)
        and policy.organization_id in (None, ticket.organization_id)
    )


async def list_policies(*, include_inactive: bool = False) -> list[SlaPolicy]:
    """Return the active policies in their order; with `include_inactive`, all policies.

    The first policy that matches a ticket applies to it.
    """
    policies = SlaPolicy.all() if include_inactive else SlaPolicy.filter(active=True)
    return await policies.order_by("position", "id")


async def read_rules() -> list[PolicyRule]:
    """Return what `list_policies` does, but only the columns that select the terms."""
    rows = await database.fetch(
        "SELECT terms, priority, team_id, category_id, organization_id FROM sla_policies "
        "WHERE active = TRUE ORDER BY position, id"
    )
    rules: list[PolicyRule] = []
    for terms, priority, *keys in rows:
        team_id, category_id, organization_id = (as_uuid(key) if key else None for key in keys)
        rule = PolicyRule(
            cast("str | None", terms),
            cast("int | None", priority),
            team_id,
            category_id,
            organization_id,
        )
        rules.append(rule)
    return rules


def select_terms(
    policies: Sequence[SlaPolicy] | Sequence[PolicyRule], ticket: Ticket
) -> str | None:
    """Return the digest of the first policy that applies to the ticket; None if none does."""
    return next((policy.terms for policy in policies if is_applicable(policy, ticket)), None)


async def find_terms(tickets: Sequence[Ticket]) -> list[str | None]:
    """Return, for each ticket, the digest of the policy that applies now; None if none does."""
    rules = await read_rules()
    return [select_terms(rules, ticket) for ticket in tickets]


def terms_subquery(*, priority: str, team: str, category: str, organization: str) -> str:
    """Return `select_terms` as an SQL subquery. The arguments are SQL expressions."""
    ticket_columns = {
        "priority": priority,
        "team_id": team,
        "category_id": category,
        "organization_id": organization,
    }
    conditions = [
        f"(p.{name} IS NULL OR p.{name} = {value})" for name, value in ticket_columns.items()
    ]
    return (
        f"SELECT p.terms FROM sla_policies p WHERE p.active = TRUE AND {' AND '.join(conditions)} "
        "ORDER BY p.position, p.id LIMIT 1"
    )


# Revisions: which open tickets have the terms of older policies


TICKET_TERMS_SQL = terms_subquery(
    priority="t.priority",
    team="t.team_id",
    category="t.category_id",
    organization="t.organization_id",
)


async def lock_admin_changes() -> None:
    """Make other changes of calendars, policies and escalation paths wait for this transaction."""
    await SlaRevision.select_for_update().get(id=1)


async def increment_revision(at: datetime) -> None:
    """Record that policies changed. Call it in the transaction of that change."""
    await database.fetch_dicts(
        "UPDATE sla_revision SET changed = changed + 1, changed_at = ? RETURNING changed", [at]
    )


async def read_revision() -> SlaRevision:
    return await SlaRevision.get(id=1)


def is_settled(revision: SlaRevision, at: datetime) -> bool:
    """Whether no transaction can still store a ticket by the policies before this revision."""
    return revision.changed_at is None or at - revision.changed_at >= SETTLING_TIME


async def mark_applied(revision: SlaRevision, at: datetime) -> None:
    """Record that all open tickets have the terms of this revision, if it is settled."""
    if is_settled(revision, at):
        records = SlaRevision.filter(id=1, applied__lt=revision.changed)
        await records.update(applied=revision.changed)


async def find_outdated_tickets(limit: int) -> list[UUID]:
    """Return open tickets whose terms are not those of the policy that applies now."""
    statuses = sorted(status.value for status in OPEN_STATUSES)
    rows = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE t.status IN ({database.placeholders(statuses)}) "
        f"AND t.sla_terms IS DISTINCT FROM ({TICKET_TERMS_SQL}) ORDER BY t.id LIMIT {limit}",
        statuses,
    )
    return [as_uuid(row["id"]) for row in rows]
