"""Enums of the audit log and of the directory's events."""

from models.audit.directory_event import DirectoryEventType
from models.audit.records import RecordKind
from schema.enums.registration import register_enum

NO_DIRECTORY_EVENTS = "Its changes are in the audit log, not in the directory events."

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
        "API_TOKEN": f"An API token. {NO_DIRECTORY_EVENTS}",
        "SLA_POLICY": "An SLA policy.",
        "SLA_CALENDAR": "An SLA calendar.",
        "ESCALATION_PATH": "An escalation path.",
        "SAVED_VIEW": f"A saved view for a team or for everyone. {NO_DIRECTORY_EVENTS} Changes of "
        "personal views are in neither.",
        "MACRO": f"A macro for a team or for everyone. {NO_DIRECTORY_EVENTS} Changes of personal "
        "macros are in neither.",
        "CUSTOM_FIELD": "A custom field of tickets.",
        "RETENTION_POLICY": f"A retention policy of closed tickets. {NO_DIRECTORY_EVENTS}",
        "WALL_SCREEN": f"A wallboard screen. {NO_DIRECTORY_EVENTS}",
        "WEBHOOK": f"A webhook. {NO_DIRECTORY_EVENTS}",
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
