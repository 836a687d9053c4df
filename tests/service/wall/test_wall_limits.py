"""Limits of pairings, and boards of teams that are reserved or archived."""

from __future__ import annotations

import asyncio

import pytest
from support import Client, Service, World
from support.admin_mutations import refusal_of, run_mutation
from support.live import until
from support.wall import Screen

from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core import ids, time
from models.people.team import Team
from models.wall import pairing
from models.wall.screen import WallPairing, WallScreen
from resolvers.wall import endpoints

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]


async def test_parallel_requests_open_no_more_pairings_than_the_limit(service: Service) -> None:
    count = 3 * pairing.MAX_OPEN_PER_NETWORK
    requests = [pairing.open_pairing("n", "w", None, time.now()) for _ in range(count)]
    results = await asyncio.gather(*requests, return_exceptions=True)
    refused = [each for each in results if isinstance(each, pairing.TooManyPairings)]
    assert len(refused) == count - pairing.MAX_OPEN_PER_NETWORK
    assert await WallPairing.all().count() == pairing.MAX_OPEN_PER_NETWORK


async def test_a_wide_network_can_not_open_all_pairings(service: Service) -> None:
    at = time.now()
    for number in range(pairing.MAX_OPEN_PER_WIDE_NETWORK):
        await pairing.open_pairing(f"2001:db8:0:{number:x}::/64", "2001:db8::/48", None, at)
    with pytest.raises(pairing.TooManyPairings):
        await pairing.open_pairing("2001:db8:0:ff::/64", "2001:db8::/48", None, at)
    await pairing.open_pairing("2001:db8:1::/64", "2001:db8:1::/48", None, at)


async def test_no_new_team_has_the_name_of_the_board_of_all_tickets(
    service: Service, world: World
) -> None:
    root = service.client(world.root.token)
    assert await refusal_of(root, "createTeam", slug="all", name="All") == "INVALID slug"


async def test_an_older_team_with_that_slug_gets_its_board_by_its_id(
    screen: Screen, ada: Client
) -> None:
    team = await Team.create(slug="all", name="Alliances")
    await screen.pair(ada, ids.encode(ids.TEAM, team.id))
    assert (await screen.read_state())["screen"]["team"] == "Alliances"


@pytest.mark.parametrize("mutation", ["archiveTeam", "updateTeam"])
async def test_the_screens_of_a_team_end_when_it_is_archived(
    mutation: str, service: Service, world: World, ada: Client
) -> None:
    root = service.client(world.root.token)
    await run_mutation(root, "createTeam", slug="events", name="Events")
    screen, other = Screen(service), Screen(service)
    await screen.pair(ada, "events")
    await other.pair(ada, "support")
    input = {"active": False} if mutation == "updateTeam" else {}
    await run_mutation(root, mutation, team="events", **input)
    assert (await screen.request_state()).status_code == 401
    assert (await other.request_state()).status_code == 200
    assert await WallScreen.all().count() == 1
    last = await AuditEntry.filter(record_kind=RecordKind.WALL_SCREEN).order_by("-id").first()
    assert last is not None
    assert last.action == mutation


async def test_a_screen_that_is_not_approved_waits_only_twice(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "LONG_POLL_SECONDS", 3600)
    await screen.open_pairing()
    waiting = [asyncio.create_task(screen.request_state("pairing")) for _ in range(4)]

    async def have_two_ended() -> bool:
        return sum(each.done() for each in waiting) == 2

    await until(have_two_ended)
    assert {each.result().status_code for each in waiting if each.done()} == {429}
    await WallPairing.all().delete()
    assert {each.status_code for each in await asyncio.gather(*waiting)} == {401, 429}
