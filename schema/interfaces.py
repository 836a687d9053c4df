"""The interfaces of the API, and by which record the concrete type is told."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry

from models import ids
from models.attachment import Attachment
from models.errors import Code
from models.event import Event, EventType
from models.lifecycle import Action, Status
from models.message import Kind, Message
from models.person import ApiClient, Organization, User
from models.team import Category, Team
from models.ticket import Ticket
from models.token import Token
from schema.markdown import to_html

if TYPE_CHECKING:
    from resolvers.loaders import Loaders
    from schema.types.message import AttachmentType
    from schema.types.ticket import TicketType

LazyTicket = Annotated["TicketType", strawberry.lazy("schema.types.ticket")]
LazyAttachment = Annotated["AttachmentType", strawberry.lazy("schema.types.message")]


class SystemActor:
    """Who acts when nobody does: a clock, a rule."""

    display_name = "Ticketwire"


SYSTEM_ACTOR = SystemActor()

EVENT_TYPES = {
    EventType.TICKET_CREATED: "TicketCreated",
    EventType.TICKET_UPDATED: "TicketUpdated",
    EventType.STATUS_CHANGED: "TicketStatusChanged",
    EventType.ASSIGNED: "TicketAssigned",
    EventType.TRANSFERRED: "TicketTransferred",
    EventType.ESCALATED: "TicketEscalated",
    EventType.REPLY_ADDED: "TicketReplied",
    EventType.NOTE_ADDED: "TicketNoted",
    EventType.LINKED: "TicketLinked",
    EventType.MERGED: "TicketMerged",
    EventType.RATED: "TicketRated",
}
RECORD_TYPES: dict[type, str] = {
    User: "User",
    ApiClient: "ApiClient",
    SystemActor: "System",
    Organization: "Organization",
    Team: "Team",
    Category: "Category",
    Ticket: "Ticket",
    Attachment: "Attachment",
    Token: "ApiToken",
}


def type_name(record: object) -> str:
    """The GraphQL type of a record."""
    if isinstance(record, Event):
        return EVENT_TYPES[record.type]
    if isinstance(record, Message):
        return "Reply" if record.kind is Kind.REPLY else "Note"
    return RECORD_TYPES[type(record)]


def loaders(info: strawberry.Info[Any, Any]) -> Loaders:
    """The loaders of the operation that runs."""
    return cast("Loaders", info.context.loaders)


class FromRecords:
    """For types whose values are records: told apart by the record, not by a Strawberry class."""

    @classmethod
    def resolve_type(cls, record: object, *_: object) -> str:
        return type_name(record)

    @classmethod
    def is_type_of(cls, _record: object, _info: object) -> bool:
        return True


def global_id(record: object) -> str:
    """The opaque id of any record that is a Node."""
    if isinstance(record, Event):
        return ids.encode(ids.EVENT, record.position)
    prefixes: dict[type, str] = {
        User: ids.USER,
        ApiClient: ids.API_CLIENT,
        Organization: ids.ORGANIZATION,
        Team: ids.TEAM,
        Category: ids.CATEGORY,
        Ticket: ids.TICKET,
        Message: ids.MESSAGE,
        Attachment: ids.ATTACHMENT,
        Token: ids.TOKEN,
    }
    return ids.encode(prefixes[type(record)], cast("User", record).id)


@strawberry.interface(description="Anything with a globally unique id that `node` finds again.")
class Node(FromRecords):
    @strawberry.field(description="Opaque and globally unique.")
    def id(self, root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(global_id(root))


@strawberry.interface(description="What a client may know of anybody: never an e-mail address.")
class Actor(FromRecords):
    display_name: str = strawberry.field(description="The name to show.")


@strawberry.interface(name="Message", description="Reply or Note. A customer never receives a Note.")
class MessageInterface(Node):
    @strawberry.field(description="The ticket it was written on.", graphql_type=LazyTicket)
    async def ticket(self, root: strawberry.Parent[Message], info: strawberry.Info) -> Ticket | None:
        return await loaders(info).tickets.load(root.ticket_id)

    @strawberry.field(description="Who wrote it.", graphql_type=Actor)
    async def author(self, root: strawberry.Parent[Message], info: strawberry.Info) -> Any:
        return await loaders(info).actor(root.author_user_id, root.author_client_id)

    body: str = strawberry.field(description="Markdown as written.")

    @strawberry.field(description="The body rendered to HTML and sanitised on the server.")
    async def body_html(self, root: strawberry.Parent[Message]) -> str:
        return await to_html(root.body)

    @strawberry.field(description="Files that came with it.", graphql_type=list[LazyAttachment])
    async def attachments(self, root: strawberry.Parent[Message], info: strawberry.Info) -> list[Attachment]:
        return await loaders(info).message_attachments.load(root.id)

    created_at: datetime = strawberry.field(description="When it was written.")


@strawberry.interface(
    name="TicketEvent",
    description="One entry of the one ordered log that stands behind timelines, subscriptions, webhooks, sync and export. "
    "Concrete types carry what changed (from, to) and may be added; clients that do not know one still read these fields.",
)
class TicketEventInterface(Node):
    type: EventType = strawberry.field(description="What it tells.")
    cursor: str = strawberry.field(description="The place in the log: opaque, ordered; hand it to `after` anywhere.")

    @strawberry.field(description="The ticket, as it stands when this is read.", graphql_type=LazyTicket)
    async def ticket(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Ticket | None:
        return await loaders(info).tickets.load(root.ticket_id)

    @strawberry.field(description="Who did it.", graphql_type=Actor)
    async def actor(self, root: strawberry.Parent[Event], info: strawberry.Info) -> Any:
        return await loaders(info).actor(root.actor_user_id, root.actor_client_id)

    occurred_at: datetime = strawberry.field(description="When it happened.")


@strawberry.interface(
    name="TicketStatusEvent",
    description="A step of the life cycle: the creation (from and action are null, to is NEW) or a change of status.",
)
class TicketStatusEventInterface(TicketEventInterface):
    @strawberry.field(description="The step that was taken; null for the creation.")
    def action(self, root: strawberry.Parent[Event]) -> Action | None:
        value = root.value("action")
        return Action(value) if value is not None else None

    @strawberry.field(name="from", description="The status before; null for the creation.")
    def from_(self, root: strawberry.Parent[Event]) -> Status | None:
        value = root.changes["status"][0]
        return Status(value) if value is not None else None

    @strawberry.field(description="The status after.")
    def to(self, root: strawberry.Parent[Event]) -> Status:
        return Status(root.changes["status"][1])


@strawberry.interface(name="UserError", description="A refusal that the caller can act on. Nothing was changed.")
class UserErrorInterface:
    code: Code = strawberry.field(description="What was refused, for programs.")
    message: str = strawberry.field(description="What was refused, for people.")
    field: list[str] | None = strawberry.field(description='The path into input, such as ["input", "subject"].')
