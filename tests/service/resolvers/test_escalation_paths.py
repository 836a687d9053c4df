"""Escalation paths over the API: changes, refusals, races and visibility."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import person
from support.admin_mutations import ESCALATION_PATH_FIELDS, refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored

from models.core import ids
from models.core.record_limits import DEFAULT_LIMITS
from models.escalation.path import EscalationPath
from models.people.user import Role, User

pytestmark = pytest.mark.usefixtures("without_jobs")

MISSING_ID = UUID(int=7)
NOTIFY_STEP = {"after": "PT0S", "action": "NOTIFY_TEAM"}
PATH = {"name": "Ours", "trigger": "UNTOUCHED", "steps": [NOTIFY_STEP]}


async def read_list(client: Client, include_inactive: bool = False) -> list[dict[str, Any]]:
    query = f"""query($all: Boolean) {{
      escalationPaths(includeInactive: $all) {{ {ESCALATION_PATH_FIELDS} }} }}"""
    return list((await client.run(query, all=include_inactive))["escalationPaths"])


async def test_a_path_is_created_with_the_given_fields(
    service: Service, world: World, admin: Client
) -> None:
    created = await run_mutation(
        admin,
        "createEscalationPath",
        name=" Ours ",
        position=-1,
        trigger="SLA_BREACHED",
        metric="RESOLUTION",
        priority="URGENT",
        team="support",
        steps=[
            {"after": "P365D", "action": "TRANSFER", "team": "billing"},
            {"after": "PT30M", "action": "REASSIGN", "userId": world.ada.gid},
            {"after": "PT0S", "action": "REASSIGN"},
            {"after": "PT1S", "action": "RAISE_PRIORITY", "team": None, "userId": None},
        ],
    )

    def step(
        after: str, action: str, team: str | None = None, user: str | None = None
    ) -> dict[str, Any]:
        return {
            "after": after,
            "action": action,
            "team": team and {"slug": team},
            "user": user and {"displayName": user},
        }

    assert created == {
        "id": created["id"],
        "name": "Ours",
        "position": -1,
        "trigger": "SLA_BREACHED",
        "metric": "RESOLUTION",
        "priority": "URGENT",
        "team": {"slug": "support"},
        "steps": [
            step("P365D", "TRANSFER", "billing"),
            step("PT30M", "REASSIGN", None, "Ada"),
            step("PT0S", "REASSIGN"),
            step("PT1S", "RAISE_PRIORITY"),
        ],
        "active": True,
        "version": 1,
    }
    for reader in (admin, service.client(world.ada.token), service.client(world.api_client_token)):
        assert (await read_list(reader))[0] == created
        answer = await reader.run(
            f"""query($id: ID!) {{
              node(id: $id) {{ ... on EscalationPath {{ {ESCALATION_PATH_FIELDS} }} }} }}""",
            id=created["id"],
        )
        assert answer["node"] == created


async def test_the_default_paths_are_listed(admin: Client) -> None:
    paths = await read_list(admin)
    assert [path["trigger"] for path in paths] == ["SLA_BREACHED", "ESCALATED"]
    assert [step["after"] for step in paths[0]["steps"]] == ["PT0S", "PT0S", "PT1H"]


async def test_an_omitted_path_field_keeps_its_value_and_null_clears_it(admin: Client) -> None:
    created = await run_mutation(
        admin,
        "createEscalationPath",
        **{
            **PATH,
            "trigger": "SLA_AT_RISK",
            "metric": "RESOLUTION",
            "priority": "LOW",
            "team": "sales",
        },
    )
    key = created["id"]
    assert created["position"] == 300, "after all others"
    assert await run_mutation(admin, "updateEscalationPath", pathId=key) == created
    stays = dict.fromkeys(("name", "position", "trigger", "steps", "active"))
    assert await run_mutation(admin, "updateEscalationPath", pathId=key, **stays) == created
    cleared = {**created, "metric": None, "priority": None, "team": None, "version": 2}
    assert (
        await run_mutation(
            admin, "updateEscalationPath", pathId=key, metric=None, priority=None, team=None
        )
        == cleared
    )
    other = {
        "name": "Others",
        "trigger": "ESCALATED",
        "steps": [{"after": "PT5M", "action": "NOTIFY_ADMINS"}],
    }
    changed = await run_mutation(admin, "updateEscalationPath", pathId=key, **other)
    assert (changed["name"], changed["trigger"], [step["after"] for step in changed["steps"]]) == (
        "Others",
        "ESCALATED",
        ["PT5M"],
    )
    for _ in range(2):
        assert (await run_mutation(admin, "archiveEscalationPath", pathId=key))["active"] is False
    assert key not in [path["id"] for path in await read_list(admin)]
    assert key in [path["id"] for path in await read_list(admin, include_inactive=True)]
    restored = await run_mutation(admin, "updateEscalationPath", pathId=key, active=True)
    assert restored == {**changed, "version": changed["version"] + 2}


async def test_invalid_paths_are_refused(world: World, admin: Client) -> None:
    inactive = await person("gone", Role.AGENT)
    await User.filter(id=inactive.id).update(active=False)
    kept = await run_mutation(admin, "createEscalationPath", **PATH)

    def steps(**step: Any) -> dict[str, Any]:
        return {"steps": [NOTIFY_STEP, {**NOTIFY_STEP, **step}]}

    for fields, code in (
        ({"name": " "}, "REQUIRED name"),
        ({"name": "n" * 201}, "TOO_LONG name"),
        ({"name": "a\0"}, "INVALID name"),
        ({"metric": "RESOLUTION"}, "INVALID metric"),
        ({"metric": "RESOLUTION", "trigger": "ESCALATED"}, "INVALID metric"),
        ({"team": "nobody"}, "NOT_FOUND team"),
        ({"steps": []}, "REQUIRED steps"),
        ({"steps": [NOTIFY_STEP] * 21}, "INVALID steps"),
        (steps(after="P366D"), "INVALID steps.1.after"),
        (steps(after="P365DT1S"), "INVALID steps.1.after"),
        (steps(after="PT0.5S"), "INVALID steps.1.after"),
        (steps(action="TRANSFER"), "REQUIRED steps.1.team"),
        (steps(action="TRANSFER", team="nobody"), "NOT_FOUND steps.1.team"),
        (steps(action="TRANSFER", team="a\0"), "NOT_FOUND steps.1.team"),
        (steps(action="REASSIGN", team="support"), "INVALID steps.1.team"),
        (steps(team="support"), "INVALID steps.1.team"),
        (steps(action="TRANSFER", team="support", userId=world.ada.gid), "INVALID steps.1.userId"),
        (steps(userId=world.ada.gid), "INVALID steps.1.userId"),
        (steps(action="REASSIGN", userId="x"), "NOT_FOUND steps.1.userId"),
        (
            steps(action="REASSIGN", userId=ids.encode(ids.USER, MISSING_ID)),
            "NOT_FOUND steps.1.userId",
        ),
        (steps(action="REASSIGN", userId=world.cora.gid), "INVALID steps.1.userId"),
        (steps(action="REASSIGN", userId=inactive.gid), "INVALID steps.1.userId"),
    ):
        assert await refusal_of(admin, "createEscalationPath", **{**PATH, **fields}) == code, fields
        assert (
            await refusal_of(admin, "updateEscalationPath", pathId=kept["id"], **fields) == code
        ), fields
    for unknown_id in (
        "esc_nonsense",
        "",
        ids.encode(ids.ESCALATION_PATH, MISSING_ID),
        world.ada.gid,
    ):
        assert (
            await refusal_of(admin, "updateEscalationPath", pathId=unknown_id, name="x")
            == "NOT_FOUND pathId"
        )
        assert (
            await refusal_of(admin, "archiveEscalationPath", pathId=unknown_id)
            == "NOT_FOUND pathId"
        )
    await run_mutation(admin, "createEscalationPath", **{**PATH, "steps": [NOTIFY_STEP] * 20})


async def test_only_sla_triggers_take_a_metric_even_after_an_update(admin: Client) -> None:
    created = await run_mutation(
        admin, "createEscalationPath", **{**PATH, "trigger": "SLA_BREACHED", "metric": "RESOLUTION"}
    )
    assert (
        await refusal_of(admin, "updateEscalationPath", pathId=created["id"], trigger="UNTOUCHED")
        == "INVALID metric"
    )
    changed = await run_mutation(
        admin, "updateEscalationPath", pathId=created["id"], trigger="UNTOUCHED", metric=None
    )
    assert (changed["trigger"], changed["metric"]) == ("UNTOUCHED", None)


async def test_concurrent_creates_stay_within_the_limit_on_active_paths(admin: Client) -> None:
    original = await EscalationPath.filter(active=True).first()
    assert original is not None
    for _ in range(
        DEFAULT_LIMITS.max_escalation_paths - 1 - await EscalationPath.filter(active=True).count()
    ):
        await original.clone(pk=ids.new_id()).save(force_create=True)
    answers = await asyncio.gather(
        *(send_mutation(admin, "createEscalationPath", **PATH) for _ in range(5))
    )
    created = [answer["escalationPath"] for answer in answers if not answer["userErrors"]]
    assert len(created) == 1
    assert await refusal_of(admin, "createEscalationPath", **PATH) == "INVALID"
    await run_mutation(admin, "archiveEscalationPath", pathId=created[0]["id"])
    await run_mutation(admin, "createEscalationPath", **PATH)
    assert (
        await refusal_of(admin, "updateEscalationPath", pathId=created[0]["id"], active=True)
        == "INVALID"
    )


async def test_customers_do_not_see_paths_and_agents_cannot_change_them(
    service: Service, world: World, admin: Client
) -> None:
    created = await run_mutation(admin, "createEscalationPath", **PATH)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    data = await cora.run("query($id: ID!) { node(id: $id) { id } }", id=created["id"])
    assert data["node"] is None
    with pytest.raises(Refused, match="FORBIDDEN"):
        await read_list(cora)
    async with assert_nothing_stored():
        for client in (cora, ada):
            with pytest.raises(Refused, match="FORBIDDEN"):
                await send_mutation(client, "updateEscalationPath", pathId=created["id"], name="x")
