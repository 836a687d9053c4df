"""No approval may leave a screen behind whose browser does not know it."""

from __future__ import annotations

import pytest
from support import Client, Service
from support.admin_mutations import run_mutation
from support.wall import PAIRING_PATH, Screen

from models.wall.screen import SEEN_INTERVAL, WallPairing, WallScreen
from resolvers.wall import endpoints

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]
LIFETIME_SECONDS = 400 * 86_400


async def test_the_page_that_showed_the_code_keeps_its_session(screen: Screen, ada: Client) -> None:
    await screen.pair(ada)
    cookie = screen.keep_cookie(await screen.request_state("pairing"))
    assert int(cookie["max-age"]) == LIFETIME_SECONDS


async def test_the_session_is_renewed_each_time_that_the_screen_is_noted_as_seen(
    service: Service, screen: Screen, ada: Client
) -> None:
    await screen.pair(ada)
    state = await screen.read_state()
    service.clock.advance(seconds=SEEN_INTERVAL.total_seconds())
    cookie = screen.keep_cookie(await screen.request_state(state["revision"] + "x"))
    assert int(cookie["max-age"]) == LIFETIME_SECONDS
    assert "set-cookie" not in (await screen.request_state("x")).headers


async def test_an_approval_while_the_server_looks_the_screen_up_shows_the_board(
    screen: Screen, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await screen.open_pairing()
    has_pairing = endpoints.has_pairing

    async def approve_first(*arguments: object) -> bool:
        await run_mutation(ada, "approveWallScreen", code=code, name="Entrance")
        return await has_pairing(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(endpoints, "has_pairing", approve_first)
    assert (await screen.read_state("pairing"))["screen"]["name"] == "Entrance"


@pytest.mark.both_databases
async def test_an_approved_screen_that_asks_for_a_code_keeps_its_session(
    screen: Screen, ada: Client
) -> None:
    await screen.pair(ada)
    refused = await screen.send("POST", PAIRING_PATH)
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert "set-cookie" not in refused.headers
    assert (await WallPairing.all().count(), await WallScreen.all().count()) == (0, 1)
    assert (await screen.read_state())["screen"]["name"] == "Entrance"
