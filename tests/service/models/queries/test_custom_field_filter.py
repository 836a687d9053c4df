"""Filters and orders by custom fields: exact in SQL and in memory, and blind for hidden fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.custom_fields import PRODUCTS, REGION, define, set_values
from support.loop_limits import count_pages

from models import database
from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES
from models.access.viewer import Viewer
from models.core.time import now
from models.people.user import User
from models.queries.filters.facts import load_facts
from models.queries.filters.filter import FilterData, compile_both
from models.queries.filters.limits import FilterHints
from models.tickets.ticket import Ticket

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]
TICKETS: list[list[dict[str, Any]]] = [
    [
        {"key": "note", "text": "Rack 7"},
        {"key": "seats", "number": 0.1},
        {"key": "urgent", "boolean": True},
        {"key": "due", "date": "2026-02-28"},
        {"key": "region", "options": ["us"]},
        {"key": "products", "options": ["dns", "mail"]},
    ],
    [
        {"key": "note", "text": "rack 8"},
        {"key": "seats", "number": -20},
        {"key": "urgent", "boolean": False},
        {"key": "due", "date": "1999-12-31"},
        {"key": "region", "options": ["eu"]},
        {"key": "products", "options": ["vpn"]},
    ],
    [
        {"key": "seats", "number": 123456789012345},
        {"key": "region", "options": ["eu"]},
    ],
    [],
]
FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"key": "note", "text": {"eq": "Rack 7"}}, [0]),
    ({"key": "note", "text": {"neq": "Rack 7"}}, [1, 2, 3]),
    ({"key": "note", "text": {"in": ["Rack 7", "rack 8", "x"]}}, [0, 1]),
    ({"key": "note", "text": {"in": []}}, []),
    ({"key": "note", "text": {"nin": ["rack 8"]}}, [0, 2, 3]),
    ({"key": "note", "text": {"contains": "ack"}}, [0, 1]),
    ({"key": "note", "text": {"contains": ""}}, [0, 1]),
    ({"key": "note", "text": {"ieq": "RACK 7"}}, [0]),
    ({"key": "note", "text": {"icontains": "RACK"}}, [0, 1]),
    ({"key": "note", "text": {"startsWith": "R"}}, [0]),
    ({"key": "note", "text": {"null": True}}, [2, 3]),
    ({"key": "note", "text": {"null": False, "neq": "Rack 7"}}, [1]),
    ({"key": "note"}, [0, 1, 2, 3]),
    ({"key": "note", "null": True}, [2, 3]),
    ({"key": "note", "null": False}, [0, 1]),
    ({"key": "seats", "number": {"eq": 0.1}}, [0]),
    ({"key": "seats", "number": {"eq": 123456789012345}}, [2]),
    ({"key": "seats", "number": {"neq": 0.1}}, [1, 2, 3]),
    ({"key": "seats", "number": {"in": [0.1, -20]}}, [0, 1]),
    ({"key": "seats", "number": {"gt": -20, "lt": 1e300}}, [0, 2]),
    ({"key": "seats", "number": {"gte": -20, "lte": 0.1}}, [0, 1]),
    ({"key": "urgent", "boolean": True}, [0]),
    ({"key": "urgent", "boolean": False}, [1]),
    ({"key": "due", "date": {"eq": "2026-02-28"}}, [0]),
    ({"key": "due", "date": {"gt": "1999-12-31"}}, [0]),
    ({"key": "due", "date": {"lte": "2026-02-28", "gte": "1999-12-31"}}, [0, 1]),
    ({"key": "region", "options": {"some": ["us", "mars", "x|y"]}}, [0]),
    ({"key": "region", "options": {"some": []}}, []),
    ({"key": "region", "options": {"every": ["eu"]}}, [1, 2]),
    ({"key": "region", "options": {"every": ["eu", "us"]}}, []),
    ({"key": "region", "options": {"none": ["eu"]}}, [0, 3]),
    ({"key": "products", "options": {"some": ["dns", "vpn"]}}, [0, 1]),
    ({"key": "products", "options": {"some": ["|"]}}, []),
    ({"key": "products", "options": {"every": ["mail", "dns"]}}, [0]),
    ({"key": "products", "options": {"every": []}}, [0, 1, 2, 3]),
    ({"key": "products", "options": {"none": ["mail"]}}, [1, 2, 3]),
    ({"key": "products", "options": {"some": [*(f"o{n}" for n in range(990)), "vpn"]}}, [1]),
    ({"key": "products", "options": {"every": [*(f"o{n}" for n in range(990)), "vpn"]}}, []),
    # conditions for another type are conditions on a field without a value
    ({"key": "region", "text": {"eq": "us"}}, []),
    ({"key": "due", "text": {"eq": "2026-02-28"}}, []),
    ({"key": "note", "number": {"eq": 0}}, []),
    ({"key": "seats", "boolean": False}, []),
    ({"key": "note", "number": {"neq": 7}}, [0, 1, 2, 3]),
    ({"key": "unknown", "text": {"eq": "Rack 7"}}, []),
    ({"key": "unknown", "null": True}, [0, 1, 2, 3]),
    ({"key": "' OR 1=1", "null": False}, []),
]
LIST = """query($filter: TicketFilter, $order: [TicketOrder!], $after: String, $first: Int) {
  tickets(filter: $filter, orderBy: $order, first: $first, after: $after) {
    totalCount nodes { id } pageInfo { endCursor hasNextPage hasPreviousPage } } }"""


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
async def tickets(root: Client, service: Service, world: World) -> list[str]:
    """Tickets of Cora with the values of TICKETS."""
    for key, type in (("note", "TEXT"), ("seats", "NUMBER"), ("urgent", "BOOLEAN")):
        await define(root, key, type)
    await define(root, "due", "DATE")
    await define(root, **REGION)
    await define(root, **PRODUCTS)
    cora = service.client(world.cora.token)
    return [(await cora.raise_ticket(customFields=values))["id"] for values in TICKETS]


async def find(client: Client, filter: dict[str, Any]) -> list[str]:
    data = (await client.run(LIST, filter=filter, order=[{"field": "NUMBER", "direction": "ASC"}]))[
        "tickets"
    ]
    assert data["totalCount"] == len(data["nodes"])
    return [node["id"] for node in data["nodes"]]


def to_data(value: Any) -> Any:
    """The filter as resolvers pass it on: dates are no texts."""
    if isinstance(value, dict):
        return {
            name: {key: date.fromisoformat(each) for key, each in operand.items()}
            if name == "date"
            else operand
            for name, operand in value.items()
        }
    return value


async def viewer_of(person: Any) -> Viewer:
    user = await User.get(id=person.id).select_related("organization")
    kind = CALLER_KIND_BY_ROLE[user.role]
    return Viewer(kind, frozenset(MAX_SCOPES[kind]), user=user)


async def find_both_ways(filter: FilterData, viewer: Viewer) -> list[int]:
    """The numbers of the matching tickets, which SQL and memory agree about."""
    all_tickets = {ticket.id: ticket.number for ticket in await Ticket.all()}
    facts = await load_facts(list(all_tickets))
    results: list[set[object]] = []
    for few_tickets in (False, True):
        condition = compile_both(
            filter, viewer, now(), database.dialect(), FilterHints(few_tickets=few_tickets)
        )
        text = f"SELECT t.id AS id FROM tickets t WHERE {condition.sql.text}"
        rows = await database.fetch_dicts(text, condition.sql.params)
        results.append({database.as_uuid(row["id"]) for row in rows})
        results.append({each.id for each in facts if condition.matches(each)})
    assert all(result == results[0] for result in results), filter
    return sorted(all_tickets[key] for key in all_tickets if key in results[0])


async def test_every_operator_gives_the_exact_tickets(
    tickets: list[str], service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    viewers = [await viewer_of(world.cora), await viewer_of(world.ada)]
    for condition, expected in FILTERS:
        found = [tickets[index] for index in expected]
        for client in (cora, ada):
            assert await find(client, {"customFields": [condition]}) == found, condition
        for viewer in viewers:
            data: FilterData = {"customFields": [to_data(condition)]}
            numbers = await find_both_ways(data, viewer)
            assert [number - 1001 for number in numbers] == expected, condition
            rest = await find_both_ways({"not": data}, viewer)
            assert [number - 1001 for number in rest] == [
                index for index in range(4) if index not in expected
            ]


async def test_conditions_on_several_fields_combine(
    tickets: list[str], service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    europe = {"key": "region", "options": {"some": ["eu"]}}
    cheap = {"key": "seats", "number": {"lt": 0}}
    none: list[Any] = []
    for filter, expected in (
        ({"customFields": [europe, cheap]}, [1]),
        ({"customFields": none}, [0, 1, 2, 3]),
        ({"customFields": None}, [0, 1, 2, 3]),
        (
            {"or": [{"customFields": [cheap]}, {"customFields": [{"key": "note", "null": True}]}]},
            [1, 2, 3],
        ),
        ({"not": {"customFields": [europe]}, "subject": {"eq": "VPN is down"}}, [0, 3]),
    ):
        assert await find(ada, filter) == [tickets[index] for index in expected], filter


async def test_filters_are_limited(tickets: list[str], service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    for condition in (
        [{"key": "note", "text": {"eq": "a"}}] * 60,
        [{"key": "note", "options": {"some": ["a"] * 1001}}],
        [{"key": "n\0", "null": True}],
        [{"key": "note", "text": {"eq": "\0"}}],
    ):
        with pytest.raises(Refused) as refused:
            await find(ada, {"customFields": condition})
        assert refused.value.code == "BAD_REQUEST", condition


async def read_pages(client: Client, order: Sequence[dict[str, Any]]) -> list[str]:
    """The tickets in an order, in pages of one."""
    found: list[str] = []
    after = None
    for _ in count_pages():
        data = await client.run(LIST, order=order, first=1, after=after)
        page = data["tickets"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        found += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return found


@pytest.mark.parametrize(
    ("key", "ascending", "descending"),
    [
        ("note", None, None),
        ("seats", [1, 0, 2, 3], [2, 0, 1, 3]),
        ("urgent", [1, 0, 2, 3], [0, 1, 3, 2]),
        ("due", [1, 0, 2, 3], [0, 1, 3, 2]),
        ("region", [1, 2, 0, 3], [0, 2, 1, 3]),
        ("products", [0, 1, 2, 3], [1, 0, 3, 2]),
        ("unknown", [0, 1, 2, 3], [3, 2, 1, 0]),
    ],
)
async def test_pages_follow_the_order_with_nulls_last(
    tickets: list[str],
    service: Service,
    world: World,
    key: str,
    ascending: list[int] | None,
    descending: list[int] | None,
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for client in (cora, ada):
        for direction, expected in (("ASC", ascending), ("DESC", descending)):
            order = [
                {"field": "CUSTOM_FIELD", "customField": key, "direction": direction},
                {"field": "NUMBER", "direction": direction},
            ]
            found = [tickets.index(each) for each in await read_pages(client, order)]
            if expected is None:  # the collation of the database decides between R and r
                assert set(found[:2]) == {0, 1}
                assert found[2:] == ([2, 3] if direction == "ASC" else [3, 2])
            else:
                assert found == expected, (key, direction)


async def test_an_order_needs_a_key_and_its_own_cursors(
    tickets: list[str], service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    seats = {"field": "CUSTOM_FIELD", "customField": "seats"}
    data = await ada.run(LIST, order=[seats], first=1)
    cursor = data["tickets"]["pageInfo"]["endCursor"]
    for order, after, code in (
        ([{"field": "CUSTOM_FIELD"}], None, "BAD_REQUEST"),
        ([{"field": "CUSTOM_FIELD", "customField": "x' OR 1=1"}], None, "BAD_REQUEST"),
        ([{"field": "CUSTOM_FIELD", "customField": ""}], None, "BAD_REQUEST"),
        ([{"field": "NUMBER", "customField": "seats"}], None, "BAD_REQUEST"),
        ([{"field": "CUSTOM_FIELD", "customField": "due"}], cursor, "CURSOR_INVALID"),
        ([{**seats, "direction": "ASC"}], cursor, "CURSOR_INVALID"),
        ([seats] * 5, None, "BAD_REQUEST"),
    ):
        with pytest.raises(Refused) as refused:
            await ada.run(LIST, order=order, first=1, after=after)
        assert refused.value.code == code, order


async def test_a_page_stays_stable_while_values_change(
    tickets: list[str], service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    order = [{"field": "CUSTOM_FIELD", "customField": "seats", "direction": "ASC"}]
    page = (await ada.run(LIST, order=order, first=2))["tickets"]
    assert [node["id"] for node in page["nodes"]] == [tickets[1], tickets[0]]
    await set_values(ada, tickets[0], {"key": "seats", "number": None})
    await set_values(ada, tickets[3], {"key": "seats", "number": -30})
    after = page["pageInfo"]["endCursor"]
    rest = (await ada.run(LIST, order=order, after=after))["tickets"]["nodes"]
    assert [node["id"] for node in rest] == [tickets[2], tickets[0]]
