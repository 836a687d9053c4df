"""What is refused: callers without the rights, hostile input, too many policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import token_of
from support.admin_mutations import run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored, format_error
from support.files import running_with_files
from support.metrics import read_limit_counts, scrape
from support.retention import PREVIEW, create_policy, delete_policy, read_policy

from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.people.user import User
from models.retention.policy import RetentionPolicy

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

VALID: dict[str, Any] = {"name": "Old tickets", "filter": {}, "ageDays": 30}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "REQUIRED name"),
    ({"name": "  \n "}, "REQUIRED name"),
    ({"name": "x" * 201}, "TOO_LONG name"),
    ({"ageDays": 29}, "INVALID ageDays"),
    ({"ageDays": 0}, "INVALID ageDays"),
    ({"ageDays": -(2**31)}, "INVALID ageDays"),
    ({"ageDays": 2**31 - 1}, "INVALID ageDays"),
    ({"filter": {"assigneeId": {"viewer": True}}}, "INVALID filter"),
    ({"filter": {"not": {"or": [{"inViewerTeams": True}]}}}, "INVALID filter"),
    ({"filter": {"and": [{"unread": False}]}}, "INVALID filter"),
    ({"filter": {"subject": {"eq": "x" * 9000}}}, "TOO_LONG filter"),
]


@pytest.mark.parametrize(("values", "error"), REFUSED)
async def test_invalid_values_are_refused(values: dict[str, Any], error: str, root: Client) -> None:
    async with assert_nothing_stored():
        payload = await send_mutation(root, "createRetentionPolicy", **{**VALID, **values})
    assert [format_error(each) for each in payload["userErrors"]] == [error]
    policy = await create_policy(root)
    async with assert_nothing_stored():
        payload = await send_mutation(
            root, "updateRetentionPolicy", policyId=policy["id"], **values
        )
    assert [format_error(each) for each in payload["userErrors"]] == [error]


async def test_values_of_the_wrong_type_are_refused(root: Client) -> None:
    wrong: list[dict[str, Any]] = [
        {"ageDays": "30"},
        {"ageDays": 2**40},
        {"ageDays": None},
        {"filter": None},
        {"filter": {"DROP TABLE tickets": 1}},
        {"active": "yes"},
    ]
    for values in wrong:
        async with assert_nothing_stored():
            with pytest.raises(Refused):
                await send_mutation(root, "createRetentionPolicy", **{**VALID, **values})


async def test_only_admins_have_policies(
    root: Client, ada: Client, cora: Client, service: Service, world: World
) -> None:
    policy = await create_policy(root)
    weak = service.client(await token_of(await User.get(id=world.root.id), ["tickets:read"]))
    for client in (ada, cora, weak, service.client()):
        async with assert_nothing_stored():
            for mutation, input in (
                ("createRetentionPolicy", VALID),
                ("updateRetentionPolicy", {"policyId": policy["id"], "active": False}),
                ("deleteRetentionPolicy", {"policyId": policy["id"]}),
            ):
                with pytest.raises(Refused, match=r"FORBIDDEN|UNAUTHENTICATED"):
                    await send_mutation(client, mutation, **input)
        with pytest.raises(Refused, match=r"FORBIDDEN|UNAUTHENTICATED"):
            await client.run("{ retentionPolicies(first: 1) { nodes { id } } }")
        with pytest.raises(Refused, match=r"FORBIDDEN|UNAUTHENTICATED"):
            await client.run(PREVIEW, filter={}, ageDays=30)
    found = await ada.run("query($id: ID!) { node(id: $id) { id } }", id=policy["id"])
    assert found["node"] is None


async def test_a_token_that_may_not_read_tickets_and_notes_gets_no_counts(
    root: Client, service: Service, world: World
) -> None:
    """A filter searches notes and hidden fields, so its count tells what is in them."""
    admin = await User.get(id=world.root.id)
    for scopes in (["admin"], ["admin", "tickets:read"], ["admin", "notes:read"]):
        client = service.client(await token_of(admin, scopes))
        policy = await create_policy(client)
        assert (await read_policy(client, policy))["preview"] is None
        with pytest.raises(Refused, match="FORBIDDEN"):
            await client.run(PREVIEW, filter={}, ageDays=30)
    token = await token_of(admin, ["admin", "tickets:read", "notes:read"])
    strong = service.client(token)
    assert (await read_policy(strong, policy))["preview"]["tickets"] == 0
    await strong.run(PREVIEW, filter={}, ageDays=30)


async def test_a_preview_refuses_what_a_policy_refuses(root: Client) -> None:
    for filter, days in (
        ({}, 29),
        ({}, 36_501),
        ({}, -1),
        ({"unread": True}, 30),
        ({"assigneeId": {"viewer": False}}, 30),
    ):
        with pytest.raises(Refused, match="BAD_REQUEST"):
            await root.run(PREVIEW, filter=filter, ageDays=days)


async def test_a_stale_version_and_unknown_policies_are_refused(root: Client) -> None:
    policy = await create_policy(root)
    changed = await run_mutation(
        root, "updateRetentionPolicy", policyId=policy["id"], name="B", expectedVersion=1
    )
    assert (changed["name"], changed["version"], changed["ageDays"]) == ("B", 2, 30)
    for mutation in ("updateRetentionPolicy", "deleteRetentionPolicy"):
        async with assert_nothing_stored():
            payload = await send_mutation(root, mutation, policyId=policy["id"], expectedVersion=1)
            assert [each["code"] for each in payload["userErrors"]] == ["STALE_VERSION"]
            for id in ("", "rtp_x", "usr_1", policy["id"][:-1] + "z", "x" * 9000):
                payload = await send_mutation(root, mutation, policyId=id)
                assert [format_error(each) for each in payload["userErrors"]] == [
                    "NOT_FOUND policyId"
                ]


async def test_the_number_of_policies_is_limited(url: str, folder: Path) -> None:
    async with running_with_files(url, folder, run_jobs=False, max_retention_policies=2) as limited:
        world = await World.make()
        root, token = limited.client(world.root.token), world.root.token
        before = await read_limit_counts(limited, token, "limit_refusals")
        first = await create_policy(root)
        await create_policy(root, active=False)
        async with assert_nothing_stored():
            payload = await send_mutation(root, "createRetentionPolicy", **VALID)
        assert [each["code"] for each in payload["userErrors"]] == ["INVALID"]
        counts = await read_limit_counts(limited, token, "limit_refusals")
        assert (counts - before)["retention_policies"] == 1
        assert "ticketwire_retention_policies 2" in await scrape(limited, token)
        await delete_policy(root, first)
        await create_policy(root)


async def test_policies_are_in_the_audit_log(root: Client, world: World) -> None:
    policy = await create_policy(root)
    await run_mutation(root, "updateRetentionPolicy", policyId=policy["id"], ageDays=60)
    await delete_policy(root, policy)
    entries = await AuditEntry.filter(record_kind=RecordKind.RETENTION_POLICY).order_by("id")
    assert [entry.action for entry in entries] == [
        "createRetentionPolicy",
        "updateRetentionPolicy",
        "deleteRetentionPolicy",
    ]
    assert {entry.actor_user_id for entry in entries} == {world.root.id}
    assert entries[0].changes == {
        "name": [None, "Old tickets"],
        "ticket_filter": [None, {}],
        "age_days": [None, 30],
        "active": [None, True],
    }
    assert entries[1].changes == {"age_days": [30, 60]}
    assert entries[2].changes["name"] == ["Old tickets", None]
    assert await RetentionPolicy.all().count() == 0
    shown = await root.run("""{ auditLog(first: 3) { nodes { action changes { field from to }
      recordId } } }""")
    assert {node["recordId"] for node in shown["auditLog"]["nodes"]} == {policy["id"]}
