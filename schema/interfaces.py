"""The interfaces of the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models import related
from models.core.errors import UserErrorCode
from models.log.event import Event, EventType
from models.tickets.lifecycle import Action, Status
from models.tickets.message import Message
from schema.context import context_of
from schema.cost import HTML_COST, TEXT_COST, cost
from schema.records.relations import (
    RELATION,
    RecordId,
    first_foreign_key_field,
    foreign_key_field,
    related_list_field,
)
from schema.records.type_names import SYSTEM_ACTOR, id_prefix, type_name

if TYPE_CHECKING:
    from schema.types.tickets.attachments import AttachmentType
    from schema.types.tickets.emails import MailDeliveryType
    from schema.types.tickets.tickets import TicketType

LazyTicket = Annotated["TicketType", strawberry.lazy("schema.types.tickets.tickets")]
LazyAttachment = Annotated["AttachmentType", strawberry.lazy("schema.types.tickets.attachments")]
LazyMailDelivery = Annotated["MailDeliveryType", strawberry.lazy("schema.types.tickets.emails")]


class RecordType:
    """A type whose values are ORM records. The record decides the concrete type."""

    @classmethod
    def resolve_type(cls, record: object, *_: object) -> str:
        return type_name(record)

    @classmethod
    def is_type_of(cls, _record: object, _info: object) -> bool:
        return True  # resolve_type has chosen the type; this second check adds nothing


@strawberry.interface(
    description="An object with a globally unique id, which the query `node` finds."
)
class Node(RecordType):
    @strawberry.field(
        description="The globally unique, opaque id.", metadata={RELATION: RecordId(id_prefix)}
    )
    def id(self, root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(f"{id_prefix(type(root))}{root.pk}")


@strawberry.interface(
    description="The author of a change or message: a user, an API client or the system. It has "
    "no email address, so customers may see it."
)
class Actor(RecordType):
    display_name: str = strawberry.field(description="The name to display.")


@strawberry.interface(
    name="Message",
    description="A message on a ticket: a Reply or a Note. Customers never receive a Note.",
)
class MessageInterface(Node):
    ticket: Any = foreign_key_field(
        "ticket", LazyTicket, "The ticket that the message was written on."
    )
    author: Any = first_foreign_key_field(
        ("author_user", "author_client"), SYSTEM_ACTOR, Actor, "The author of the message."
    )
    body: str = strawberry.field(
        description="The text in Markdown, as written, 1 to 65,536 characters.",
        metadata=cost(flat=TEXT_COST),
    )

    @strawberry.field(
        description="The body as sanitised HTML. If the HTML would be far longer than the body, "
        "the escaped text instead.",
        metadata=cost(flat=HTML_COST),
    )
    async def body_html(self, root: strawberry.Parent[Message], info: strawberry.Info) -> str:
        context = context_of(info)
        return await context.render_markdown(root.body)

    attachments: Any = related_list_field(
        related.message_attachments, list[LazyAttachment], "The files that came with the message."
    )
    created_at: datetime = strawberry.field(
        description="The time at which the message was written."
    )


@strawberry.interface(
    name="TicketEvent",
    description="An event in the ordered log of all ticket changes. Concrete types add fields, "
    "such as the values before and after the change. New types may be added, so clients should "
    "handle unknown types by the fields of this interface.",
)
class TicketEventInterface(Node):
    type: EventType = strawberry.field(description="The type of the event.")
    cursor: str = strawberry.field(
        description="The position in the log, for the arguments `after` and `before` of events, "
        "messages and subscriptions. It has 16 characters. Comparing two cursors of the log as "
        "strings gives the order of their events."
    )

    ticket: Any = foreign_key_field("ticket", LazyTicket, "The ticket in its current state.")
    actor: Any = first_foreign_key_field(
        ("actor_user", "actor_client"),
        SYSTEM_ACTOR,
        Actor,
        "The user, API client or system that caused the event.",
    )
    occurred_at: datetime = strawberry.field(description="The time at which the event happened.")

    deliveries: Any = related_list_field(
        related.deliveries,
        list[LazyMailDelivery],
        "The emails that the event caused. Empty for customers and without the scope `notes:read`.",
    )


@strawberry.interface(
    name="TicketStatusEvent",
    description="The creation of a ticket or a change of its status.",
)
class TicketStatusEventInterface(TicketEventInterface):
    @strawberry.field(description="The action that changed the status. Null for TicketCreated.")
    def action(self, root: strawberry.Parent[Event]) -> Action | None:
        value = root.value("action")
        return Action(value) if value is not None else None

    @strawberry.field(
        name="from", description="The status before the event. Null for TicketCreated."
    )
    def from_(self, root: strawberry.Parent[Event]) -> Status | None:
        value = root.changes["status"][0]
        return Status(value) if value is not None else None

    @strawberry.field(description="The status after the event. NEW for TicketCreated.")
    def to(self, root: strawberry.Parent[Event]) -> Status:
        return Status(root.changes["status"][1])


@strawberry.interface(
    name="UserError",
    description="An error that the client can correct. The mutation changed nothing.",
)
class UserErrorInterface:
    code: UserErrorCode = strawberry.field(description="A machine-readable code.")
    message: str = strawberry.field(description="A message for people.")
    field: list[str] | None = strawberry.field(
        description='The path of the input field, such as ["input", "subject"]. '
        "Null if the error is not about one field."
    )
