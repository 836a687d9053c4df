"""Figures over tickets."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.log.event import encode_cursor
from models.queries.stats import Bucket, Stats


@strawberry.type(description="How many tickets share a key.")
class TicketStatsBucket:
    key: str = strawberry.field(description="An enum value, a slug, an assignee's id, or `unassigned`.")
    label: str = strawberry.field(description="The same for people.")
    count: int = strawberry.field(description="How many tickets.")


@strawberry.type(name="TicketStats", description="Figures over the tickets that the viewer may see.")
class TicketStatsType:
    @strawberry.field(description="The head of the log that these figures include.")
    def cursor(self, root: strawberry.Parent[Stats]) -> str:
        return encode_cursor(root.position)

    total: int = strawberry.field(description="All tickets.")
    open: int = strawberry.field(description="Those that are not in the stage CLOSURE.")
    unassigned: int = strawberry.field(description="Open ones that nobody has.")
    at_risk: int = strawberry.field(description="Those with a promise at risk: what the filter `sla: {eq: AT_RISK}` finds.")
    breached: int = strawberry.field(description="Those with a broken promise that is still to be kept: `sla: {eq: BREACHED}`.")
    oldest_open_at: datetime | None = strawberry.field(description="When the oldest open one was raised.")

    @strawberry.field(description="Counts by `groupBy`; empty without it.", graphql_type=list[TicketStatsBucket])
    def groups(self, root: strawberry.Parent[Stats]) -> list[Bucket]:
        return list(root.groups)
