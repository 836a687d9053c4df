"""Updates, assignments and transfers of tickets over the API: their effects and refusals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from support import Refused, Service, World
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.ticket_mutations import NEW_TICKET, event_type, read_timeline

from models.core import ids
from models.people.user import User

pytestmark = pytest.mark.without_default_policies

MISSING_USER = ids.encode(ids.USER, UUID(int=7))


async def test_an_update_changes_the_given_fields_and_logs_the_old_values(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket(tags=["a", "b"]))["id"]
    updated = await ada.do(
        "updateTicket",
        ticketId=key,
        subject=" New ",
        priority="URGENT",
        addTags=["c", "b"],
        removeTags=["a", "z"],
        externalId="E",
    )
    ticket = updated["ticket"]
    fields = [ticket[name] for name in ("subject", "priority", "tags", "externalId", "version")]
    assert fields == ["New", "URGENT", ["b", "c"], "E", 2]
    (event,) = [each for each in await read_timeline(ada, key) if each["type"] == "TICKET_UPDATED"]
    assert {each["field"]: (each["from"], each["to"]) for each in event["changes"]} == {
        "subject": ("VPN is down", "New"),
        "priority": ("NORMAL", "URGENT"),
        "tags": ("a, b", "b, c"),
        "externalId": (None, "E"),
    }
    items = {each["field"]: (each["fromItems"], each["toItems"]) for each in event["changes"]}
    assert items.pop("tags") == (["a", "b"], ["b", "c"])
    assert set(items.values()) == {(None, None)}
    moved = await ada.do("updateTicket", ticketId=key, category="billing")
    assert (moved["ticket"]["category"], moved["ticket"]["team"], event_type(moved)) == (
        {"slug": "billing"},
        {"slug": "billing"},
        "TICKET_UPDATED",
    )
    assert [
        (each["fromTeam"], each["toTeam"])
        for each in await read_timeline(ada, key)
        if each["type"] == "TRANSFERRED"
    ] == [({"slug": "support"}, {"slug": "billing"})]
    assert moved["ticket"]["version"] == 3


async def test_a_changed_list_is_shown_as_a_list(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket(tags=["one, two"]))["id"]
    await ada.do("updateTicket", ticketId=key, removeTags=["one, two"])
    await ada.do("watchTicket", ticketId=key)
    changes = [
        change
        for each in await read_timeline(ada, key)
        if each["type"] == "TICKET_UPDATED"
        for change in each["changes"]
    ]
    assert [(each["field"], each["fromItems"], each["toItems"]) for each in changes] == [
        ("tags", ["one, two"], []),
        ("watchers", [], [world.ada.gid]),
    ]


async def test_tags_differ_not_only_by_case(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket(tags=["Tag One", "tag one", "Größe"])
    assert sorted(ticket["tags"]) == ["Größe", "Tag One"]
    other = await cora.raise_ticket(tags=["TAG ONE"])
    query = "query($tags: TagsFilter) { tickets(filter: {tags: $tags}) { nodes { id } } }"
    for tags, expected in (
        ({"some": ["tag one"]}, {ticket["id"], other["id"]}),
        ({"every": ["TAG one", "tag ONE", "GRÖSSE"]}, {ticket["id"]}),
        ({"none": ["größe"]}, {other["id"]}),
    ):
        nodes = (await cora.run(query, tags=tags))["tickets"]["nodes"]
        assert {node["id"] for node in nodes} == expected, tags
    ada = service.client(world.ada.token)
    updated = await ada.do(
        "updateTicket", ticketId=ticket["id"], addTags=["TAG ONE", "New"], removeTags=["GRÖSSE"]
    )
    assert sorted(updated["ticket"]["tags"]) == ["New", "Tag One"]
    await audit()


async def test_subjects_and_tags_are_one_line(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("VPN\r\nBcc: \x1b[31meve\u2028", tags=["a\nb"])
    assert (ticket["subject"], ticket["tags"]) == ("VPN Bcc: [31meve", ["a b"])
    updated = await ada.do(
        "updateTicket", ticketId=ticket["id"], subject="New\tone\x07", addTags=["a\tb", "c\x9f"]
    )
    assert (updated["ticket"]["subject"], updated["ticket"]["tags"]) == ("New one", ["a b", "c"])


async def test_an_update_that_changes_nothing_adds_no_version_and_no_event(
    service: Service, world: World
) -> None:
    cora, ada, sync = (
        service.client(world.cora.token),
        service.client(world.ada.token),
        service.client(world.api_client_token),
    )
    key = (await cora.raise_ticket(tags=["a"]))["id"]
    answer = await sync.do(
        "createTicket", **NEW_TICKET, requesterId=world.cora.gid, externalId="S-1"
    )
    theirs = answer["ticket"]["id"]
    unchanged: list[dict[str, Any]] = [
        {},
        {"subject": None, "priority": None, "category": None, "addTags": None, "removeTags": None},
        {"subject": " VPN is down ", "priority": "NORMAL", "category": "technical"},
        {"addTags": ["a"], "removeTags": ["never there"]},
        {"externalId": None},
    ]
    async with assert_nothing_stored():
        for fields in unchanged:
            payload = await ada.do("updateTicket", ticketId=key, **fields)
            assert (payload["ticket"]["version"], payload["event"]) == (1, None), fields
            assert payload["cursor"] is not None
        assert (await ada.do("updateTicket", ticketId=theirs, externalId="S-1"))["event"] is None
    data = await sync.run('{ ticketByExternalId(externalId: "S-1") { id } }')
    assert data["ticketByExternalId"] == {"id": theirs}


async def test_an_omitted_external_id_stays_and_null_removes_it(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first, second = await cora.raise_ticket(), await cora.raise_ticket()
    await ada.do("updateTicket", ticketId=first["id"], externalId="E")
    assert await refusals(
        ada, "updateTicket", ticketId=second["id"], externalId="E", subject="s"
    ) == ["TAKEN externalId"]
    payload = await ada.do("updateTicket", ticketId=first["id"], subject="x")
    assert payload["ticket"]["externalId"] == "E"
    payload = await ada.do("updateTicket", ticketId=first["id"], externalId=None)
    assert payload["ticket"]["externalId"] is None
    payload = await ada.do("updateTicket", ticketId=second["id"], externalId="E")
    assert payload["ticket"]["externalId"] == "E"


async def test_invalid_updates_are_refused(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket(tags=[str(n) for n in range(19)]))["id"]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"subject": " "}, "REQUIRED subject"),
        ({"subject": "x" * 201}, "TOO_LONG subject"),
        ({"subject": "\0"}, "INVALID subject"),
        ({"category": "unknown"}, "NOT_FOUND category"),
        ({"addTags": ["t" * 51]}, "TOO_LONG addTags"),
        ({"addTags": [""]}, "REQUIRED addTags"),
        ({"removeTags": ["a\0"]}, "INVALID removeTags"),
        ({"addTags": ["x", "y"]}, "INVALID addTags"),
        ({"externalId": " "}, "REQUIRED externalId"),
        ({"externalId": "e" * 256}, "TOO_LONG externalId"),
    ]
    for fields, code in refused:
        assert await refusals(ada, "updateTicket", ticketId=key, **fields) == [code], fields
    payload = await ada.do("updateTicket", ticketId=key, addTags=["x", "y"], removeTags=["0"])
    assert len(payload["ticket"]["tags"]) == 20


async def test_assigning_starts_a_new_ticket_and_accepts_only_staff(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for id, code in (
        (world.cora.gid, "INVALID"),
        (MISSING_USER, "NOT_FOUND"),
        ("x", "NOT_FOUND"),
        (key, "NOT_FOUND"),
    ):
        assert await refusals(ada, "assignTicket", ticketId=key, assigneeId=id) == [
            f"{code} assigneeId"
        ]
    await User.filter(id=world.bill.id).update(active=False)
    assert await refusals(ada, "assignTicket", ticketId=key, assigneeId=world.bill.gid) == [
        "INVALID assigneeId"
    ]
    payload = await ada.do("assignTicket", ticketId=key, assigneeId=world.ada.gid)
    assert (
        payload["ticket"]["status"],
        payload["ticket"]["assignee"]["id"],
        event_type(payload),
    ) == (
        "OPEN",
        world.ada.gid,
        "ASSIGNED",
    )
    assert payload["ticket"]["version"] == 2
    async with assert_nothing_stored():
        answer = await ada.do("assignTicket", ticketId=key, assigneeId=world.ada.gid)
        assert answer["event"] is None
    answer = await ada.do("assignTicket", ticketId=key, assigneeId=world.root.gid)
    assert answer["ticket"]["status"] == "OPEN"
    freed = await ada.do("assignTicket", ticketId=key)
    assert (freed["ticket"]["assignee"], freed["ticket"]["status"]) == (None, "OPEN")
    assigned = [
        (event["fromAssignee"], event["toAssignee"])
        for event in await read_timeline(ada, key)
        if event["type"] == "ASSIGNED"
    ]
    names = [None if each is None else each["displayName"] for pair in assigned for each in pair]
    assert names == [None, "Ada", "Ada", "Root", "Root", None]


async def test_a_transfer_unassigns_an_assignee_outside_the_new_team(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    await ada.do("assignTicket", ticketId=key, assigneeId=world.bill.gid)
    for slug in ("unknown", "", "sup\0port", "Support"):
        assert await refusals(ada, "transferTicket", ticketId=key, team=slug) == ["NOT_FOUND team"]
    async with assert_nothing_stored():
        assert (await ada.do("transferTicket", ticketId=key, team="support"))["event"] is None
    kept = await ada.do("transferTicket", ticketId=key, team="billing")
    assert (
        kept["ticket"]["team"],
        kept["ticket"]["assignee"]["displayName"],
        event_type(kept),
    ) == (
        {"slug": "billing"},
        "Bill",
        "TRANSFERRED",
    )
    freed = await ada.do("transferTicket", ticketId=key, team="sales")
    assert (freed["ticket"]["team"], freed["ticket"]["assignee"]) == ({"slug": "sales"}, None)
    assert [each["type"] for each in await read_timeline(ada, key)][-2:] == [
        "TRANSFERRED",
        "ASSIGNED",
    ]


async def test_out_of_range_numbers_are_refused_and_malformed_ids_find_nothing(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    async with assert_nothing_stored():
        for score in (2**31, -(2**31) - 1, 10**18, 1.5, "1"):
            with pytest.raises(Refused) as refusal:
                await cora.mutate("rateTicket", {"ticketId": key, "score": score})
            assert refusal.value.code == "BAD_REQUEST"
        with pytest.raises(Refused) as refusal:
            await ada.run("query($n: Int!) { ticketByNumber(number: $n) { id } }", n=2**63)
        assert refusal.value.code == "BAD_REQUEST"
    for number in (0, -1, 2**31 - 1):
        data = await ada.run("query($n: Int!) { ticketByNumber(number: $n) { id } }", n=number)
        assert data["ticketByNumber"] is None
    for id in (
        "",
        "x",
        key.upper(),
        key + " ",
        key.replace("tkt_", "usr_"),
        "tkt_",
        "evt_1",
        "evt_01",
        "tkt_\0",
        "9" * 10_000,
    ):
        answer = await ada.run("query($id: ID!) { ticket(id: $id) { id } }", id=id)
        assert answer["ticket"] is None, id
        assert await ada.refusal_codes("startTicket", ticketId=id) == ["NOT_FOUND"]
