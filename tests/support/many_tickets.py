"""A database with many tickets, and the orders of their list with the index of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from models import database
from models.access.viewer import Viewer
from models.core.paging.ordering import Order
from models.core.paging.pagination import PageRequest
from models.log import event
from models.log.event import Event, EventType
from models.people.user import User
from models.queries.filters.filter import FilterData
from models.queries.tickets import build_ticket_order, list_tickets
from models.tickets.lifecycle import Priority, Stage, Status
from models.tickets.ticket import Ticket, TicketResource, TicketWatcher
from support.databases import IS_SQLITE
from support.seed import random_for
from support.ticket_factory import NOON, Desk, create_customer

TICKETS = 2000
OPEN: FilterData = {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}
FIRST_PAGE = PageRequest(50, backward=False, after=None, before=None)
Sorts = Sequence[tuple[str, bool]]


@dataclass
class LargeDatabase:
    """Many tickets of many customers, few of them open, each with one event of the log."""

    desk: Desk
    tickets: Sequence[Ticket]

    @property
    def owner(self) -> Viewer:
        return self.desk.olga


async def create_large_database(desk: Desk) -> LargeDatabase:
    random, people = random_for("many"), [await create_customer(f"c{n}", None) for n in range(60)]
    people += [viewer.user for viewer in desk.customers if viewer.user]
    tickets = [build_ticket(desk, random, random.choice(people), 1001 + n) for n in range(TICKETS)]
    await Ticket.bulk_create(tickets)
    resources = [
        TicketResource(ticket_id=each.id, kind="server", external_id=f"s-{n}")
        for n, each in enumerate(tickets)
    ]
    await TicketResource.bulk_create(resources)
    await TicketWatcher.bulk_create(
        [TicketWatcher(ticket_id=each.id, user_id=random.choice(people).id) for each in tickets]
    )
    async with database.transaction():
        events = (
            {"type": EventType.TICKET_CREATED, "ticket_id": each.id, "occurred_at": each.created_at}
            for each in tickets
        )
        await event.append([Event(version=1, actor_user_id=None, **each) for each in events])
    if not IS_SQLITE:
        await database.fetch_dicts("ANALYZE")
    return LargeDatabase(desk, tickets)


def build_ticket(desk: Desk, random: Random, owner: User, number: int) -> Ticket:
    status = random.choice([*Status, *[Status.CLOSED] * 60])
    at = NOON + number * timedelta(seconds=1)
    is_open = status not in (Status.RESOLVED, Status.CLOSED)
    return desk.unsaved_ticket(
        number,
        status=status,
        requester_id=owner.id,
        organization_id=owner.organization_id,
        priority=random.choice(list(Priority)),
        team_id=random.choice(list(desk.teams.values())).id,
        category_id=random.choice(list(desk.categories.values())).id,
        assignee_id=random.choice([None, *(viewer.user_id for viewer in desk.staff)]),
        sla_breaches_at=random.choice([None, at + timedelta(hours=1)]) if is_open else None,
        last_reply_at=random.choice([None, at + timedelta(hours=2)]),
        created_at=at,
        updated_at=at + timedelta(minutes=random.randrange(1000)),
    )


NUMBER = "sqlite_autoindex_tickets_2" if IS_SQLITE else "tickets_number_key"
ORDERS: Mapping[str, tuple[FilterData | None, Sorts, str]] = {
    "newest change": (None, (), "idx_tickets_updated_"),
    "oldest change": (None, [("updated_at", False)], "idx_tickets_updated_"),
    "newest": (None, [("created_at", True)], "idx_tickets_created_"),
    "number": (None, [("number", False)], NUMBER),
    "priority": (None, [("priority", True)], "idx_tickets_priorit_"),
    "next SLA target": (None, [("sla_breaches_at", False)], "tickets_earliest_breach"),
    "last SLA target": (None, [("sla_breaches_at", True)], "tickets_latest_breach"),
    "oldest reply": (None, [("last_reply_at", False)], "tickets_oldest_reply"),
    "newest reply": (None, [("last_reply_at", True)], "tickets_newest_reply"),
    "priority, then oldest": (
        None,
        [("priority", True), ("created_at", False)],
        "tickets_priority_oldest",
    ),
    "untouched, then next SLA target": (
        None,
        [("is_untouched", True), ("sla_breaches_at", False)],
        "tickets_untouched",
    ),
    "open, newest change": (OPEN, (), "tickets_open_updated"),
    "open, oldest": (OPEN, [("created_at", False)], "tickets_open_created"),
    "open, priority, then oldest": (
        OPEN,
        [("priority", True), ("created_at", False)],
        "tickets_open_priority",
    ),
}


def list_page(
    viewer: Viewer, filter: FilterData | None, sorts: Sorts, page_request: PageRequest = FIRST_PAGE
) -> Callable[[], Awaitable[object]]:
    return lambda: list_tickets(viewer, filter, build_ticket_order(sorts), page_request, NOON)


def page_requests(order: Order, middle: Ticket) -> Mapping[str, PageRequest]:
    cursor = order.cursor_of(middle)
    return {
        "first": FIRST_PAGE,
        "last": replace(FIRST_PAGE, backward=True),
        "after": replace(FIRST_PAGE, after=cursor),
        "before": replace(FIRST_PAGE, backward=True, before=cursor),
    }
