"""Definitions of custom fields: their life, their order, and every refusal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.audit_log import read_directory_events
from support.custom_fields import PRODUCTS, REGION, define
from support.service import running

from models.custom_fields.custom_field import CustomField

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]
NEW: dict[str, Any] = {"key": "site", "label": "Site", "type": "TEXT"}
LIST = """query($category: String, $inactive: Boolean, $first: Int, $after: String) {
  customFields(category: $category, includeInactive: $inactive, first: $first, after: $after) {
    totalCount nodes { key } pageInfo { endCursor hasNextPage } } }"""


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def list_keys(client: Client, **variables: Any) -> list[str]:
    return [node["key"] for node in (await client.run(LIST, **variables))["customFields"]["nodes"]]


async def test_a_field_has_the_values_that_were_given(root: Client) -> None:
    created = await run_mutation(
        root,
        "createCustomField",
        **{**REGION, "label": " Region\n of it "},
        categories=["technical", "sales", "sales"],
        requiredAt="RESOLUTION",
        customerAccess="VISIBLE",
    )
    assert created == {
        "id": created["id"],
        "key": "region",
        "label": "Region of it",
        "type": "SELECT",
        "options": [{**option, "active": True} for option in REGION["options"]],
        "categories": [{"slug": "technical"}, {"slug": "sales"}],
        "requiredAt": "RESOLUTION",
        "customerAccess": "VISIBLE",
        "active": True,
        "version": 1,
    }
    assert await run_mutation(root, "createCustomField", **NEW) == {
        **created,
        "id": await id_of("site"),
        "key": "site",
        "label": "Site",
        "type": "TEXT",
        "options": [],
        "categories": [],
        "requiredAt": None,
        "customerAccess": "HIDDEN",
    }


async def id_of(key: str) -> str:
    return f"cfd_{(await CustomField.get(key=key)).id}"


async def test_options_are_added_renamed_and_archived(root: Client) -> None:
    field = await define(root, **REGION)
    changes = [
        {"key": "mars", "label": "Mars"},
        {"key": "us", "label": "USA", "active": False},
        {"key": "asia", "active": None, "label": None},
    ]
    changed = await run_mutation(root, "updateCustomField", fieldId=field, options=changes)
    assert changed["options"] == [
        {"key": "eu", "label": "Europe", "active": True},
        {"key": "us", "label": "USA", "active": False},
        {"key": "asia", "label": "Asia", "active": True},
        {"key": "mars", "label": "Mars", "active": True},
    ]
    assert changed["version"] == 2
    same = await run_mutation(root, "updateCustomField", fieldId=field, options=changes[2:])
    assert same["version"] == 2
    restored = [{"key": "us", "active": True}]
    changed = await run_mutation(root, "updateCustomField", fieldId=field, options=restored)
    assert changed["options"][1] == {"key": "us", "label": "USA", "active": True}


async def test_a_field_is_changed_archived_and_restored(root: Client) -> None:
    field = await define(root, **NEW, requiredAt="CREATION", categories=["sales"])
    changed = await run_mutation(
        root,
        "updateCustomField",
        fieldId=field,
        label="Where",
        categories=[],
        requiredAt=None,
        customerAccess="HIDDEN",
        expectedVersion=1,
    )
    assert (changed["label"], changed["categories"], changed["requiredAt"]) == ("Where", [], None)
    kept = await run_mutation(root, "updateCustomField", fieldId=field)
    assert kept == changed
    archived = await run_mutation(root, "archiveCustomField", fieldId=field, expectedVersion=2)
    assert (archived["active"], archived["version"]) == (False, 3)
    assert await list_keys(root) == []
    assert await list_keys(root, inactive=True) == ["site"]
    restored = await run_mutation(root, "updateCustomField", fieldId=field, active=True)
    assert restored["active"] is True
    events = [event for event in await read_directory_events(root) if "CustomField" in str(event)]
    assert [event["type"] for event in events] == ["CREATED", "UPDATED", "UPDATED", "UPDATED"]
    changes = {change["field"]: change["to"] for change in events[1]["changes"]}
    assert changes == {
        "label": "Where",
        "categories": "",
        "requiredAt": None,
        "customerAccess": "HIDDEN",
    }


async def test_fields_are_listed_by_category_in_pages(root: Client) -> None:
    for number in range(3):
        await define(root, f"all{number}")
    await define(root, "bill", categories=["billing", "sales"])
    assert await list_keys(root) == ["all0", "all1", "all2", "bill"]
    assert await list_keys(root, category="sales") == ["all0", "all1", "all2", "bill"]
    assert await list_keys(root, category="technical") == ["all0", "all1", "all2"]
    for unknown in ("unknown", "", "x" * 100, "a\0"):
        assert await list_keys(root, category=unknown) == [], unknown
    page = (await root.run(LIST, first=3))["customFields"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (4, True)
    assert await list_keys(root, after=page["pageInfo"]["endCursor"]) == ["bill"]


async def test_invalid_definitions_are_refused(root: Client) -> None:
    field = await define(root, **REGION)
    create, update = "createCustomField", "updateCustomField"
    option = {"key": "a", "label": "A"}
    select = {"key": "new", "label": "New", "type": "SELECT"}
    cases: list[tuple[str, dict[str, Any], str]] = [
        *(
            (create, {**NEW, "key": key}, "INVALID key")
            for key in ("", "Site", "1a", "a-b", "a__b", "_a", "a_", "ü", "a b", "a\n", "x" * 65)
        ),
        (create, {**NEW, "key": "region"}, "TAKEN key"),
        (create, {**NEW, "label": " "}, "REQUIRED label"),
        (create, {**NEW, "label": "x" * 201}, "TOO_LONG label"),
        (create, {**NEW, "label": "a\0"}, "INVALID label"),
        (create, {**NEW, "options": [option]}, "INVALID options"),
        (create, {**NEW, "categories": ["unknown"]}, "NOT_FOUND categories"),
        (create, {**NEW, "categories": ["a\0"]}, "NOT_FOUND categories"),
        (create, {**NEW, "categories": [f"c{n}" for n in range(600)]}, "NOT_FOUND categories"),
        (create, select, "REQUIRED options"),
        (create, {**select, "options": []}, "REQUIRED options"),
        (create, {**select, "options": [{"key": "a"}]}, "REQUIRED options.0.label"),
        (create, {**select, "options": [option, option]}, "INVALID options.1.key"),
        (create, {**select, "options": [{**option, "key": "a|b"}]}, "INVALID options.0.key"),
        (create, {**select, "options": [{**option, "label": " "}]}, "REQUIRED options.0.label"),
        (create, {**select, "options": [{**option, "active": False}]}, "INVALID options"),
        (
            *(create, {**select, "options": [{**option, "key": f"o{n}"} for n in range(201)]}),
            "INVALID options",
        ),
        (update, {"fieldId": "cfd_1", "label": "A"}, "NOT_FOUND fieldId"),
        (update, {"fieldId": field, "label": ""}, "REQUIRED label"),
        (update, {"fieldId": field, "expectedVersion": 2}, "STALE_VERSION expectedVersion"),
        (
            *(
                update,
                {"fieldId": field, "options": [{**option, "key": f"o{n}"} for n in range(198)]},
            ),
            "INVALID options",
        ),
        (
            update,
            {
                "fieldId": field,
                "options": [{"key": key, "active": False} for key in ("eu", "us", "asia")],
            },
            "INVALID options",
        ),
        ("archiveCustomField", {"fieldId": field.replace("cfd", "mac")}, "NOT_FOUND fieldId"),
    ]
    for mutation, input, error in cases:
        assert await refusal_of(root, mutation, **input) == error, input


async def test_the_number_of_active_fields_is_limited(url: str) -> None:
    async with running(
        url, run_jobs=False, max_custom_fields=2, max_options_per_custom_field=3
    ) as service:
        world = await World.make()
        root = service.client(world.root.token)
        first = await define(root, "first")
        await define(root, **REGION)
        assert await refusal_of(root, "createCustomField", **NEW) == "INVALID"
        await run_mutation(root, "archiveCustomField", fieldId=first)
        await define(root, **PRODUCTS)
        restore = {"fieldId": first, "active": True}
        assert await refusal_of(root, "updateCustomField", **restore) == "INVALID"
        options = [{"key": "fourth", "label": "Fourth"}]
        products = await id_of("products")
        more = {"fieldId": products, "options": options}
        assert await refusal_of(root, "updateCustomField", **more) == "INVALID options"


async def test_the_text_and_the_values_of_a_ticket_are_limited_by_settings(
    url: str,
) -> None:
    limits = {"max_custom_field_text_chars": 3, "max_custom_values_per_ticket": 1}
    async with running(url, run_jobs=False, **limits) as service:
        world = await World.make()
        root = service.client(world.root.token)
        await define(root, "a")
        await define(root, "b")
        values = [{"key": "a", "text": "abc"}, {"key": "b", "text": "abcd"}]
        ticket = (await root.raise_ticket(customFields=values[:1]))["id"]
        given = {"ticketId": ticket, "customFields": values[1:]}
        assert await root.refusal_codes("updateTicket", **given) == ["TOO_LONG"]
        given = {"ticketId": ticket, "customFields": [{"key": "b", "text": "abc"}]}
        assert await root.refusal_codes("updateTicket", **given) == ["INVALID"]


async def test_of_two_fields_with_one_key_one_is_created(root: Client) -> None:
    payloads = await asyncio.gather(
        *(send_mutation(root, "createCustomField", **NEW) for _ in range(4))
    )
    errors = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert errors == ["TAKEN"] * 3
    assert await CustomField.all().count() == 1
