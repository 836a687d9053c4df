"""The event of a redaction."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import strawberry

from models.log.event import Event
from models.tickets.message import Message
from schema.context import loaders
from schema.interfaces import MessageInterface, TicketEventInterface


@strawberry.type(
    name="TicketMessageRedacted",
    description="A text was removed from a message: from its body, its HTML and the search. A copy "
    "of the message must be replaced by the message as it is now.",
)
class TicketMessageRedacted(TicketEventInterface):
    @strawberry.field(
        description="The message, without the removed text. Null if the viewer may not see it any "
        "more, because it was moved to another ticket.",
        graphql_type=MessageInterface | None,
    )
    async def message(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> Message | None:
        return await loaders(info).messages.load(UUID(str(root.value("redacted_id"))))

    @strawberry.field(description="The reason, 1 to 1,000 characters, without the removed text.")
    def reason(self, root: strawberry.Parent[Event]) -> str:
        return cast("str", root.value("reason"))
