"""Escalation paths over the API: every change, every refusal, and who sees them."""

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
from models.escalation import admin as escalation_paths
from models.escalation.path import EscalationPath
from models.people.user import Role, User

NOBODY = UUID(int=7)
TELL = {"after": "PT0S", "action": "NOTIFY_TEAM"}
GIVEN = {"name": "Ours", "trigger": "UNTOUCHED", "steps": [TELL]}


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service leaves the duties to the test."""
    monkeypatch.setenv("TICKETWIRE_RUN_JOBS", "false")


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def listed(client: Client, archived: bool = False) -> list[dict[str, Any]]:
    query = f"query($all: Boolean) {{ escalationPaths(includeInactive: $all) {{ {ESCALATION_PATH_FIELDS} }} }}"
    return list((await client.run(query, all=archived))["escalationPaths"])


async def test_a_path_is_created_with_the_given_fields(service: Service, world: World, admin: Client) -> None:
    made = await run_mutation(
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

    def step(after: str, action: str, team: str | None = None, user: str | None = None) -> dict[str, Any]:
        return {
            "after": after,
            "action": action,
            "team": team and {"slug": team},
            "user": user and {"displayName": user},
        }

    assert made == {
        "id": made["id"],
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
    }
    for reader in (admin, service.client(world.ada.token), service.client(world.machine)):
        assert (await listed(reader))[0] == made
        answer = await reader.run(f"query($id: ID!) {{ node(id: $id) {{ ... on EscalationPath {{ {ESCALATION_PATH_FIELDS} }} }} }}", id=made["id"])
        assert answer["node"] == made


async def test_the_default_paths_are_listed(admin: Client) -> None:
    found = await listed(admin)
    assert [path["trigger"] for path in found] == ["SLA_BREACHED", "ESCALATED"]
    assert [step["after"] for step in found[0]["steps"]] == ["PT0S", "PT0S", "PT1H"]


async def test_an_omitted_path_field_keeps_its_value_and_null_clears_it(admin: Client) -> None:
    made = await run_mutation(
        admin,
        "createEscalationPath",
        **{**GIVEN, "trigger": "SLA_AT_RISK", "metric": "RESOLUTION", "priority": "LOW", "team": "sales"},
    )
    key = made["id"]
    assert made["position"] == 300, "after all others"
    assert await run_mutation(admin, "updateEscalationPath", pathId=key) == made
    stays = dict.fromkeys(("name", "position", "trigger", "steps", "active"))
    assert await run_mutation(admin, "updateEscalationPath", pathId=key, **stays) == made
    cleared = {**made, "metric": None, "priority": None, "team": None}
    assert await run_mutation(admin, "updateEscalationPath", pathId=key, metric=None, priority=None, team=None) == cleared
    other = {"name": "Others", "trigger": "ESCALATED", "steps": [{"after": "PT5M", "action": "NOTIFY_ADMINS"}]}
    changed = await run_mutation(admin, "updateEscalationPath", pathId=key, **other)
    assert (changed["name"], changed["trigger"], [step["after"] for step in changed["steps"]]) == (
        "Others",
        "ESCALATED",
        ["PT5M"],
    )
    for _ in range(2):
        assert (await run_mutation(admin, "archiveEscalationPath", pathId=key))["active"] is False
    assert key not in [path["id"] for path in await listed(admin)]
    assert key in [path["id"] for path in await listed(admin, archived=True)]
    assert await run_mutation(admin, "updateEscalationPath", pathId=key, active=True) == changed


async def test_invalid_paths_are_refused(world: World, admin: Client) -> None:
    gone = await person("gone", Role.AGENT)
    await User.filter(id=gone.id).update(active=False)
    kept = await run_mutation(admin, "createEscalationPath", **GIVEN)

    def steps(**step: Any) -> dict[str, Any]:
        return {"steps": [TELL, {**TELL, **step}]}

    for given, code in (
        ({"name": " "}, "REQUIRED name"),
        ({"name": "n" * 201}, "TOO_LONG name"),
        ({"name": "a\0"}, "INVALID name"),
        ({"metric": "RESOLUTION"}, "INVALID metric"),
        ({"metric": "RESOLUTION", "trigger": "ESCALATED"}, "INVALID metric"),
        ({"team": "nobody"}, "NOT_FOUND team"),
        ({"steps": []}, "REQUIRED steps"),
        ({"steps": [TELL] * 21}, "INVALID steps"),
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
        (steps(action="REASSIGN", userId=ids.encode(ids.USER, NOBODY)), "NOT_FOUND steps.1.userId"),
        (steps(action="REASSIGN", userId=world.cora.gid), "INVALID steps.1.userId"),
        (steps(action="REASSIGN", userId=gone.gid), "INVALID steps.1.userId"),
    ):
        assert await refusal_of(admin, "createEscalationPath", **{**GIVEN, **given}) == code, given
        assert await refusal_of(admin, "updateEscalationPath", pathId=kept["id"], **given) == code, given
    for strange in ("esc_nonsense", "", ids.encode(ids.ESCALATION_PATH, NOBODY), world.ada.gid):
        assert await refusal_of(admin, "updateEscalationPath", pathId=strange, name="x") == "NOT_FOUND pathId"
        assert await refusal_of(admin, "archiveEscalationPath", pathId=strange) == "NOT_FOUND pathId"
    await run_mutation(admin, "createEscalationPath", **{**GIVEN, "steps": [TELL] * 20})


async def test_only_sla_triggers_take_a_metric_even_after_an_update(admin: Client) -> None:
    made = await run_mutation(admin, "createEscalationPath", **{**GIVEN, "trigger": "SLA_BREACHED", "metric": "RESOLUTION"})
    assert await refusal_of(admin, "updateEscalationPath", pathId=made["id"], trigger="UNTOUCHED") == "INVALID metric"
    changed = await run_mutation(admin, "updateEscalationPath", pathId=made["id"], trigger="UNTOUCHED", metric=None)
    assert (changed["trigger"], changed["metric"]) == ("UNTOUCHED", None)


async def test_concurrent_creates_stay_within_the_limit_on_active_paths(admin: Client) -> None:
    like = await EscalationPath.filter(active=True).first()
    assert like is not None
    for _ in range(escalation_paths.MAX_ACTIVE_PATHS - 1 - await EscalationPath.filter(active=True).count()):
        await like.clone(pk=ids.new_id()).save(force_create=True)
    answers = await asyncio.gather(*(send_mutation(admin, "createEscalationPath", **GIVEN) for _ in range(5)))
    made = [answer["escalationPath"] for answer in answers if not answer["userErrors"]]
    assert len(made) == 1
    assert await refusal_of(admin, "createEscalationPath", **GIVEN) == "INVALID "
    await run_mutation(admin, "archiveEscalationPath", pathId=made[0]["id"])
    await run_mutation(admin, "createEscalationPath", **GIVEN)
    assert await refusal_of(admin, "updateEscalationPath", pathId=made[0]["id"], active=True) == "INVALID "


async def test_customers_do_not_see_paths_and_agents_cannot_change_them(service: Service, world: World, admin: Client) -> None:
    made = await run_mutation(admin, "createEscalationPath", **GIVEN)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    assert (await cora.run("query($id: ID!) { node(id: $id) { id } }", id=made["id"]))["node"] is None
    with pytest.raises(Refused, match="FORBIDDEN"):
        await listed(cora)
    async with assert_nothing_stored():
        for client in (cora, ada):
            with pytest.raises(Refused, match="FORBIDDEN"):
                await send_mutation(client, "updateEscalationPath", pathId=made["id"], name="x")
