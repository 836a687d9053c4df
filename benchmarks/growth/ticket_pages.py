"""Reads of pages of tickets: in each order, with common filters, and for several viewers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from benchmarks.growth.context import BACK, OPEN, WINDOW, Context, Read, ReadFunction
from benchmarks.growth.log_reads import read_log
from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.ids import ORGANIZATION, USER, encode
from models.core.paging.ordering import Order
from models.core.paging.pagination import PageRequest
from models.database import as_uuid
from models.queries import tickets
from models.queries.connection import count_rows
from models.queries.filters.filter import FilterData
from models.queries.ticket_search import find_tickets
from models.sla.clock import ClockStatus
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import Ticket


def page(
    viewer: Viewer,
    at: datetime,
    filter: FilterData | None = None,
    order: Order | None = None,
    window: PageRequest = WINDOW,
) -> ReadFunction:
    async def read() -> object:
        page_order = order or build_order()
        return await (await find_tickets(viewer, filter, page_order, window, at))

    return read


def build_order(*sorts: tuple[str, bool]) -> Order:
    return tickets.build_ticket_order(sorts)


async def find_middle_cursor(viewer: Viewer, order: Order) -> str:
    """The cursor in the middle of the tickets that the viewer sees."""
    visible = visible_tickets(viewer)
    count = await count_rows(tickets.TICKETS, visible)
    rows = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE {visible.text} ORDER BY {order.order_by()} "
        f"LIMIT 1 OFFSET {count // 2}",
        visible.params,
    )
    return order.cursor_of(await Ticket.get(id=as_uuid(rows[0]["id"])))


ORDERS: Mapping[str, Sequence[tuple[str, bool]]] = {
    "newest change": (),
    "oldest change": (("updated_at", False),),
    "newest": (("created_at", True),),
    "oldest": (("created_at", False),),
    "number": (("number", False),),
    "priority": (("priority", True),),
    "priority, then oldest": (("priority", True), ("created_at", False)),
    "next SLA breach": (("sla_breaches_at", False),),
    "last SLA breach": (("sla_breaches_at", True),),
    "untouched, then next SLA breach": (("is_untouched", True), ("sla_breaches_at", False)),
}


async def order_reads(context: Context) -> list[Read]:
    """Each order from its beginning, from its end, and on both sides of the middle."""
    reads: list[Read] = []
    for name, sorts in ORDERS.items():
        order = build_order(*sorts)
        middle = await find_middle_cursor(context.agent, order)
        windows = {
            "first": WINDOW,
            "last": BACK,
            "after the middle": replace(WINDOW, after=middle),
            "before the middle": replace(BACK, before=middle),
        }
        for window_name, window in windows.items():
            read = page(context.agent, context.at, None, order, window)
            reads.append(Read("agent, all tickets", f"{name}, {window_name}", read))
    return reads


def filter_reads(context: Context) -> list[Read]:
    """The common filters, newest change first; open tickets in the orders that agents use."""
    agent, at = context.agent, context.at
    requester, organization = context.customer.user_id, context.shared.shared_organization_id
    assert requester is not None
    assert organization is not None
    assert agent.user_id is not None
    filters: Mapping[str, FilterData] = {
        "open": OPEN,
        "NEW": {"status": {"eq": Status.NEW}},
        "CLOSED": {"status": {"eq": Status.CLOSED}},
        "a team": {"team": {"eq": "support"}},
        "a team, open": {"team": {"eq": "support"}, **OPEN},
        "a category": {"category": {"eq": "billing"}},
        "an unknown team": {"team": {"eq": "nobody"}},
        "an assignee": {"assigneeId": {"eq": encode(USER, agent.user_id)}},
        "an assignee, open": {"assigneeId": {"eq": encode(USER, agent.user_id)}, **OPEN},
        "unassigned, open": {"assigneeId": {"null": True}, **OPEN},
        "a requester": {"requesterId": {"eq": encode(USER, requester)}},
        "an organization": {"organizationId": {"eq": encode(ORGANIZATION, organization)}},
        "URGENT": {"priority": {"eq": Priority.URGENT}},
        "URGENT, open": {"priority": {"eq": Priority.URGENT}, **OPEN},
        "a common tag": {"tags": {"some": ["invoice"]}},
        "a common tag, open": {"tags": {"some": ["invoice"]}, **OPEN},
        "a tag of no ticket": {"tags": {"some": ["nothing"]}},
        "an SLA clock at risk": {"sla": {"eq": ClockStatus.AT_RISK}},
        "a breached SLA clock, open": {"sla": {"eq": ClockStatus.BREACHED}, **OPEN},
        "created within a week": {"createdAt": {"within": timedelta(days=7)}},
        "a rare word": {"search": "kubernetes drain"},
        "a common word": {"search": "backup"},
        "a word of no ticket": {"search": "xylophone"},
    }
    reads = [
        Read("agent, newest change", name, page(agent, at, filter))
        for name, filter in filters.items()
    ]
    orders = (
        *("newest", "oldest", "priority", "priority, then oldest"),
        *("next SLA breach", "untouched, then next SLA breach", "number"),
    )
    for name in orders:
        read = page(agent, at, OPEN, build_order(*ORDERS[name]))
        reads.append(Read("agent, open tickets", name, read))

    async def read_queue() -> object:
        return await tickets.list_queue(agent, context.team.id, WINDOW, at)

    reads.append(Read("agent, open tickets", "a team's queue", read_queue))
    return reads


async def customer_reads(context: Context) -> list[Read]:
    reads: list[Read] = []
    viewers = {"customer": context.customer, "customer of a shared organization": context.shared}
    for group, viewer in viewers.items():
        for name in ("newest change", "newest", "oldest", "priority"):
            read = page(viewer, context.at, None, build_order(*ORDERS[name]))
            reads.append(Read(group, name, read))
        middle = await find_middle_cursor(viewer, build_order())
        after_middle = replace(WINDOW, after=middle)
        reads.append(Read(group, "after the middle", page(viewer, context.at, window=after_middle)))
        reads.append(Read(group, "open", page(viewer, context.at, OPEN)))
        reads.append(Read(group, "the log, first", read_log(viewer, context, WINDOW)))
        reads.append(Read(group, "the log, last", read_log(viewer, context, BACK)))
    return reads
