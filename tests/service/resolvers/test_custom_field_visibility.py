"""Hidden custom fields do not exist for customers, nor for tokens that may not read notes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.client import EVENTS
from support.custom_fields import define, read_changes, read_values, set_values
from support.live import head_cursor
from support.service import running

from models.people.user import User

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]
FIELDS = "{ customFields { nodes { key customerAccess } } }"
NODE = "query($id: ID!) { node(id: $id) { ... on CustomField { key } } }"
STATE = "query($id: ID!) { ticket(id: $id) { version updatedAt timeline { totalCount } } }"
SECRET = {"key": "secret", "text": "fraud"}
SHOWN = {"key": "shown", "text": "yes"}
OWN = {"key": "own", "text": "mine"}


@pytest.fixture
async def fields(service: Service, world: World) -> dict[str, str]:
    """A field of each access; the ids by key."""
    root = service.client(world.root.token)
    access = {"secret": "HIDDEN", "shown": "VISIBLE", "own": "EDITABLE"}
    return {key: await define(root, key, customerAccess=each) for key, each in access.items()}


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def narrow_clients(service: Service, world: World) -> list[Client]:
    """Staff whose tokens may not read notes."""
    scopes = ["tickets:read", "tickets:write", "events:read"]
    ada = await User.get(id=world.ada.id)
    tokens = [await api_client_token("Narrow", scopes), await token_of(ada, scopes)]
    return [service.client(token) for token in tokens]


async def test_definitions_are_visible_by_their_access(
    fields: dict[str, str], service: Service, world: World
) -> None:
    staff = [
        world.ada.token,
        world.root.token,
        await api_client_token("Narrow", ["tickets:write"]),
    ]
    for token in staff:
        nodes = (await service.client(token).run(FIELDS))["customFields"]["nodes"]
        assert [node["key"] for node in nodes] == ["secret", "shown", "own"]
    for person in (world.cora, world.olga):
        client = service.client(person.token)
        nodes = (await client.run(FIELDS))["customFields"]["nodes"]
        assert [node["key"] for node in nodes] == ["shown", "own"]
        assert (await client.run(NODE, id=fields["secret"]))["node"] is None
        assert (await client.run(NODE, id=fields["own"]))["node"] == {"key": "own"}
    with pytest.raises(Refused) as refused:
        await service.client().run(FIELDS)
    assert refused.value.code == "UNAUTHENTICATED"


async def test_only_who_reads_notes_sees_hidden_values(
    fields: dict[str, str], ada: Client, service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = (await cora.raise_ticket(customFields=[OWN]))["id"]
    await set_values(ada, ticket, SECRET, SHOWN)
    visible = {"shown": "yes", "own": "mine"}
    assert await read_values(ada, ticket) == {"secret": "fraud", **visible}
    colleague = service.client(world.carl.token)
    for client in (cora, colleague, *await narrow_clients(service, world)):
        assert await read_values(client, ticket) == visible
        changes = [change for event in await read_changes(client, ticket) for change in event]
        assert changes == [("customFields.shown", None, "yes")]
    changes = [change for event in await read_changes(ada, ticket) for change in event]
    assert sorted(changes) == [
        ("customFields.secret", None, "fraud"),
        ("customFields.shown", None, "yes"),
    ]
    query = "query($id: ID!) { ticket(id: $id) { customFields { text } } }"
    assert (await service.client(world.olga.token).run(query, id=ticket))["ticket"] is None
    await audit()


async def test_a_hidden_change_changes_nothing_for_customers(
    fields: dict[str, str], ada: Client, cora: Client
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    before = await cora.run(STATE, id=ticket)
    payload = await set_values(ada, ticket, SECRET)
    assert payload["event"]["type"] == "TICKET_UPDATED"
    assert payload["ticket"]["version"] == 2
    assert await cora.run(STATE, id=ticket) == before
    await set_values(ada, ticket, {"key": "secret", "text": None})
    assert await cora.run(STATE, id=ticket) == before


async def test_subscriptions_send_customers_no_hidden_change(
    fields: dict[str, str], ada: Client, cora: Client
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    filter = {"customFields": [{"key": "secret", "null": True}]}
    after = await head_cursor()
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(each.socket()) for each in (cora, ada)]
        for socket in sockets:
            await socket.subscribe(EVENTS, after=after, filter=filter)
        await set_values(ada, ticket, SECRET)
        await set_values(ada, ticket, SHOWN)
        await set_values(ada, ticket, {"key": "secret", "text": None}, {"key": "own", "text": "x"})
        own = [await socket.next("ticketEvents") for socket in sockets]
        assert [event["type"] for event in own] == ["TICKET_UPDATED"] * 2
        # For Cora, the ticket never had a value; for Ada, it has none again since the last change.
        nodes = [await read_changes(client, ticket) for client in (cora, ada)]
        assert nodes[0] == [
            [("customFields.shown", None, "yes")],
            [("customFields.own", None, "x")],
        ]
        assert len(nodes[1]) == 4


@pytest.mark.parametrize("person", ["cora", "carl"])
async def test_a_filter_treats_a_hidden_field_as_an_unknown_one(
    fields: dict[str, str], ada: Client, service: Service, world: World, person: str
) -> None:
    cora = service.client(world.cora.token)
    ticket = (await cora.raise_ticket())["id"]
    await set_values(ada, ticket, SECRET)
    query = """query($filter: TicketFilter, $order: [TicketOrder!]) {
      tickets(filter: $filter, orderBy: $order) { totalCount edges { cursor } }
      ticketStats(filter: $filter) { total } }"""
    viewers = [service.client(getattr(world, person).token)]
    viewers += await narrow_clients(service, world)
    conditions: list[dict[str, Any]] = [
        {"text": {"eq": "fraud"}},
        {"text": {"neq": "fraud"}},
        {"text": {"null": True}},
        {"null": False},
        {"null": True},
        {},
    ]
    for condition in conditions:
        totals: dict[str, list[int]] = {}
        for key in ("secret", "unknown"):
            filter = {"customFields": [{"key": key, **condition}]}
            data = [await client.run(query, filter=filter) for client in viewers]
            totals[key] = [each["tickets"]["totalCount"] for each in data]
            assert totals[key] == [each["ticketStats"]["total"] for each in data]
        assert totals["secret"] == totals["unknown"], condition
    order = [{"field": "CUSTOM_FIELD", "customField": "secret"}]
    (edge,) = (await ada.run(query, order=order))["tickets"]["edges"]
    (hidden,) = (await viewers[0].run(query, order=order))["tickets"]["edges"]
    assert len(edge["cursor"]) > len(hidden["cursor"])  # it holds the value


async def test_customers_set_only_editable_fields(
    fields: dict[str, str], cora: Client, ada: Client, service: Service, world: World
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    for value, error in (
        (SECRET, "NOT_FOUND customFields.0.key"),
        ({"key": "unknown", "text": "a"}, "NOT_FOUND customFields.0.key"),
        ({"key": "secret", "number": 1}, "NOT_FOUND customFields.0.key"),
        ({"key": "secret", "text": None}, "NOT_FOUND customFields.0.key"),
        (SHOWN, "INVALID customFields.0.key"),
        ({"key": "own", "number": 1}, "INVALID customFields.0.number"),
    ):
        given = {"customFields": [value]}
        assert await refusals(cora, "updateTicket", ticketId=ticket, **given) == [error]
        new = {"subject": "S", "description": "D", "category": "technical", **given}
        assert await refusals(cora, "createTicket", **new) == [error]
    messages = [
        (await cora.mutate("updateTicket", {"ticketId": ticket, "customFields": [value]}))[
            "userErrors"
        ][0]["message"]
        for value in (SECRET, {"key": "unknown", "text": "a"})
    ]
    assert messages[0] == messages[1]
    assert (await set_values(cora, ticket, OWN))["ticket"]["version"] == 2
    colleague = service.client(world.carl.token)
    await set_values(colleague, ticket, {"key": "own", "text": "ours"})
    stranger = service.client(world.olga.token)
    error = ["NOT_FOUND ticketId"]
    given = {"customFields": [OWN]}
    assert await refusals(stranger, "updateTicket", ticketId=ticket, **given) == error
    assert await read_values(ada, ticket) == {"own": "ours"}


async def test_hidden_values_do_not_use_up_a_customers_values(url: str) -> None:
    async with running(url, run_jobs=False, max_custom_values_per_ticket=1) as service:
        world = await World.make()
        root, cora = service.client(world.root.token), service.client(world.cora.token)
        await define(root, "secret", customerAccess="HIDDEN")
        await define(root, "own")
        await define(root, "other")
        ticket = (await cora.raise_ticket())["id"]
        await set_values(root, ticket, SECRET)
        await set_values(cora, ticket, OWN)
        given = {"customFields": [{"key": "other", "text": "a"}]}
        error = ["INVALID customFields"]
        assert await refusals(cora, "updateTicket", ticketId=ticket, **given) == error


async def test_customers_update_nothing_but_custom_fields(
    fields: dict[str, str], cora: Client
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    values: dict[str, Any] = {
        "subject": "Other",
        "priority": "LOW",
        "category": "billing",
        "addTags": ["a"],
        "removeTags": ["a"],
        "addResources": [{"kind": "server", "externalId": "s"}],
        "removeResources": [],
        "externalId": None,
    }
    for name, value in values.items():
        async with assert_nothing_stored():
            with pytest.raises(Refused) as refused:
                await cora.mutate(
                    "updateTicket", {"ticketId": ticket, "customFields": [OWN], name: value}
                )
        assert refused.value.code == "FORBIDDEN", name


async def test_a_field_that_becomes_hidden_takes_its_past_along(
    fields: dict[str, str], ada: Client, cora: Client, service: Service, world: World
) -> None:
    root = service.client(world.root.token)
    ticket = (await cora.raise_ticket())["id"]
    await set_values(ada, ticket, SHOWN)
    await set_values(ada, ticket, SECRET)
    change = {"fieldId": fields["shown"], "customerAccess": "HIDDEN"}
    await run_mutation(root, "updateCustomField", **change)
    assert await read_values(cora, ticket) == {}
    assert await read_changes(cora, ticket) == [[]]
    assert len(await read_changes(ada, ticket)) == 2
    change = {"fieldId": fields["secret"], "customerAccess": "VISIBLE"}
    await run_mutation(root, "updateCustomField", **change)
    assert await read_values(cora, ticket) == {"secret": "fraud"}
    assert await read_changes(cora, ticket) == [[]]  # the past of a hidden field stays internal
    await audit()
