"""The interfaces of the API, and the GraphQL types of records."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models import related
from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core import ids
from models.core.errors import UserErrorCode
from models.custom_fields.custom_field import CustomField
from models.escalation.path import EscalationPath
from models.jobs.caller_job import CallerJob, JobTicket
from models.log.event import Event, EventType
from models.macros.macro import Macro
from models.notifications.notification import Notification
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Organization, User
from models.retention.policy import RetentionPolicy
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.lifecycle import Action, Status
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery
from models.webhooks.webhook import Webhook
from schema.context import context_of
from schema.cost import HTML_COST, TEXT_COST, cost
from schema.records.relations import (
    RELATION,
    RecordId,
    first_foreign_key_field,
    foreign_key_field,
    related_list_field,
)

if TYPE_CHECKING:
    from schema.types.tickets.attachments import AttachmentType
    from schema.types.tickets.emails import MailDeliveryType
    from schema.types.tickets.tickets import TicketType

LazyTicket = Annotated["TicketType", strawberry.lazy("schema.types.tickets.tickets")]
LazyAttachment = Annotated["AttachmentType", strawberry.lazy("schema.types.tickets.attachments")]
LazyMailDelivery = Annotated["MailDeliveryType", strawberry.lazy("schema.types.tickets.emails")]


class SystemActor:
    """The actor of automatic changes, such as those of timers and rules."""

    display_name = "Ticketwire"


SYSTEM_ACTOR = SystemActor()

EVENT_TYPE_NAMES = {
    EventType.TICKET_CREATED: "TicketCreated",
    EventType.TICKET_UPDATED: "TicketUpdated",
    EventType.STATUS_CHANGED: "TicketStatusChanged",
    EventType.ASSIGNED: "TicketAssigned",
    EventType.TRANSFERRED: "TicketTransferred",
    EventType.ESCALATED: "TicketEscalated",
    EventType.REPLY_ADDED: "TicketReplied",
    EventType.NOTE_ADDED: "TicketNoted",
    EventType.ATTACHMENT_ADDED: "TicketAttachmentAdded",
    EventType.LINKED: "TicketLinked",
    EventType.UNLINKED: "TicketUnlinked",
    EventType.MERGED: "TicketMerged",
    EventType.UNMERGED: "TicketUnmerged",
    EventType.REPLY_MOVED: "TicketReplyMoved",
    EventType.MESSAGE_REDACTED: "TicketMessageRedacted",
    EventType.TICKET_REDACTED: "TicketRedacted",
    EventType.RATED: "TicketRated",
    EventType.SLA_AT_RISK: "SlaAtRisk",
    EventType.SLA_BREACHED: "SlaBreached",
    EventType.SLA_ACHIEVED: "SlaAchieved",
    EventType.SLA_RETARGETED: "SlaRetargeted",
    EventType.ESCALATION_STEP: "TicketEscalationStep",
    EventType.REMINDED: "TicketReminded",
    EventType.MAIL_FAILED: "TicketMailFailed",
    EventType.DRAFT_PROPOSED: "TicketDraftProposed",
}
DIRECTORY_EVENT_TYPE_NAMES = {
    RecordKind.USER: "UserDirectoryEvent",
    RecordKind.ORGANIZATION: "OrganizationDirectoryEvent",
    RecordKind.TEAM: "TeamDirectoryEvent",
    RecordKind.CATEGORY: "CategoryDirectoryEvent",
    RecordKind.API_CLIENT: "ApiClientDirectoryEvent",
    RecordKind.SLA_POLICY: "SlaPolicyDirectoryEvent",
    RecordKind.SLA_CALENDAR: "SlaCalendarDirectoryEvent",
    RecordKind.ESCALATION_PATH: "EscalationPathDirectoryEvent",
    RecordKind.CUSTOM_FIELD: "CustomFieldDirectoryEvent",
}
RECORD_TYPE_NAMES: dict[type, str] = {
    User: "User",
    ApiClient: "ApiClient",
    SystemActor: "System",
    Organization: "Organization",
    Team: "Team",
    Category: "Category",
    Ticket: "Ticket",
    Attachment: "Attachment",
    Token: "ApiToken",
    SlaPolicy: "SlaPolicy",
    SlaCalendar: "SlaCalendar",
    EscalationPath: "EscalationPath",
    Notification: "Notification",
    AuditEntry: "AuditEntry",
    SavedView: "SavedView",
    CallerJob: "Job",
    JobTicket: "JobTicket",
    Macro: "Macro",
    CustomField: "CustomField",
    Draft: "Draft",
    RetentionPolicy: "RetentionPolicy",
    WallScreen: "WallScreen",
    Webhook: "Webhook",
    WebhookDelivery: "WebhookDelivery",
    WebhookAttempt: "WebhookAttempt",
}


def type_name(record: object) -> str:
    """The GraphQL type of a record."""
    if isinstance(record, Event):
        return EVENT_TYPE_NAMES[record.type]
    if isinstance(record, DirectoryEvent):
        return DIRECTORY_EVENT_TYPE_NAMES[record.record_kind]
    if isinstance(record, Message):
        return "Reply" if record.kind is MessageKind.REPLY else "Note"
    return RECORD_TYPE_NAMES[type(record)]


class RecordType:
    """A type whose values are ORM records. The record decides the concrete type."""

    @classmethod
    def resolve_type(cls, record: object, *_: object) -> str:
        return type_name(record)

    @classmethod
    def is_type_of(cls, _record: object, _info: object) -> bool:
        return True  # resolve_type has chosen the type; this second check adds nothing


ID_PREFIXES: dict[type, str] = {
    User: ids.USER,
    ApiClient: ids.API_CLIENT,
    Organization: ids.ORGANIZATION,
    Team: ids.TEAM,
    Category: ids.CATEGORY,
    Ticket: ids.TICKET,
    Message: ids.MESSAGE,
    Attachment: ids.ATTACHMENT,
    Token: ids.TOKEN,
    SlaPolicy: ids.SLA_POLICY,
    SlaCalendar: ids.SLA_CALENDAR,
    EscalationPath: ids.ESCALATION_PATH,
    Event: ids.EVENT,
    DirectoryEvent: ids.DIRECTORY_EVENT,
    AuditEntry: ids.AUDIT_ENTRY,
    Notification: ids.NOTIFICATION,
    SavedView: ids.SAVED_VIEW,
    CallerJob: ids.JOB,
    Macro: ids.MACRO,
    CustomField: ids.CUSTOM_FIELD,
    Draft: ids.DRAFT,
    RetentionPolicy: ids.RETENTION_POLICY,
    WallScreen: ids.WALL_SCREEN,
    Webhook: ids.WEBHOOK,
    WebhookDelivery: ids.WEBHOOK_DELIVERY,
}


def id_prefix(model: type) -> str:
    """The prefix of the global ids of a model's records."""
    return f"{ID_PREFIXES[model]}_"


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
    description="An error that the caller can correct. The mutation changed nothing.",
)
class UserErrorInterface:
    code: UserErrorCode = strawberry.field(description="A machine-readable code.")
    message: str = strawberry.field(description="A message for people.")
    field: list[str] | None = strawberry.field(
        description='The path of the input field, such as ["input", "subject"]. '
        "Null if the error is not about one field."
    )
