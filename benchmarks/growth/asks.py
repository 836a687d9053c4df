"""What is asked of few and of many tickets: pages in each order, by the common filters, by kinds of viewers; records, figures.

All of it by the models' own functions, so it is statements and records, and nothing of GraphQL.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models import database
from models.access.viewer import Viewer, viewer_as
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
from models.queries.stats import Group
from models.sla.clock import ClockStatus
from models.tickets.lifecycle import Priority, Stage, Status
from models.tickets.ticket import Ticket

Asked = Callable[[], Awaitable[object]]
OPEN: FilterData = {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}
WINDOW = PageRequest(50, backward=False, after=None, before=None)
BACK = replace(WINDOW, backward=True)
COUNTS = "whole sets"


@dataclass(frozen=True, slots=True)
class Ask:
    group: str
    name: str
    run: Asked


@dataclass(frozen=True, slots=True)
class Scene:
    """Who asks and what about. The customers are those with the most tickets, and theirs grow as all do."""

    agent: Viewer
    customer: Viewer
    shared: Viewer
    team: Team
    at: datetime

    @classmethod
    async def make(cls) -> Scene:
        busy = [await owner_of_most(shared=shared) for shared in (False, True)]
        agent = await User.filter(role=Role.AGENT).order_by("id").first()
        assert agent is not None
        agent = await User.get(id=agent.id).select_related("organization")
        return cls(viewer_as(agent), viewer_as(busy[0]), viewer_as(busy[1]), await Team.get(slug="support"), datetime.now(UTC))


async def owner_of_most(*, shared: bool) -> User:
    """The customer with the most tickets, out of accounts that are shared or not."""
    accounts = await Organization.filter(shared=shared).values_list("id", flat=True)
    found = await database.fetch_dicts("SELECT requester_id AS id FROM tickets GROUP BY requester_id ORDER BY COUNT(*) DESC, 1 LIMIT 60")
    users = [await User.get(id=as_uuid(row["id"])).select_related("organization") for row in found]
    return next(user for user in users if user.organization_id in accounts)


def page(
    viewer: Viewer, at: datetime, filter: FilterData | None = None, order: Order | None = None, window: PageRequest = WINDOW
) -> Asked:
    async def ask() -> object:
        return await tickets.list_tickets(viewer, filter, order or ordered(), window, at)

    return ask


def ordered(*sorts: tuple[str, bool]) -> Order:
    return tickets.build_ticket_order(sorts)


async def deep(viewer: Viewer, order: Order) -> str:
    """The cursor in the middle of all that the viewer sees."""
    sight = visible_tickets(viewer)
    count = await count_rows(tickets.TICKETS, sight)
    found = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE {sight.text} ORDER BY {order.order_by()} LIMIT 1 OFFSET {count // 2}", sight.params
    )
    return order.cursor_of(await Ticket.get(id=as_uuid(found[0]["id"])))


ORDERS: Mapping[str, Sequence[tuple[str, bool]]] = {
    "newest change": (),
    "oldest change": (("updated_at", False),),
    "newest": (("created_at", True),),
    "oldest": (("created_at", False),),
    "number": (("number", False),),
    "priority": (("priority", True),),
    "priority, then oldest": (("priority", True), ("created_at", False)),
    "next promise": (("sla_breaches_at", False),),
    "last promise": (("sla_breaches_at", True),),
    "untouched, then next promise": (("is_untouched", True), ("sla_breaches_at", False)),
}


async def orders(scene: Scene) -> list[Ask]:
    """Each order from its beginning, from its end, and after a cursor in the middle."""
    found: list[Ask] = []
    for name, sorts in ORDERS.items():
        order = ordered(*sorts)
        middle = await deep(scene.agent, order)
        parts = {
            "first": WINDOW,
            "last": BACK,
            "after the middle": replace(WINDOW, after=middle),
            "before the middle": replace(BACK, before=middle),
        }
        found += [
            Ask("agent, all tickets", f"{name}, {part}", page(scene.agent, scene.at, None, order, window))
            for part, window in parts.items()
        ]
    return found


def filters(scene: Scene) -> list[Ask]:
    """The common filters, newest change first, and open tickets in the orders in which they are worked on."""
    agent, at = scene.agent, scene.at
    requester, account = scene.customer.user_id, scene.shared.shared_organization_id
    assert requester is not None
    assert account is not None
    assert agent.user_id is not None
    told: Mapping[str, FilterData] = {
        "open": OPEN,
        "NEW": {"status": {"eq": Status.NEW}},
        "CLOSED": {"status": {"eq": Status.CLOSED}},
        "a team": {"team": {"eq": "support"}},
        "a team, open": {"team": {"eq": "support"}, **OPEN},
        "a category": {"category": {"eq": "billing"}},
        "no such team": {"team": {"eq": "nobody"}},
        "an assignee": {"assigneeId": {"eq": encode(USER, agent.user_id)}},
        "an assignee, open": {"assigneeId": {"eq": encode(USER, agent.user_id)}, **OPEN},
        "nobody's, open": {"assigneeId": {"null": True}, **OPEN},
        "a requester": {"requesterId": {"eq": encode(USER, requester)}},
        "an account": {"organizationId": {"eq": encode(ORGANIZATION, account)}},
        "URGENT": {"priority": {"eq": Priority.URGENT}},
        "URGENT, open": {"priority": {"eq": Priority.URGENT}, **OPEN},
        "a common tag": {"tags": {"some": ["invoice"]}},
        "a common tag, open": {"tags": {"some": ["invoice"]}, **OPEN},
        "a tag of no ticket": {"tags": {"some": ["nothing"]}},
        "a promise at risk": {"sla": {"eq": ClockStatus.AT_RISK}},
        "a promise broken, open": {"sla": {"eq": ClockStatus.BREACHED}, **OPEN},
        "raised within a week": {"createdAt": {"within": timedelta(days=7)}},
        "a word of few": {"search": "kubernetes drain"},
        "a word of many": {"search": "backup"},
        "a word of none": {"search": "xylophone"},
    }
    found = [Ask("agent, newest change", name, page(agent, at, filter)) for name, filter in told.items()]
    names = ("newest", "oldest", "priority", "priority, then oldest", "next promise", "untouched, then next promise", "number")
    found += [Ask("agent, open tickets", name, page(agent, at, OPEN, ordered(*ORDERS[name]))) for name in names]
    found.append(Ask("agent, open tickets", "a team's queue", lambda: tickets.list_queue(agent, scene.team.id, WINDOW, at)))
    return found


async def customers(scene: Scene) -> list[Ask]:
    found: list[Ask] = []
    for group, viewer in {"customer": scene.customer, "customer of a shared account": scene.shared}.items():
        names = ("newest change", "newest", "oldest", "priority")
        found += [Ask(group, name, page(viewer, scene.at, None, ordered(*ORDERS[name]))) for name in names]
        middle = await deep(viewer, ordered())
        found.append(Ask(group, "after the middle", page(viewer, scene.at, window=replace(WINDOW, after=middle))))
        found.append(Ask(group, "open", page(viewer, scene.at, OPEN)))
        found.append(Ask(group, "the log, first", log(viewer, scene, WINDOW)))
        found.append(Ask(group, "the log, last", log(viewer, scene, BACK)))
    return found


def log(
    viewer: Viewer, scene: Scene, window: PageRequest, filter: FilterData | None = None, types: EventFilter | None = None
) -> Asked:
    async def ask() -> object:
        return await (await event_log.list_events(viewer, types or EventFilter(), filter, window, scene.at))

    return ask


async def records(scene: Scene) -> list[Ask]:
    """Timelines, messages, the log."""
    newest = await Ticket.all().order_by("-updated_at").limit(20)
    keys: list[UUID] = [ticket.id for ticket in newest]
    head = await event.read_head()
    after, early = (replace(WINDOW, after=event.encode_cursor(place)) for place in (head // 2, 100))

    agent, ten = scene.agent, replace(WINDOW, size=10)

    def of(ids: Sequence[UUID], read: ConnectionQuery[Any]) -> Asked:
        return lambda: read.fetch_by_owner(ids, as_uuid)

    return [
        Ask("records", "a ticket's timeline", of(keys[:1], timeline.list_timeline(agent, keys[:1], EventFilter(), ten))),
        Ask("records", "a ticket's messages", of(keys[:1], timeline.list_messages(agent, keys[:1], ten))),
        Ask("records", "messages of 20 tickets", of(keys, timeline.list_messages(agent, keys, ten))),
        Ask("records", "counts of 20 tickets", lambda: timeline.count_events(agent, keys, EventFilter())),
        Ask("the log", "first", log(agent, scene, WINDOW)),
        Ask("the log", "after the middle", log(agent, scene, after)),
        Ask("the log", "last", log(agent, scene, BACK)),
        Ask("the log", "of open tickets, early", log(agent, scene, early, OPEN)),
        Ask("the log", "changes of status, after the middle", log(agent, scene, after, types=EventFilter(frozenset({STATUS})))),
        Ask("the log", "of NEW tickets, last", log(agent, scene, BACK, {"status": {"eq": Status.NEW}})),
    ]


STATUS = event.EventType.STATUS_CHANGED


def whole(scene: Scene) -> list[Ask]:
    """What reads all of a set, and so may grow with it."""
    agent, at = scene.agent, scene.at

    def total(viewer: Viewer, filter: FilterData | None) -> Asked:
        async def ask() -> object:
            return await (await tickets.list_tickets(viewer, filter, ordered(), replace(WINDOW, size=1), at)).count_total()

        return ask

    return [
        Ask(COUNTS, "totalCount, all", total(agent, None)),
        Ask(COUNTS, "totalCount, open", total(agent, OPEN)),
        Ask(COUNTS, "totalCount, customer", total(scene.customer, None)),
        Ask(COUNTS, "ticketStats by status, all", lambda: stats.read_stats(agent, None, Group.STATUS, at)),
        Ask(COUNTS, "ticketStats by status, open", lambda: stats.read_stats(agent, OPEN, Group.STATUS, at)),
        Ask(COUNTS, "ticketStats, customer", lambda: stats.read_stats(scene.customer, None, None, at)),
    ]


async def asks() -> list[Ask]:
    scene = await Scene.make()
    return [*await orders(scene), *filters(scene), *await customers(scene), *await records(scene), *whole(scene)]
