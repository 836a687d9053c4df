"""Idempotency keys of admin mutations: calls with one key take effect at most once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.admin_mutations import WEEK, payload_field, refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored, format_error
from support.files import running_with_files
from support.service import running
from support.wall import approval_input

from models import database, demo_clock
from models.changes.idempotency import IdempotencyKey
from models.escalation.path import EscalationPath
from models.sla.records import SlaCalendar, SlaPolicy
from schema import root

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]

CALENDAR = {"name": "Berlin", "timeZone": "Europe/Berlin", "week": WEEK, "holidays": ["2026-12-25"]}
RETENTION: dict[str, Any] = {"name": "Old tickets", "filter": {}, "ageDays": 365}
WEBHOOK = {"url": "https://hooks.example.com/a", "types": ["TICKET_CREATED"]}
PATH = {
    "name": "Ours",
    "trigger": "UNTOUCHED",
    "steps": [{"after": "PT1H", "action": "TRANSFER", "team": "billing"}],
}
CREATE_MUTATIONS = {
    "createSlaCalendar": SlaCalendar,
    "createSlaPolicy": SlaPolicy,
    "createEscalationPath": EscalationPath,
}
MUTATIONS_TESTED_ELSEWHERE = (
    "createAttachment",
    *("createApiClient", "updateApiClient", "deactivateApiClient", "reactivateApiClient"),
    *("startSecondFactor", "confirmSecondFactor", "disableSecondFactor", "resetSecondFactor"),
    "renewRecoveryCodes",
    *("revokeSession", "revokeAllSessions", "rotateApiToken", "inviteUser"),
    "sendInvitation",
    *("linkIdentity", "unlinkIdentity", "undoJob", "saveDraft", "discardDraft", "proposeDraft"),
    "redeliverWebhook",
)
"""By the tests of API clients, second factors, sessions, tokens, accounts, identities, jobs and
webhooks."""
KEY_REUSED = "IDEMPOTENCY_KEY_REUSED idempotencyKey"
ADVANCE = """mutation($by: Duration!, $key: String) {
  advanceClock(input: {by: $by, idempotencyKey: $key}) {
    now replayed userErrors { code message field } } }"""


async def build_policy_input(admin: Client) -> dict[str, Any]:
    data = await admin.run("{ slaCalendars { id } }")
    return {
        "name": "Gold",
        "calendarId": data["slaCalendars"][0]["id"],
        "resolution": "PT8H",
        "position": 7,
    }


@pytest.fixture
async def service(url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """A service that stores files, for exports."""
    async with running_with_files(url, tmp_path / "storage") as found:
        yield found


async def build_inputs(
    admin: Client, world: World
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """For each admin mutation with a key: a valid input, and fields that make it different."""
    policy = await build_policy_input(admin)
    calendars = [
        (await run_mutation(admin, "createSlaCalendar", **{**CALENDAR, "name": f"c{n}"}))["id"]
        for n in range(3)
    ]
    policies = [
        (await run_mutation(admin, "createSlaPolicy", **{**policy, "name": f"p{n}"}))["id"]
        for n in range(3)
    ]
    paths = [
        (await run_mutation(admin, "createEscalationPath", **{**PATH, "name": f"e{n}"}))["id"]
        for n in range(3)
    ]
    views = [(await run_mutation(admin, "createSavedView", name=f"v{n}"))["id"] for n in range(3)]
    macros = [
        (await run_mutation(admin, "createMacro", name=f"m{n}", text="x"))["id"] for n in range(3)
    ]
    custom_fields = [
        (await run_mutation(admin, "createCustomField", key=f"f{n}", label="F", type="TEXT"))["id"]
        for n in range(3)
    ]
    retention = [
        (await run_mutation(admin, "createRetentionPolicy", **RETENTION))["id"] for _ in range(3)
    ]
    walls = [
        (await run_mutation(admin, "approveWallScreen", **await approval_input()))["id"]
        for _ in range(2)
    ]
    webhooks = [(await run_mutation(admin, "createWebhook", **WEBHOOK))["id"] for _ in range(3)]
    steps = [{"after": "PT2H", "action": "TRANSFER", "team": "billing"}]
    return {
        "createSlaCalendar": (CALENDAR, {"holidays": ["2026-12-26"]}),
        "updateSlaCalendar": ({"calendarId": calendars[0], "name": "A"}, {"week": WEEK}),
        "archiveSlaCalendar": ({"calendarId": calendars[1]}, {"calendarId": calendars[2]}),
        "createSlaPolicy": (policy, {"resolution": "PT9H"}),
        "updateSlaPolicy": ({"policyId": policies[0], "resolution": "PT1H"}, {"priority": None}),
        "archiveSlaPolicy": ({"policyId": policies[1]}, {"policyId": policies[2]}),
        "createEscalationPath": (PATH, {"steps": steps}),
        "updateEscalationPath": ({"pathId": paths[0], "trigger": "ESCALATED"}, {"team": None}),
        "archiveEscalationPath": ({"pathId": paths[1]}, {"pathId": paths[2]}),
        "erasePerson": ({"userId": world.otto.gid, "reason": "A request"}, {"dryRun": True}),
        "bulkUpdateTickets": ({"filter": {}, "change": {"priority": "LOW"}}, {"dryRun": True}),
        "exportTickets": ({"format": "CSV"}, {"format": "JSONL"}),
        "exportPerson": ({"userId": world.cora.gid}, {"userId": world.ada.gid}),
        "createRetentionPolicy": (RETENTION, {"ageDays": 400}),
        "updateRetentionPolicy": ({"policyId": retention[0], "active": True}, {"ageDays": 400}),
        "deleteRetentionPolicy": ({"policyId": retention[1]}, {"policyId": retention[2]}),
        "approveWallScreen": (await approval_input(), {"board": "billing"}),
        "revokeWallScreen": ({"screenId": walls[0]}, {"screenId": walls[1]}),
        "createWebhook": (WEBHOOK, {"query": "{ id }"}),
        "updateWebhook": ({"webhookId": webhooks[0], "types": ["RATED"]}, {"query": "{ id }"}),
        "deleteWebhook": ({"webhookId": webhooks[1]}, {"webhookId": webhooks[2]}),
        "rotateWebhookSecret": ({"webhookId": webhooks[0]}, {"webhookId": webhooks[2]}),
        "replayWebhook": ({"webhookId": webhooks[0], "after": "0" * 16}, {"until": "0" * 16}),
        "createSavedView": ({"name": "New"}, {"filter": {"search": "vpn"}}),
        "updateSavedView": ({"viewId": views[0], "name": "A"}, {"columns": ["REF"]}),
        "deleteSavedView": ({"viewId": views[1]}, {"viewId": views[2]}),
        "createMacro": ({"name": "New", "text": "x"}, {"priority": "LOW"}),
        "updateMacro": ({"macroId": macros[0], "name": "A"}, {"text": "y"}),
        "archiveMacro": ({"macroId": macros[1]}, {"macroId": macros[2]}),
        "createCustomField": (
            {"key": "a", "label": "A", "type": "TEXT"},
            {"requiredAt": "CREATION"},
        ),
        "updateCustomField": (
            {"fieldId": custom_fields[0], "label": "B"},
            {"categories": ["sales"]},
        ),
        "archiveCustomField": ({"fieldId": custom_fields[1]}, {"fieldId": custom_fields[2]}),
        "updateTeam": ({"team": "support", "name": "Help"}, {"assignsByLoad": True}),
        "setAvailability": ({"present": False, "userId": world.ada.gid}, {"present": True}),
        **await build_directory_inputs(admin, world),
    }


async def build_directory_inputs(
    admin: Client, world: World
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """`build_inputs` for the mutations of users, organizations, teams and categories."""

    async def create(mutation: str, key: str, **input: Any) -> str:
        return str((await run_mutation(admin, mutation, **input))[key])

    users = [
        await create("createUser", "id", email=f"u{n}@example.org", displayName="U")
        for n in range(4)
    ]
    await run_mutation(admin, "deactivateUser", userId=users[3])
    organizations = [await create("createOrganization", "id", name=f"O{n}") for n in range(3)]
    teams = [await create("createTeam", "slug", slug=f"t{n}", name="T") for n in range(2)]
    categories = [
        await create("createCategory", "slug", slug=f"c{n}", name="C", team="sales")
        for n in range(2)
    ]
    user = {"email": "new@example.org", "displayName": "New"}
    upserted = {"email": "other@example.org", "displayName": "Other", "externalId": "x"}
    in_support = {"team": "support", "userId": world.ada.gid}
    return {
        "createUser": (user, {"displayName": "Newer"}),
        "updateUser": ({"userId": users[0], "displayName": "A"}, {"displayName": "B"}),
        "upsertUser": (upserted, {"displayName": "Others"}),
        "deactivateUser": ({"userId": users[1]}, {"userId": users[2]}),
        "reactivateUser": ({"userId": users[3]}, {"userId": users[2]}),
        "createOrganization": ({"name": "New"}, {"shared": True}),
        "updateOrganization": ({"organizationId": organizations[0], "name": "A"}, {"name": "B"}),
        "upsertOrganization": ({"externalId": "x", "name": "A"}, {"name": "B"}),
        "archiveOrganization": (
            {"organizationId": organizations[1]},
            {"organizationId": organizations[2]},
        ),
        "createTeam": ({"slug": "new", "name": "New"}, {"name": "Newer"}),
        "archiveTeam": ({"team": teams[0]}, {"team": teams[1]}),
        "addTeamMember": ({"team": "sales", "userId": world.ada.gid}, {"team": "billing"}),
        "removeTeamMember": (in_support, {"team": "billing"}),
        "createCategory": ({"slug": "new", "name": "New", "team": "sales"}, {"name": "Newer"}),
        "updateCategory": ({"category": "billing", "name": "A"}, {"name": "B"}),
        "archiveCategory": ({"category": categories[0]}, {"category": categories[1]}),
    }


async def test_every_admin_mutation_with_a_key_is_tested(admin: Client, world: World) -> None:
    schema = root.build()._schema
    assert schema.mutation_type is not None
    payloads = {
        name: getattr(field.type, "fields", {}).keys()
        for name, field in schema.mutation_type.fields.items()
    }
    keyed = {
        name for name, fields in payloads.items() if "replayed" in fields and "cursor" not in fields
    }
    # test_demo.py, test_tokens.py and test_read_marks.py test these three
    assert keyed == {
        *await build_inputs(admin, world),
        "advanceClock",
        "createApiToken",
        "markTicketRead",
        *MUTATIONS_TESTED_ELSEWHERE,
    }


async def test_a_repeated_key_returns_the_same_record_and_changes_nothing(
    admin: Client, world: World
) -> None:
    for count, (name, (arguments, other)) in enumerate(
        (await build_inputs(admin, world)).items(), 1
    ):
        first = await send_mutation(admin, name, **arguments, idempotencyKey="k")
        assert (first["userErrors"], first["replayed"]) == ([], False), name
        async with assert_nothing_stored():
            for _ in range(2):
                assert await send_mutation(admin, name, **arguments, idempotencyKey="k") == {
                    **first,
                    "replayed": True,
                }, name
        assert (
            await refusal_of(admin, name, **{**arguments, **other}, idempotencyKey="k")
            == KEY_REUSED
        ), name
        assert await IdempotencyKey.all().count() == count, "one key per mutation"


@pytest.mark.parametrize("name", CREATE_MUTATIONS)
async def test_concurrent_calls_with_one_key_create_one_record(admin: Client, name: str) -> None:
    arguments = {
        "createSlaCalendar": CALENDAR,
        "createSlaPolicy": await build_policy_input(admin),
        "createEscalationPath": PATH,
    }[name]
    before = await CREATE_MUTATIONS[name].all().count()
    answers = await asyncio.gather(
        *(send_mutation(admin, name, **arguments, idempotencyKey="k") for _ in range(8))
    )
    assert await CREATE_MUTATIONS[name].all().count() == before + 1
    accepted = [answer for answer in answers if not answer["userErrors"]]
    assert [answer["replayed"] for answer in accepted].count(False) == 1
    field = payload_field(name)[0]
    assert len({answer[field]["id"] for answer in accepted}) == 1
    refusals = {format_error(error) for answer in answers for error in answer["userErrors"]}
    assert refusals <= {"IDEMPOTENCY_IN_PROGRESS idempotencyKey"}
    assert (await send_mutation(admin, name, **arguments, idempotencyKey="k"))["replayed"] is True


async def test_a_replay_returns_the_current_state_of_the_record(admin: Client) -> None:
    policy = await build_policy_input(admin)
    created = await run_mutation(admin, "createSlaPolicy", **policy, idempotencyKey="k")
    changed = await run_mutation(
        admin, "updateSlaPolicy", policyId=created["id"], name="Silver", idempotencyKey="k"
    )
    archived = await run_mutation(
        admin, "archiveSlaPolicy", policyId=created["id"], idempotencyKey="k"
    )
    assert changed == {**created, "name": "Silver", "version": 2}
    again = await send_mutation(admin, "createSlaPolicy", **policy, idempotencyKey="k")
    assert (again["slaPolicy"], again["replayed"]) == (archived, True)
    assert archived == {**changed, "active": False, "version": 3}


async def test_a_key_belongs_to_one_caller(service: Service, world: World, admin: Client) -> None:
    machine = service.client(world.api_client_token)
    first = await send_mutation(admin, "createEscalationPath", **PATH, idempotencyKey="k")
    second = await send_mutation(machine, "createEscalationPath", **PATH, idempotencyKey="k")
    without = [
        await send_mutation(admin, "createEscalationPath", **PATH, idempotencyKey=None)
        for _ in range(2)
    ]
    paths = [first, second, *without]
    assert [path["replayed"] for path in paths] == [False] * 4
    assert len({path["escalationPath"]["id"] for path in paths}) == 4


async def test_a_caller_without_permission_gets_no_replay(
    service: Service, world: World, admin: Client
) -> None:
    await run_mutation(admin, "createEscalationPath", **PATH, idempotencyKey="k")
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refusal:
            await send_mutation(
                service.client(world.ada.token), "createEscalationPath", **PATH, idempotencyKey="k"
            )
    assert refusal.value.code == "FORBIDDEN"


async def test_equivalent_inputs_count_as_the_same_input(admin: Client) -> None:
    policy = await build_policy_input(admin)
    await run_mutation(admin, "createSlaPolicy", **policy, idempotencyKey="k")
    same = {**dict(reversed(policy.items())), "resolution": "PT480M", "team": None}
    payload = await send_mutation(admin, "createSlaPolicy", **same, idempotencyKey="k")
    assert payload["replayed"] is True
    assert (
        await refusal_of(
            admin, "createSlaPolicy", **{**same, "resolution": "PT481M"}, idempotencyKey="k"
        )
        == KEY_REUSED
    )


async def test_a_refused_call_does_not_use_its_key(admin: Client) -> None:
    assert (
        await refusal_of(
            admin, "createSlaCalendar", **{**CALENDAR, "name": " "}, idempotencyKey="k"
        )
        == "REQUIRED name"
    )
    for wrong in ("", "k" * 129, "a\0b"):
        assert (
            await refusal_of(admin, "createSlaCalendar", **CALENDAR, idempotencyKey=wrong)
            == "INVALID idempotencyKey"
        )
    payload = await send_mutation(admin, "createSlaCalendar", **CALENDAR, idempotencyKey="k")
    assert payload["replayed"] is False


async def test_a_key_can_be_used_again_after_a_day(service: Service, admin: Client) -> None:
    first = await run_mutation(admin, "createEscalationPath", **PATH, idempotencyKey="k")
    service.clock.advance(hours=23, minutes=59)
    payload = await send_mutation(admin, "createEscalationPath", **PATH, idempotencyKey="k")
    assert payload["replayed"] is True
    service.clock.advance(minutes=2)
    second = await send_mutation(
        admin, "createEscalationPath", **{**PATH, "name": "Other"}, idempotencyKey="k"
    )
    assert (second["replayed"], second["escalationPath"]["id"] != first["id"]) == (False, True)


async def forbid_second_key_per_mutation() -> None:
    """Make the last statement of a second keyed call fail: the one that stores the key."""
    await database.fetch_dicts("CREATE UNIQUE INDEX only_one ON idempotency_keys (mutation)")


@pytest.mark.parametrize("name", CREATE_MUTATIONS)
async def test_a_call_whose_key_cannot_be_stored_stores_nothing(
    service: Service, world: World, admin: Client, name: str
) -> None:
    arguments = {
        "createSlaCalendar": CALENDAR,
        "createSlaPolicy": await build_policy_input(admin),
        "createEscalationPath": PATH,
    }[name]
    await run_mutation(
        service.client(world.api_client_token),
        name,
        **{**arguments, "name": "The machine's"},
        idempotencyKey="k",
    )
    await forbid_second_key_per_mutation()
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refusal:
            await send_mutation(admin, name, **arguments, idempotencyKey="k")
        assert refusal.value.code == "INTERNAL"
    await database.fetch_dicts("DROP INDEX only_one")
    assert (await send_mutation(admin, name, **arguments, idempotencyKey="k"))["replayed"] is False


# The clock of the demo


async def advance_clock(client: Client, by: str, key: str | None) -> dict[str, Any]:
    return dict((await client.run(ADVANCE, by=by, key=key))["advanceClock"])


async def test_a_key_advances_the_clock_once_even_beyond_its_own_expiry(url: str) -> None:
    async with running(url, own_time=True, mode="demo", run_jobs=False) as service:
        client = service.client((await World.make()).root.token)
        first = await advance_clock(client, "P2D", "k")
        assert (first["replayed"], first["userErrors"]) == (False, [])
        async with assert_nothing_stored():
            again = await advance_clock(client, "PT48H", "k")
            assert (again["replayed"], again["userErrors"]) == (True, [])
            assert again["now"] >= first["now"]
            other = await advance_clock(client, "PT47H", "k")
            assert (other["now"], [format_error(error) for error in other["userErrors"]]) == (
                None,
                [KEY_REUSED],
            )
        assert await demo_clock.read_advance() == timedelta(days=2)
    async with running(url, own_time=True, mode="demo", run_jobs=False) as service:
        client = service.client(client.token)
        assert (await advance_clock(client, "P2D", "k"))["replayed"] is True, (
            "another process replays it too"
        )
        assert (await advance_clock(client, "P2D", None))["replayed"] is False
        assert await demo_clock.read_advance() == timedelta(days=4)


async def test_concurrent_advances_with_one_key_count_once(url: str) -> None:
    async with running(url, own_time=True, mode="demo", run_jobs=False) as service:
        client = service.client((await World.make()).root.token)
        answers = await asyncio.gather(*(advance_clock(client, "P2D", "k") for _ in range(8)))
        accepted = [answer for answer in answers if not answer["userErrors"]]
        assert [answer["replayed"] for answer in accepted].count(False) == 1
        refusals = {format_error(error) for answer in answers for error in answer["userErrors"]}
        assert refusals <= {"IDEMPOTENCY_IN_PROGRESS idempotencyKey"}
        assert await demo_clock.read_advance() == timedelta(days=2)


async def test_an_advance_that_is_rolled_back_has_no_effect(url: str) -> None:
    async with running(url, own_time=True, mode="demo", run_jobs=False) as service:
        world = await World.make()
        root, machine = service.client(world.root.token), service.client(world.api_client_token)
        before = await advance_clock(machine, "PT1S", "k")
        await forbid_second_key_per_mutation()
        async with assert_nothing_stored():
            with pytest.raises(Refused) as refusal:
                await advance_clock(root, "P300D", "k")
            assert refusal.value.code == "INTERNAL"
        await database.fetch_dicts("DROP INDEX only_one")
        after = await advance_clock(root, "PT1S", "k")
        assert after["replayed"] is False
        passed = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
        assert passed < timedelta(days=1), (
            "the process does not apply an advance that was never stored"
        )
