"""Values that exist in a database: ids of every type, cursors of every list, ticket numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.core import ids
from models.custom_fields.custom_field import CustomField
from models.escalation.path import EscalationPath
from models.jobs.caller_job import CallerJob
from models.log.event import Event
from models.macros.macro import Macro
from models.notifications.notification import Notification
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Organization, User
from models.retention.policy import RetentionPolicy
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook
from support.differential import OperationRequest, SchemaRunner

Order = Sequence[tuple[str, str]]
ORDERS: Sequence[Order] = (
    (),
    *([(field, way)] for field in ("CREATED_AT", "NUMBER", "PRIORITY") for way in ("ASC", "DESC")),
    [("SLA_BREACHES_AT", "ASC")],
    [("LAST_REPLY_AT", "DESC")],
    [("UNTOUCHED", "DESC")],
    [("PRIORITY", "DESC"), ("UPDATED_AT", "ASC")],
    [("CUSTOM_FIELD", "ASC")],
)
LOG = "log"
"""All lists whose cursors are positions in the log share these cursors."""
RECORDS = {
    ids.USER: User,
    ids.API_CLIENT: ApiClient,
    ids.ORGANIZATION: Organization,
    ids.TEAM: Team,
    ids.CATEGORY: Category,
    ids.TICKET: Ticket,
    ids.MESSAGE: Message,
    ids.ATTACHMENT: Attachment,
    ids.TOKEN: Token,
    ids.SLA_POLICY: SlaPolicy,
    ids.SLA_CALENDAR: SlaCalendar,
    ids.ESCALATION_PATH: EscalationPath,
    ids.AUDIT_ENTRY: AuditEntry,
    ids.SAVED_VIEW: SavedView,
    ids.JOB: CallerJob,
    ids.MACRO: Macro,
    ids.CUSTOM_FIELD: CustomField,
    ids.DRAFT: Draft,
    ids.RETENTION_POLICY: RetentionPolicy,
    ids.WALL_SCREEN: WallScreen,
    ids.WEBHOOK: Webhook,
    ids.WEBHOOK_DELIVERY: WebhookDelivery,
}


@dataclass(frozen=True, slots=True)
class Pool:
    """`ids` by prefix; `cursors` by list, for tickets also by order."""

    ids: Mapping[str, Sequence[str]]
    cursors: Mapping[str, Sequence[str]]
    numbers: Sequence[int]
    """Numbers of tickets."""

    @classmethod
    async def read(cls, runner: SchemaRunner, admin: str | None, agent: str | None) -> Pool:
        ids_by_prefix: dict[str, Sequence[str]] = {}
        for prefix, model in RECORDS.items():
            keys: Any = await model.all().order_by("id").values_list("id", flat=True)
            ids_by_prefix[prefix] = [ids.encode(prefix, key) for key in keys]
        positions: Any = await Event.all().order_by("position").values_list("position", flat=True)
        ids_by_prefix[ids.EVENT] = [ids.encode(ids.EVENT, position) for position in positions]
        positions = (
            await DirectoryEvent.all().order_by("position").values_list("position", flat=True)
        )
        ids_by_prefix[ids.DIRECTORY_EVENT] = [
            ids.encode(ids.DIRECTORY_EVENT, position) for position in positions
        ]
        notifications: Any = (
            await Notification.all().order_by("number").values_list("number", flat=True)
        )
        ids_by_prefix[ids.NOTIFICATION] = [
            ids.encode(ids.NOTIFICATION, number) for number in notifications
        ]
        tickets: Any = await Ticket.all().order_by("number").values_list("number", flat=True)
        return cls(ids_by_prefix, await read_cursors(runner, admin, agent), list(tickets))


async def read_cursors(
    runner: SchemaRunner, admin: str | None, agent: str | None
) -> dict[str, list[str]]:
    """Cursors of each list, from responses."""
    cursors = {LOG: await read_edge_cursors(runner, admin, "events", "(first: 100)")}
    cursors["users"] = await read_edge_cursors(runner, admin, "users", "(first: 30)")
    cursors["auditLog"] = await read_edge_cursors(runner, admin, "auditLog", "(first: 30)")
    cursors["notifications"] = await read_edge_cursors(
        runner, agent, "notifications", "(first: 30)"
    )
    for order in ORDERS:
        sorts = ", ".join(map(build_sort, order))
        cursors[f"tickets {order}"] = await read_edge_cursors(
            runner, admin, "tickets", f"(orderBy: [{sorts}], first: 60)"
        )
    request = OperationRequest("{ teams { queue(first: 10) { edges { cursor } } } }")
    with runner.graphql_core_only():
        teams = (await runner.answer(request, admin))["data"]["teams"]
    cursors["queue"] = [edge["cursor"] for team in teams for edge in team["queue"]["edges"]]
    return cursors


def build_sort(sort: tuple[str, str]) -> str:
    field, way = sort
    key = ', customField: "seats"' if field == "CUSTOM_FIELD" else ""
    return f"{{field: {field}, direction: {way}{key}}}"


async def read_edge_cursors(
    runner: SchemaRunner, token: str | None, field: str, arguments: str
) -> list[str]:
    with runner.graphql_core_only():
        response = await runner.answer(
            OperationRequest(f"{{ {field}{arguments} {{ edges {{ cursor }} }} }}"), token
        )
    return [edge["cursor"] for edge in response["data"][field]["edges"]]
