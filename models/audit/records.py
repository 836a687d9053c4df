"""The kinds of administrative records, and which of their columns the logs show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from tortoise.models import Model

from models.core import ids
from models.core.record_changes import RecordChange, Value
from models.custom_fields.custom_field import CustomField
from models.escalation.path import EscalationPath
from models.macros.macro import Macro
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Organization, User
from models.retention.policy import RetentionPolicy
from models.sla.records import SlaCalendar, SlaPolicy
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from models.webhooks.webhook import Webhook


class RecordKind(Enum):
    USER = "user"
    ORGANIZATION = "organization"
    TEAM = "team"
    CATEGORY = "category"
    API_CLIENT = "api_client"
    API_TOKEN = "api_token"  # noqa: S105 - the name of a kind
    SLA_POLICY = "sla_policy"
    SLA_CALENDAR = "sla_calendar"
    ESCALATION_PATH = "escalation_path"
    SAVED_VIEW = "saved_view"
    MACRO = "macro"
    CUSTOM_FIELD = "custom_field"
    RETENTION_POLICY = "retention_policy"
    WALL_SCREEN = "wall_screen"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """How a model is logged.

    kind          the kind of its records
    id_prefix     the prefix of their global ids
    hidden        the columns that no log shows: secrets, derived columns and bookkeeping
    private       the values that only the audit log shows, and no directory event
    in_directory  whether changes are also directory events
    """

    kind: RecordKind
    id_prefix: str
    hidden: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    in_directory: bool = True


LOGGED_RECORDS: Mapping[type[Model], LoggedRecord] = {
    User: LoggedRecord(
        RecordKind.USER,
        ids.USER,
        frozenset({"password_hash", "name_words", "handover_pending"}),
        frozenset({"second_factor", "recovery_codes", "password_reset", "invitation", "job"}),
    ),
    Organization: LoggedRecord(RecordKind.ORGANIZATION, ids.ORGANIZATION),
    Team: LoggedRecord(RecordKind.TEAM, ids.TEAM, frozenset({"handover_pending"})),
    Category: LoggedRecord(RecordKind.CATEGORY, ids.CATEGORY),
    ApiClient: LoggedRecord(RecordKind.API_CLIENT, ids.API_CLIENT, private=frozenset({"job"})),
    Token: LoggedRecord(RecordKind.API_TOKEN, ids.TOKEN, frozenset({"digest"}), in_directory=False),
    SlaPolicy: LoggedRecord(RecordKind.SLA_POLICY, ids.SLA_POLICY, frozenset({"terms"})),
    SlaCalendar: LoggedRecord(RecordKind.SLA_CALENDAR, ids.SLA_CALENDAR),
    EscalationPath: LoggedRecord(RecordKind.ESCALATION_PATH, ids.ESCALATION_PATH),
    SavedView: LoggedRecord(
        RecordKind.SAVED_VIEW,
        ids.SAVED_VIEW,
        frozenset({"created_at", "updated_at"}),
        in_directory=False,
    ),
    Macro: LoggedRecord(
        RecordKind.MACRO,
        ids.MACRO,
        frozenset({"created_at", "updated_at"}),
        in_directory=False,
    ),
    CustomField: LoggedRecord(
        RecordKind.CUSTOM_FIELD, ids.CUSTOM_FIELD, frozenset({"created_at", "updated_at"})
    ),
    RetentionPolicy: LoggedRecord(
        RecordKind.RETENTION_POLICY,
        ids.RETENTION_POLICY,
        frozenset(
            {
                *("created_at", "updated_at", "last_erased_at"),
                *("erased_tickets", "erased_messages", "erased_files"),
            }
        ),
        in_directory=False,
    ),
    WallScreen: LoggedRecord(
        RecordKind.WALL_SCREEN,
        ids.WALL_SCREEN,
        frozenset({"digest", "created_at", "last_seen_at"}),
        in_directory=False,
    ),
    Webhook: LoggedRecord(
        RecordKind.WEBHOOK,
        ids.WEBHOOK,
        frozenset(
            {
                *("created_at", "updated_at", "secret", "previous_secret", "log_position"),
                *("pruned_position", "failures", "failing_since", "blocked_until"),
            }
        ),
        in_directory=False,  # URLs may have secrets in them
    ),
}
MODELS_BY_KIND: Mapping[RecordKind, type[Model]] = {
    logged.kind: model for model, logged in LOGGED_RECORDS.items()
}


def record_id(kind: RecordKind, key: UUID) -> str:
    """The global id of a logged record."""
    return ids.encode(LOGGED_RECORDS[MODELS_BY_KIND[kind]].id_prefix, key)


def visible_values(change: RecordChange) -> dict[str, tuple[Value, Value]]:
    """The changed values that the audit log may show."""
    hidden = LOGGED_RECORDS[type(change.record)].hidden | {"id"}
    return {name: values for name, values in change.values.items() if name not in hidden}


def directory_values(change: RecordChange) -> dict[str, tuple[Value, Value]]:
    """The changed values that a directory event may show."""
    private = LOGGED_RECORDS[type(change.record)].private
    return {name: pair for name, pair in visible_values(change).items() if name not in private}
