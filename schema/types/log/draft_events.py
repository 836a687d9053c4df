"""The event of a proposed draft."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import strawberry

from models.log.event import Event
from models.people.user import User
from models.tickets.message import MessageKind
from schema.context import loaders
from schema.interfaces import TicketEventInterface
from schema.types.people.people import UserType


@strawberry.type(
    name="TicketDraftProposed",
    description="An API client, the `actor`, proposed a draft to an agent or admin. Only this "
    "person reads the text, in `Ticket.viewerDraft`, where another draft may have replaced it "
    "since. Customers never see this event.",
)
class TicketDraftProposed(TicketEventInterface):
    @strawberry.field(description="The user who got the draft.", graphql_type=UserType | None)
    async def user(self, root: strawberry.Parent[Event], info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(UUID(cast("str", root.value("user"))))

    @strawberry.field(description="The kind of the message that the client proposed.")
    def message_kind(self, root: strawberry.Parent[Event]) -> MessageKind:
        return MessageKind(root.value("kind"))
