"""What a paired screen gets, and that its session can do nothing else."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.client import SUBPROTOCOL
from support.live import until
from support.metrics import read_limit_counts
from support.page import VIEWER
from support.service import running
from support.wall import Screen
from websockets.asyncio.client import connect

from models.tickets.timers import TimerSettings
from models.wall.screen import MAX_UNUSED_DAYS, WallScreen
from resolvers.wall import endpoints
from workers.ticket_timers import run_timers

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]
TEXTS = ("Kryptonite", "Lex Luthor", "daily-planet", "cora", "acme")
TIMER_SETTINGS = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
STATE_KEYS = {"now", "version", "screen", "revision", "asOf", "figures", "hours", "tickets"}
TICKET_KEYS = {"ref", "team", "priority", "status", "metric", "isAtRisk", "breachesAt"}


async def raise_ticket(client: Client, **more: Any) -> dict[str, Any]:
    """A ticket with texts of the customer wherever they can be."""
    input = {
        "subject": "Kryptonite in the mail",
        "description": "Lex Luthor sent it.",
        "category": "technical",
        "tags": ["daily-planet"],
        **more,
    }
    query = """mutation($input: CreateTicketInput!) { createTicket(input: $input) {
      ticket { id ref number version } userErrors { message } } }"""
    payload = (await client.run(query, input=input))["createTicket"]
    assert payload["userErrors"] == []
    return dict(payload["ticket"])


async def follow(screen: Screen, state: dict[str, Any]) -> dict[str, Any]:
    """The next state that differs."""

    async def changed() -> dict[str, Any] | None:
        found = await screen.read_state(state["revision"])
        return found if found["revision"] != state["revision"] else None

    return await until(changed)


async def test_a_screen_shows_numbers_and_the_tickets_next_to_breach(
    screen: Screen, ada: Client, cora: Client
) -> None:
    await screen.pair(ada)
    low = await raise_ticket(cora, priority="LOW")
    urgent = await raise_ticket(cora, priority="URGENT")
    await send_mutation_of_ticket(ada, "assignTicket", low)
    state = await screen.read_state()
    assert state.keys() == STATE_KEYS
    figures = state["figures"]
    assert (figures["open"], figures["unassigned"]) == (2, 1)
    assert (figures["atRisk"], figures["breached"]) == (0, 0)
    assert datetime.fromisoformat(figures["oldestOpenAt"]) <= datetime.fromisoformat(state["now"])
    assert len(state["hours"]) == 24
    assert state["hours"][-1]["created"] + state["hours"][-2]["created"] == 2
    assert [each["ref"] for each in state["tickets"]] == [urgent["ref"], low["ref"]]
    assert all(each.keys() == TICKET_KEYS for each in state["tickets"])
    first = state["tickets"][0]
    assert (first["team"], first["priority"], first["metric"]) == (
        "Support",
        "URGENT",
        "FIRST_RESPONSE",
    )


async def send_mutation_of_ticket(client: Client, name: str, ticket: dict[str, Any]) -> None:
    viewer = (await client.run("{ viewer { user { id } } }"))["viewer"]["user"]["id"]
    query = f"""mutation($input: {name[0].upper()}{name[1:]}Input!) {{
      {name}(input: $input) {{ userErrors {{ message }} }} }}"""
    payload = await client.run(query, input={"ticketId": ticket["id"], "assigneeId": viewer})
    assert payload[name]["userErrors"] == []


async def test_the_screen_of_a_team_shows_its_tickets_only(
    service: Service, ada: Client, cora: Client
) -> None:
    await raise_ticket(cora)
    bill = await raise_ticket(cora, category="billing")
    support, billing = Screen(service), Screen(service)
    await support.pair(ada, "support")
    await billing.pair(ada, "billing")
    state = await billing.read_state()
    assert state["screen"] == {"name": "Entrance", "board": "billing", "team": "Billing"}
    assert [each["ref"] for each in state["tickets"]] == [bill["ref"]]
    assert state["figures"]["open"] == 1
    assert bill["ref"] not in json.dumps(await support.read_state())


async def test_no_text_of_a_customer_reaches_a_screen(
    screen: Screen, ada: Client, cora: Client
) -> None:
    await screen.pair(ada)
    for _ in range(3):
        await raise_ticket(cora)
    state = await screen.read_state()
    assert len(state["tickets"]) == 3
    text = json.dumps(state).lower()
    assert [each for each in TEXTS if each.lower() in text] == []


async def test_tickets_that_have_breached_follow_those_that_are_next(
    service: Service, screen: Screen, ada: Client, cora: Client
) -> None:
    await screen.pair(ada)
    old = [await raise_ticket(cora, priority="URGENT") for _ in range(2)]
    state = await screen.read_state()
    last = max(datetime.fromisoformat(each["breachesAt"]) for each in state["tickets"])
    service.clock.ahead += last - service.clock() + timedelta(minutes=1)
    await run_timers(service.clock(), TIMER_SETTINGS)
    new = await raise_ticket(cora, priority="LOW")

    async def shown() -> dict[str, Any] | None:
        found = await screen.read_state()
        return found if len(found["tickets"]) == 3 and found["figures"]["breached"] else None

    state = await until(shown)
    assert [each["ref"] for each in state["tickets"]] == [
        new["ref"],
        *(each["ref"] for each in reversed(old)),
    ]
    times = [datetime.fromisoformat(each["breachesAt"]) for each in state["tickets"]]
    assert times[0] > service.clock() > times[1] > times[2]


async def test_a_change_reaches_a_screen_that_waits(
    screen: Screen, ada: Client, cora: Client
) -> None:
    await screen.pair(ada)
    state = await screen.read_state()
    waiting = asyncio.create_task(follow(screen, state))
    await raise_ticket(cora)
    changed = await waiting
    assert changed["figures"]["open"] == state["figures"]["open"] + 1


async def test_without_news_a_screen_gets_a_sign_of_life(
    screen: Screen, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "LONG_POLL_SECONDS", 0.2)
    await screen.pair(ada)
    state = await screen.read_state()
    again = await screen.read_state(state["revision"])
    assert again["now"] > state["now"]
    assert again["asOf"] >= state["asOf"]
    assert {**again, "now": None, "asOf": None} == {**state, "now": None, "asOf": None}


async def test_revoking_ends_a_request_that_waits(
    screen: Screen, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "LONG_POLL_SECONDS", 3600)
    screen_id = await screen.pair(ada)
    state = await screen.read_state()
    waiting = asyncio.create_task(screen.request_state(state["revision"]))
    await asyncio.sleep(0)
    await send_mutation(ada, "revokeWallScreen", screenId=screen_id)
    async with asyncio.timeout(30):
        response = await waiting
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_unknown_missing_or_old_cookie_shows_nothing(
    service: Service, screen: Screen, ada: Client
) -> None:
    assert (await screen.request_state()).status_code == 401
    for cookie in ("ticketwire-wall=", "ticketwire-wall=x", f"ticketwire-wall={ada.token}"):
        assert (await screen.request_state(Cookie=cookie)).status_code == 401
    await screen.pair(ada)
    double = f"{screen.cookie}; ticketwire-wall=another"
    assert (await screen.request_state(Cookie=double)).status_code == 401
    assert (
        await screen.request_state(Authorization=f"Bearer {ada.token}", Cookie=None)
    ).status_code == 401
    service.clock.advance(days=MAX_UNUSED_DAYS - 1)
    assert (await screen.request_state()).status_code == 200
    service.clock.advance(days=MAX_UNUSED_DAYS - 1)
    assert (await screen.request_state()).status_code == 200, "it was seen since"
    service.clock.advance(days=MAX_UNUSED_DAYS + 1)
    assert (await screen.request_state()).status_code == 401


async def test_the_session_is_anonymous_for_the_api(
    service: Service, screen: Screen, ada: Client, cora: Client
) -> None:
    """The proof does not depend on the operation: no endpoint of the API reads the cookie."""
    await screen.pair(ada)
    ticket = await raise_ticket(cora)
    assert await screen.who() is None
    secret = str(screen.cookie).partition("=")[2]
    refused = {
        "{ ticketStats { total } }": "UNAUTHENTICATED",
        "{ tickets { nodes { subject } } }": "UNAUTHENTICATED",
        "{ wallScreens { nodes { name } } }": "UNAUTHENTICATED",
        f'mutation {{ startTicket(input: {{ticketId: "{ticket["id"]}"}}) {{ version }} }}': (
            "UNAUTHENTICATED"
        ),
        'mutation { revokeWallScreen(input: {screenId: "x"}) { replayed } }': "UNAUTHENTICATED",
    }
    async with assert_nothing_stored():
        for query, code in refused.items():
            body = (await screen.query(query)).json()
            assert body["errors"][0]["extensions"]["code"] == code, query
        as_bearer = await service.client(secret).post(VIEWER)
        assert as_bearer.status_code == 401
        as_session = await screen.query(VIEWER, Cookie=f"ticketwire-session={secret}")
        assert as_session.status_code == 401
        stream = await screen.send(
            "POST",
            "/graphql/stream",
            {"query": "subscription { ticketStats { total } }"},
            Accept="text/event-stream",
        )
        assert "UNAUTHENTICATED" in stream.text
        assert '"total"' not in stream.text


@pytest.mark.parametrize(
    "subscription", ["ticketStats { total }", "ticketEvents { id }", "ticketChanges { cursor }"]
)
async def test_a_websocket_with_the_cookie_is_anonymous(
    subscription: str, screen: Screen, ada: Client, service: Service
) -> None:
    await screen.pair(ada)
    headers = {"Cookie": str(screen.cookie)}
    async with connect(
        service.ws,
        subprotocols=[SUBPROTOCOL],  # pyright: ignore[reportArgumentType]
        additional_headers=headers,
        origin=f"http://127.0.0.1:{service.port}",  # pyright: ignore[reportArgumentType]
    ) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": f"subscription {{ {subscription} }}"}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        message = json.loads(await socket.recv())
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] in ("UNAUTHENTICATED", "NOT_FOUND")


async def test_a_screen_waits_a_limited_number_of_times(
    service: Service,
    world: World,
    screen: Screen,
    ada: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoints, "LONG_POLL_SECONDS", 3600)
    screen_id = await screen.pair(ada)
    state = await screen.read_state()
    before = await read_limit_counts(service, world.root.token, "limit_refusals")
    waiting = [asyncio.create_task(screen.request_state(state["revision"])) for _ in range(10)]

    async def have_six_ended() -> bool:
        return sum(each.done() for each in waiting) == 10 - endpoints.MAX_CONCURRENT_PER_SCREEN

    await until(have_six_ended)
    assert {each.result().status_code for each in waiting if each.done()} == {429}
    counts = await read_limit_counts(service, world.root.token, "limit_refusals")
    assert counts["wall_requests"] - before["wall_requests"] == 6  # other tests count there, too
    await send_mutation(ada, "revokeWallScreen", screenId=screen_id)
    assert {each.status_code for each in await asyncio.gather(*waiting)} == {401, 429}


async def test_a_network_may_send_a_limited_number_of_requests(url: str) -> None:
    options = {"max_operation_cost": 5000, "cost_bucket_size": 5000, "cost_refill_per_second": 1}
    async with running(url, run_jobs=False, **options) as service:
        world = await World.make()
        screen = Screen(service)
        await screen.pair(service.client(world.ada.token))
        assert (await screen.request_state()).status_code == 200
        stranger = Screen(service)
        statuses = {(await stranger.request_state()).status_code for _ in range(300)}
        refused = await stranger.request_state()
        assert (await screen.request_state()).status_code == 200, "it has a limit of its own"
        own = {(await screen.request_state()).status_code for _ in range(300)}
    assert statuses == {401, 429}
    assert own == {200, 429}
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


async def test_the_number_of_screens_is_limited_and_unused_ones_do_not_count(url: str) -> None:
    async with running(url, run_jobs=False, max_wall_screens=2) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        for _ in range(2):
            await Screen(service).pair(ada)
        third = Screen(service)
        code = await third.open_pairing()
        async with assert_nothing_stored():
            payload = await send_mutation(ada, "approveWallScreen", code=code, name="Third")
        assert "2 wallboard screens" in payload["userErrors"][0]["message"]
        old = service.clock() - timedelta(days=MAX_UNUSED_DAYS + 1)
        await WallScreen.all().update(last_seen_at=old)
        await run_mutation(ada, "approveWallScreen", code=code, name="Third")
