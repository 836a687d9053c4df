"""Versions of SLA calendars, SLA policies and escalation paths: no admin overwrites another one's
changes without knowing it."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from support import Client
from support.admin_mutations import WEEK, refusal_of, run_mutation, send_mutation

pytestmark = pytest.mark.usefixtures("without_jobs")

HOURS = {"timeZone": "UTC", "week": WEEK}


class Kind(NamedTuple):
    """A kind of record, the field that names one in inputs, and the fields of a new one."""

    name: str
    key: str
    fields: dict[str, Any]


STEPS = [{"after": "PT0S", "action": "NOTIFY_ADMINS"}]
KINDS = [
    Kind("SlaCalendar", "calendarId", HOURS),
    Kind("SlaPolicy", "policyId", {"resolution": "PT8H"}),
    Kind("EscalationPath", "pathId", {"trigger": "ESCALATED", "steps": STEPS}),
]
parametrized = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


async def create(client: Client, kind: Kind) -> dict[str, Any]:
    fields = {"name": "One", **kind.fields}
    if kind.name == "SlaPolicy":
        calendar = await run_mutation(client, "createSlaCalendar", name="Hours", **HOURS)
        fields["calendarId"] = calendar["id"]
    return await run_mutation(client, f"create{kind.name}", **fields)


@parametrized
async def test_a_change_of_an_earlier_version_is_refused(admin: Client, kind: Kind) -> None:
    record = await create(admin, kind)
    assert record["version"] == 1
    key = {kind.key: record["id"]}
    update, archive = f"update{kind.name}", f"archive{kind.name}"
    assert (await run_mutation(admin, update, **key, name="One", expectedVersion=1))["version"] == 1
    changed = await run_mutation(admin, update, **key, name="Two", expectedVersion=1)
    assert changed == {**record, "name": "Two", "version": 2}
    stale = "STALE_VERSION expectedVersion"
    assert await refusal_of(admin, update, **key, name="Three", expectedVersion=1) == stale
    assert await refusal_of(admin, archive, **key, expectedVersion=1) == stale
    archived = await run_mutation(admin, archive, **key, expectedVersion=2)
    assert archived == {**changed, "active": False, "version": 3}
    again = await run_mutation(admin, update, **key, active=True)
    assert again["version"] == 4  # without a version, nothing is checked


@parametrized
async def test_one_of_many_changes_of_the_same_version_wins(admin: Client, kind: Kind) -> None:
    record = await create(admin, kind)
    input = {kind.key: record["id"], "expectedVersion": 1}
    payloads = await asyncio.gather(
        *(send_mutation(admin, f"update{kind.name}", **input, name=f"N{n}") for n in range(5))
    )
    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["STALE_VERSION"] * 4


async def test_a_change_of_a_calendar_leaves_the_versions_of_its_policies(admin: Client) -> None:
    policy = await create(admin, KINDS[1])
    calendar = policy["calendar"]["id"]
    await run_mutation(admin, "updateSlaCalendar", calendarId=calendar, holidays=["2026-12-25"])
    same = await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], expectedVersion=1)
    assert same == policy
