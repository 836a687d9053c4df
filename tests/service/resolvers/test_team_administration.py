"""Teams, members and the tree of categories."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from support import Client, Service, World
from support.actors import person
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import refusals
from support.audit import audit
from support.live import until

from models.audit.entry import AuditEntry
from models.core import ids
from models.directory import categories, memberships, teams
from models.people.team import Category, Team
from models.people.user import Role, User
from models.tickets.ticket import Ticket

MISSING_USER = ids.encode(ids.USER, UUID(int=7))


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def test_a_team_is_created_and_gets_members(admin: Client, world: World) -> None:
    created = await run_mutation(admin, "createTeam", slug="field-2", name=" Field ")
    assert created == {
        "id": created["id"],
        "slug": "field-2",
        "name": "Field",
        "assignsByLoad": False,
        "active": True,
        "version": 1,
        "members": [],
    }
    member = {"team": "field-2", "userId": world.ada.gid}
    for _ in range(2):
        team = await run_mutation(admin, "addTeamMember", **member)
        assert team["members"] == [{"displayName": "Ada"}]
    assert (await User.get(id=world.ada.id)).version == 2
    for _ in range(2):
        assert (await run_mutation(admin, "removeTeamMember", **member))["members"] == []
    changes = [each.changes for each in await AuditEntry.filter(record_id=world.ada.id)]
    assert {"teams": [["support"], ["field-2", "support"]]} in changes
    assert len(changes) == 2


async def test_invalid_teams_and_members_are_refused(
    admin: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Team.create(slug="old", name="Old", active=False)
    gone = await person("gone", Role.AGENT)
    await User.filter(id=gone.id).update(active=False)
    for slug, code in (
        ("support", "TAKEN"),
        ("old", "TAKEN"),
        (" ", "REQUIRED"),
        ("Upper", "INVALID"),
        ("two words", "INVALID"),
        ("-x", "INVALID"),
        ("x--y", "INVALID"),
        ("x" * 65, "TOO_LONG"),
        ("ü", "INVALID"),
    ):
        assert await refusal_of(admin, "createTeam", slug=slug, name="X") == f"{code} slug", slug
        category = {"slug": slug, "name": "X", "team": "support"}
        if slug not in ("support", "old"):
            assert await refusal_of(admin, "createCategory", **category) == f"{code} slug", slug
    assert await refusal_of(admin, "createTeam", slug="x", name=" ") == "REQUIRED name"
    for user_id, code in (
        (world.cora.gid, "INVALID userId"),
        (gone.gid, "INVALID userId"),
        (MISSING_USER, "NOT_FOUND userId"),
        ("nonsense", "NOT_FOUND userId"),
    ):
        member = {"team": "support", "userId": user_id}
        assert await refusal_of(admin, "addTeamMember", **member) == code
    for team, code in (("old", "INVALID team"), ("nowhere", "NOT_FOUND team")):
        member = {"team": team, "userId": world.ada.gid}
        assert await refusal_of(admin, "addTeamMember", **member) == code
    monkeypatch.setattr(memberships, "MAX_TEAMS", 1)
    member = {"team": "sales", "userId": world.ada.gid}
    assert await refusal_of(admin, "addTeamMember", **member) == "TOO_LONG userId"
    monkeypatch.setattr(teams, "MAX_ACTIVE_TEAMS", 3)
    assert await refusal_of(admin, "createTeam", slug="x", name="X") == "INVALID"
    assert await refusal_of(admin, "updateTeam", team="old", active=True) == "INVALID"
    monkeypatch.setattr(categories, "MAX_ACTIVE_CATEGORIES", 3)
    category = {"slug": "x", "name": "X", "team": "support"}
    assert await refusal_of(admin, "createCategory", **category) == "INVALID"


async def test_a_team_in_use_is_archived_only_with_a_target(
    service: Service, admin: Client, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket(category="billing")
    await admin.do("assignTicket", ticketId=ticket["id"], assigneeId=world.bill.gid)
    for arguments, code in (
        ({"team": "billing"}, "INVALID team"),
        ({"team": "billing", "transferTo": "billing"}, "INVALID transferTo"),
        ({"team": "billing", "transferTo": "nowhere"}, "NOT_FOUND transferTo"),
        ({"team": "nowhere"}, "NOT_FOUND team"),
        ({"team": "billing", "expectedVersion": 5}, "STALE_VERSION expectedVersion"),
    ):
        assert await refusal_of(admin, "archiveTeam", **arguments) == code
    code = await refusal_of(admin, "updateTeam", team="billing", active=False)
    assert code == "INVALID active"
    await run_mutation(admin, "updateCategory", category="billing", team="support")
    assert await refusal_of(admin, "archiveTeam", team="billing") == "INVALID team"
    archived = await run_mutation(admin, "archiveTeam", team="billing", transferTo="support")
    assert archived["active"] is False
    key = ids.key_of(ids.TICKET, ticket["id"])
    support = await Team.get(slug="support")

    async def is_transferred() -> bool:
        stored = await Ticket.get(id=key)
        return stored.team_id == support.id and stored.assignee_id is None

    await until(is_transferred)
    listed = await admin.run("{ teams { slug } all: teams(includeInactive: true) { slug } }")
    assert [each["slug"] for each in listed["teams"]] == ["sales", "support"]
    assert [each["slug"] for each in listed["all"]] == ["billing", "sales", "support"]
    assert await refusals(admin, "transferTicket", ticketId=ticket["id"], team="billing") == [
        "INVALID team"
    ]
    kept = await run_mutation(
        admin, "updateUser", userId=world.bill.gid, teams=["billing", "sales"]
    )
    assert kept["teams"] == [{"slug": "billing"}, {"slug": "sales"}]
    code = await refusal_of(admin, "updateUser", userId=world.ada.gid, teams=["billing"])
    assert code == "INVALID teams"
    assert await refusal_of(admin, "archiveTeam", team="sales", transferTo="billing") == (
        "INVALID transferTo"
    )
    assert (await run_mutation(admin, "updateTeam", team="billing", active=True))["slug"]
    assert (await Team.get(slug="billing")).successor_id is None
    await audit()


async def test_an_unused_team_is_archived_without_a_target(admin: Client) -> None:
    await run_mutation(admin, "createTeam", slug="new", name="New")
    assert not (await run_mutation(admin, "archiveTeam", team="new"))["active"]
    assert not (await run_mutation(admin, "archiveTeam", team="new"))["active"]
    category = {"slug": "x", "name": "X", "team": "new"}
    assert await refusal_of(admin, "createCategory", **category) == "INVALID team"


async def test_categories_form_a_tree_of_two_levels(admin: Client) -> None:
    child = await run_mutation(
        admin, "createCategory", slug="vpn", name="VPN", team="support", parent="technical"
    )
    assert child == {
        "id": child["id"],
        "slug": "vpn",
        "name": "VPN",
        "team": {"slug": "support"},
        "parent": {"slug": "technical"},
        "active": True,
        "version": 1,
    }
    new = {"slug": "x", "name": "X", "team": "support"}
    for parent, code in (
        ("vpn", "INVALID parent"),
        ("nowhere", "NOT_FOUND parent"),
        ("", "NOT_FOUND parent"),
    ):
        assert await refusal_of(admin, "createCategory", **new, parent=parent) == code
    for category, parent in (("technical", "sales"), ("vpn", "vpn"), ("technical", "technical")):
        arguments = {"category": category, "parent": parent}
        assert await refusal_of(admin, "updateCategory", **arguments) == "INVALID parent"
    code = await refusal_of(admin, "archiveCategory", category="technical")
    assert code == "INVALID category"
    moved = await run_mutation(admin, "updateCategory", category="vpn", parent="sales")
    assert moved["parent"] == {"slug": "sales"}
    top = await run_mutation(admin, "updateCategory", category="vpn", parent=None, name="V")
    assert (top["parent"], top["name"], top["version"]) == (None, "V", 3)
    code = await refusal_of(admin, "updateCategory", category="vpn", expectedVersion=1)
    assert code == "STALE_VERSION expectedVersion"


async def test_two_categories_cannot_become_parents_of_each_other(admin: Client) -> None:
    payloads = await asyncio.gather(
        send_mutation(admin, "updateCategory", category="sales", parent="billing"),
        send_mutation(admin, "updateCategory", category="billing", parent="sales"),
    )
    codes = [[error["code"] for error in each["userErrors"]] for each in payloads]
    assert sorted(codes) == [[], ["INVALID"]]


async def test_an_archived_category_is_only_kept(
    service: Service, admin: Client, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket(category="sales")
    assert not (await run_mutation(admin, "archiveCategory", category="sales"))["active"]
    new = {"subject": "s", "description": "d", "category": "sales"}
    assert await refusals(cora, "createTicket", **new) == ["INVALID category"]
    other = await cora.raise_ticket(category="technical")
    update = {"ticketId": other["id"], "category": "sales"}
    assert await refusals(admin, "updateTicket", **update) == ["INVALID category"]
    kept = await admin.do(
        "updateTicket", ticketId=ticket["id"], category="sales", subject="Another"
    )
    assert kept["ticket"]["category"] == {"slug": "sales"}
    found = await admin.run(
        "{ categories { slug } all: categories(includeInactive: true) { slug } }"
    )
    assert [each["slug"] for each in found["categories"]] == ["billing", "technical"]
    assert [each["slug"] for each in found["all"]] == ["billing", "sales", "technical"]
    await run_mutation(admin, "archiveTeam", team="sales", transferTo="support")
    support = await Team.get(slug="support")
    await until(lambda: Ticket.exists(id=ids.key_of(ids.TICKET, ticket["id"]), team=support))
    await Category.filter(slug="sales").update(team=await Team.get(slug="sales"))
    code = await refusal_of(admin, "updateCategory", category="sales", active=True)
    assert code == "INVALID active"
    restored = await run_mutation(
        admin, "updateCategory", category="sales", active=True, team="support"
    )
    assert (restored["active"], restored["team"]) == (True, {"slug": "support"})
    await cora.raise_ticket(category="sales")
