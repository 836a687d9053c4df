"""Policies and calendars: which promise holds for which ticket, and what happens to open tickets when one changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from models import database
from models.database import as_uuid
from models.sla.calendar import Calendar
from models.sla.records import SlaCalendar, SlaPolicy, SlaRevision, SlaTerms
from models.sla.snapshot import Metric, PolicySnapshot
from models.tickets.lifecycle import OPEN_STATUSES, Priority
from models.tickets.ticket import Ticket

DEFAULT_AT_RISK_PERCENT = 75
AROUND_THE_CLOCK = "Around the clock"
BUSINESS_HOURS = "Business hours"
AROUND_THE_CLOCK_WEEK = [[[0, 1440]]] * 7
BUSINESS_HOURS_WEEK = [[[9 * 60, 17 * 60]]] * 5 + [[]] * 2
HOUR_SECONDS = 3600
DEFAULT_POLICIES: Sequence[tuple[str, Priority, str, int, int, int]] = (
    ("Urgent", Priority.URGENT, AROUND_THE_CLOCK, HOUR_SECONDS, 2 * HOUR_SECONDS, 8 * HOUR_SECONDS),
    ("High", Priority.HIGH, AROUND_THE_CLOCK, 4 * HOUR_SECONDS, 8 * HOUR_SECONDS, 24 * HOUR_SECONDS),
    ("Normal", Priority.NORMAL, BUSINESS_HOURS, 8 * HOUR_SECONDS, 16 * HOUR_SECONDS, 40 * HOUR_SECONDS),
    ("Low", Priority.LOW, BUSINESS_HOURS, 16 * HOUR_SECONDS, 24 * HOUR_SECONDS, 80 * HOUR_SECONDS),
)
"""Name, priority, calendar, and the targets for first response, next response and resolution in seconds."""
SETTLING_TIME = timedelta(seconds=60)
"""How long after a change of the policies a ticket may still be stored by the older ones; no transaction takes longer."""

snapshot_cache: dict[str, PolicySnapshot] = {}
"""Terms by digest. They never change, so that no process needs to read any twice."""
MAX_CACHED_SNAPSHOTS = 10_000


def calendar_from_record(record: SlaCalendar) -> Calendar:
    return Calendar.from_dict({"zone": record.time_zone, "week": record.week, "holidays": record.holidays})


def build_snapshot(policy: SlaPolicy, calendar: Calendar) -> PolicySnapshot:
    """What a policy says now."""
    targets = {
        Metric.FIRST_RESPONSE: policy.first_response,
        Metric.NEXT_RESPONSE: policy.next_response,
        Metric.RESOLUTION: policy.resolution,
    }
    found = {metric: timedelta(seconds=seconds) for metric, seconds in targets.items() if seconds is not None}
    return PolicySnapshot(policy.id, policy.name, found, policy.at_risk_percent, calendar)


async def save_policy(policy: SlaPolicy, calendar: SlaCalendar, *, new: bool) -> None:
    """Store a policy with the terms that follow from it; open tickets follow by and by (`outdated`)."""
    terms = build_snapshot(policy, calendar_from_record(calendar))
    await store_snapshot(terms)
    policy.terms = terms.digest
    await policy.save(force_create=new)


async def store_snapshot(terms: PolicySnapshot) -> None:
    await SlaTerms.bulk_create([SlaTerms(id=terms.digest, data=terms.to_dict())], ignore_conflicts=True)


async def lock_admin_changes() -> None:
    """Let no other change of what admins manage go on beside this one, until the transaction ends."""
    await SlaRevision.select_for_update().get(id=1)


async def increment_revision(at: datetime) -> None:
    """Note that policies changed, in the change's transaction."""
    await database.fetch_dicts("UPDATE sla_revision SET changed = changed + 1, changed_at = ? RETURNING changed", [at])


class PolicyRule(NamedTuple):
    """What of a policy decides which tickets it holds for; None stands for all."""

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


async def list_policies(*, archived: bool = False) -> list[SlaPolicy]:
    """The active policies, the first that fits a ticket being the one that holds; with the archived ones where asked for."""
    return await (SlaPolicy.all() if archived else SlaPolicy.filter(active=True)).order_by("position", "id")


async def read_rules() -> list[PolicyRule]:
    """`in_order`, for those who raise tickets."""
    found = await database.fetch(
        "SELECT terms, priority, team_id, category_id, organization_id FROM sla_policies "
        "WHERE active = TRUE ORDER BY position, id"
    )
    return [
        PolicyRule(*cast("tuple[str | None, int | None]", (terms, priority)), *(as_uuid(key) if key else None for key in keys))
        for terms, priority, *keys in found
    ]


def select_terms(policies: Sequence[SlaPolicy] | Sequence[PolicyRule], ticket: Ticket) -> str | None:
    """The digest of the terms of the first that fits, or None where nothing is promised."""
    return next((policy.terms for policy in policies if is_applicable(policy, ticket)), None)


async def find_terms(tickets: Sequence[Ticket]) -> list[str | None]:
    """The digest of the terms that hold for each ticket now, or None where nothing is promised."""
    policies = await read_rules()
    return [select_terms(policies, ticket) for ticket in tickets]


async def read_snapshots(digests: Iterable[str]) -> Mapping[str, PolicySnapshot]:
    """Terms by their digests."""
    wanted = set(digests)
    found = {digest: snapshot_cache[digest] for digest in wanted & snapshot_cache.keys()}
    missing = wanted - found.keys()
    if missing:
        if len(snapshot_cache) > MAX_CACHED_SNAPSHOTS:
            snapshot_cache.clear()
        for record in await SlaTerms.filter(id__in=list(missing)):
            found[record.id] = snapshot_cache[record.id] = PolicySnapshot.from_dict(record.data)
    return found


# Tickets that policies left behind


def terms_subquery(*, priority: str, team: str, category: str, organization: str) -> str:
    """`holding` as a subquery, by expressions of a ticket's."""
    of_ticket = {"priority": priority, "team_id": team, "category_id": category, "organization_id": organization}
    conditions = " AND ".join(f"(p.{name} IS NULL OR p.{name} = {value})" for name, value in of_ticket.items())
    return f"SELECT p.terms FROM sla_policies p WHERE p.active = TRUE AND {conditions} ORDER BY p.position, p.id LIMIT 1"


TICKET_TERMS_SQL = terms_subquery(priority="t.priority", team="t.team_id", category="t.category_id", organization="t.organization_id")


async def find_outdated_tickets(limit: int) -> list[UUID]:
    """Open tickets that run by other terms than hold for them now."""
    statuses = sorted(status.value for status in OPEN_STATUSES)
    found = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE t.status IN ({database.placeholders(statuses)}) "
        f"AND t.sla_terms IS DISTINCT FROM ({TICKET_TERMS_SQL}) ORDER BY t.id LIMIT {limit}",
        statuses,
    )
    return [as_uuid(row["id"]) for row in found]


async def read_revision() -> SlaRevision:
    return await SlaRevision.get(id=1)


def is_settled(seen: SlaRevision, at: datetime) -> bool:
    """Whether no ticket can still be stored by what held before that revision."""
    return seen.changed_at is None or at - seen.changed_at >= SETTLING_TIME


async def mark_applied(seen: SlaRevision, at: datetime) -> None:
    """Note that all open tickets follow the policies as they were at that revision, once no older write can be under way."""
    if is_settled(seen, at):
        await SlaRevision.filter(id=1, applied__lt=seen.changed).update(applied=seen.changed)


async def create_default_policies() -> None:
    """The calendars and policies that exist from the first start; nothing is added where there is a policy already."""
    if await SlaPolicy.exists():
        return
    calendars = {
        AROUND_THE_CLOCK: (await SlaCalendar.get_or_create(name=AROUND_THE_CLOCK, defaults={"time_zone": "UTC", "week": AROUND_THE_CLOCK_WEEK}))[0],
        BUSINESS_HOURS: (await SlaCalendar.get_or_create(name=BUSINESS_HOURS, defaults={"time_zone": "UTC", "week": BUSINESS_HOURS_WEEK}))[0],
    }
    for place, (name, priority, calendar, first, following, resolution) in enumerate(DEFAULT_POLICIES, 1):
        policy = SlaPolicy(
            name=name,
            position=100 * place,
            priority=priority,
            calendar_id=calendars[calendar].id,
            first_response=first,
            next_response=following,
            resolution=resolution,
            at_risk_percent=DEFAULT_AT_RISK_PERCENT,
        )
        await save_policy(policy, calendars[calendar], new=True)
