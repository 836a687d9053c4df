"""The user errors that a payload can list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from models.core.errors import Refusal, StaleVersion, UnseenMessages
from models.tickets.lifecycle import Action, Status, TransitionRefused
from schema.context import loaders
from schema.interfaces import MessageInterface, UserErrorInterface


@strawberry.type(
    name="InvalidInput",
    description="A user error that has no type of its own, such as an input value that is "
    "malformed, unknown or taken; see `code`.",
)
class InvalidInputType(UserErrorInterface):
    pass


@strawberry.type(
    name="TransitionRefused", description="The ticket's status does not allow the action."
)
class TransitionRefusedType(UserErrorInterface):
    from_: Status = strawberry.field(name="from", description="The current status of the ticket.")
    action: Action = strawberry.field(
        description="The refused action. For a reply, the action that the reply implies."
    )
    allowed: list[Action] = strawberry.field(
        description="The actions that the viewer may take from the current status."
    )


@strawberry.type(
    name="StaleVersion",
    description="The version of the ticket or record differs from the expected version.",
)
class StaleVersionType(UserErrorInterface):
    current: int = strawberry.field(description="The current version of the ticket or record.")


@strawberry.type(
    name="UnseenMessages",
    description="The ticket shows messages that the viewer has not seen: messages after "
    "`lastSeenCursor`, or messages of a ticket that was merged into it since then.",
)
class UnseenMessagesType(UserErrorInterface):
    message_ids: strawberry.Private[list[UUID]]

    @strawberry.field(
        description="The unseen messages, oldest first.", graphql_type=list[MessageInterface]
    )
    async def messages(self, info: strawberry.Info) -> list[Any]:
        messages = await loaders(info).messages.load_many(self.message_ids)
        return [message for message in messages if message is not None]


def to_user_error(refusal: Refusal) -> UserErrorInterface:
    """The GraphQL object of a refusal.

    A refusal itself can't be a value of a payload: it is an exception, which graphql-core raises.
    """
    fields: dict[str, Any] = {
        "code": refusal.code,
        "message": refusal.message,
        "field": refusal.field,
    }
    if isinstance(refusal, TransitionRefused):
        return TransitionRefusedType(
            **fields, from_=refusal.status, action=refusal.action, allowed=refusal.allowed
        )
    if isinstance(refusal, StaleVersion):
        return StaleVersionType(**fields, current=refusal.current)
    if isinstance(refusal, UnseenMessages):
        return UnseenMessagesType(**fields, message_ids=refusal.message_ids)
    return InvalidInputType(**fields)


ERROR_TYPES = [InvalidInputType, TransitionRefusedType, StaleVersionType, UnseenMessagesType]
