"""The audit log over the API: entries, filters, pages, sign-ins, and no secrets."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.accounts import failed_sign_ins
from support.actors import api_client_token
from support.admin_mutations import WEEK, run_mutation, send_mutation
from support.audit_log import AUDIT_LOG, ENTRY_FIELDS, read_audit_log
from support.service import running

from models import database
from models.audit.entry import AuditEntry, Origin
from models.audit.storage import write_action
from models.core import ids
from models.core.time import now
from models.people.password import hash_password
from models.people.token import Token, hash_token
from models.people.user import User

pytestmark = pytest.mark.usefixtures("cheap_passwords", "without_jobs")
SECRET = "correct horse battery"
SIGN_IN = """mutation($input: SignInInput!) {
  signIn(input: $input) { token userErrors { message } } }"""
CREATE_TOKEN = """mutation($input: CreateApiTokenInput!) {
  createApiToken(input: $input) { apiToken { id } token userErrors { message } } }"""
REVOKE_TOKEN = """mutation($input: RevokeApiTokenInput!) {
  revokeApiToken(input: $input) { userErrors { message } } }"""


async def read_page(client: Client, **variables: Any) -> dict[str, Any]:
    return dict((await client.run(AUDIT_LOG, **variables))["auditLog"])


async def rename_team(admin: Client, *names: str) -> None:
    for name in names:
        await run_mutation(admin, "updateTeam", team="support", name=name)


async def sign_in(client: Client, email: str, password: str = SECRET) -> str | None:
    payload = await client.run(SIGN_IN, input={"email": email, "password": password})
    token: str | None = payload["signIn"]["token"]
    return token


async def test_an_entry_has_the_actor_the_record_and_the_changes(
    admin: Client, world: World
) -> None:
    calendar = await run_mutation(
        admin, "createSlaCalendar", name="Berlin", timeZone="Europe/Berlin", week=WEEK
    )
    policy = await run_mutation(
        admin,
        "createSlaPolicy",
        name="Gold",
        calendarId=calendar["id"],
        team="support",
        resolution="PT8H",
    )
    path = await run_mutation(
        admin,
        "createEscalationPath",
        name="Ours",
        trigger="UNTOUCHED",
        steps=[{"after": "PT0S", "action": "REASSIGN", "userId": world.ada.gid}],
    )
    await rename_team(admin, "Help")
    entries = await read_audit_log(admin)
    assert [entry["action"] for entry in entries] == [
        "updateTeam",
        "createEscalationPath",
        "createSlaPolicy",
        "createSlaCalendar",
    ]
    updated, path_entry, policy_entry, calendar_entry = entries
    assert updated["actor"] == {"__typename": "User", "displayName": "Root"}
    assert updated["address"] == "127.0.0.1"
    assert updated["requestId"]
    assert (updated["recordKind"], updated["record"]["__typename"]) == ("TEAM", "Team")
    assert updated["recordId"] == updated["record"]["id"]
    assert updated["changes"] == [
        {"field": "name", "from": "Support", "to": "Help", "fromItems": None, "toItems": None}
    ]
    assert policy_entry["recordId"] == policy["id"] == policy_entry["record"]["id"]
    values = {each["field"]: each["to"] for each in policy_entry["changes"]}
    assert values == {
        "name": "Gold",
        "position": values["position"],
        "team": updated["recordId"],
        "calendar": calendar["id"],
        "resolution": "PT8H",
        "atRiskPercent": "75",
        "active": "true",
        "createdAt": values["createdAt"],
    }
    steps = next(each for each in path_entry["changes"] if each["field"] == "steps")
    assert [json.loads(item) for item in steps["toItems"]] == [
        {"action": "reassign", "after": 0, "team": None, "user": world.ada.gid}
    ]
    assert path_entry["recordId"] == path["id"]
    week = next(each for each in calendar_entry["changes"] if each["field"] == "week")
    assert week["toItems"] == ["[[540,1020]]"] * 5 + ["[]"] * 2


async def test_a_policy_or_calendar_that_stays_the_same_leaves_no_entry(admin: Client) -> None:
    calendar = await run_mutation(
        admin, "createSlaCalendar", name="Berlin", timeZone="Europe/Berlin", week=WEEK
    )
    policy = await run_mutation(
        admin, "createSlaPolicy", name="Gold", calendarId=calendar["id"], resolution="PT8H"
    )
    count = await AuditEntry.all().count()
    await run_mutation(
        admin, "updateSlaCalendar", calendarId=calendar["id"], name="Berlin", week=WEEK
    )
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT8H")
    assert await AuditEntry.all().count() == count
    # The terms of its policies follow from the calendar, so they have no entry of their own.
    await run_mutation(admin, "updateSlaCalendar", calendarId=calendar["id"], timeZone="UTC")
    assert await AuditEntry.all().count() == count + 1


async def test_filters_select_entries_and_combine(
    service: Service, world: World, admin: Client
) -> None:
    integration = service.client(world.api_client_token)
    await rename_team(admin, "First")
    await rename_team(integration, "Second")
    service.clock.advance(days=2)
    await run_mutation(admin, "setAvailability", userId=world.ada.gid, present=False)
    everything = await read_audit_log(admin)
    newest, by_machine, oldest = everything
    viewer = (await integration.run("{ viewer { apiClient { id } } }"))["viewer"]
    machine_id = viewer["apiClient"]["id"]
    cases: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({}, everything),
        ({"actorId": world.root.gid}, [newest, oldest]),
        ({"actorId": machine_id}, [by_machine]),
        ({"actorId": world.ada.gid}, []),
        ({"actorId": by_machine["recordId"]}, []),
        ({"actorId": ""}, []),
        ({"actions": ["updateTeam"]}, [by_machine, oldest]),
        ({"actions": ["updateTeam", "setAvailability", "\x00"]}, everything),
        ({"actions": []}, []),
        ({"recordKind": "USER"}, [newest]),
        ({"recordId": world.ada.gid}, [newest]),
        ({"recordId": newest["id"]}, []),
        ({"recordId": "dir_1"}, []),
        ({"recordId": "' OR 1=1 --"}, []),
        ({"occurredAt": {"within": "P1D"}}, [newest]),
        ({"occurredAt": {"olderThan": "P1D"}}, [by_machine, oldest]),
        ({"occurredAt": {"lt": by_machine["occurredAt"]}}, [oldest]),
        (
            {
                "occurredAt": {"gte": oldest["occurredAt"], "lte": by_machine["occurredAt"]},
                "actorId": world.root.gid,
            },
            [oldest],
        ),
        (
            {
                "actorId": None,
                "actions": None,
                "recordKind": None,
                "recordId": None,
                "occurredAt": None,
            },
            everything,
        ),
        ({"occurredAt": {"gt": None, "null": False}}, everything),
    ]
    for filter, expected in cases:
        page = await read_page(admin, filter=filter)
        assert page["nodes"] == expected, filter
        assert page["totalCount"] == len(expected)


async def test_a_filter_beyond_the_limits_is_refused(admin: Client) -> None:
    for filter in (
        {"actions": ["x"] * 1001},
        {"occurredAt": {"within": "P999999D"}},
    ):
        with pytest.raises(Refused) as refused:
            await read_page(admin, filter=filter)
        assert refused.value.code in ("BAD_REQUEST", "QUERY_TOO_EXPENSIVE"), filter


async def test_pages_go_in_both_directions_while_entries_are_added(admin: Client) -> None:
    await rename_team(admin, *"ABCDE")
    entries = await read_audit_log(admin)
    assert [entry["changes"][0]["to"] for entry in entries] == list("EDCBA")
    first = await read_page(admin, first=2)
    assert first["nodes"] == entries[:2]
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    await rename_team(admin, "F")
    second = await read_page(admin, first=2, after=first["pageInfo"]["endCursor"])
    assert second["nodes"] == entries[2:4]
    assert second["pageInfo"]["hasPreviousPage"]
    back = await read_page(admin, last=2, before=second["pageInfo"]["startCursor"])
    assert back["nodes"] == entries[:2]
    assert (await read_page(admin, last=1))["nodes"] == entries[4:]
    for after in ("", "x", "0000000000000001", "a" * 10_000, "\x00", "é"):
        with pytest.raises(Refused) as refused:
            await read_page(admin, after=after)
        assert refused.value.code == "CURSOR_INVALID", after[:20]


async def test_node_finds_an_entry_for_admins_only(
    service: Service, world: World, admin: Client
) -> None:
    await rename_team(admin, "Help")
    (entry,) = await read_audit_log(admin)
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on AuditEntry {{ {ENTRY_FIELDS} }} }} }}"
    for client in (admin, service.client(world.api_client_token)):
        assert (await client.run(query, id=entry["id"]))["node"] == entry
    for person in (world.ada, world.cora):
        assert (await service.client(person.token).run(query, id=entry["id"]))["node"] is None
    for id in ("aud_", "aud_1", f"aud_{ids.new_id()}", f"AUD_{entry['id'][4:]}"):
        assert (await admin.run(query, id=id))["node"] is None


async def test_sign_ins_failures_and_sign_outs_are_recorded(
    service: Service, world: World, admin: Client
) -> None:
    await User.filter(id=world.ada.id).update(password_hash=hash_password(SECRET))
    stranger = service.client()
    assert await sign_in(stranger, "ada@example.com", "wrong") is None
    assert await failed_sign_ins(1) == [world.ada.id]
    assert await sign_in(stranger, "nobody@example.com") is None
    token = await sign_in(stranger, "ada@example.com")
    twice = "mutation { a: signOut { userErrors { code } } b: signOut { userErrors { code } } }"
    await service.client(token).run(twice)
    entries = await read_audit_log(admin)
    assert [entry["action"] for entry in entries] == ["signOut", "signIn", "signInFailed"]
    ada = {"__typename": "User", "displayName": "Ada"}
    assert [entry["actor"] for entry in entries] == [ada, ada, None]
    for entry in entries:
        assert (entry["recordKind"], entry["recordId"]) == ("USER", world.ada.gid)
        assert entry["address"] == "127.0.0.1"
        assert entry["requestId"]
        assert entry["changes"] == []


async def test_a_failed_sign_in_of_a_deactivated_user_is_recorded(
    service: Service, world: World
) -> None:
    await User.filter(id=world.ada.id).update(password_hash=hash_password(SECRET), active=False)
    assert await sign_in(service.client(), "ada@example.com") is None
    await failed_sign_ins(1)
    (entry,) = await AuditEntry.all()
    assert (entry.action, entry.record_id, entry.is_anonymous) == (
        "signInFailed",
        world.ada.id,
        True,
    )


async def test_attempts_that_must_wait_leave_no_entry(url: str) -> None:
    async with running(url, max_sign_in_attempts=2, run_jobs=False) as service:
        service.clock.stop()  # the first delay is a second
        await User.create(email="ada@example.com", display_name="Ada")
        for _ in range(2):
            assert await sign_in(service.client(), "ada@example.com") is None
        with pytest.raises(Refused) as refused:
            await sign_in(service.client(), "ada@example.com")
        assert refused.value.code == "RATE_LIMITED"
        assert len(await failed_sign_ins(2)) == 2


async def test_signing_out_with_an_api_token_records_its_revocation(
    service: Service, world: World, admin: Client
) -> None:
    integration = service.client(world.api_client_token)
    await integration.run("mutation { signOut { userErrors { message } } }")
    (entry,) = await read_audit_log(admin)
    token = await Token.get(digest=hash_token(world.api_client_token))
    assert entry["actor"]["__typename"] == "ApiClient"
    assert (entry["recordKind"], entry["recordId"]) == ("API_TOKEN", f"tok_{token.id}")
    assert [each["field"] for each in entry["changes"]] == ["revokedAt"]


async def test_api_tokens_are_recorded_without_their_secrets(
    service: Service, world: World, admin: Client
) -> None:
    await User.filter(id=world.ada.id).update(password_hash=hash_password(SECRET))
    session = await sign_in(service.client(), "ada@example.com")
    ada = service.client(session)
    created = (await ada.run(CREATE_TOKEN, input={"name": "CI", "scopes": ["tickets:read"]}))[
        "createApiToken"
    ]
    for _ in range(2):
        await ada.run(REVOKE_TOKEN, input={"tokenId": created["apiToken"]["id"]})
    entries = await read_audit_log(admin, filter={"recordKind": "API_TOKEN"})
    assert [entry["action"] for entry in entries] == ["revokeApiToken", "createApiToken"]
    assert {entry["recordId"] for entry in entries} == {created["apiToken"]["id"]}
    assert [each["field"] for each in entries[0]["changes"]] == ["revokedAt"]
    scopes = next(each for each in entries[1]["changes"] if each["field"] == "scopes")
    assert scopes["toItems"] == ["tickets:read"]
    user = await User.get(id=world.ada.id)
    secrets = [SECRET, user.password_hash, session, created["token"]]
    secrets += [token.digest for token in await Token.all()]
    await assert_logs_lack(*secrets)


async def assert_logs_lack(*secrets: str | None) -> None:
    """Fail if a secret is in any column of the audit log or of the directory's events."""
    rows: list[dict[str, Any]] = []
    for table in ("audit_entries", "directory_events"):
        rows += await database.fetch_dicts(f"SELECT * FROM {table}")
    stored = str(rows)
    assert rows
    for secret in secrets:
        assert secret
        assert secret not in stored


async def test_an_entry_of_a_record_that_is_gone_keeps_its_id(admin: Client, world: World) -> None:
    user = await User.create(email="gone@example.com", display_name="Gone")
    await write_action(Origin("deleted"), now(), record=user)
    await user.delete()
    (entry,) = await read_audit_log(admin)
    assert entry["actor"] == {"__typename": "System", "displayName": "Ticketwire"}
    assert (entry["recordId"], entry["record"]) == (ids.encode(ids.USER, user.id), None)
    assert (entry["address"], entry["requestId"]) == (None, None)


async def test_records_that_the_viewer_may_not_see_are_null(
    service: Service, world: World, admin: Client
) -> None:
    await run_mutation(admin, "setAvailability", userId=world.ada.gid, present=False)
    narrow = service.client(await api_client_token("Narrow", ["admin"]))
    (entry,) = await read_audit_log(narrow)
    assert entry["record"] is None
    assert entry["recordId"] == world.ada.gid


async def test_refused_mutations_leave_no_entry(admin: Client) -> None:
    payload = await send_mutation(admin, "updateTeam", team="nothing", name="X")
    assert payload["userErrors"]
    assert await AuditEntry.all().count() == 0


async def test_the_time_of_an_entry_is_that_of_the_clock(service: Service, admin: Client) -> None:
    service.clock.advance(days=3)
    await rename_team(admin, "Help")
    (entry,) = await AuditEntry.all()
    assert entry.occurred_at - now() > timedelta(days=2, hours=23)
