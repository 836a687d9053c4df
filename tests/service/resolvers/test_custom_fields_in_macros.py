"""Macros that set custom fields: what they change and show, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.actors import token_of
from support.admin_mutations import refusal_of, run_mutation
from support.audit import audit
from support.custom_fields import (
    ALL_VALUES,
    REGION,
    define,
    define_all,
    read_changes,
    read_values,
    set_values,
)
from support.macros import (
    apply_macro,
    apply_refusals,
    create_macro,
    list_steps,
    preview_macro,
)

from models.people.user import User

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

NOTE = {"key": "note", "text": "Rack 7"}
CAUSE = {"key": "cause", "text": "Cable"}
FIELDS = """query($id: ID!) { node(id: $id) { ... on Macro { version customFields {
  field { key label } text number boolean date options { key label } } } } }"""
NOTHING: dict[str, Any] = {"text": None, "number": None, "boolean": None, "date": None}


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def read_macro(client: Client, macro: str) -> list[dict[str, Any]]:
    shown = (await client.run(FIELDS, id=macro))["node"]["customFields"]
    return [
        {
            "key": each["field"]["key"],
            **{name: each[name] for name in NOTHING if each[name] is not None},
            "options": [option["key"] for option in each["options"]],
        }
        for each in shown
    ]


async def test_a_macro_sets_values_of_each_type_before_its_status(
    root: Client, ada: Client, cora: Client
) -> None:
    await define_all(root)
    ticket = await cora.raise_ticket()
    await set_values(ada, ticket["id"], {"key": "note", "text": "Rack 1"})
    macro = await create_macro(
        ada, text="Hi", customFields=ALL_VALUES, addTags=["x"], statusAction="AWAIT_CUSTOMER"
    )
    preview = await preview_macro(ada, macro, ticket["id"])
    assert (await apply_macro(ada, macro, ticket["id"]))["userErrors"] == []
    assert (await list_steps(ada, ticket["id"]))[-4:] == [
        *("REPLY_ADDED", "TICKET_UPDATED", "TICKET_UPDATED", "AWAIT_CUSTOMER"),
    ]
    values = await read_values(ada, ticket["id"])
    assert (values["note"], values["seats"], values["products"]) == (
        "Rack 7",
        12.5,
        ["dns", "mail"],
    )
    assert (await read_changes(ada, ticket["id"]))[-1] == [
        ("customFields.due", None, "2026-02-28"),
        ("customFields.note", "Rack 1", "Rack 7"),
        ("customFields.products", None, ["dns", "mail"]),
        ("customFields.region", None, "us"),
        ("customFields.seats", None, "12.5"),
        ("customFields.urgent", None, "false"),
    ]
    assert preview is not None
    assert preview["userErrors"] == []
    assert [each["field"] for each in preview["changes"]] == [
        *("tags", "customFields.note", "customFields.seats", "customFields.urgent"),
        *("customFields.due", "customFields.region", "customFields.products", "status"),
    ]
    again = await apply_macro(ada, macro, ticket["id"])
    assert again["userErrors"] == []
    assert len(await read_changes(ada, ticket["id"])) == 3, "the ticket has the values already"
    await audit()


async def test_a_macro_shows_and_keeps_its_values(root: Client, ada: Client) -> None:
    await define_all(root)
    removing = {"key": "note", "text": None}
    values = [removing, {"key": "due", "date": "2026-02-28"}, *ALL_VALUES[4:]]
    macro = await create_macro(ada, customFields=values)
    stored = [
        {"key": "note", "options": []},
        {"key": "due", "date": "2026-02-28", "options": []},
        {"key": "region", "options": ["us"]},
        {"key": "products", "options": ["dns", "mail"]},
    ]
    assert await read_macro(ada, macro) == stored
    renamed = await run_mutation(ada, "updateMacro", macroId=macro, name="New")
    assert await read_macro(ada, macro) == stored
    same = await run_mutation(ada, "updateMacro", macroId=macro, customFields=values)
    assert same["version"] == renamed["version"], "nothing has changed"
    assert await refusal_of(ada, "updateMacro", macroId=macro, customFields=None) == "REQUIRED text"
    await run_mutation(ada, "updateMacro", macroId=macro, customFields=None, text="Hi")
    assert await read_macro(ada, macro) == []


async def test_customers_see_no_trace_of_a_hidden_field_that_a_macro_sets(
    root: Client, ada: Client, cora: Client, service: Service
) -> None:
    await define(root, "cause", customerAccess="HIDDEN")
    ticket = await cora.raise_ticket()
    macro = await create_macro(ada, customFields=[CAUSE])
    reader = service.client(
        await token_of(await User.get(email="ada@example.com"), ["tickets:read", "tickets:write"])
    )
    hidden, shown = [await preview_macro(each, macro, ticket["id"]) for each in (reader, ada)]
    assert hidden == {"text": None, "changes": [], "userErrors": []}
    assert shown is not None
    assert shown["changes"] == [{"field": "customFields.cause", "from": None, "to": "Cable"}]
    assert (await apply_macro(ada, macro, ticket["id"]))["userErrors"] == []
    assert await read_values(ada, ticket["id"]) == {"cause": "Cable"}
    assert await read_values(cora, ticket["id"]) == {}
    assert await read_changes(cora, ticket["id"]) == []
    await audit()


async def test_a_macro_is_refused_for_tickets_that_can_not_have_its_values(
    root: Client, ada: Client, cora: Client
) -> None:
    note = await define(root, "note", categories=["billing"])
    region = await define(root, **REGION)
    technical = (await cora.raise_ticket(category="technical"))["id"]
    billing = (await cora.raise_ticket(category="billing"))["id"]
    macro = await create_macro(ada, text="Hi", customFields=[NOTE])
    asia = await create_macro(ada, customFields=[{"key": "region", "options": ["asia"]}])
    refused = ["INVALID macroId"]
    assert await apply_refusals(ada, macro, technical) == refused
    preview = await preview_macro(ada, macro, technical)
    assert preview is not None
    assert preview["userErrors"][0]["message"].endswith("note is not")
    assert (await apply_macro(ada, macro, billing))["userErrors"] == []
    await run_mutation(root, "archiveCustomField", fieldId=note)
    assert (await apply_macro(ada, macro, billing))["userErrors"] == [], "it keeps its value"
    other = (await cora.raise_ticket(category="billing"))["id"]
    assert await apply_refusals(ada, macro, other) == refused
    options = [{"key": "asia", "active": False}]
    await run_mutation(root, "updateCustomField", fieldId=region, options=options)
    assert await apply_refusals(ada, asia, other) == refused


async def test_the_values_of_a_macro_count_for_the_resolution(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "cause", requiredAt="RESOLUTION")
    ticket = (await cora.raise_ticket())["id"]
    resolve = {"text": "Done.", "statusAction": "RESOLVE"}
    without = await create_macro(ada, **resolve)
    giving = await create_macro(ada, **resolve, customFields=[CAUSE])
    removing = {**resolve, "customFields": [{"key": "cause", "text": None}]}
    assert await apply_refusals(ada, without, ticket) == ["REQUIRED macroId"]
    assert (await apply_macro(ada, giving, ticket))["userErrors"] == []
    assert await read_values(ada, ticket) == {"cause": "Cable"}
    other = (await cora.raise_ticket(customFields=[CAUSE]))["id"]
    macro = await create_macro(ada, **removing)
    assert await apply_refusals(ada, macro, other) == ["REQUIRED macroId"]
    await audit()


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([{"key": "nothing", "text": "x"}], "NOT_FOUND customFields.0.key"),
        ([{"key": "a\0", "text": "x"}], "NOT_FOUND customFields.0.key"),
        ([{"key": "old", "text": "x"}], "INVALID customFields.0.key"),
        ([NOTE, NOTE], "INVALID customFields.1.key"),
        ([{"key": "note"}], "INVALID customFields.0"),
        ([{"key": "note", "boolean": True}], "INVALID customFields.0.boolean"),
        ([{"key": "note", "text": "a\0"}], "INVALID customFields.0.text"),
        ([{"key": "note", "text": "x" * 501}], "TOO_LONG customFields.0.text"),
        ([{"key": "seats", "number": 0.1234567890123456}], "INVALID customFields.0.number"),
        ([{"key": "region", "options": ["us", "eu"]}], "INVALID customFields.0.options"),
        ([{"key": "region", "options": ["mars"]}], "NOT_FOUND customFields.0.options"),
        ([{"key": f"k{n}", "text": "x"} for n in range(51)], "INVALID customFields"),
    ],
)
async def test_macros_with_bad_values_are_not_saved(
    root: Client, ada: Client, values: list[dict[str, Any]], error: str
) -> None:
    await define_all(root)
    archived = await define(root, "old")
    await run_mutation(root, "archiveCustomField", fieldId=archived)
    assert await refusal_of(ada, "createMacro", name="M", customFields=values) == error
    macro = await create_macro(ada, text="Hi")
    assert await refusal_of(ada, "updateMacro", macroId=macro, customFields=values) == error


async def test_the_audit_log_has_the_values_of_a_shared_macro(
    root: Client, ada: Client, service: Service
) -> None:
    await define(root, "note")
    macro = await create_macro(root, text="Hi", audience="EVERYONE", customFields=[NOTE])
    query = """{ auditLog(first: 1) { nodes { action changes { field from to } } } }"""
    (entry,) = (await root.run(query))["auditLog"]["nodes"]
    values = {each["field"]: each["to"] for each in entry["changes"]}
    assert (entry["action"], "Rack 7" in values["customFields"]) == ("createMacro", True)
    assert await read_macro(ada, macro) == [{"key": "note", "text": "Rack 7", "options": []}]
