"""Statistics of tickets."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.log.event import encode_cursor
from models.queries.stats import Bucket, Stats


@strawberry.type(description="The number of tickets with the same value of the grouping property.")
class TicketStatsBucket:
    key: str = strawberry.field(
        description="The value: the name of an enum value, a slug, an assignee's id, or "
        "`unassigned`."
    )
    label: str = strawberry.field(description="The value in a form for people, such as a name.")
    count: int = strawberry.field(description="The number of tickets.")


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
        description="The number of tickets for each value of `groupBy`. Empty without `groupBy`.",
        graphql_type=list[TicketStatsBucket],
    )
    def groups(self, root: strawberry.Parent[Stats]) -> list[Bucket]:
        return list(root.buckets)
