"""Jobs that set custom fields: what they change, show, undo and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import token_of
from support.admin_mutations import refusal_of, run_mutation
from support.assert_unchanged import assert_nothing_stored
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
from support.erasure import erase
from support.jobs import read_errors, read_job, read_rows, run_caller_jobs

from models.jobs.caller_job import JobTicket
from models.log import event
from models.people.user import User

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

NOTE = {"key": "note", "text": "Rack 7"}
CAUSE = {"key": "cause", "text": "Cable"}


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def start(client: Client, tickets: list[dict[str, Any]], **change: Any) -> dict[str, Any]:
    ids = [ticket["id"] for ticket in tickets]
    return await run_mutation(client, "bulkUpdateTickets", ids=ids, change=change)


async def test_a_job_sets_values_of_each_type_and_an_undo_restores_them(
    root: Client, ada: Client, cora: Client
) -> None:
    await define_all(root)
    without, same, other = tickets = [await cora.raise_ticket() for _ in range(3)]
    await set_values(ada, same["id"], *ALL_VALUES)
    earlier = [
        {"key": "note", "text": "Rack 1"},
        {"key": "region", "options": ["asia"]},
        {"key": "products", "options": ["vpn"]},
        {"key": "due", "date": "2025-01-01"},
    ]
    await set_values(ada, other["id"], *earlier)
    before = [await read_values(ada, each["id"]) for each in tickets]
    job = await start(ada, tickets, customFields=ALL_VALUES, priority="HIGH")
    await run_caller_jobs()
    assert (await read_job(ada, job))["result"] == {"changed": 3, "unchanged": 0, "unprocessed": 0}
    assert [await read_values(ada, each["id"]) for each in tickets] == [before[1]] * 3
    assert (await read_changes(ada, other["id"]))[-1] == [
        ("customFields.due", "2025-01-01", "2026-02-28"),
        ("customFields.note", "Rack 1", "Rack 7"),
        ("customFields.products", ["vpn"], ["dns", "mail"]),
        ("customFields.region", "asia", "us"),
        ("customFields.seats", None, "12.5"),
        ("customFields.urgent", None, "false"),
        ("priority", "NORMAL", "HIGH"),
    ]
    undo = await run_mutation(ada, "undoJob", jobId=job["id"])
    await run_caller_jobs()
    assert await read_errors(ada, undo) == []
    assert [await read_values(ada, each["id"]) for each in tickets] == before
    assert len(await read_changes(ada, without["id"])) == 2
    await audit()


async def test_a_job_removes_values(root: Client, ada: Client, cora: Client) -> None:
    await define_all(root)
    ticket, empty = [await cora.raise_ticket() for _ in range(2)]
    await set_values(ada, ticket["id"], *ALL_VALUES)
    removed = [{"key": "note", "text": None}, {"key": "products", "options": []}]
    job = await start(ada, [ticket, empty], customFields=removed)
    await run_caller_jobs()
    assert [row["outcome"] for row in await read_rows(ada, job)] == ["CHANGED", "UNCHANGED"]
    assert (await read_values(ada, ticket["id"])).keys() == {"seats", "urgent", "due", "region"}


async def test_customers_see_no_trace_of_a_hidden_field_that_a_job_sets(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "cause", customerAccess="HIDDEN")
    ticket = await cora.raise_ticket()
    job = await start(ada, [ticket], customFields=[CAUSE])
    await run_caller_jobs()
    assert await read_values(ada, ticket["id"]) == {"cause": "Cable"}
    assert (await read_values(cora, ticket["id"]), await read_changes(cora, ticket["id"])) == (
        *({}, []),
    )
    node = await cora.run("query($id: ID!) { ticket(id: $id) { version } }", id=ticket["id"])
    assert node["ticket"]["version"] == ticket["version"]
    await run_mutation(ada, "undoJob", jobId=job["id"])
    await run_caller_jobs()
    assert await read_values(ada, ticket["id"]) == {}
    assert await read_changes(cora, ticket["id"]) == []
    await audit()


async def test_fields_of_other_categories_fail_unless_the_job_changes_the_category(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "note", categories=["billing"])
    technical = await cora.raise_ticket(category="technical")
    billing = await cora.raise_ticket(category="billing")
    job = await start(ada, [technical, billing], customFields=[NOTE], priority="LOW")
    await run_caller_jobs()
    assert await read_errors(ada, job) == [(technical["ref"], "INVALID")]
    failed = (await read_rows(ada, job))[0]
    message = "customFields.0.key must be a custom field of the ticket's category; note is not"
    assert failed["message"] == message
    assert await read_changes(ada, technical["id"]) == [], "neither the value nor the priority"
    moved = await start(ada, [technical], customFields=[NOTE], category="billing")
    await run_caller_jobs()
    assert await read_values(ada, technical["id"]) == {"note": "Rack 7"}
    await run_mutation(ada, "undoJob", jobId=moved["id"])
    await run_caller_jobs()
    assert await read_values(ada, technical["id"]) == {}
    await audit()


async def test_a_job_that_resolves_gives_the_required_values(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "cause", requiredAt="RESOLUTION")
    ticket = await cora.raise_ticket()
    resolve = {"action": "RESOLVE", "resolution": "Done."}
    job = await start(ada, [ticket], **resolve)
    await run_caller_jobs()
    assert await read_errors(ada, job) == [(ticket["ref"], "REQUIRED")]
    job = await start(ada, [ticket], **resolve, customFields=[CAUSE])
    await run_caller_jobs()
    assert await read_errors(ada, job) == []
    removing = {"customFields": [{"key": "cause", "text": None}]}
    other = await cora.raise_ticket(customFields=[CAUSE])
    job = await start(ada, [other], **resolve, **removing)
    await run_caller_jobs()
    assert await read_errors(ada, job) == [(other["ref"], "REQUIRED")]
    assert await read_values(ada, other["id"]) == {"cause": "Cable"}


async def test_an_undo_obeys_the_rules_of_now(root: Client, ada: Client, cora: Client) -> None:
    archived = await define(root, "note")
    region = await define(root, **REGION)
    one, two, three = tickets = [await cora.raise_ticket() for _ in range(3)]
    await set_values(ada, one["id"], {"key": "note", "text": "Rack 1"})
    await set_values(ada, two["id"], {"key": "region", "options": ["us"]})
    europe = {"key": "region", "options": ["eu"]}
    job = await start(ada, tickets, customFields=[NOTE, europe])
    await run_caller_jobs()
    await run_mutation(root, "archiveCustomField", fieldId=archived)
    options = [{"key": "us", "active": False}]
    await run_mutation(root, "updateCustomField", fieldId=region, options=options)
    undo = await run_mutation(ada, "undoJob", jobId=job["id"])
    await run_caller_jobs()
    assert await read_errors(ada, undo) == [(one["ref"], "INVALID"), (two["ref"], "NOT_FOUND")]
    assert await read_values(ada, three["id"]) == {}, "an archived field can lose its value"
    await audit()


async def test_a_dry_run_shows_changes_and_hidden_ones_only_with_the_scope(
    root: Client, ada: Client, cora: Client, service: Service
) -> None:
    await define(root, "note")
    cause = await define(root, "cause")
    ticket = await cora.raise_ticket(customFields=[{"key": "note", "text": "Rack 1"}])
    change = {"ids": [ticket["id"]], "change": {"customFields": [NOTE, CAUSE]}, "dryRun": True}
    head = await event.read_head()
    writer = service.client(
        await token_of(await User.get(email="ada@example.com"), ["tickets:read", "tickets:write"])
    )
    job = await run_mutation(writer, "bulkUpdateTickets", **change)
    await run_caller_jobs()
    assert await event.read_head() == head
    expected = [("customFields.cause", None, "Cable"), ("customFields.note", "Rack 1", "Rack 7")]
    assert await list_changes(writer, job) == expected
    await run_mutation(root, "updateCustomField", fieldId=cause, customerAccess="HIDDEN")
    assert await list_changes(writer, job) == expected[1:]
    assert await list_changes(ada, job) == expected
    async with assert_nothing_stored():
        with pytest.raises(Refused, match="FORBIDDEN"):
            await run_mutation(writer, "bulkUpdateTickets", **change)
    await run_mutation(writer, "bulkUpdateTickets", **{**change, "dryRun": False})


async def list_changes(client: Client, job: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    (row,) = await read_rows(client, job)
    return sorted((each["field"], each["from"], each["to"]) for each in row["changes"])


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([{"key": "nothing", "text": "x"}], "NOT_FOUND change.customFields.0.key"),
        ([{"key": "\0", "text": "x"}], "NOT_FOUND change.customFields.0.key"),
        ([{"key": "old", "text": "x"}], "INVALID change.customFields.0.key"),
        ([NOTE, NOTE], "INVALID change.customFields.1.key"),
        ([{"key": "note"}], "INVALID change.customFields.0"),
        ([{"key": "note", "text": "x", "number": 1}], "INVALID change.customFields.0"),
        ([{"key": "note", "number": 1}], "INVALID change.customFields.0.number"),
        ([{"key": "note", "text": " "}], "REQUIRED change.customFields.0.text"),
        ([{"key": "note", "text": "x" * 501}], "TOO_LONG change.customFields.0.text"),
        ([{"key": "seats", "number": 1e15}], "INVALID change.customFields.0.number"),
        ([{"key": "region", "options": []}], "INVALID change.customFields.0.options"),
        ([{"key": "region", "options": ["mars"]}], "NOT_FOUND change.customFields.0.options"),
        ([{"key": f"k{n}", "text": "x"} for n in range(51)], "INVALID change.customFields"),
        ([], "REQUIRED change"),
    ],
)
async def test_bad_values_are_refused_at_the_start(
    root: Client, ada: Client, cora: Client, values: list[dict[str, Any]], error: str
) -> None:
    await define_all(root)
    archived = await define(root, "old")
    await run_mutation(root, "archiveCustomField", fieldId=archived)
    ids = [(await cora.raise_ticket())["id"]]
    change = {"customFields": values}
    assert await refusal_of(ada, "bulkUpdateTickets", ids=ids, change=change) == error


async def test_a_field_of_other_categories_is_refused_with_the_category(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "note", categories=["billing"])
    change = {"customFields": [NOTE], "category": "sales"}
    input = {"ids": [(await cora.raise_ticket())["id"]], "change": change}
    error = "INVALID change.customFields.0.key"
    assert await refusal_of(ada, "bulkUpdateTickets", **input) == error


async def test_an_erasure_reaches_the_texts_that_jobs_have_stored(
    root: Client, ada: Client, cora: Client, world: World
) -> None:
    await define(root, "note")
    secret = "Cora lives in Ulm"
    ticket = await cora.raise_ticket(customFields=[{"key": "note", "text": secret}])
    await start(ada, [ticket], customFields=[NOTE])
    ids = [ticket["id"]]
    change = {"customFields": [{"key": "note", "text": secret}]}
    await run_caller_jobs()
    await run_mutation(ada, "bulkUpdateTickets", ids=ids, change=change, dryRun=True)
    await run_caller_jobs()
    rows = await JobTicket.all().order_by("id")
    assert [(row.previous or {}).get("custom_fields.note") for row in rows] == [secret, None]
    assert [(row.changes or {}).get("custom_fields.note") for row in rows] == [
        *(None, ["Rack 7", secret]),
    ]
    await erase(root, world.cora.gid)
    rows = await JobTicket.filter(id__in=[row.id for row in rows]).order_by("id")
    erased = "[erased]"
    assert [(row.previous or {}).get("custom_fields.note") for row in rows] == [erased, None]
    assert [(row.changes or {}).get("custom_fields.note") for row in rows] == [
        *(None, [erased, erased]),
    ]
