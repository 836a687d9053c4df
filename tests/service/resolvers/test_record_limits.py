"""Limits on stored records: each is a setting, and its refusal is counted under its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import pytest
from support import Client, Service, World
from support.accounts import PASSWORD, send, set_password, succeed
from support.admin_mutations import refusal_of, run_mutation
from support.assert_unchanged import assert_nothing_stored, refusals
from support.metrics import read_limit_counts
from support.presence_client import set_presence
from support.service import running

from models.core import ids, record_limits, time
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits
from models.directory.memberships import list_teams
from models.escalation.path import EscalationPath
from models.oidc.accounts import SignInError, SignInRefused, apply_groups, find_or_create_identity
from models.oidc.claims import Profile
from models.oidc.provider import Provider
from models.people.identity import Identity
from models.people.password import hash_password
from models.people.team import Membership, Team
from models.people.user import User
from models.sla.records import SlaCalendar
from models.tickets.read_marks import TicketReadMark
from settings.application import Settings, load

LIMITS: dict[str, Any] = {
    "max_tags_per_ticket": 2,
    "max_resources_per_ticket": 1,
    "max_links_per_ticket": 1,
    "max_watchers_per_ticket": 1,
    "max_participants_per_ticket": 1,
    "max_merged_tickets": 2,
    "max_shared_tickets_per_user": 1,
    "max_shared_tickets_per_organization": 1,
    "max_read_marks_per_user": 2,
    "max_domains_per_organization": 1,
    "max_teams": 4,
    "max_members_per_team": 1,
    "max_teams_per_user": 1,
    "max_categories": 4,
    "max_api_clients": 2,
    "max_api_tokens_per_owner": 1,
    "max_sessions_per_user": 2,
    "max_identities_per_user": 1,
    "max_sla_policies": 2,
    "max_sla_calendars": 2,
    "max_holidays_per_calendar": 1,
    "max_escalation_paths": 1,
    "max_steps_per_escalation_path": 1,
    "max_presence_windows_per_user": 1,
}
TICKET_MUTATIONS = {
    *("createTicket", "updateTicket", "linkTickets", "watchTicket", "mergeTickets", "addWatcher"),
}
SESSIONS = "{ viewer { sessions { current } } }"


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, run_jobs=False, **LIMITS) as service:
        yield service


async def counts_of(service: Service, world: World) -> Counter[str]:
    return await read_limit_counts(service, world.root.token, "limit_refusals")


async def expect_refusal(
    service: Service, world: World, limit: str, mutation: str, error: str, **input: Any
) -> None:
    """The mutation of an admin is refused, stores nothing, and counts one refusal."""
    admin, before = service.client(world.root.token), await counts_of(service, world)
    if mutation in TICKET_MUTATIONS:
        assert await refusals(admin, mutation, **input) == [error]
    else:
        assert (await refusal_of(admin, mutation, **input)).strip() == error
    assert await counts_of(service, world) - before == Counter({limit: 1})


def test_the_defaults_are_those_of_the_settings() -> None:
    for field in fields(RecordLimits):
        assert Settings.model_fields[field.name].default == field.default, field.name
    assert load(max_teams=7).record_limits.max_teams == 7


async def test_tags_and_resources_of_a_ticket_are_bounded(service: Service, world: World) -> None:
    values = {"subject": "s", "description": "d", "category": "technical"}
    resources = [{"kind": "k", "externalId": str(number)} for number in range(2)]
    too_much: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("ticket_tags", "INVALID tags", {"tags": ["a", "b", "c"]}),
        ("ticket_resources", "INVALID resources", {"resources": resources}),
    )
    for limit, error, more in too_much:
        await expect_refusal(service, world, limit, "createTicket", error, **values, **more)
    ada = service.client(world.ada.token)
    ticket = await ada.raise_ticket(tags=["a", "b"], resources=resources[:1])
    change = {"ticketId": ticket["id"], "addTags": ["c"]}
    await expect_refusal(service, world, "ticket_tags", "updateTicket", "INVALID addTags", **change)
    await ada.do("updateTicket", **change, removeTags=["a"])
    change = {"ticketId": ticket["id"], "addResources": resources[1:]}
    error, limit = "INVALID addResources", "ticket_resources"
    await expect_refusal(service, world, limit, "updateTicket", error, **change)
    await ada.do("updateTicket", **change, removeResources=resources[:1])


async def test_links_of_a_ticket_are_bounded(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    a, b, c, d = [str((await cora.raise_ticket())["id"]) for _ in range(4)]
    await ada.do("linkTickets", ticketId=a, otherId=b, kind="RELATED")
    await ada.do("linkTickets", ticketId=a, otherId=b, kind="RELATED")  # is there already
    for field, pair in (
        ("ticketId", {"ticketId": b, "otherId": c}),
        ("otherId", {"ticketId": c, "otherId": b}),
    ):
        error = f"INVALID {field}"
        link = {**pair, "kind": "RELATED"}
        await expect_refusal(service, world, "ticket_links", "linkTickets", error, **link)
    followed_up = {"subject": "s", "description": "d", "category": "technical", "followUpOf": a}
    error = "INVALID followUpOf"
    await expect_refusal(service, world, "ticket_links", "createTicket", error, **followed_up)
    await ada.do("unlinkTickets", ticketId=a, otherId=b)
    await ada.do("linkTickets", ticketId=c, otherId=b, kind="RELATED")
    await cora.raise_ticket(followUpOf=d)
    before = await counts_of(service, world)
    assert await refusals(cora, "createTicket", **{**followed_up, "followUpOf": d}) == [error]
    assert (await counts_of(service, world) - before) == Counter({"ticket_links": 1})


async def test_links_that_a_customer_does_not_see_never_refuse_a_follow_up(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    own = (await cora.raise_ticket())["id"]
    foreign = (await service.client(world.olga.token).raise_ticket())["id"]
    await ada.do("linkTickets", ticketId=own, otherId=foreign, kind="RELATED")
    assert (await cora.raise_ticket(followUpOf=own))["id"]


async def test_watchers_of_a_ticket_are_bounded_on_each_side(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    ticket = {"ticketId": (await cora.raise_ticket())["id"]}
    await ada.do("watchTicket", **ticket)
    await ada.do("watchTicket", **ticket)
    await cora.do("watchTicket", **ticket)  # does not notice the team's watcher
    error = "INVALID ticketId"
    await expect_refusal(service, world, "ticket_watchers", "watchTicket", error, **ticket)
    carl = service.client(world.carl.token)
    before = await counts_of(service, world)
    assert await refusals(carl, "watchTicket", **ticket) == [error]
    assert await counts_of(service, world) - before == Counter({"ticket_watchers": 1})
    await ada.do("unwatchTicket", **ticket)
    await service.client(world.root.token).do("watchTicket", **ticket)


async def test_sharing_by_added_watchers_is_bounded(service: Service, world: World) -> None:
    root, cora = service.client(world.root.token), service.client(world.cora.token)
    first, second, third = [str((await cora.raise_ticket())["id"]) for _ in range(3)]
    await root.do("addWatcher", ticketId=first, userId=world.olga.gid)
    one_more = {"ticketId": first, "userId": world.otto.gid}
    error = "INVALID ticketId"
    await expect_refusal(service, world, "ticket_watchers", "addWatcher", error, **one_more)
    await service.client(world.olga.token).do("unwatchTicket", ticketId=first)
    await expect_refusal(service, world, "ticket_participants", "addWatcher", error, **one_more)
    again = {"ticketId": second, "userId": world.olga.gid}
    await expect_refusal(service, world, "shared_tickets", "addWatcher", "INVALID userId", **again)
    await root.do("addWatcher", ticketId=third, userId=world.otto.gid)
    await root.do("addWatcher", ticketId=third, userId=world.bill.gid)  # the team's side
    await expect_refusal(
        service, world, "ticket_watchers", "addWatcher", error, ticketId=third, userId=world.ada.gid
    )


async def test_tickets_shared_with_an_organization_are_bounded(
    service: Service, world: World
) -> None:
    olga = service.client(world.olga.token)
    first, second = [str((await olga.raise_ticket())["id"]) for _ in range(2)]
    await olga.do("updateTicket", ticketId=first, sharedWithOrganization=True)
    one_more = {"ticketId": second, "sharedWithOrganization": True}
    error, limit = "INVALID sharedWithOrganization", "organization_shared_tickets"
    await expect_refusal(service, world, limit, "updateTicket", error, **one_more)
    await olga.do("updateTicket", ticketId=first, sharedWithOrganization=False)
    await olga.do("updateTicket", **one_more)


async def test_merges_are_bounded(service: Service, world: World) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    cora = service.client(world.cora.token)
    into, other, third, fourth = [str((await otto.raise_ticket())["id"]) for _ in range(4)]
    own = [str((await olga.raise_ticket())["id"]) for _ in range(2)]
    across = {"acrossRequesters": True}
    await ada.do("mergeTickets", ticketId=own[0], intoId=into, **across)
    merge = {"ticketId": (await cora.raise_ticket())["id"], "intoId": into, **across}
    error = "INVALID intoId"
    await expect_refusal(service, world, "ticket_participants", "mergeTickets", error, **merge)
    merge = {"ticketId": own[1], "intoId": other, **across}
    await expect_refusal(service, world, "shared_tickets", "mergeTickets", error, **merge)
    await root.do("unmergeTicket", ticketId=own[0])
    for key in (other, third):
        await ada.do("mergeTickets", ticketId=key, intoId=into)
    merge = {"ticketId": fourth, "intoId": into}
    await expect_refusal(service, world, "merged_tickets", "mergeTickets", error, **merge)


async def test_teams_categories_and_domains_are_bounded(service: Service, world: World) -> None:
    admin = service.client(world.root.token)
    await run_mutation(admin, "createTeam", slug="fourth", name="Fourth")
    await Team.create(slug="old", name="Old", active=False)
    team = {"slug": "fifth", "name": "Fifth"}
    await expect_refusal(service, world, "teams", "createTeam", "INVALID", **team)
    restored = {"team": "old", "active": True}
    await expect_refusal(service, world, "teams", "updateTeam", "INVALID", **restored)
    category = {"name": "C", "team": "fourth"}
    await run_mutation(admin, "createCategory", slug="fourth", **category)
    category["slug"] = "fifth"
    await expect_refusal(service, world, "categories", "createCategory", "INVALID", **category)
    name = {"name": "Two", "domains": ["a.example", "b.example"]}
    error, limit = "TOO_LONG domains", "organization_domains"
    await expect_refusal(service, world, limit, "createOrganization", error, **name)
    one = {"name": "One", "domains": ["a.example"]}
    organization = await run_mutation(admin, "createOrganization", **one)
    change = {"organizationId": organization["id"], "domains": name["domains"]}
    await expect_refusal(service, world, limit, "updateOrganization", error, **change)


async def test_teams_of_a_user_and_members_of_a_team_are_bounded(
    service: Service, world: World
) -> None:
    admin = service.client(world.root.token)
    await Membership.all().delete()
    await run_mutation(admin, "addTeamMember", team="support", userId=world.ada.gid)
    await run_mutation(admin, "addTeamMember", team="support", userId=world.ada.gid)
    more = {"team": "sales", "userId": world.ada.gid}
    await expect_refusal(service, world, "user_teams", "addTeamMember", "TOO_LONG userId", **more)
    teams = {"userId": world.bill.gid, "teams": ["sales", "billing"]}
    await expect_refusal(service, world, "user_teams", "updateUser", "TOO_LONG teams", **teams)
    full = {"team": "support", "userId": world.bill.gid}
    await expect_refusal(service, world, "team_members", "addTeamMember", "INVALID team", **full)
    teams = {"userId": world.bill.gid, "teams": ["support"]}
    await expect_refusal(service, world, "team_members", "updateUser", "INVALID teams", **teams)


async def test_clients_tokens_and_identities_are_bounded(service: Service, world: World) -> None:
    admin = service.client(world.root.token)
    before = await counts_of(service, world)
    client = (await succeed(admin, "createApiClient", displayName="One"))["apiClient"]
    token = {"name": "t", "scopes": ["tickets:read"], "clientId": client["id"]}
    created = await succeed(admin, "createApiToken", **token)
    for mutation, input in (
        ("createApiClient", {"displayName": "Two"}),
        ("createApiToken", token),
        ("rotateApiToken", {"tokenId": created["apiToken"]["id"]}),
    ):
        async with assert_nothing_stored():
            (error,) = (await send(admin, mutation, **input))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID", None), mutation
    identity = {"userId": world.ada.gid, "issuer": "https://login.example"}
    await run_mutation(admin, "linkIdentity", **identity, subject="one")
    refused = await refusal_of(admin, "linkIdentity", **identity, subject="two")
    assert refused == "INVALID userId"
    counted = Counter({"api_clients": 1, "api_tokens": 2, "identities": 1})
    assert await counts_of(service, world) - before == counted


@pytest.mark.without_default_policies
async def test_policies_calendars_and_escalation_paths_are_bounded(
    service: Service, world: World
) -> None:
    await EscalationPath.all().update(active=False)
    admin = service.client(world.root.token)
    for each in await SlaCalendar.filter(active=True):
        key = ids.encode(ids.SLA_CALENDAR, each.id)
        await run_mutation(admin, "archiveSlaCalendar", calendarId=key)
    day = [{"start": "09:00", "end": "17:00"}]
    calendar: dict[str, Any] = {"timeZone": "UTC", "week": [day] * 7}
    policy = {"calendarId": "", "resolution": "PT8H"}
    for number in range(LIMITS["max_sla_calendars"]):
        created = await run_mutation(admin, "createSlaCalendar", name=f"n{number}", **calendar)
        policy["calendarId"] = created["id"]
    for number in range(LIMITS["max_sla_policies"]):
        await run_mutation(admin, "createSlaPolicy", name=f"n{number}", **policy)
    step = {"after": "PT0S", "action": "NOTIFY_TEAM"}
    await run_mutation(admin, "createEscalationPath", **path_with([step]))
    for limit, mutation, error, values in (
        ("sla_calendars", "createSlaCalendar", "INVALID", {"name": "new", **calendar}),
        ("sla_policies", "createSlaPolicy", "INVALID", {"name": "new", **policy}),
        ("escalation_paths", "createEscalationPath", "INVALID", path_with([step])),
        ("escalation_steps", "createEscalationPath", "INVALID steps", path_with([step, step])),
    ):
        await expect_refusal(service, world, limit, mutation, error, **values)
    change = {"calendarId": policy["calendarId"], "holidays": ["2026-12-25", "2026-12-26"]}
    await expect_refusal(
        service, world, "calendar_holidays", "updateSlaCalendar", "TOO_LONG holidays", **change
    )


def path_with(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": "Ours", "trigger": "UNTOUCHED", "steps": steps}


async def test_the_oldest_window_of_a_user_gives_way(service: Service, world: World) -> None:
    before = await read_limit_counts(service, world.root.token, "record_limits_reached")
    ada, ticket = (
        service.client(world.ada.token),
        await service.client(world.cora.token).raise_ticket(),
    )
    await set_presence(ada, ticket, "WRITING", clientKey="first")
    service.clock.advance(seconds=1)
    assert await set_presence(ada, ticket, "LOOKING", clientKey="second") == {"Ada": "LOOKING"}
    after = await read_limit_counts(service, world.root.token, "record_limits_reached")
    assert after - before == Counter({"presence_windows": 1})


@pytest.mark.usefixtures("cheap_passwords")
async def test_the_oldest_sessions_and_read_marks_give_way(service: Service, world: World) -> None:
    before = await read_limit_counts(service, world.root.token, "record_limits_reached")
    await set_password("cora@example.com", hash_password(PASSWORD))
    tokens: list[str] = []
    for _ in range(3):
        service.clock.advance(seconds=1)
        signed_in = {"email": "cora@example.com", "password": PASSWORD}
        tokens.append((await succeed(service.client(), "signIn", **signed_in))["token"])
    assert (await service.client(tokens[0]).post(SESSIONS)).status_code == 401
    sessions = await service.client(tokens[2]).run(SESSIONS)
    assert len(sessions["viewer"]["sessions"]) == LIMITS["max_sessions_per_user"]
    cora, ada = service.client(tokens[2]), service.client(world.ada.token)
    for _ in range(3):
        await mark_read(ada, (await cora.raise_ticket())["id"])
    assert await TicketReadMark.filter(user_id=world.ada.id).count() == 2
    after = await read_limit_counts(service, world.root.token, "record_limits_reached")
    # the session that the World has made is the first one to end
    assert after - before == Counter({"sessions": 2, "read_marks": 1})


async def mark_read(client: Client, ticket_id: str) -> None:
    query = "mutation($i: MarkTicketReadInput!) { markTicketRead(input: $i) { replayed } }"
    await client.run(query, i={"ticketId": ticket_id})


async def test_a_sign_in_by_a_provider_does_not_exceed_the_limit_of_identities(
    world: World,
) -> None:
    issuer, at = "https://login.example", time.now()
    await Identity.create(issuer=issuer, subject="one", user_id=world.cora.id, created_at=at)
    provider = Provider(name="p", issuer=issuer, audiences=frozenset({"a"}))
    profile = Profile("cora@example.com", "Cora", None)
    changes = RecordChanges(RecordLimits(max_identities_per_user=1))
    before = record_limits.REACHED.copy()
    with pytest.raises(SignInRefused) as refused:
        await find_or_create_identity(provider, "two", profile, changes, at)
    assert refused.value.reason is SignInError.UNKNOWN_USER
    assert record_limits.REACHED - before == Counter({"identities": 1})


async def test_a_sign_in_by_a_provider_does_not_exceed_the_limit_of_members(world: World) -> None:
    user = await User.get(id=world.bill.id)
    groups = {"a": "support", "b": "sales"}
    provider = Provider(
        name="p", issuer="https://login.example", audiences=frozenset({"a"}), teams=groups
    )
    before = record_limits.REACHED.copy()
    changes = RecordChanges(RecordLimits(max_members_per_team=1))
    await apply_groups(provider, ["a", "b"], user, changes, time.now())
    assert [team.slug for team in await list_teams(user)] == ["billing", "sales"]
    assert record_limits.REACHED - before == Counter({"team_members": 1})
    (change,) = changes.changes
    assert change.values["teams"] == (["billing"], ["billing", "sales"])
