"""Statistics of tickets."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.log.event import encode_cursor
from models.queries.statistics.stats import Stats
from models.queries.statistics.stats_groups import MAX_GROUPS, Bucket
from schema.cost import GROUPS_LENGTH, cost


@strawberry.type(description="The number of tickets with the same value of the grouping property.")
class TicketStatsBucket:
    key: str = strawberry.field(
        description="The value: the name of an enum value, a slug, an id, a tag, `unassigned` or "
        "`none`. For DAY the date, such as 2026-03-29. For HOUR the hour with its offset from "
        "UTC, such as 2026-03-29T03:00+02:00."
    )
    label: str = strawberry.field(description="The value in a form for people, such as a name.")
    count: int = strawberry.field(description="The number of tickets, the same as `created`.")
    created: int = strawberry.field(
        description="The number of tickets; for DAY and HOUR, of those created in the interval."
    )
    resolved: int = strawberry.field(
        description="The number of tickets whose `resolvedAt` is not null; for DAY and HOUR, of "
        "those whose `resolvedAt` is in the interval. Once a ticket is reopened, it does "
        "not count as resolved or closed until it is so again. A ticket that was merged into "
        "another is closed, but not resolved by that."
    )
    closed: int = strawberry.field(
        description="The number of tickets whose `closedAt` is not null; for DAY and HOUR, of "
        "those whose `closedAt` is in the interval."
    )


@strawberry.type(
    name="TicketStats",
    description="Statistics of the tickets that the viewer may see and that match the filter.",
)
class TicketStatsType:
    @strawberry.field(description="The position in the log that the statistics reflect.")
    def cursor(self, root: strawberry.Parent[Stats]) -> str:
        return encode_cursor(root.position)

    total: int = strawberry.field(description="The number of tickets.")
    open: int = strawberry.field(
        description="The number of open tickets: tickets outside the stage CLOSURE."
    )
    unassigned: int = strawberry.field(
        description="The number of open tickets without an assignee."
    )
    at_risk: int = strawberry.field(
        description="The number of tickets that match the filter `sla: {eq: AT_RISK}`."
    )
    breached: int = strawberry.field(
        description="The number of tickets that match the filter `sla: {eq: BREACHED}`."
    )
    oldest_open_at: datetime | None = strawberry.field(
        description="The time at which the oldest open ticket was created. Null if no ticket is "
        "open."
    )

    @strawberry.field(
        description="The number of tickets for each value of `groupBy`, at most the "
        f"{MAX_GROUPS} largest groups, or the days or hours of the `period` in order. Empty "
        "without `groupBy`.",
        graphql_type=list[TicketStatsBucket],
        metadata=cost(items=GROUPS_LENGTH),
    )
    def groups(self, root: strawberry.Parent[Stats]) -> list[Bucket]:
        return list(root.buckets)

    remainder: TicketStatsBucket | None = strawberry.field(
        description="The sum of the groups that `groups` omits, with the key `remainder`. "
        "`label` is the number of omitted groups. A ticket counts once for each of its "
        "omitted tags. Null if no group is omitted."
    )
