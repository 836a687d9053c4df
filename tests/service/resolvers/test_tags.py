"""The list of the tags that tickets have."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.loop_limits import count_pages
from support.statements import statements

from models import database
from models.core.ids import TICKET, key_of, new_id
from models.queries.tags import MAX_COUNTED
from models.tickets.ticket import Ticket, TicketTag

PAGE = """query($s: String, $f: Int, $a: String, $l: Int, $b: String) {
  tags(search: $s, first: $f, after: $a, last: $l, before: $b) {
    totalCount edges { cursor node { name ticketCount } } nodes { name }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


async def read_page(client: Client, **variables: Any) -> dict[str, Any]:
    return (await client.run(PAGE, **variables))["tags"]


def names_of(page: dict[str, Any]) -> list[str]:
    assert [each["node"]["name"] for each in page["edges"]] == [
        each["name"] for each in page["nodes"]
    ]
    return [each["name"] for each in page["nodes"]]


async def find_names(client: Client, search: str | None) -> list[str]:
    page = await read_page(client, s=search)
    assert page["totalCount"] == len(page["nodes"])
    return names_of(page)


def counts_of(page: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["node"]["name"], each["node"]["ticketCount"]) for each in page["edges"]]


async def test_tags_are_listed_by_name_with_their_numbers_of_tickets(ada: Client) -> None:
    assert await find_names(ada, None) == []
    first = await ada.raise_ticket(tags=["vpn", "Zoë", "billing"])
    await ada.raise_ticket(tags=["vpn", "VPN client", "äther"])
    assert counts_of(await read_page(ada)) == [
        ("billing", 1),
        ("vpn", 2),
        ("VPN client", 1),
        ("Zoë", 1),
        ("äther", 1),
    ]
    await ada.do("updateTicket", ticketId=first["id"], removeTags=["vpn", "Zoë"], addTags=["new"])
    assert counts_of(await read_page(ada)) == [
        ("billing", 1),
        ("new", 1),
        ("vpn", 1),
        ("VPN client", 1),
        ("äther", 1),
    ]


async def test_spellings_that_differ_only_by_case_are_the_tag_of_the_oldest_ticket(
    ada: Client,
) -> None:
    oldest = await ada.raise_ticket(tags=["VPN", "straße", "İzmir", "\u0390" * 50])
    await ada.raise_ticket(tags=["vpn", "STRASSE", "i\u0307zmir", "\u1fd3" * 50])
    await ada.raise_ticket(tags=["Vpn", "strasse", "izmir"])
    page = await read_page(ada)
    assert page["totalCount"] == 5
    assert counts_of(page) == [
        ("izmir", 1),
        ("İzmir", 2),
        ("straße", 3),
        ("VPN", 3),
        ("\u0390" * 50, 2),
    ]
    await ada.do("updateTicket", ticketId=oldest["id"], removeTags=["vpn", "strasse"])
    assert counts_of(await read_page(ada, s="STRASS")) == [("STRASSE", 2)]
    assert counts_of(await read_page(ada, s="VP")) == [("vpn", 2)]
    # As in filters of tickets.
    for name, count in (("vPN", 2), ("STRAßE", 2), ("İZMIR", 2), ("IZMIR", 1)):
        filter = {"tags": {"some": [name]}}
        found = await ada.run(
            "query($f: TicketFilter) { tickets(filter: $f) { totalCount } }", f=filter
        )
        assert found["tickets"]["totalCount"] == count, name


async def test_letters_and_combining_characters_are_tags_of_their_own(ada: Client) -> None:
    names = ["e", "e\u0301", "\u00e9", "a", "a b", "a\U0010ffffb", "a\U0010ffff"]
    await ada.raise_ticket(tags=names)
    assert await find_names(ada, None) == sorted(names)
    assert await find_names(ada, "A") == ["a", "a b", "a\U0010ffff", "a\U0010ffffb"]
    assert await find_names(ada, "E\u0301") == ["e\u0301"]
    assert await find_names(ada, "\u0301") == []


async def test_a_ticket_with_several_spellings_of_a_tag_counts_once(ada: Client) -> None:
    """Tickets from before the keys can have them; rows of the previous version have no key."""
    ticket_id = key_of(TICKET, (await ada.raise_ticket(tags=["vpn"]))["id"])
    await TicketTag.create(ticket_id=ticket_id, name="VPN")
    without_key = await TicketTag.create(ticket_id=ticket_id, name="other")
    await TicketTag.filter(id=without_key.id).update(key="")
    ((name, count),) = counts_of(await read_page(ada))
    assert (name.casefold(), count) == ("vpn", 1)
    assert counts_of(await read_page(ada, l=5)) == [(name, 1)]


async def test_tags_are_found_by_the_start_of_their_name_in_any_case(ada: Client) -> None:
    tags = ["vpn", "VPN client", "Straße", "100%", "a_b", "axb", "ÄRGER", "\U0001f525 hot"]
    await ada.raise_ticket(tags=tags)
    everything = await find_names(ada, None)
    assert sorted(everything) == sorted(tags)
    assert await find_names(ada, "") == await find_names(ada, "  ") == everything
    assert await find_names(ada, "VpN") == await find_names(ada, " vpn ") == ["vpn", "VPN client"]
    assert await find_names(ada, "vpn c") == ["VPN client"]
    assert await find_names(ada, "STRASS") == await find_names(ada, "straß") == ["Straße"]
    assert await find_names(ada, "är") == ["ÄRGER"]
    assert await find_names(ada, "\U0001f525") == ["\U0001f525 hot"]
    assert await find_names(ada, "a_") == ["a_b"]
    for absent in ("%", "pn", "client", "x" * 10_000, "\U0010ffff", "vpn\tvpn\t", "'"):
        assert await find_names(ada, absent) == [], absent
    with pytest.raises(Refused) as refusal:
        await find_names(ada, "a\0")
    assert refusal.value.code == "BAD_REQUEST"


@pytest.mark.parametrize("search", [None, "T"])
async def test_pages_of_tags_in_both_directions_have_each_tag_once(
    ada: Client, search: str | None
) -> None:
    names = [f"t{number}{letter}" for number in range(8) for letter in ("", "a")]
    await ada.raise_ticket(tags=names)
    await ada.raise_ticket(tags=["a", "z"] if search else [name.upper() for name in names])
    for size, cursor, edge, more, less in (
        ("f", "a", "endCursor", "hasNextPage", "hasPreviousPage"),
        ("l", "b", "startCursor", "hasPreviousPage", "hasNextPage"),
    ):
        found: list[str] = []
        variables: dict[str, Any] = {"s": search, size: 3}
        for number in count_pages():
            page = await read_page(ada, **variables)
            assert page["totalCount"] == len(names)
            assert page["pageInfo"][less] == (number > 0)
            found = found + names_of(page) if size == "f" else names_of(page) + found
            if not page["pageInfo"][more]:
                break
            variables[cursor] = page["pageInfo"][edge]
        assert found == names


async def test_a_page_between_two_cursors_has_only_the_tags_between_them(ada: Client) -> None:
    await ada.raise_ticket(tags=["a", "b", "c", "d", "e"])
    cursors = [each["cursor"] for each in (await read_page(ada))["edges"]]
    assert names_of(await read_page(ada, a=cursors[0], b=cursors[4])) == ["b", "c", "d"]
    assert names_of(await read_page(ada, a=cursors[0], b=cursors[4], l=2)) == ["c", "d"]
    assert names_of(await read_page(ada, a=cursors[3], b=cursors[1])) == []
    beyond = await read_page(ada, s="b", a=cursors[4])
    assert names_of(beyond) == []
    assert beyond["pageInfo"]["hasPreviousPage"] is True
    assert names_of(await read_page(ada, s="d", a=cursors[0])) == ["d"]


async def test_counts_stop_at_the_limit(ada: Client) -> None:
    key = key_of(TICKET, (await ada.raise_ticket())["id"])
    ticket = await Ticket.get(id=key)
    copies = [ticket.clone(pk=new_id()) for _ in range(MAX_COUNTED + 1)]
    for number, copy in enumerate(copies, ticket.number + 1):
        copy.number = number
    await Ticket.bulk_create(copies)
    tags = [TicketTag(ticket_id=copy.id, name="frequent") for copy in copies]
    tags += [TicketTag(ticket_id=key, name=f"tag {number}") for number in range(MAX_COUNTED)]
    tags += [TicketTag(ticket_id=copy.id, name="almost") for copy in copies[:-2]]
    await TicketTag.bulk_create(tags)
    page = await read_page(ada, f=2)
    assert page["totalCount"] == MAX_COUNTED
    assert [each["node"] for each in page["edges"]] == [
        {"name": "almost", "ticketCount": MAX_COUNTED - 1},
        {"name": "frequent", "ticketCount": MAX_COUNTED},
    ]


UNWANTED_STEPS = (
    # SQLite; `page` has at most as many rows as a page.
    *("SCAN g", "SCAN c\n", "SCAN n", "TEMP B-TREE FOR DISTINCT"),
    # Postgres
    *("Seq Scan", "Sort Key: c.", "Sort Key: n.", "HashAggregate"),
)
"""Steps of plans that read all rows of tags or of a tag."""


async def test_tags_are_read_through_their_index(ada: Client) -> None:
    await ada.raise_ticket(tags=["a", "b", "c"])
    cursor = (await read_page(ada, f=1))["pageInfo"]["endCursor"]
    for variables in ({}, {"a": cursor}, {"l": 2, "b": cursor}, {"s": "b"}, {"s": "b", "l": 1}):
        with statements() as collected:
            await read_page(ada, **variables)
        read = [each for each in collected.sent if "ticket_tags" in each[0]]
        assert len(read) >= 2
        for sql, params in read:
            plan = await explain(sql, params)
            for unwanted in UNWANTED_STEPS:
                assert unwanted not in plan, (unwanted, sql, plan)


async def explain(sql: str, params: Any) -> str:
    connection = database.connection()
    if database.dialect() == "sqlite":
        rows = await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", list(params))
        return "\n".join(row["detail"] for row in rows)
    async with database.transaction():
        # With so few rows a scan can be cheaper; the test is whether the index can be used.
        for other in ("seqscan", "bitmapscan"):
            await database.connection().execute_script(f"SET LOCAL enable_{other} = off")
        rows = await database.connection().execute_query_dict(f"EXPLAIN {sql}", list(params))
    return "\n".join(row["QUERY PLAN"] for row in rows)


async def test_a_page_of_tags_costs_what_its_counts_take(ada: Client) -> None:
    response = await ada.post("{ tags(first: 100) { nodes { name ticketCount } } }")
    assert response.json()["extensions"]["cost"]["requested"] == 400
