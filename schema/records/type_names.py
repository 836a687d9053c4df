"""The GraphQL types of records, and the prefixes of their global ids."""

from __future__ import annotations

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core import ids
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
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery
from models.webhooks.webhook import Webhook


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
