"""Live counts of saved views: exact after each change, shared by viewers, current after a
reconnect."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Service, Socket, World
from support.actors import person
from support.admin_mutations import run_mutation, send_mutation
from support.client import EVENTS, TIMEOUT_SECONDS
from support.live import head_cursor, until, wait_for_close
from support.service import running
from support.statements import statements

from models.log import event
from models.log.event import decode_cursor
from models.people.team import Membership, Team
from models.people.token import Token
from models.people.user import Role
from models.views.saved_view import SavedView
from resolvers.services import live_counts
from resolvers.services.live_counts import LiveCounts
from resolvers.subscriptions import live_list_source, live_stats

pytestmark = [
    pytest.mark.never_retried,
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]

SUBSCRIPTION = """subscription { savedViewCounts {
  cursor counts { count filterError view { id name version } } } }"""
QUERY = "{ savedViews(first: 100) { nodes { name count } } }"
CHANGES = """subscription($filter: TicketFilter) {
  ticketChanges(filter: $filter) { kind ticketId } }"""
STATS = "subscription($filter: TicketFilter) { ticketStats(filter: $filter) { total } }"
Counts = dict[str, int | None]


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> list[LiveCounts]:
    """The live counts of each service that starts in this process after this fixture."""
    created: list[LiveCounts] = []
    build = LiveCounts.__init__

    def build_and_remember(self: LiveCounts, *arguments: Any) -> None:
        build(self, *arguments)
        created.append(self)

    monkeypatch.setattr(LiveCounts, "__init__", build_and_remember)
    return created


async def read_counts(client: Client) -> Counts:
    nodes = (await client.run(QUERY))["savedViews"]["nodes"]
    return {node["name"]: node["count"] for node in nodes}


async def next_counts(socket: Socket) -> tuple[int, Counts]:
    item = await socket.next("savedViewCounts")
    counts = {each["view"]["name"]: each["count"] for each in item["counts"]}
    return decode_cursor(item["cursor"]), counts


async def read_until(socket: Socket, expected: Counts) -> int:
    """Read up to the expected counts, which must arrive; return the number of items."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        number, last = 0, -1
        while True:
            position, counts = await next_counts(socket)
            assert position >= last
            number, last = number + 1, position
            if counts == expected:
                return number


async def subscribe(client: Client, socket: Socket) -> Counts:
    await socket.subscribe(SUBSCRIPTION)
    _, counts = await next_counts(socket)
    assert counts == await read_counts(client)
    return counts


async def test_counts_follow_the_changes_of_tickets(
    hubs: list[LiveCounts], service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    bill = service.client(world.bill.token)
    await run_mutation(ada, "createSavedView", name="VPN", filter={"search": "vpn"})
    await run_mutation(ada, "createSavedView", name="Unread", filter={"unread": True})
    async with ada.socket() as mine, bill.socket() as his:
        await subscribe(ada, mine)
        await subscribe(bill, his)
        ticket = await cora.raise_ticket("VPN is down")
        await cora.raise_ticket("Invoice", category="billing")
        await read_until(mine, await read_counts(ada))
        await read_until(his, await read_counts(bill))
        for mutation, more in (
            ("assignTicket", {"assigneeId": world.ada.gid}),
            ("awaitCustomer", {}),
            ("updateTicket", {"subject": "Printer", "addTags": ["x"]}),
            ("resolveTicket", {"resolution": "Done."}),
        ):
            before = await read_counts(ada), await read_counts(bill)
            await ada.do(mutation, ticketId=ticket["id"], **more)
            after = await read_counts(ada), await read_counts(bill)
            assert before != after or mutation == "updateTicket"
            if before[0] != after[0]:
                await read_until(mine, after[0])
            if before[1] != after[1]:
                await read_until(his, after[1])

    async def is_released() -> bool:
        return not hubs[-1].counts and hubs[-1].memory.total == 0

    await until(is_released)


async def test_a_client_that_reconnects_receives_the_current_counts(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    async with ada.socket() as socket:
        await subscribe(ada, socket)
    for _ in range(3):
        await cora.raise_ticket()
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION)
        _, counts = await next_counts(socket)
        assert counts == await read_counts(ada)
        assert counts["Unassigned in my teams"] == 3


async def test_changes_of_views_and_teams_are_sent(
    service: Service, world: World, admin: Client
) -> None:
    ada = service.client(world.ada.token)
    await service.client(world.cora.token).raise_ticket(category="billing")
    async with ada.socket() as socket:
        await subscribe(ada, socket)
        view = await run_mutation(ada, "createSavedView", name="Mine")
        await read_until(socket, await read_counts(ada))
        await run_mutation(ada, "updateSavedView", viewId=view["id"], name="Renamed")
        await read_until(socket, await read_counts(ada))
        await run_mutation(admin, "createSavedView", name="B", audience="TEAM", team="billing")
        await Membership.create(team=await Team.get(slug="billing"), user_id=world.ada.id)
        expected = await read_counts(ada)
        assert (expected["B"], expected["Unassigned in my teams"]) == (1, 1)
        await read_until(socket, expected)
        await Membership.filter(user_id=world.ada.id).delete()
        await send_mutation(ada, "deleteSavedView", viewId=view["id"])
        expected = await read_counts(ada)
        assert {"B", "Renamed"}.isdisjoint(expected)
        await read_until(socket, expected)
        await SavedView.filter(name="Recently resolved").update(ticket_filter={"x": 1})
        await run_mutation(ada, "createSavedView", name="Other")
        await read_until(socket, {**expected, "Other": 1, "Recently resolved": None})


async def test_viewers_share_the_counts_of_equal_filters(
    hubs: list[LiveCounts], service: Service, world: World
) -> None:
    names = [f"agent{index}" for index in range(4)]
    people = [world.ada, *[await person(name, Role.AGENT, team="support") for name in names]]
    cora, clients = service.client(world.cora.token), [service.client(p.token) for p in people]
    sockets = [client.socket() for client in clients]
    opened = [await each.__aenter__() for each in sockets]
    try:
        for client, socket in zip(clients, opened, strict=True):
            await subscribe(client, socket)
        counts = hubs[-1].counts
        assert len(counts) == len(people) + 4, "only the tickets of each person differ"
        with statements() as sent:
            head = await event.read_head()
            await cora.raise_ticket()
            for client, socket in zip(clients, opened, strict=True):
                await read_until(socket, await read_counts(client))
        reads = [text for text, _ in sent.sent if "sla_statuses" in text]
        events = await event.read_head() - head
        assert 1 <= len(reads) <= events < len(people), "one per update, not per viewer"
    finally:
        for each in sockets:
            await each.__aexit__(None, None, None)


async def test_time_changes_counts_without_events(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_counts, "TIMED_REFRESH_SECONDS", 0.1)
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="Done.")
    async with ada.socket() as socket:
        assert (await subscribe(ada, socket))["Recently resolved"] == 1
        service.clock.advance(hours=timedelta(days=8) // timedelta(hours=1))
        await read_until(socket, await read_counts(ada))


async def test_large_counts_are_made_by_the_database(
    hubs: list[LiveCounts], service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_counts, "MAX_TRACKED_TICKETS", 2)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await run_mutation(ada, "createSavedView", name="All")
    async with ada.socket() as socket:
        await subscribe(ada, socket)
        for _ in range(5):
            await cora.raise_ticket()
        await read_until(socket, await read_counts(ada))
        assert all(len(count.members or ()) < 3 for count in hubs[-1].counts.values())
    async with ada.socket() as socket:
        assert (await subscribe(ada, socket))["All"] == 5


async def test_counts_go_on_without_memory_for_tickets(hubs: list[LiveCounts], url: str) -> None:
    async with running(url) as service:
        world = await World.make()
        hubs[-1].memory.max_bytes_per_viewer = 2 * live_counts.BYTES_PER_TICKET
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        async with ada.socket() as socket:
            await subscribe(ada, socket)
            for _ in range(3):
                await cora.raise_ticket()
            await read_until(socket, await read_counts(ada))


async def test_a_count_that_fails_does_not_affect_the_others(
    hubs: list[LiveCounts], service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_counts, "MIN_COUNT_INTERVAL_SECONDS", 0.1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await run_mutation(ada, "createSavedView", name="VPN", filter={"search": "vpn"})
    async with ada.socket() as socket:
        await subscribe(ada, socket)
        count = next(each for each in hubs[-1].counts.values() if "search" in each.filter)
        search = count.filter
        count.filter = {"status": {"eq": object()}}  # no database accepts this value
        await cora.raise_ticket()
        expected = await read_counts(ada)
        await read_until(socket, {**expected, "VPN": None})
        count.filter = search
        await read_until(socket, expected)


async def test_a_revoked_token_ends_the_counts(
    hubs: list[LiveCounts], service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await subscribe(ada, socket)
        await Token.filter(user_id=world.ada.id).update(revoked_at=service.clock())
        code, _, _ = await wait_for_close(socket)
        assert code == 4403

    async def is_released() -> bool:
        return not hubs[-1].counts

    await until(is_released)


async def test_subscriptions_follow_the_viewers_teams(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (live_list_source, live_stats):
        monkeypatch.setattr(module, "TIMED_REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(live_stats, "MIN_COUNT_INTERVAL_SECONDS", 0.1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    filter = {"inViewerTeams": True}
    async with ada.socket() as events, ada.socket() as changes, ada.socket() as stats:
        selection = {"filter": filter, "types": ["TICKET_CREATED"]}
        await events.subscribe(EVENTS, after=await head_cursor(), **selection)
        await changes.subscribe(CHANGES, filter=filter)
        assert (await changes.next("ticketChanges"))["kind"] == "SNAPSHOT_END"
        await stats.subscribe(STATS, filter=filter)
        assert (await stats.next("ticketStats"))["total"] == 0
        foreign = await cora.raise_ticket(category="billing")
        own = await cora.raise_ticket()
        assert (await events.next("ticketEvents"))["ticket"]["id"] == own["id"]
        added = await changes.next("ticketChanges")
        assert (added["kind"], added["ticketId"]) == ("ADDED", own["id"])
        while (await stats.next("ticketStats"))["total"] != 1:
            pass
        await Membership.create(team=await Team.get(slug="billing"), user_id=world.ada.id)
        added = await changes.next("ticketChanges")
        assert (added["kind"], added["ticketId"]) == ("ADDED", foreign["id"])
        while (await stats.next("ticketStats"))["total"] != 2:
            pass
        another = await cora.raise_ticket(category="billing")
        assert (await events.next("ticketEvents"))["ticket"]["id"] == another["id"]
