"""Reports agree with a computation in Python on random tickets, in time zones of every kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from support.ticket_factory import NOON, Desk

from models.access.viewer import Viewer
from models.access.visibility import can_see_ticket
from models.core.errors import BadRequest
from models.core.ids import ORGANIZATION, USER, encode
from models.people.user import Organization
from models.queries.statistics import report, report_groups
from models.queries.statistics.report import Durations, Measure, ReportGroup, read_report
from models.queries.statistics.report_groups import ReportGroupBy, ReportGroups, ReportRange
from models.sla.clock import ClockStatus
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
CHANGES = [
    ("UTC", datetime(2026, 11, 28, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
]
"""Zones with a change of the offset: none, by an hour, at midnight, by half an hour, by a day."""


@dataclass(frozen=True)
class Facts:
    """A stored ticket and its clocks: of the first response and the resolution, if it has them, and
    of further responses."""

    ticket: Ticket
    clocks: dict[Metric, SlaClock]
    next_responses: Sequence[SlaClock]

    def list_clocks(self, metric: Metric) -> list[SlaClock]:
        if metric is Metric.NEXT_RESPONSE:
            return list(self.next_responses)
        return [self.clocks[metric]] if metric in self.clocks else []


def random_end(random: Random, start: datetime) -> datetime | None:
    """A later instant, often equal to that of other tickets, or None."""
    end = start + random.choice([0, 1, 1, 5, 30]) * HOUR
    return random.choice([None, end, end + timedelta(microseconds=random.randrange(5_000_000))])


def build_clock(random: Random, ticket: Ticket, metric: Metric, ordinal: int = 1) -> SlaClock:
    status = random.choice(list(ClockStatus))
    return SlaClock(
        ticket_id=ticket.id,
        metric=metric,
        ordinal=ordinal,
        status=status,
        terms="x",
        started_at=ticket.created_at,
        spent=random.choice([0, 1, 999_999, 3_600_000_000, random.randrange(10**10)]),
    )


async def store_facts(desk: Desk, random: Random, center: datetime, count: int) -> list[Facts]:
    other = await Organization.create(name="Other")
    organizations = [desk.cora.user.organization_id if desk.cora.user else None, other.id, None]
    found: list[Facts] = []
    for number in range(2000, 2000 + count):
        created = center + random.randrange(-24 * 40, 24 * 40) * HOUR / 2
        category = random.choice(list(desk.categories.values()))
        ticket = desk.unsaved_ticket(
            number,
            random.choice(desk.customers),
            created_at=created,
            first_responded_at=random_end(random, created),
            resolved_at=random_end(random, created),
            satisfaction_score=random.choice([None, None, 1, 4, 5]),
            priority=random.choice(list(Priority)),
            assignee_id=random.choice([None, *(each.user_id for each in desk.staff)]),
            category_id=category.id,
            team_id=category.team_id,
        )
        ticket.organization_id = random.choice(organizations)
        metrics = random.sample([Metric.FIRST_RESPONSE, Metric.RESOLUTION], random.randrange(3))
        clocks = {each: build_clock(random, ticket, each) for each in metrics}
        further = range(1, random.randrange(4) + 1)
        next_responses = [
            build_clock(random, ticket, Metric.NEXT_RESPONSE, ordinal) for ordinal in further
        ]
        found.append(Facts(ticket, clocks, next_responses))
    await Ticket.bulk_create([each.ticket for each in found])
    await SlaClock.bulk_create(
        [clock for each in found for metric in Metric for clock in each.list_clocks(metric)]
    )
    return found


def cut(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def list_durations(facts: Sequence[Facts], measure: Measure) -> list[timedelta]:
    """What a report measures, in whole seconds and in order."""
    if measure in (Measure.FIRST_RESPONSE, Measure.RESOLUTION):
        is_first = measure is Measure.FIRST_RESPONSE
        ends = [
            (each.ticket.first_responded_at if is_first else each.ticket.resolved_at, each.ticket)
            for each in facts
        ]
        return sorted(cut(end) - cut(ticket.created_at) for end, ticket in ends if end is not None)
    is_first = measure is Measure.FIRST_RESPONSE_WORKING
    metric = Metric.FIRST_RESPONSE if is_first else Metric.RESOLUTION
    clocks = [each.clocks[metric] for each in facts if metric in each.clocks]
    finished = (ClockStatus.ACHIEVED, ClockStatus.ACHIEVED_LATE)
    spent = [clock.spent for clock in clocks if clock.status in finished]
    return sorted(timedelta(seconds=each // 1_000_000) for each in spent)


def percentile(values: Sequence[timedelta], percent: int) -> timedelta | None:
    """The smallest value such that so many percent of the values are not larger."""
    for count, value in enumerate(values, 1):
        if 100 * count >= percent * len(values):
            return value
    return None


def compute_group(key: str, facts: Sequence[Facts]) -> ReportGroup:
    durations: dict[Measure, Durations] = {}
    for measure in Measure:
        values = list_durations(facts, measure)
        if values:
            percentiles = percentile(values, 50), percentile(values, 90)
            durations[measure] = Durations(len(values), *percentiles)
    attainments: dict[Metric, report.Attainment] = {}
    for metric in Metric:
        statuses = [clock.status for each in facts for clock in each.list_clocks(metric)]
        met = statuses.count(ClockStatus.ACHIEVED)
        missed = statuses.count(ClockStatus.ACHIEVED_LATE) + statuses.count(ClockStatus.BREACHED)
        attainments[metric] = report.Attainment(met, missed)
    scores = [score for each in facts if (score := each.ticket.satisfaction_score) is not None]
    return ReportGroup(
        key, "", len(facts), durations, attainments if facts else {}, len(scores), sum(scores)
    )


def build_keys(desk: Desk, zone: str) -> dict[ReportGroupBy | None, Callable[[Ticket], str]]:
    """The key of a ticket's group for each property."""
    categories = {each.id: each.slug for each in desk.categories.values()}
    teams = {each.id: each.slug for each in desk.teams.values()}

    def day_of(ticket: Ticket) -> date:
        return ticket.created_at.astimezone(ZoneInfo(zone)).date()

    return {
        None: lambda _: "all",
        ReportGroupBy.DAY: lambda ticket: day_of(ticket).isoformat(),
        ReportGroupBy.WEEK: lambda ticket: date.fromisocalendar(
            *day_of(ticket).isocalendar()[:2], 1
        ).isoformat(),
        ReportGroupBy.MONTH: lambda ticket: day_of(ticket).isoformat()[:7],
        ReportGroupBy.TEAM: lambda ticket: teams[ticket.team_id],
        ReportGroupBy.CATEGORY: lambda ticket: categories[ticket.category_id],
        ReportGroupBy.PRIORITY: lambda ticket: ticket.priority.name,
        ReportGroupBy.ASSIGNEE: lambda ticket: (
            "unassigned" if ticket.assignee_id is None else encode(USER, ticket.assignee_id)
        ),
        ReportGroupBy.ORGANIZATION: lambda ticket: (
            "none"
            if ticket.organization_id is None
            else encode(ORGANIZATION, ticket.organization_id)
        ),
    }


async def read_groups(
    viewer: Viewer, days: ReportRange, by: ReportGroupBy | None
) -> dict[str, ReportGroup]:
    found = await read_report(viewer, None, ReportGroups.build(by, days), NOON)
    assert found.omitted_groups == 0
    keys = [each.key for each in found.groups]
    assert len(set(keys)) == len(keys)
    return {each.key: each for each in found.groups}


def without_label(group: ReportGroup) -> ReportGroup:
    return ReportGroup(
        group.key,
        "",
        group.created,
        group.durations,
        group.attainments,
        group.ratings,
        group.rating_sum,
    )


@pytest.mark.parametrize(("zone", "change"), CHANGES, ids=lambda each: str(each)[:20])
async def test_a_report_agrees_with_a_computation_in_python(
    desk: Desk, random: Random, zone: str, change: datetime
) -> None:
    facts = await store_facts(desk, random, change, 150)
    local = change.astimezone(ZoneInfo(zone)).date()
    for before, after in ((0, 0), (random.randrange(15), random.randrange(15)), (45, 45)):
        first, last = local - timedelta(days=before), local + timedelta(days=after)
        for viewer in (desk.ada, desk.cora):
            for by, key_of in build_keys(desk, zone).items():
                expected: dict[str, list[Facts]] = {}
                for each in facts:
                    day = each.ticket.created_at.astimezone(ZoneInfo(zone)).date()
                    if first <= day <= last and can_see_ticket(viewer, each.ticket):
                        expected.setdefault(key_of(each.ticket), []).append(each)
                groups = await read_groups(viewer, ReportRange(first, last, zone), by)
                assert set(expected) <= set(groups)
                for key, group in groups.items():
                    computed = compute_group(key, expected.get(key, []))
                    assert without_label(group) == computed, (by, key)


async def test_times_and_priorities_have_all_groups_in_order(desk: Desk) -> None:
    days = ReportRange(date(2026, 12, 30), date(2027, 1, 5), "UTC")
    for by, expected in (
        (ReportGroupBy.WEEK, [("2026-12-28", "2026-W53"), ("2027-01-04", "2027-W01")]),
        (ReportGroupBy.MONTH, [("2026-12", "2026-12"), ("2027-01", "2027-01")]),
        (None, [("all", "All")]),
        (ReportGroupBy.TEAM, []),
    ):
        found = await read_report(desk.ada, None, ReportGroups.build(by, days), NOON)
        assert [(each.key, each.label) for each in found.groups] == expected
    found = await read_report(desk.ada, None, ReportGroups.build(ReportGroupBy.DAY, days), NOON)
    assert [each.key for each in found.groups][::6] == ["2026-12-30", "2027-01-05"]
    groups = ReportGroups.build(ReportGroupBy.PRIORITY, days)
    found = await read_report(desk.ada, None, groups, NOON)
    assert [each.key for each in found.groups] == ["LOW", "NORMAL", "HIGH", "URGENT"]
    assert {each.created for each in found.groups} == {0}


async def test_the_largest_groups_remain(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_REPORT_GROUPS", 2)
    staff = [each.user_id for each in desk.staff]
    owners = [staff[0], None, None, staff[1], staff[1], staff[1]]
    tickets = [
        desk.unsaved_ticket(2000 + number, assignee_id=owner) for number, owner in enumerate(owners)
    ]
    await Ticket.bulk_create(tickets)
    days = ReportRange(NOON.date(), NOON.date(), "UTC")
    groups = ReportGroups.build(ReportGroupBy.ASSIGNEE, days)
    found = await read_report(desk.ada, None, groups, NOON)
    assert [(each.label, each.created) for each in found.groups] == [("Bill", 3), ("Unassigned", 2)]
    assert found.omitted_groups == 1


async def test_a_report_has_a_limited_number_of_days_and_groups() -> None:
    start = date(2026, 1, 1)
    days = ReportRange(start, start + timedelta(days=99), "UTC")
    assert len(ReportGroups.build(ReportGroupBy.DAY, days).starts) == 100
    longer = ReportRange(start, start + timedelta(days=100), "UTC")
    longer.check(101)
    for refused, max_days, message in (
        (longer, 100, "at most 100 days; it has 101"),
        (ReportRange(start, start - timedelta(days=1), "UTC"), 9, "must not be before"),
        (ReportRange(start, start, "Nowhere/At all"), 9, "IANA"),
        (ReportRange(date(1969, 12, 31), start, "UTC"), 99999, "1970"),
        (ReportRange(date(9001, 1, 1), date(9001, 1, 1), "UTC"), 9, "9000"),
    ):
        with pytest.raises(BadRequest, match=message):
            refused.check(max_days)
    with pytest.raises(BadRequest, match="would have 101"):
        ReportGroups.build(ReportGroupBy.DAY, longer)
    assert len(ReportGroups.build(ReportGroupBy.WEEK, longer).starts) == 15
    assert report_groups.MAX_REPORT_GROUPS == 100
