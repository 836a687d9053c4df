"""Which loader reads the records of which class."""

from __future__ import annotations

from collections.abc import Mapping

from tortoise.models import Model

from models.custom_fields.custom_field import CustomField
from models.escalation.path import EscalationPath
from models.jobs.caller_job import CallerJob
from models.log.event import Event
from models.macros.macro import Macro
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Organization, User
from models.retention.policy import RetentionPolicy
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.ticket import Ticket
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from models.webhooks.webhook import Webhook

LOADER_NAMES: Mapping[type[Model], str] = {
    User: "users",
    ApiClient: "clients",
    Organization: "organizations",
    Team: "teams",
    Category: "categories",
    Ticket: "tickets",
    SlaCalendar: "calendars",
    SlaPolicy: "policies",
    EscalationPath: "escalation_paths",
    Token: "tokens",
    SavedView: "views",
    CallerJob: "jobs",
    Macro: "macros",
    CustomField: "custom_fields",
    RetentionPolicy: "retention_policies",
    WallScreen: "wall_screens",
    Webhook: "webhooks",
    Event: "events",
}
"""The attributes of `Loaders` for the records that foreign keys and logs refer to."""
