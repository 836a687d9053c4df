"""Values of custom fields: in new and existing tickets, in the log, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.assert_unchanged import refusals
from support.audit import audit
from support.custom_fields import (
    ALL_VALUES,
    define,
    define_all,
    read_changes,
    read_values,
    set_values,
)

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]
STORED = {
    "note": "Rack 7",
    "seats": 12.5,
    "urgent": False,
    "due": "2026-02-28",
    "region": ["us"],
    "products": ["dns", "mail"],
}


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def test_a_new_ticket_has_the_given_values(ada: Client, root: Client, cora: Client) -> None:
    await define_all(root)
    ticket = (await cora.raise_ticket(customFields=ALL_VALUES))["id"]
    assert await read_values(cora, ticket) == STORED
    assert await read_values(ada, ticket) == STORED
    (created,) = await audit()
    assert created.changes["custom_fields.products"] == [None, ["dns", "mail"]]


async def test_updates_set_replace_and_remove_values(root: Client, ada: Client) -> None:
    await define_all(root)
    ticket = (await ada.raise_ticket())["id"]
    await set_values(ada, ticket, *ALL_VALUES)
    changes = [
        ("customFields.note", None, "Rack 7"),
        ("customFields.seats", None, "12.5"),
        ("customFields.urgent", None, "false"),
        ("customFields.due", None, "2026-02-28"),
        ("customFields.region", None, "us"),
        ("customFields.products", None, ["dns", "mail"]),
    ]
    assert await read_changes(ada, ticket) == [sorted(changes)]
    same = await set_values(ada, ticket, *ALL_VALUES)
    assert same["event"] is None
    payload = await set_values(
        ada,
        ticket,
        {"key": "note", "text": None},
        {"key": "seats", "number": -0.0},
        {"key": "urgent", "boolean": True},
        {"key": "due", "text": None, "number": None, "boolean": None, "date": None},
        {"key": "products", "options": []},
    )
    assert payload["event"]["type"] == "TICKET_UPDATED"
    expected = {"seats": 0, "urgent": True, "region": ["us"]}
    assert await read_values(ada, ticket) == expected
    assert (await read_changes(ada, ticket))[1] == [
        ("customFields.due", "2026-02-28", None),
        ("customFields.note", "Rack 7", None),
        ("customFields.products", ["dns", "mail"], None),
        ("customFields.seats", "12.5", "0"),
        ("customFields.urgent", "false", "true"),
    ]
    await audit()


async def test_invalid_values_are_refused(root: Client, ada: Client) -> None:
    await define_all(root)
    ticket = (await ada.raise_ticket())["id"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"key": "note"}, "INVALID customFields.0"),
        ({"key": "note", "text": "a", "number": 1}, "INVALID customFields.0"),
        ({"key": "unknown", "text": "a"}, "NOT_FOUND customFields.0.key"),
        ({"key": "Note", "text": "a"}, "NOT_FOUND customFields.0.key"),
        ({"key": "n\0", "text": "a"}, "NOT_FOUND customFields.0.key"),
        ({"key": "n" * 10_000, "text": "a"}, "NOT_FOUND customFields.0.key"),
        ({"key": "note", "number": 1}, "INVALID customFields.0.number"),
        ({"key": "seats", "text": "1"}, "INVALID customFields.0.text"),
        ({"key": "region", "text": "eu"}, "INVALID customFields.0.text"),
        ({"key": "note", "text": " "}, "REQUIRED customFields.0.text"),
        ({"key": "note", "text": "x" * 501}, "TOO_LONG customFields.0.text"),
        ({"key": "note", "text": "a\0"}, "INVALID customFields.0.text"),
        ({"key": "seats", "number": 1e15}, "INVALID customFields.0.number"),
        ({"key": "seats", "number": 1.000000000000001}, "INVALID customFields.0.number"),
        ({"key": "region", "options": []}, "INVALID customFields.0.options"),
        ({"key": "region", "options": ["eu", "us"]}, "INVALID customFields.0.options"),
        ({"key": "region", "options": ["mars"]}, "NOT_FOUND customFields.0.options"),
        ({"key": "products", "options": ["dns", "d|n"]}, "NOT_FOUND customFields.0.options"),
    ]
    for value, error in cases:
        given = {"customFields": [value]}
        assert await refusals(ada, "updateTicket", ticketId=ticket, **given) == [error], value
    twice = {"customFields": [ALL_VALUES[0], ALL_VALUES[0]]}
    errors = await refusals(ada, "updateTicket", ticketId=ticket, **twice)
    assert errors == ["INVALID customFields.1.key"]
    values = [{"key": "note", "text": " "}, {"key": "x", "text": "a"}]
    new = {"subject": "S", "description": "D", "category": "technical", "customFields": values}
    errors = await refusals(ada, "createTicket", **new)
    assert errors == ["REQUIRED customFields.0.text", "NOT_FOUND customFields.1.key"]


async def test_the_number_of_values_is_limited(root: Client, ada: Client) -> None:
    fields = [f"f{number}" for number in range(51)]
    for key in fields:
        await define(root, key)
    values = [{"key": key, "text": "a"} for key in fields]
    ticket = (await ada.raise_ticket(customFields=values[:50]))["id"]
    error = ["INVALID customFields"]
    assert await refusals(ada, "updateTicket", ticketId=ticket, customFields=values[50:]) == error
    assert await refusals(ada, "updateTicket", ticketId=ticket, customFields=values) == error
    await set_values(ada, ticket, values[50], {"key": "f0", "text": None})
    assert len(await read_values(ada, ticket)) == 50


async def test_archived_fields_and_options_stay_in_tickets(root: Client, ada: Client) -> None:
    ids = await define_all(root)
    ticket = (await ada.raise_ticket(customFields=ALL_VALUES))["id"]
    other = (await ada.raise_ticket())["id"]
    for field, key in (("region", "us"), ("products", "dns")):
        options = [{"key": key, "active": False}]
        await run_mutation(root, "updateCustomField", fieldId=ids[field], options=options)
    await run_mutation(root, "archiveCustomField", fieldId=ids["note"])
    assert await read_values(ada, ticket) == STORED
    region, products = {"key": "region", "options": ["us"]}, {"key": "products"}
    kept = {**products, "options": ["dns", "vpn"]}
    await set_values(ada, ticket, region, kept, {"key": "note", "text": "Rack 7"})
    assert (await read_values(ada, ticket))["products"] == ["dns", "vpn"]
    for value, error in (
        (region, "NOT_FOUND customFields.0.options"),
        ({**products, "options": ["dns"]}, "NOT_FOUND customFields.0.options"),
        ({"key": "note", "text": "b"}, "INVALID customFields.0.key"),
    ):
        assert await refusals(ada, "updateTicket", ticketId=other, customFields=[value]) == [error]
    await set_values(ada, ticket, {"key": "note", "text": None}, {"key": "region", "options": None})
    assert "note" not in await read_values(ada, ticket)
    await audit()


async def test_a_field_may_belong_to_categories(root: Client, ada: Client) -> None:
    await define(root, "invoice", categories=["billing", "sales"])
    value = {"key": "invoice", "text": "R-7"}
    ticket = (await ada.raise_ticket())["id"]
    error = ["INVALID customFields.0.key"]
    assert await refusals(ada, "updateTicket", ticketId=ticket, customFields=[value]) == error
    await ada.do("updateTicket", ticketId=ticket, category="billing", customFields=[value])
    await ada.do("updateTicket", ticketId=ticket, category="technical")
    assert await read_values(ada, ticket) == {"invoice": "R-7"}
    changed = [{"key": "invoice", "text": "R-8"}]
    assert await refusals(ada, "updateTicket", ticketId=ticket, customFields=changed) == error
    await set_values(ada, ticket, {"key": "invoice", "text": None})
    assert await read_values(ada, ticket) == {}
    await audit()
