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

AT_RISK_PERCENT = 75
ALWAYS = "Around the clock"
OFFICE = "Business hours"
WEEK = [[[0, 1440]]] * 7
OFFICE_WEEK = [[[9 * 60, 17 * 60]]] * 5 + [[]] * 2
HOUR = 3600
FIRST_POLICIES: Sequence[tuple[str, Priority, str, int, int, int]] = (
    ("Urgent", Priority.URGENT, ALWAYS, HOUR, 2 * HOUR, 8 * HOUR),
    ("High", Priority.HIGH, ALWAYS, 4 * HOUR, 8 * HOUR, 24 * HOUR),
    ("Normal", Priority.NORMAL, OFFICE, 8 * HOUR, 16 * HOUR, 40 * HOUR),
    ("Low", Priority.LOW, OFFICE, 16 * HOUR, 24 * HOUR, 80 * HOUR),
)
"""Name, priority, calendar, and the targets for first response, next response and resolution in seconds."""
SETTLED = timedelta(seconds=60)
"""How long after a change of the policies a ticket may still be stored by the older ones; no transaction takes longer."""

known: dict[str, PolicySnapshot] = {}
"""Terms by digest. They never change, so that no process needs to read any twice."""
MOST_KNOWN = 10_000


def calendar_of(record: SlaCalendar) -> Calendar:
    return Calendar.of({"zone": record.time_zone, "week": record.week, "holidays": record.holidays})


def terms_of(policy: SlaPolicy, calendar: Calendar) -> PolicySnapshot:
    """What a policy says now."""
    targets = {
        Metric.FIRST_RESPONSE: policy.first_response,
        Metric.NEXT_RESPONSE: policy.next_response,
        Metric.RESOLUTION: policy.resolution,
    }
    found = {metric: timedelta(seconds=seconds) for metric, seconds in targets.items() if seconds is not None}
    return PolicySnapshot(policy.id, policy.name, found, policy.at_risk_percent, calendar)


async def save(policy: SlaPolicy, calendar: SlaCalendar, *, new: bool) -> None:
    """Store a policy with the terms that follow from it; open tickets follow by and by (`outdated`)."""
    terms = terms_of(policy, calendar_of(calendar))
    await keep(terms)
    policy.terms = terms.digest
    await policy.save(force_create=new)


async def keep(terms: PolicySnapshot) -> None:
    await SlaTerms.bulk_create([SlaTerms(id=terms.digest, data=terms.plain())], ignore_conflicts=True)


async def alone() -> None:
    """Let no other change of what admins manage go on beside this one, until the transaction ends."""
    await SlaRevision.select_for_update().get(id=1)


async def changed(at: datetime) -> None:
    """Note that policies changed, in the change's transaction."""
    await database.rows("UPDATE sla_revision SET changed = changed + 1, changed_at = ? RETURNING changed", [at])


class Rule(NamedTuple):
    """What of a policy decides which tickets it holds for; None stands for all."""

    terms: str | None
    priority: int | None
    team_id: UUID | None
    category_id: UUID | None
    organization_id: UUID | None


def fits(policy: SlaPolicy | Rule, ticket: Ticket) -> bool:
    return (
        policy.priority in (None, ticket.priority)
        and policy.team_id in (None, ticket.team_id)
        and policy.category_id in (None, ticket.category_id)
        and policy.organization_id in (None, ticket.organization_id)
    )


async def in_order(*, archived: bool = False) -> list[SlaPolicy]:
    """The active policies, the first that fits a ticket being the one that holds; with the archived ones where asked for."""
    return await (SlaPolicy.all() if archived else SlaPolicy.filter(active=True)).order_by("position", "id")


async def rules() -> list[Rule]:
    """`in_order`, for those who raise tickets."""
    found = await database.fetch(
        "SELECT terms, priority, team_id, category_id, organization_id FROM sla_policies "
        "WHERE active = TRUE ORDER BY position, id"
    )
    return [
        Rule(*cast("tuple[str | None, int | None]", (terms, priority)), *(as_uuid(key) if key else None for key in keys))
        for terms, priority, *keys in found
    ]


def holding(policies: Sequence[SlaPolicy] | Sequence[Rule], ticket: Ticket) -> str | None:
    """The digest of the terms of the first that fits, or None where nothing is promised."""
    return next((policy.terms for policy in policies if fits(policy, ticket)), None)


async def applicable(tickets: Sequence[Ticket]) -> list[str | None]:
    """The digest of the terms that hold for each ticket now, or None where nothing is promised."""
    policies = await rules()
    return [holding(policies, ticket) for ticket in tickets]


async def terms(digests: Iterable[str]) -> Mapping[str, PolicySnapshot]:
    """Terms by their digests."""
    wanted = set(digests)
    found = {digest: known[digest] for digest in wanted & known.keys()}
    missing = wanted - found.keys()
    if missing:
        if len(known) > MOST_KNOWN:
            known.clear()
        for record in await SlaTerms.filter(id__in=list(missing)):
            found[record.id] = known[record.id] = PolicySnapshot.of(record.data)
    return found


# Tickets that policies left behind


def fitting(*, priority: str, team: str, category: str, organization: str) -> str:
    """`holding` as a subquery, by expressions of a ticket's."""
    of_ticket = {"priority": priority, "team_id": team, "category_id": category, "organization_id": organization}
    conditions = " AND ".join(f"(p.{name} IS NULL OR p.{name} = {value})" for name, value in of_ticket.items())
    return f"SELECT p.terms FROM sla_policies p WHERE p.active = TRUE AND {conditions} ORDER BY p.position, p.id LIMIT 1"


FITTING = fitting(priority="t.priority", team="t.team_id", category="t.category_id", organization="t.organization_id")


async def outdated(most: int) -> list[UUID]:
    """Open tickets that run by other terms than hold for them now."""
    statuses = sorted(status.value for status in OPEN_STATUSES)
    found = await database.rows(
        f"SELECT t.id AS id FROM tickets t WHERE t.status IN ({database.marks(statuses)}) "
        f"AND t.sla_terms IS DISTINCT FROM ({FITTING}) ORDER BY t.id LIMIT {most}",
        statuses,
    )
    return [as_uuid(row["id"]) for row in found]


async def revision() -> SlaRevision:
    return await SlaRevision.get(id=1)


def is_settled(seen: SlaRevision, at: datetime) -> bool:
    """Whether no ticket can still be stored by what held before that revision."""
    return seen.changed_at is None or at - seen.changed_at >= SETTLED


async def applied(seen: SlaRevision, at: datetime) -> None:
    """Note that all open tickets follow the policies as they were at that revision, once no older write can be under way."""
    if is_settled(seen, at):
        await SlaRevision.filter(id=1, applied__lt=seen.changed).update(applied=seen.changed)


async def establish() -> None:
    """The calendars and policies that exist from the first start; nothing is added where there is a policy already."""
    if await SlaPolicy.exists():
        return
    calendars = {
        ALWAYS: (await SlaCalendar.get_or_create(name=ALWAYS, defaults={"time_zone": "UTC", "week": WEEK}))[0],
        OFFICE: (await SlaCalendar.get_or_create(name=OFFICE, defaults={"time_zone": "UTC", "week": OFFICE_WEEK}))[0],
    }
    for place, (name, priority, calendar, first, following, resolution) in enumerate(FIRST_POLICIES, 1):
        policy = SlaPolicy(
            name=name,
            position=100 * place,
            priority=priority,
            calendar_id=calendars[calendar].id,
            first_response=first,
            next_response=following,
            resolution=resolution,
            at_risk_percent=AT_RISK_PERCENT,
        )
        await save(policy, calendars[calendar], new=True)
