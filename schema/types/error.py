"""The refusals that a payload lists in userErrors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from models.core.errors import Refusal, StaleVersion, UnseenMessages
from models.tickets.lifecycle import Action, Status, TransitionRefused
from schema.context import loaders
from schema.interfaces import MessageInterface, UserErrorInterface


@strawberry.type(name="InvalidInput", description="A value that is missing, malformed, unknown or taken.")
class InvalidInputType(UserErrorInterface):
    pass


@strawberry.type(name="TransitionRefused", description="The life cycle has no such step from where the ticket stands.")
class TransitionRefusedType(UserErrorInterface):
    from_: Status = strawberry.field(name="from", description="Where the ticket stands.")
    action: Action = strawberry.field(description="The step that was asked for, or that a reply would have taken.")
    allowed: list[Action] = strawberry.field(description="The steps that are open from there.")


@strawberry.type(name="StaleVersion", description="The ticket has changed since the version that was expected.")
class StaleVersionType(UserErrorInterface):
    current: int = strawberry.field(description="The version that it has now.")


@strawberry.type(
    name="UnseenMessages",
    description="The conversation moved on since lastSeenCursor; these are the messages the caller had not seen.",
)
class UnseenMessagesType(UserErrorInterface):
    message_ids: strawberry.Private[list[UUID]]

    @strawberry.field(description="The unseen messages, oldest first.", graphql_type=list[MessageInterface])
    async def messages(self, info: strawberry.Info) -> list[Any]:
        found = await loaders(info).messages.load_many(self.message_ids)
        return [message for message in found if message is not None]


def user_error(refusal: Refusal) -> UserErrorInterface:
    """The refusal in the API's words. An exception itself can't be a value: graphql-core would raise it."""
    told: dict[str, Any] = {"code": refusal.code, "message": refusal.message, "field": refusal.field}
    if isinstance(refusal, TransitionRefused):
        return TransitionRefusedType(**told, from_=refusal.status, action=refusal.action, allowed=refusal.allowed)
    if isinstance(refusal, StaleVersion):
        return StaleVersionType(**told, current=refusal.current)
    if isinstance(refusal, UnseenMessages):
        return UnseenMessagesType(**told, message_ids=refusal.message_ids)
    return InvalidInputType(**told)


ERROR_TYPES = [InvalidInputType, TransitionRefusedType, StaleVersionType, UnseenMessagesType]
