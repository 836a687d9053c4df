"""What belongs to a ticket: resources, links and the rating."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.tickets.link_kind import LinkKind
from schema.cost import TEXT_COST, cost
from schema.interfaces import LazyTicket
from schema.records.relations import foreign_key_field


@strawberry.type(
    name="TicketResource",
    description="A thing in another system that the ticket is about, such as a server or an "
    "invoice.",
)
class TicketResourceType:
    kind: str = strawberry.field(
        description="The kind of the resource, such as server or invoice; 1 to 64 characters."
    )
    external_id: str = strawberry.field(
        description="The key of the resource in that system, 1 to 255 characters."
    )
    name: str | None = strawberry.field(
        description="The name of the resource, 1 to 200 characters. Null if there is none."
    )


@strawberry.type(description="The customer's rating of a ticket.")
class Satisfaction:
    score: int = strawberry.field(
        description="The score, from 1 (very dissatisfied) to 5 (very satisfied)."
    )
    comment: str | None = strawberry.field(
        description="The comment. Null if there is none.", metadata=cost(flat=TEXT_COST)
    )
    rated_at: datetime = strawberry.field(description="The time of the rating.")


@strawberry.type(name="TicketLink", description="A link from a ticket to another ticket.")
class TicketLinkType:
    kind: LinkKind = strawberry.field(
        description="The relation of this ticket to the other ticket."
    )

    ticket: Any = foreign_key_field("other", LazyTicket, "The other ticket.")
