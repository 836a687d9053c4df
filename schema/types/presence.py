"""Who is at a ticket now."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.people.user import User
from models.tickets.presence import PresenceState, PresentUser, TicketPresence
from models.tickets.ticket import Ticket
from schema.context import loaders
from schema.interfaces import LazyTicket
from schema.types.people import UserType


@strawberry.type(name="Presence", description="An agent or admin at a ticket, once, however many windows are open.")
class PresenceType:
    @strawberry.field(description="Who it is.", graphql_type=UserType)
    async def user(self, root: strawberry.Parent[PresentUser], info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(root.user_id)

    state: PresenceState = strawberry.field(description="LOOKING, or WRITING where one of the windows is.")
    since: datetime = strawberry.field(description="Since when: of the windows that do so, the first.")


@strawberry.type(name="TicketPresence", description="Which agents and admins are at a ticket.")
class TicketPresenceType:
    @strawberry.field(description="The ticket, as it stands when this is read.", graphql_type=LazyTicket | None)
    async def ticket(self, root: strawberry.Parent[TicketPresence], info: strawberry.Info) -> Ticket | None:
        return await loaders(info).tickets.load(root.ticket_id)

    people: list[PresentUser] = strawberry.field(
        description="Each of them, the viewer too: who has been as they are for longest comes first.",
        graphql_type=list[PresenceType],
    )
