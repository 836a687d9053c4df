"""Enums of the audit log and of the directory's events."""

from models.audit.directory_event import DirectoryEventType
from models.audit.records import RecordKind
from schema.enums.registration import register_enum

register_enum(
    RecordKind,
    "RecordKind",
    "The kind of an administrative record.",
    {
        "USER": "A user.",
        "ORGANIZATION": "An organization.",
        "TEAM": "A team.",
        "CATEGORY": "A category.",
        "API_CLIENT": "An API client.",
        "API_TOKEN": "An API token. Only the audit log has changes of tokens.",
        "SLA_POLICY": "An SLA policy.",
        "SLA_CALENDAR": "An SLA calendar.",
        "ESCALATION_PATH": "An escalation path.",
        "SAVED_VIEW": "A saved view for a team or for everyone. Only the audit log has changes of "
        "views, and it has none of personal views.",
        "MACRO": "A macro for a team or for everyone. Only the audit log has changes of macros, "
        "and it has none of personal macros.",
        "CUSTOM_FIELD": "A custom field of tickets.",
        "RETENTION_POLICY": "A retention policy of closed tickets. Only the audit log has changes "
        "of policies.",
        "WALL_SCREEN": "A wallboard screen. Only the audit log has changes of screens.",
        "WEBHOOK": "A webhook. Only the audit log has changes of webhooks.",
    },
)
register_enum(
    DirectoryEventType,
    "DirectoryEventType",
    "The type of an event of the directory.",
    {
        "CREATED": "A record was created.",
        "UPDATED": "A record was changed. Archiving and deactivating are changes, too.",
        "ERASED": "A user was erased: erasePerson has removed the name, the email address and all "
        "else that identifies the person. Copies of the user must be deleted.",
    },
)
