"""What means something in a database: ids of every kind, cursors of every list, numbers and words that are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.core import ids
from models.escalation.path import EscalationPath
from models.log.event import Event
from models.notifications.notification import Notification
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Organization, User
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.attachment import Attachment
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from support.differential import OperationRequest, SchemaRunner

Order = Sequence[tuple[str, str]]
ORDERS: Sequence[Order] = (
    (),
    *([(field, way)] for field in ("CREATED_AT", "NUMBER", "PRIORITY") for way in ("ASC", "DESC")),
    [("SLA_BREACHES_AT", "ASC")],
    [("UNTOUCHED", "DESC")],
    [("PRIORITY", "DESC"), ("UPDATED_AT", "ASC")],
)
LOG = "log"
"""Lists whose cursors are places in the log share them."""
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
}


@dataclass(frozen=True, slots=True)
class Pool:
    """`ids` by prefix; `cursors` by the list that they are of, for tickets by its order as well."""

    ids: Mapping[str, Sequence[str]]
    cursors: Mapping[str, Sequence[str]]
    numbers: Sequence[int]
    """Of tickets."""

    @classmethod
    async def read(cls, desk: SchemaRunner, admin: str | None, agent: str | None) -> Pool:
        found: dict[str, Sequence[str]] = {}
        for prefix, model in RECORDS.items():
            keys: Any = await model.all().order_by("id").values_list("id", flat=True)
            found[prefix] = [ids.encode(prefix, key) for key in keys]
        positions: Any = await Event.all().order_by("position").values_list("position", flat=True)
        found[ids.EVENT] = [ids.encode(ids.EVENT, position) for position in positions]
        notices: Any = await Notification.all().order_by("number").values_list("number", flat=True)
        found[ids.NOTIFICATION] = [ids.encode(ids.NOTIFICATION, number) for number in notices]
        tickets: Any = await Ticket.all().order_by("number").values_list("number", flat=True)
        return cls(found, await read_cursors(desk, admin, agent), list(tickets))


async def read_cursors(desk: SchemaRunner, admin: str | None, agent: str | None) -> dict[str, list[str]]:
    """Out of answers, as clients get them."""
    found = {LOG: await read_edge_cursors(desk, admin, "events", "(first: 100)")}
    found["users"] = await read_edge_cursors(desk, admin, "users", "(first: 30)")
    found["notifications"] = await read_edge_cursors(desk, agent, "notifications", "(first: 30)")
    for order in ORDERS:
        sorts = ", ".join(f"{{field: {field}, direction: {way}}}" for field, way in order)
        found[f"tickets {order}"] = await read_edge_cursors(desk, admin, "tickets", f"(orderBy: [{sorts}], first: 60)")
    asked = OperationRequest("{ teams { queue(first: 10) { edges { cursor } } } }")
    with desk.graphql_core_only():
        teams = (await desk.answer(asked, admin))["data"]["teams"]
    found["queue"] = [edge["cursor"] for team in teams for edge in team["queue"]["edges"]]
    return found


async def read_edge_cursors(desk: SchemaRunner, token: str | None, field: str, given: str) -> list[str]:
    with desk.graphql_core_only():
        answer = await desk.answer(OperationRequest(f"{{ {field}{given} {{ edges {{ cursor }} }} }}"), token)
    return [edge["cursor"] for edge in answer["data"][field]["edges"]]
