"""Reports on tickets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import strawberry

from models.queries.statistics.report import (
    Attainment,
    Durations,
    Measure,
    Report,
    ReportGroup,
)
from models.queries.statistics.report_groups import MAX_REPORT_GROUPS
from models.sla.snapshot import Metric
from schema.cost import GROUPS_LENGTH, cost

NO_DURATIONS = Durations()
NO_CLOCKS = Attainment()


@strawberry.type(
    name="ReportDurations",
    description="Durations in whole seconds. Percentiles are exact: the smallest "
    "duration such that 50 or 90 percent of the durations are not longer.",
)
class ReportDurationsType:
    count: int = strawberry.field(description="The number of tickets that have such a duration.")
    median: timedelta | None = strawberry.field(
        description="The median. Null if there are no durations."
    )
    percentile90: timedelta | None = strawberry.field(
        description="The 90th percentile. Null if there are no durations."
    )


@strawberry.type(
    name="SlaAttainment",
    description="How many SLA clocks met their target. Clocks that run without a breach, are "
    "paused or were cancelled do not count.",
)
class SlaAttainmentType:
    met: int = strawberry.field(description="The number of clocks that were achieved in time.")
    missed: int = strawberry.field(
        description="The number of clocks that have breached, also if they were achieved later."
    )
    ratio: float | None = strawberry.field(
        description="The share of `met`, from 0 to 1. Null if both numbers are 0."
    )


def durations_of(measure: Measure, description: str) -> Any:
    def read(root: strawberry.Parent[ReportGroup]) -> Durations:
        return root.durations.get(measure, NO_DURATIONS)

    return strawberry.field(
        resolver=read, graphql_type=ReportDurationsType, description=description
    )


def attainment_of(metric: Metric, description: str) -> Any:
    def read(root: strawberry.Parent[ReportGroup]) -> Attainment:
        return root.attainments.get(metric, NO_CLOCKS)

    return strawberry.field(resolver=read, graphql_type=SlaAttainmentType, description=description)


WORKING_TIME = (
    "It is the time that the ticket's SLA clock counted, by the calendar of the SLA policy that "
    "applied to the ticket at the time; tickets without such a policy have none."
)


@strawberry.type(
    name="TicketReportGroup",
    description="The tickets of one group, as they are now.",
)
class TicketReportGroupType:
    key: str = strawberry.field(
        description="The value of the property: the name of an enum value, a slug, an id, "
        "`unassigned` or `none`. For DAY the date, for WEEK the date of its Monday, for MONTH the "
        "year and month, such as 2026-03. `all` without `groupBy`."
    )
    label: str = strawberry.field(
        description="The value in a form for people, such as a name, or 2026-W13 for a week."
    )
    created: int = strawberry.field(description="The number of tickets in the group.")
    first_response: Any = durations_of(
        Measure.FIRST_RESPONSE, "The time from `createdAt` to `firstRespondedAt`."
    )
    first_response_working_time: Any = durations_of(
        Measure.FIRST_RESPONSE_WORKING,
        f"The working time from the creation to the first response. {WORKING_TIME}",
    )
    resolution: Any = durations_of(
        Measure.RESOLUTION,
        "The time from `createdAt` to `resolvedAt`, also while the ticket waited. A ticket that "
        "was reopened counts once it is resolved again.",
    )
    resolution_working_time: Any = durations_of(
        Measure.RESOLUTION_WORKING,
        "The working time from the creation to the resolution, without the time in "
        f"WAITING_ON_CUSTOMER, in ON_HOLD and between a resolution and a reopening. {WORKING_TIME}",
    )
    first_response_attainment: Any = attainment_of(
        Metric.FIRST_RESPONSE, "The SLA clocks of the first response."
    )
    next_response_attainment: Any = attainment_of(
        Metric.NEXT_RESPONSE,
        "The SLA clocks of further responses. A ticket has one for each time that the customer "
        "waited for a response after the first.",
    )
    resolution_attainment: Any = attainment_of(
        Metric.RESOLUTION, "The SLA clocks of the resolution."
    )
    ratings: int = strawberry.field(description="The number of tickets that are rated.")
    average_rating: float | None = strawberry.field(
        description="The average score of the ratings, from 1 to 5. Null if there are none."
    )


@strawberry.type(name="TicketReport", description="A report on the tickets of a period.")
class TicketReportType:
    @strawberry.field(
        description=f"The groups, at most {MAX_REPORT_GROUPS}. Days, weeks, months and priorities "
        "are in order, also those without tickets. Of other groups, those with the most tickets "
        "come first.",
        graphql_type=list[TicketReportGroupType],
        metadata=cost(items=GROUPS_LENGTH),
    )
    def groups(self, root: strawberry.Parent[Report]) -> list[ReportGroup]:
        return list(root.groups)

    omitted_groups: int = strawberry.field(
        description="The number of smaller groups that `groups` omits."
    )
