"""What the mutations answer: the changed objects, or userErrors with nothing changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from models.access.permissions import Viewer
from models.log.event import Event
from models.notifications.preferences import Preference
from models.people.token import Token
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from schema.cost import cost
from schema.interfaces import TicketEventInterface, UserErrorInterface
from schema.types.message import NoteType, ReplyType
from schema.types.notification import NotificationPreferenceType
from schema.types.people import ViewerType
from schema.types.ticket import TicketType
from schema.types.token import ApiTokenType


def errors() -> Any:
    description = "What was refused; empty where it was done."
    return strawberry.field(default_factory=list, description=description, metadata=cost(each=0))


def made(description: str, type: object) -> Any:
    return strawberry.field(default=None, description=description, graphql_type=type)


TICKET = "The ticket as it stands now; null where it was refused."
EVENT = "The entry that tells of it; null where nothing had to change."
CURSOR = "The log position that this change reached."
REPLAYED = "Whether this was done before, with the same idempotency key."


@strawberry.type(description="What became of a ticket.")
class TicketPayload:
    ticket: Ticket | None = made(TICKET, TicketType | None)
    event: Event | None = made(EVENT, TicketEventInterface | None)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a reply.")
class ReplyPayload:
    reply: Message | None = made("The new message.", ReplyType | None)
    ticket: Ticket | None = made(TICKET, TicketType | None)
    event: Event | None = made(EVENT, TicketEventInterface | None)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a note.")
class NotePayload:
    note: Message | None = made("The new message.", NoteType | None)
    ticket: Ticket | None = made(TICKET, TicketType | None)
    event: Event | None = made(EVENT, TicketEventInterface | None)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="Whether somebody is signed in now.")
class SignInPayload:
    token: str | None = strawberry.field(default=None, description="Send it as `Authorization: Bearer …`.")
    viewer: Viewer | None = made("Who signed in.", ViewerType | None)
    expires_at: datetime | None = strawberry.field(default=None, description="When the token ends by itself.")
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="The token that made the call has ended.")
class SignOutPayload:
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="A new token. Its text is shown this once.")
class CreateApiTokenPayload:
    api_token: Token | None = made("The token's record.", ApiTokenType | None)
    token: str | None = strawberry.field(default=None, description="The token's text.")
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a token.")
class RevokeApiTokenPayload:
    api_token: Token | None = made("The token's record.", ApiTokenType | None)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of notifications.")
class MarkNotificationsReadPayload:
    unread: int = strawberry.field(description="How many are unread now.")
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What somebody wants to be told of.")
class SetNotificationPreferencePayload:
    preferences: list[Preference] = strawberry.field(
        description="All that can be chosen, as it is now.", graphql_type=list[NotificationPreferenceType]
    )
    user_errors: list[UserErrorInterface] = errors()
