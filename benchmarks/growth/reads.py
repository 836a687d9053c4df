"""The measured reads: pages in each order, with common filters and for several viewers; records of
tickets; the event log; counts and statistics.

They call the functions of `models`, so they measure statements and rows, and no GraphQL.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models import database
from models.access.viewer import Viewer, viewer_of_user
from models.access.visibility import visible_tickets
from models.core.ids import ORGANIZATION, USER, encode
from models.core.lazy_query import ConnectionQuery
from models.core.ordering import Order
from models.core.pagination import PageRequest
from models.database import as_uuid
from models.log import event
from models.people.team import Team
from models.people.user import Organization, Role, User
from models.queries import event_log, stats, tickets, timeline
from models.queries.connection import count_rows
from models.queries.event_log import EventFilter
from models.queries.filter import FilterData
from models.queries.stats_groups import GroupBy
from models.sla.clock import ClockStatus
from models.tickets.lifecycle import Priority, Stage, Status
from models.tickets.ticket import Ticket

ReadFunction = Callable[[], Awaitable[object]]
OPEN: FilterData = {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}
WINDOW = PageRequest(50, backward=False, after=None, before=None)
BACK = replace(WINDOW, backward=True)
COUNTS = "counts and statistics"
"""The group of reads that scan a whole set, and so may grow with it."""


@dataclass(frozen=True, slots=True)
class Read:
    group: str
    name: str
    run: ReadFunction


@dataclass(frozen=True, slots=True)
class Context:
    """The viewers and arguments of the reads.

    The customers are those with the most tickets; their tickets grow in proportion to all tickets.
    """

    agent: Viewer
    customer: Viewer
    shared: Viewer
    """A customer of an organization whose members see each other's tickets."""
    team: Team
    at: datetime

    @classmethod
    async def load(cls) -> Context:
        customer = await find_busiest_customer(shared=False)
        shared = await find_busiest_customer(shared=True)
        agent = await User.filter(role=Role.AGENT).order_by("id").first()
        assert agent is not None
        agent = await User.get(id=agent.id).select_related("organization")
        return cls(
            viewer_of_user(agent, {}),
            viewer_of_user(customer, {}),
            viewer_of_user(shared, {}),
            await Team.get(slug="support"),
            datetime.now(UTC),
        )


async def find_busiest_customer(*, shared: bool) -> User:
    """The customer with the most tickets, from the organizations that are shared or are not."""
    organizations = await Organization.filter(shared=shared).values_list("id", flat=True)
    rows = await database.fetch_dicts(
        "SELECT requester_id AS id FROM tickets GROUP BY requester_id "
        "ORDER BY COUNT(*) DESC, 1 LIMIT 60"
    )
    users = [await User.get(id=as_uuid(row["id"])).select_related("organization") for row in rows]
    return next(user for user in users if user.organization_id in organizations)


def page(
    viewer: Viewer,
    at: datetime,
    filter: FilterData | None = None,
    order: Order | None = None,
    window: PageRequest = WINDOW,
) -> ReadFunction:
    async def read() -> object:
        return await tickets.list_tickets(viewer, filter, order or build_order(), window, at)

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


def read_log(
    viewer: Viewer,
    context: Context,
    window: PageRequest,
    filter: FilterData | None = None,
    types: EventFilter | None = None,
) -> ReadFunction:
    async def read() -> object:
        event_filter = types or EventFilter()
        query = await event_log.list_events(viewer, event_filter, filter, window, context.at)
        return await query

    return read


async def record_reads(context: Context) -> list[Read]:
    """Timelines and messages of tickets."""
    newest = await Ticket.all().order_by("-updated_at").limit(20)
    all_ids: list[UUID] = [ticket.id for ticket in newest]
    first_id = all_ids[:1]
    agent, ten = context.agent, replace(WINDOW, size=10)
    no_filter = EventFilter()

    def fetch(ids: Sequence[UUID], query: ConnectionQuery[Any]) -> ReadFunction:
        return lambda: query.fetch_by_owner(ids, as_uuid)

    async def count_events() -> object:
        return await timeline.count_events(agent, all_ids, no_filter)

    one_timeline = timeline.list_timeline(agent, first_id, no_filter, ten)
    one_messages = timeline.list_messages(agent, first_id, ten)
    all_messages = timeline.list_messages(agent, all_ids, ten)
    return [
        Read("records", "a ticket's timeline", fetch(first_id, one_timeline)),
        Read("records", "a ticket's messages", fetch(first_id, one_messages)),
        Read("records", "messages of 20 tickets", fetch(all_ids, all_messages)),
        Read("records", "counts of 20 tickets", count_events),
    ]


async def log_reads(context: Context) -> list[Read]:
    head = await event.read_head()
    after_middle = replace(WINDOW, after=event.encode_cursor(head // 2))
    early = replace(WINDOW, after=event.encode_cursor(100))
    status_changes = EventFilter(frozenset({event.EventType.STATUS_CHANGED}))
    new: FilterData = {"status": {"eq": Status.NEW}}
    agent = context.agent
    reads = {
        "first": read_log(agent, context, WINDOW),
        "after the middle": read_log(agent, context, after_middle),
        "last": read_log(agent, context, BACK),
        "of open tickets, early": read_log(agent, context, early, OPEN),
        "changes of status, after the middle": read_log(
            agent, context, after_middle, types=status_changes
        ),
        "of NEW tickets, last": read_log(agent, context, BACK, new),
    }
    return [Read("the log", name, read) for name, read in reads.items()]


def count_reads(context: Context) -> list[Read]:
    agent, customer = context.agent, context.customer

    def count(viewer: Viewer, filter: FilterData | None) -> ReadFunction:
        async def read() -> object:
            window = replace(WINDOW, size=1)
            page = await tickets.list_tickets(viewer, filter, build_order(), window, context.at)
            return await page.count_total()

        return read

    def read_stats(
        viewer: Viewer, filter: FilterData | None, group: GroupBy | None
    ) -> ReadFunction:
        return lambda: stats.read_stats(viewer, filter, group, context.at)

    return [
        Read(COUNTS, "totalCount, all", count(agent, None)),
        Read(COUNTS, "totalCount, open", count(agent, OPEN)),
        Read(COUNTS, "totalCount, customer", count(customer, None)),
        Read(COUNTS, "ticketStats by status, all", read_stats(agent, None, GroupBy.STATUS)),
        Read(COUNTS, "ticketStats by status, open", read_stats(agent, OPEN, GroupBy.STATUS)),
        Read(COUNTS, "ticketStats, customer", read_stats(customer, None, None)),
    ]


async def create_reads() -> list[Read]:
    context = await Context.load()
    return [
        *await order_reads(context),
        *filter_reads(context),
        *await customer_reads(context),
        *await record_reads(context),
        *await log_reads(context),
        *count_reads(context),
    ]
