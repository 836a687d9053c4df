"""The agents and admins who are on a ticket now."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.people.user import User
from models.tickets.presence import PresenceState, PresentUser, TicketPresence
from models.tickets.ticket import Ticket
from schema.context import loaders
from schema.interfaces import LazyTicket
from schema.types.people.people import UserType


@strawberry.type(
    name="Presence",
    description="The presence of an agent or admin on a ticket, over all of the user's windows "
    "and devices.",
)
class PresenceType:
    @strawberry.field(description="The user.", graphql_type=UserType)
    async def user(
        self, root: strawberry.Parent[PresentUser], info: strawberry.Info
    ) -> User | None:
        return await loaders(info).users.load(root.user_id)

    state: PresenceState = strawberry.field(
        description="LOOKING or WRITING. WRITING if the user writes in at least one window."
    )
    since: datetime = strawberry.field(
        description="The time since which the user has had this state."
    )


@strawberry.type(
    name="TicketPresence",
    description="The agents and admins who have a ticket open, or write a reply or a note on it.",
)
class TicketPresenceType:
    @strawberry.field(
        description="The ticket in its current state. Null if the viewer may not see it.",
        graphql_type=LazyTicket | None,
    )
    async def ticket(
        self, root: strawberry.Parent[TicketPresence], info: strawberry.Info
    ) -> Ticket | None:
        return await loaders(info).tickets.load(root.ticket_id)

    people: list[PresentUser] = strawberry.field(
        description="The users who have the ticket open or write on it, including the viewer, by "
        "`since` from the oldest.",
        graphql_type=list[PresenceType],
    )
