"""Settings of teams, and the availability of staff."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, person
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored

from models.core import ids
from models.people.team import Team
from models.people.user import Role, User

MISSING_ID = UUID(int=7)


async def test_update_team_changes_only_the_given_fields(admin: Client) -> None:
    updated = await run_mutation(admin, "updateTeam", team="support", assignsByLoad=True)
    assert (updated["slug"], updated["name"], updated["assignsByLoad"]) == (
        "support",
        "Support",
        True,
    )
    assert await run_mutation(admin, "updateTeam", team="support") == updated
    assert (
        await run_mutation(admin, "updateTeam", team="support", name=None, assignsByLoad=None)
        == updated
    )
    assert await run_mutation(admin, "updateTeam", team="support", name=" Help ") == {
        **updated,
        "name": "Help",
    }
    assert await run_mutation(admin, "updateTeam", team="support", assignsByLoad=False) == {
        **updated,
        "name": "Help",
        "assignsByLoad": False,
    }
    assert (await Team.get(slug="sales")).name == "Sales"


async def test_update_team_refuses_invalid_input(admin: Client) -> None:
    for fields, code in (
        ({"team": "nobody", "name": "x"}, "NOT_FOUND team"),
        ({"team": ""}, "NOT_FOUND team"),
        ({"team": "a\0"}, "NOT_FOUND team"),
        ({"team": "s" * 5000}, "NOT_FOUND team"),
        ({"team": "support", "name": " "}, "REQUIRED name"),
        ({"team": "support", "name": "n" * 201, "assignsByLoad": True}, "TOO_LONG name"),
        ({"team": "support", "name": "a\0"}, "INVALID name"),
    ):
        assert await refusal_of(admin, "updateTeam", **fields) == code, fields


async def test_two_concurrent_changes_of_a_team_both_take_effect(admin: Client) -> None:
    await asyncio.gather(
        run_mutation(admin, "updateTeam", team="support", name="Help"),
        run_mutation(admin, "updateTeam", team="support", assignsByLoad=True),
    )
    team = await Team.get(slug="support")
    assert (team.name, team.assigns_by_load) == ("Help", True)


async def test_staff_set_their_own_availability(
    service: Service, world: World, admin: Client
) -> None:
    ada = service.client(world.ada.token)
    away = await run_mutation(ada, "setAvailability", present=False)
    assert away == {"id": world.ada.gid, "displayName": "Ada", "present": False}
    assert await run_mutation(ada, "setAvailability", present=False, userId=world.ada.gid) == away
    assert (await User.get(id=world.ada.id)).present is False
    assert (await User.get(id=world.bill.id)).present is True
    assert (await run_mutation(ada, "setAvailability", present=True))["present"] is True


async def test_only_admins_set_the_availability_of_others(
    service: Service, world: World, admin: Client
) -> None:
    for client in (admin, service.client(world.api_client_token)):
        updated = await run_mutation(
            client, "setAvailability", present=False, userId=world.bill.gid
        )
        assert updated["present"] is False
        record = await run_mutation(client, "setAvailability", present=True, userId=world.bill.gid)
        assert record["present"] is True
    other = await api_client_token("Other", ["tickets:write", "tickets:read"])
    async with assert_nothing_stored():
        for token in (world.ada.token, other):
            for user_id in (
                world.bill.gid,
                world.cora.gid,
                ids.encode(ids.USER, MISSING_ID),
                "nonsense",
            ):
                with pytest.raises(Refused, match="FORBIDDEN"):
                    await send_mutation(
                        service.client(token), "setAvailability", present=False, userId=user_id
                    )
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send_mutation(service.client(world.cora.token), "setAvailability", present=False)


async def test_a_replay_is_forbidden_after_the_caller_lost_the_admin_role(
    service: Service, world: World, admin: Client
) -> None:
    arguments = {"userId": world.ada.gid, "present": False, "idempotencyKey": "away"}
    assert (await run_mutation(admin, "setAvailability", **arguments))["present"] is False
    await User.filter(id=world.root.id).update(role=Role.AGENT)
    with pytest.raises(Refused, match="FORBIDDEN"):
        await send_mutation(admin, "setAvailability", **arguments)


async def test_only_active_staff_have_an_availability(
    service: Service, world: World, admin: Client
) -> None:
    inactive = await person("gone", Role.AGENT)
    await User.filter(id=inactive.id).update(active=False)
    for user_id, code in (
        (world.cora.gid, "INVALID userId"),
        (inactive.gid, "INVALID userId"),
        (ids.encode(ids.USER, MISSING_ID), "NOT_FOUND userId"),
        (ids.encode(ids.TEAM, world.bill.id), "NOT_FOUND userId"),
        ("nonsense", "NOT_FOUND userId"),
        ("", "NOT_FOUND userId"),
    ):
        assert await refusal_of(admin, "setAvailability", present=False, userId=user_id) == code, (
            user_id
        )
    assert (
        await refusal_of(service.client(world.api_client_token), "setAvailability", present=False)
        == "REQUIRED userId"
    )


@pytest.mark.never_retried
async def test_customers_do_not_see_availability(
    service: Service, world: World, admin: Client
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
    query = """query($id: ID!) { ticket(id: $id) {
      assignee { present } requester { present } team { assignsByLoad } } }"""
    hidden = {
        "assignee": {"present": None},
        "requester": {"present": None},
        "team": {"assignsByLoad": None},
    }
    assert (await cora.run(query, id=ticket["id"]))["ticket"] == hidden
    shown = {
        "assignee": {"present": True},
        "requester": {"present": None},
        "team": {"assignsByLoad": False},
    }
    assert (await ada.run(query, id=ticket["id"]))["ticket"] == shown
