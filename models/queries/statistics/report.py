"""Reports: how many tickets were created in some days, and how they were handled.

Percentiles are exact: the smallest value such that so many percent of the values are not larger
(the nearest-rank method). One statement computes them by window functions, because SQLite has no
function for percentiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from models import database
from models.access.viewer import Viewer
from models.core.query_cost import charge
from models.core.sql import Condition
from models.database import Row
from models.queries.filters.filter import FilterData
from models.queries.search_plan import charge_collection, plan_search
from models.queries.statistics.report_groups import MAX_REPORT_GROUPS, ReportGroups
from models.queries.statistics.stats import to_int
from models.queries.statistics.time_buckets import unix_seconds_sql
from models.sla.clock import ClockStatus
from models.sla.snapshot import Metric

MICROSECONDS_PER_SECOND = 1_000_000
MET = f"'{ClockStatus.ACHIEVED.value}'"
MISSED = f"'{ClockStatus.ACHIEVED_LATE.value}', '{ClockStatus.BREACHED.value}'"
FINISHED = f"'{ClockStatus.ACHIEVED.value}', '{ClockStatus.ACHIEVED_LATE.value}'"


class Measure(Enum):
    """What is measured in seconds. The value is the column in the statement."""

    FIRST_RESPONSE = "first_response"
    FIRST_RESPONSE_WORKING = "first_response_working"
    RESOLUTION = "resolution"
    RESOLUTION_WORKING = "resolution_working"


METRICS = {Metric.FIRST_RESPONSE: "f", Metric.RESOLUTION: "r"}
"""The SLA clocks of which a ticket has at most one, by their aliases in the statement."""
ATTAINMENT_METRICS = (*METRICS, Metric.NEXT_RESPONSE)
"""The metrics whose targets a report counts. A ticket has a clock for each further response."""


@dataclass(frozen=True, slots=True)
class Durations:
    """The number of durations, their median and their 90th percentile in whole seconds."""

    count: int = 0
    median: timedelta | None = None
    percentile90: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Attainment:
    """How many SLA clocks met their target, and how many missed it."""

    met: int = 0
    missed: int = 0

    @property
    def ratio(self) -> float | None:
        decided = self.met + self.missed
        return self.met / decided if decided else None


@dataclass(frozen=True, slots=True)
class ReportGroup:
    """The tickets of one group."""

    key: str
    label: str
    created: int = 0
    durations: Mapping[Measure, Durations] = field(default_factory=dict[Measure, Durations])
    attainments: Mapping[Metric, Attainment] = field(default_factory=dict[Metric, Attainment])
    ratings: int = 0
    rating_sum: int = 0

    @property
    def average_rating(self) -> float | None:
        return self.rating_sum / self.ratings if self.ratings else None


@dataclass(frozen=True, slots=True)
class Report:
    """The groups, and the number of the smaller groups that are omitted."""

    groups: Sequence[ReportGroup]
    omitted_groups: int = 0


async def read_report(
    viewer: Viewer, filter: FilterData | None, groups: ReportGroups, at: datetime
) -> Report:
    """The report on the tickets that the viewer sees, that match the filter, and that were created
    in the range of `groups`."""
    plan = await plan_search(viewer, filter, at)
    await charge_collection(viewer, plan)
    condition = plan.compile(filter, viewer, at) & groups.build_range_condition()
    await charge_tickets(condition)
    found = select_tickets(groups, condition)
    rows = await database.fetch_dicts(
        f"WITH found AS MATERIALIZED ({found.text}), "
        f"matching AS (SELECT {groups.build_bucket('f.group_value')} AS bucket, f.* FROM found f), "
        f"sums AS MATERIALIZED ({SUMS_SQL}) "
        "SELECT s.*, p.measure AS measure, p.count AS count, p.median AS median, "
        "p.percentile90 AS percentile90, (SELECT COUNT(*) FROM sums) AS group_count "
        f"FROM sums s LEFT JOIN ({PERCENTILES_SQL}) p ON p.bucket = s.bucket "
        f"WHERE s.place <= {MAX_REPORT_GROUPS} ORDER BY s.place",
        found.params,
    )
    return await build_report(viewer, groups, rows)


async def charge_tickets(condition: Condition) -> None:
    """Charge a point for each ticket of the report, before they are read.

    So a viewer who cancels has paid, and the next report waits. Reading and sorting a ticket takes
    some 10 to 20 microseconds, counting it much less.
    """
    rows = await database.fetch_dicts(
        f"SELECT COUNT(*) AS count FROM tickets t WHERE {condition.text}", condition.params
    )
    charge(to_int(rows[0]["count"]))


def select_tickets(groups: ReportGroups, condition: Condition) -> Condition:
    """The statement for the tickets of the report, with what is measured of each."""
    value = groups.build_column()
    created = unix_seconds_sql("t.created_at", database.dialect())
    columns = [f"{value.text} AS group_value", "t.satisfaction_score AS score"]
    for name, end in (("first_response", "first_responded_at"), ("resolution", "resolved_at")):
        ended = unix_seconds_sql(f"t.{end}", database.dialect())
        columns.append(f"CASE WHEN t.{end} IS NOT NULL THEN {ended} - {created} END AS {name}")
    joins: list[str] = []
    for metric, clock in METRICS.items():
        name = metric.value
        seconds = f"{clock}.spent / {MICROSECONDS_PER_SECOND}"
        columns += [
            f"CASE WHEN {clock}.status IN ({FINISHED}) THEN {seconds} END AS {name}_working",
            f"CASE WHEN {clock}.status = {MET} THEN 1 ELSE 0 END AS {name}_met",
            f"CASE WHEN {clock}.status IN ({MISSED}) THEN 1 ELSE 0 END AS {name}_missed",
        ]
        joins.append(
            f"LEFT JOIN sla_clocks {clock} ON {clock}.ticket_id = t.id "
            f"AND {clock}.metric = '{name}' AND {clock}.ordinal = 1"
        )
    columns += [
        f"{count_next_responses(statuses)} AS {Metric.NEXT_RESPONSE.value}_{outcome}"
        for outcome, statuses in (("met", MET), ("missed", MISSED))
    ]
    return Condition(
        f"SELECT {', '.join(columns)} FROM tickets t {' '.join(joins)} WHERE {condition.text}",
        value.params + condition.params,
    )


def count_next_responses(statuses: str) -> str:
    """The number of the ticket's clocks with these statuses, as SQL."""
    return (
        "(SELECT COUNT(*) FROM sla_clocks n WHERE n.ticket_id = t.id "
        f"AND n.metric = '{Metric.NEXT_RESPONSE.value}' AND n.status IN ({statuses}))"
    )


COUNTED = [
    f"{metric.value}_{outcome}" for metric in ATTAINMENT_METRICS for outcome in ("met", "missed")
]
SUMS_SQL = (
    "SELECT bucket, COUNT(*) AS created, COUNT(score) AS ratings, SUM(score) AS rating_sum, "
    + "".join(f"COUNT({each.value}) AS {each.value}, " for each in Measure)
    + "".join(f"SUM({name}) AS {name}, " for name in COUNTED)
    + "ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, bucket) AS place FROM matching GROUP BY bucket"
)
COUNTS_SQL = " UNION ALL ".join(
    f"SELECT bucket, '{each.value}' AS measure, {each.value} AS count FROM sums "
    f"WHERE place <= {MAX_REPORT_GROUPS}"
    for each in Measure
)
"""How many durations each group has. A second window function would take longer."""
MEASURED_SQL = " UNION ALL ".join(
    f"SELECT bucket, '{each.value}' AS measure, {each.value} AS seconds FROM matching "
    f"WHERE {each.value} IS NOT NULL"
    for each in Measure
)
RANKED_SQL = (
    "SELECT bucket, measure, seconds, "
    "ROW_NUMBER() OVER (PARTITION BY bucket, measure ORDER BY seconds) AS place "
    f"FROM ({MEASURED_SQL}) m"
)
PERCENTILES_SQL = (
    "SELECT c.bucket AS bucket, c.measure AS measure, MAX(c.count) AS count, "
    "MAX(CASE WHEN r.place = (c.count * 50 + 99) / 100 THEN r.seconds END) AS median, "
    "MAX(CASE WHEN r.place = (c.count * 90 + 99) / 100 THEN r.seconds END) AS percentile90 "
    f"FROM ({RANKED_SQL}) r JOIN ({COUNTS_SQL}) c "
    "ON c.bucket = r.bucket AND c.measure = r.measure GROUP BY c.bucket, c.measure"
)


async def build_report(viewer: Viewer, groups: ReportGroups, rows: Sequence[Row]) -> Report:
    """The report of the statement's rows: one for each group and measure, largest groups first."""
    rows_by_value: dict[object, list[Row]] = {}
    for row in rows:
        rows_by_value.setdefault(groups.parse_value(row["bucket"]), []).append(row)
    labels = await groups.read_labels(viewer, list(rows_by_value))
    found = [
        build_group(key, label, rows_by_value.get(value, []))
        for value, (key, label) in labels.items()
    ]
    group_count = to_int(rows[0]["group_count"]) if rows else 0
    return Report(found, group_count - len(rows_by_value))


def build_group(key: str, label: str, rows: Sequence[Row]) -> ReportGroup:
    if not rows:
        return ReportGroup(key, label)
    sums = rows[0]
    return ReportGroup(
        key,
        label,
        created=to_int(sums["created"]),
        durations={
            Measure(str(row["measure"])): Durations(
                to_int(row["count"]),
                timedelta(seconds=to_int(row["median"])),
                timedelta(seconds=to_int(row["percentile90"])),
            )
            for row in rows
            if row["measure"] is not None
        },
        attainments={
            metric: Attainment(
                to_int(sums[f"{metric.value}_met"]), to_int(sums[f"{metric.value}_missed"])
            )
            for metric in ATTAINMENT_METRICS
        },
        ratings=to_int(sums["ratings"]),
        rating_sum=to_int(sums["rating_sum"]),
    )
