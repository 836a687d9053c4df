"""Pairing a wallboard screen: codes, their limits, and who may approve and revoke."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from support import Client, Refused, Service, World
from support.actors import token_of
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.metrics import read_limit_counts, scrape
from support.wall import PAIRING_PATH, Screen

from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.people.user import User
from models.wall import pairing
from models.wall.screen import MAX_UNUSED_DAYS, WallPairing, WallScreen
from workers.cleanup import Cleanup

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]
SCREENS = "{ wallScreens { nodes { id name team { slug } } } }"


async def test_a_screen_gets_its_board_once_staff_have_approved_its_code(
    screen: Screen, ada: Client
) -> None:
    code = await screen.open_pairing()
    assert re.fullmatch("[A-HJKMNP-Z2-9]{8}", code)
    assert (await screen.read_state())["pairing"] == {"code": code}
    shown = f"{code[:4]}-{code[4:]}".lower()
    approved = await run_mutation(ada, "approveWallScreen", code=shown, name="Entrance")
    assert (approved["name"], approved["team"]) == ("Entrance", None)
    state = await screen.read_state()
    assert state["screen"] == {"name": "Entrance", "board": "all", "team": None}
    assert [each["id"] for each in (await ada.run(SCREENS))["wallScreens"]["nodes"]] == [
        approved["id"]
    ]


async def test_the_cookie_is_of_its_own_and_scripts_can_not_read_it(
    screen: Screen, ada: Client
) -> None:
    cookie = screen.keep_cookie(await screen.send("POST", PAIRING_PATH))
    assert (cookie.key, cookie["path"], cookie["samesite"]) == ("ticketwire-wall", "/", "Lax")
    assert (cookie["httponly"], int(cookie["max-age"])) == (True, 86_400)
    await screen.pair(ada)
    renewed = screen.keep_cookie(await screen.request_state())
    assert (renewed["httponly"], int(renewed["max-age"])) == (True, 400 * 86_400)
    assert "set-cookie" not in (await screen.request_state("0123456789abcdef")).headers
    secure = Screen(screen.service, "https://support.example.com")
    cookie = secure.keep_cookie(await secure.send("POST", PAIRING_PATH))
    assert (cookie.key, cookie["secure"]) == ("__Host-ticketwire-wall", True)


async def test_neither_codes_nor_secrets_are_stored(screen: Screen, ada: Client) -> None:
    code = await screen.open_pairing()
    secret = str(screen.cookie).partition("=")[2]
    row = str((await WallPairing.all().values())[0])
    assert [each for each in (code, secret, "127.0.0.1") if each in row] == []
    await run_mutation(ada, "approveWallScreen", code=code, name="Entrance")
    assert secret not in str((await WallScreen.all().values())[0])
    assert await WallPairing.all().count() == 0


async def test_a_code_counts_once(screen: Screen, ada: Client) -> None:
    code = await screen.open_pairing()
    await run_mutation(ada, "approveWallScreen", code=code, name="Entrance")
    assert await refusal_of(ada, "approveWallScreen", code=code, name="X") == "NOT_FOUND code"


async def test_a_code_expires(service: Service, screen: Screen, ada: Client) -> None:
    code = await screen.open_pairing()
    service.clock.advance(minutes=10, seconds=1)
    assert await refusal_of(ada, "approveWallScreen", code=code, name="X") == "NOT_FOUND code"
    assert (await screen.request_state()).status_code == 401
    await screen.open_pairing()
    assert await WallPairing.all().count() == 1, "the expired one is deleted"


@pytest.mark.parametrize(
    ("input", "error"),
    [
        ({"code": "AAAAAAAA"}, "NOT_FOUND code"),
        ({"code": ""}, "NOT_FOUND code"),
        ({"code": "\x00'; --" * 1000}, "NOT_FOUND code"),
        ({"name": "  "}, "REQUIRED name"),
        ({"name": "x" * 201}, "TOO_LONG name"),
        ({"board": "nowhere"}, "NOT_FOUND board"),
        ({"board": ""}, "NOT_FOUND board"),
    ],
)
async def test_wrong_input_is_refused_and_the_code_stays_valid(
    input: dict[str, str], error: str, screen: Screen, ada: Client
) -> None:
    code = await screen.open_pairing()
    valid = {"code": code, "name": "Entrance", "board": "support"}
    assert await refusal_of(ada, "approveWallScreen", **{**valid, **input}) == error
    assert (await screen.read_state())["pairing"] == {"code": code}
    assert (await run_mutation(ada, "approveWallScreen", **valid))["team"] == {"slug": "support"}


async def test_only_staff_with_a_session_approve_list_and_revoke(
    service: Service, world: World, screen: Screen, ada: Client, cora: Client
) -> None:
    paired = await Screen(service).pair(ada)
    code = await screen.open_pairing()
    api_token = await token_of(await User.get(id=world.ada.id), ["tickets:read", "tickets:write"])
    others = (
        cora,
        service.client(),
        service.client(world.api_client_token),
        service.client(api_token),
    )
    for client in others:
        async with assert_nothing_stored():
            for mutation, input in (
                ("approveWallScreen", {"code": code, "name": "X"}),
                ("revokeWallScreen", {"screenId": paired}),
            ):
                with pytest.raises(Refused, match=r"FORBIDDEN|UNAUTHENTICATED"):
                    await send_mutation(client, mutation, **input)
            with pytest.raises(Refused, match=r"FORBIDDEN|UNAUTHENTICATED"):
                await client.run(SCREENS)
        query = f'{{ node(id: "{paired}") {{ ... on WallScreen {{ name }} }} }}'
        assert (await client.answer(query)).get("data", {"node": None})["node"] is None
    await run_mutation(service.client(world.root.token), "approveWallScreen", code=code, name="X")


async def test_approvals_and_revocations_are_in_the_audit_log(
    screen: Screen, ada: Client, world: World
) -> None:
    screen_id = await screen.pair(ada, "support")
    await send_mutation(ada, "revokeWallScreen", screenId=screen_id)
    entries = await AuditEntry.filter(record_kind=RecordKind.WALL_SCREEN).order_by("id")
    assert [each.action for each in entries] == ["approveWallScreen", "revokeWallScreen"]
    assert {each.actor_user_id for each in entries} == {world.ada.id}
    assert "digest" not in str([each.changes for each in entries])
    assert await refusal_of(ada, "revokeWallScreen", screenId=screen_id) == "NOT_FOUND screenId"


async def test_a_screen_that_asks_again_gets_the_same_code(
    service: Service, screen: Screen, ada: Client
) -> None:
    codes = {await screen.open_pairing() for _ in range(pairing.MAX_OPEN_PER_NETWORK + 2)}
    assert len(codes) == await WallPairing.all().count() == 1
    service.clock.advance(minutes=11)
    assert (await screen.open_pairing()) not in codes
    assert await refusal_of(ada, "approveWallScreen", code=codes.pop(), name="X") == (
        "NOT_FOUND code"
    )


async def test_a_network_and_all_together_open_a_limited_number_of_pairings(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await read_limit_counts(service, world.root.token, "limit_refusals")
    for _ in range(pairing.MAX_OPEN_PER_NETWORK):
        await Screen(service).open_pairing()
    async with assert_nothing_stored():
        refused = await Screen(service).send("POST", PAIRING_PATH)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "600")
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert "set-cookie" not in refused.headers
    monkeypatch.setattr(pairing, "MAX_OPEN_PER_NETWORK", 1000)
    monkeypatch.setattr(pairing, "MAX_OPEN_PER_WIDE_NETWORK", 1000)
    monkeypatch.setattr(pairing, "MAX_OPEN", 11)
    await Screen(service).open_pairing()
    assert (await Screen(service).send("POST", PAIRING_PATH)).status_code == 429
    counts = await read_limit_counts(service, world.root.token, "limit_refusals")
    assert counts["wall_pairings"] - before["wall_pairings"] == 2  # other tests count there, too
    assert "ticketwire_wall_pairings 11" in await scrape(service, world.root.token)
    service.clock.advance(minutes=11)
    await Screen(service).open_pairing()


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Requested-With": None},
    ],
)
async def test_other_sites_can_neither_pair_nor_read(
    changes: dict[str, str | None], screen: Screen, ada: Client
) -> None:
    await screen.pair(ada)
    changes = {name.replace("-", "_"): value for name, value in changes.items()}
    async with assert_nothing_stored():
        assert (await screen.send("POST", PAIRING_PATH, **changes)).status_code == 403
        assert (await screen.request_state(**changes)).status_code == 403


async def test_expired_pairings_and_unused_screens_are_deleted(
    service: Service, screen: Screen, ada: Client
) -> None:
    await screen.pair(ada)
    await Screen(service).open_pairing()
    await Cleanup().run_once(service.clock(), 0)
    assert (await WallScreen.all().count(), await WallPairing.all().count()) == (1, 1)
    at = service.clock() + timedelta(minutes=11)
    await Cleanup().run_once(at, 0)
    assert (await WallScreen.all().count(), await WallPairing.all().count()) == (1, 0)
    await Cleanup().run_once(at + timedelta(days=MAX_UNUSED_DAYS), 0)
    assert await WallScreen.all().count() == 0
