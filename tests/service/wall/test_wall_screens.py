"""The list of approved screens, and when screens end without a revocation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.wall import Screen

from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.people.user import User
from models.wall.screen import MAX_UNUSED_DAYS, WallScreen
from workers.cleanup import Cleanup

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]
SCREENS = "{ wallScreens { nodes { id approvedBy { id email } } } }"


async def list_screens(client: Client) -> list[dict[str, Any]]:
    return list((await client.run(SCREENS))["wallScreens"]["nodes"])


async def test_the_list_says_who_approved_a_screen(
    screen: Screen, ada: Client, world: World
) -> None:
    await screen.pair(ada)
    email = (await User.get(id=world.ada.id)).email
    assert [each["approvedBy"]["email"] for each in await list_screens(ada)] == [email]


@pytest.mark.parametrize(
    ("mutation", "input"),
    [("deactivateUser", {}), ("updateUser", {"role": "CUSTOMER", "teams": []})],
)
async def test_a_screen_ends_with_the_access_of_its_approver(
    mutation: str, input: dict[str, Any], service: Service, world: World, ada: Client
) -> None:
    root = service.client(world.root.token)
    screen, other = Screen(service), Screen(service)
    await screen.pair(ada)
    await other.pair(root)
    approver = (await list_screens(ada))[0]["approvedBy"]["id"]
    await run_mutation(root, mutation, userId=approver, **input)
    assert (await screen.request_state()).status_code == 401
    assert (await other.request_state()).status_code == 200
    entries = await AuditEntry.filter(record_kind=RecordKind.WALL_SCREEN).order_by("id")
    assert [each.action for each in entries] == ["approveWallScreen"] * 2 + [mutation]
    assert await WallScreen.all().count() == 1


@pytest.mark.parametrize("role", ["ADMIN", "AGENT"])
async def test_a_screen_stays_if_its_approver_stays_on_the_staff(
    role: str, service: Service, world: World, ada: Client, screen: Screen
) -> None:
    await screen.pair(ada)
    approver = (await list_screens(ada))[0]["approvedBy"]["id"]
    await run_mutation(service.client(world.root.token), "updateUser", userId=approver, role=role)
    assert (await screen.request_state()).status_code == 200


async def test_unused_screens_are_neither_listed_nor_kept_and_their_end_is_logged(
    service: Service, screen: Screen, ada: Client
) -> None:
    await screen.pair(ada)
    old = service.clock() - timedelta(days=MAX_UNUSED_DAYS, seconds=1)
    await WallScreen.all().update(last_seen_at=old)
    new = await Screen(service).pair(ada)
    assert [each["id"] for each in await list_screens(ada)] == [new]
    await Cleanup().run_once(service.clock(), 0)
    assert await WallScreen.all().count() == 1
    last = await AuditEntry.filter(record_kind=RecordKind.WALL_SCREEN).order_by("-id").first()
    assert last is not None
    assert (last.action, last.actor_user_id) == ("deleteUnusedWallScreen", None)
    assert last.changes["name"] == ["Entrance", None]
