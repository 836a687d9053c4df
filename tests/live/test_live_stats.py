"""Live stats: equal to the query at their cursor, sent when they change, at a limited rate."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support import Client, Service, Socket, World
from support.actors import api_client_token
from support.client import TIMEOUT_SECONDS
from support.live import head_cursor, operation_error
from support.live_list_client import random_filter, viewer_tokens, write_randomly
from support.statements import statements
from support.ticket_commands import create_ticket

from models.log.event import decode_cursor
from models.people.user import Organization
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from resolvers.subscriptions import live_stats
from workers.ticket_timers import run_timers

STATS_FIELDS = (
    "cursor total open unassigned atRisk breached oldestOpenAt remainder { key } "
    "groups { key label count created resolved closed }"
)
VARIABLES = "($filter: TicketFilter, $by: TicketStatsGroup, $period: TicketStatsPeriod)"
FIELD = f"ticketStats(filter: $filter, groupBy: $by, period: $period) {{ {STATS_FIELDS} }}"
SUBSCRIPTION = f"subscription{VARIABLES} {{ {FIELD} }}"
QUERY = f"query{VARIABLES} {{ {FIELD} }}"
GROUPS = [
    *(None, "STATUS", "STAGE", "PRIORITY", "CATEGORY", "TEAM", "ASSIGNEE"),
    *("ORGANIZATION", "TAG", "DAY", "HOUR"),
]
TIMER_SETTINGS = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))


pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]


async def query_stats(client: Client, **arguments: Any) -> dict[str, Any]:
    return dict((await client.run(QUERY, **arguments))["ticketStats"])


def without_cursor(stats: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stats.items() if name != "cursor"}


async def read_until_equal(socket: Socket, expected: dict[str, Any]) -> list[dict[str, Any]]:
    """The stats received up to the expected ones, which must arrive."""
    received: list[dict[str, Any]] = []
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not received or without_cursor(received[-1]) != without_cursor(expected):
            received.append(await socket.next("ticketStats"))
    return received


@pytest.mark.stress
@pytest.mark.parametrize("example", range(2))
async def test_live_stats_converge_on_the_query_result(
    service: Service, world: World, random: Random, example: int
) -> None:
    """Covers SLA clocks that become at risk or breached, and viewers with different permissions."""
    tickets = [
        (await service.client(person.token).raise_ticket(priority="URGENT"))["id"]
        for person in (world.cora, world.olga)
    ]
    subscriptions = [
        (
            service.client(random.choice(await viewer_tokens(world))),
            {"by": by, "filter": random.choice([None, random_filter(random, world)])},
        )
        for by in GROUPS
    ]
    sockets = [client.socket() for client, _ in subscriptions]
    opened = [await each.__aenter__() for each in sockets]
    try:
        for socket, (_, arguments) in zip(opened, subscriptions, strict=True):
            await socket.subscribe(SUBSCRIPTION, **arguments)
        last: list[dict[str, Any]] = []
        for socket, (client, arguments) in zip(opened, subscriptions, strict=True):
            last += (await read_until_equal(socket, await query_stats(client, **arguments)))[-1:]
        for hours in (1, 5):
            await write_randomly(service, world, random, tickets, 15)
            service.clock.advance(hours=hours)
            await run_timers(service.clock(), TIMER_SETTINGS)
            for index, (socket, (client, arguments)) in enumerate(
                zip(opened, subscriptions, strict=True)
            ):
                expected = await query_stats(client, **arguments)
                if without_cursor(expected) != without_cursor(last[index]):
                    received = await read_until_equal(socket, expected)
                    positions = [decode_cursor(each["cursor"]) for each in received]
                    assert positions == sorted(positions)
                    assert positions[-1] <= decode_cursor(await head_cursor())
                last[index] = expected
    finally:
        for each in sockets:
            await each.__aexit__(None, None, None)


@pytest.mark.without_default_policies
async def test_a_burst_of_changes_is_merged_into_few_updates(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stats, "MIN_INTERVAL_SECONDS", 3600.0)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION)
        assert (await socket.next("ticketStats"))["total"] == 0
        for _ in range(20):
            await cora.raise_ticket()
        await socket.send({"type": "ping"})
        assert (await socket.receive())["type"] == "pong", (
            "no update arrives before the interval ends"
        )
    monkeypatch.setattr(live_stats, "MIN_INTERVAL_SECONDS", 0.25)
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION)
        while (await socket.next("ticketStats"))["total"] != 20:
            pass  # the first socket may still hold its stats for a moment
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(50):
            await cora.raise_ticket()
        received = await read_until_equal(socket, await query_stats(ada))
        assert len(received) <= (loop.time() - start) / 0.25 + 2, (
            "the interval allows no more updates"
        )
        assert received[-1]["total"] == 70
        assert received[-1]["cursor"] == await head_cursor()


@pytest.mark.without_default_policies
async def test_unchanged_stats_are_not_sent(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION, by="PRIORITY")
        assert (await socket.next("ticketStats"))["total"] == 1
        for _ in range(3):
            await cora.do("replyToTicket", ticketId=ticket["id"], body="more")
        raised = await ada.do("updateTicket", ticketId=ticket["id"], priority="HIGH")
        moved = await socket.next("ticketStats")
        assert moved["cursor"] == raised["cursor"]
        assert {each["key"]: each["count"] for each in moved["groups"]} == {
            "LOW": 0,
            "NORMAL": 0,
            "HIGH": 1,
            "URGENT": 0,
        }


@pytest.mark.without_default_policies
async def test_the_cost_of_a_change_does_not_grow_with_the_tickets(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    counts: list[int] = []
    for more in (5, 150):
        for _ in range(more):
            await create_ticket(world.cora)
        async with ada.socket() as socket:
            await socket.subscribe(SUBSCRIPTION, by="ASSIGNEE")
            await socket.next("ticketStats")
            for person in (
                world.bill,
                world.ada,
            ):  # the first change coincides with the initial read of all tickets
                with statements() as collected:
                    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=person.gid)
                    await socket.next("ticketStats")
            counts.append(
                len(
                    [
                        text
                        for text in collected.texts
                        if "log_head" in text or "FROM tickets" in text
                    ]
                )
            )
            assert not [text for text in collected.texts if "SUM(" in text]
    assert counts[0] == counts[1]


@pytest.mark.without_default_policies
async def test_the_database_counts_tickets_beyond_the_tracking_limit(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stats, "MAX_TRACKED_TICKETS", 3)
    monkeypatch.setattr(live_stats, "MIN_COUNT_INTERVAL_SECONDS", 0.1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION, by="STATUS")
        for count in range(1, 8):
            await cora.raise_ticket()
            assert (await read_until_equal(socket, await query_stats(ada, by="STATUS")))[-1][
                "total"
            ] == count


@pytest.mark.without_default_policies
async def test_stats_change_when_time_passes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stats, "TIMED_REFRESH_SECONDS", 0.1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION, filter={"createdAt": {"within": "PT1H"}})
        assert (await socket.next("ticketStats"))["total"] == 1
        service.clock.advance(hours=2)
        assert (await socket.next("ticketStats"))["total"] == 0


@pytest.mark.without_default_policies
@pytest.mark.parametrize("is_counted", [False, True], ids=["tracked", "counted"])
async def test_a_new_day_begins_at_midnight_of_the_time_zone(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, *, is_counted: bool
) -> None:
    """Nothing else happens at midnight. Later changes count in the new day."""
    if is_counted:
        monkeypatch.setattr(live_stats, "MAX_TRACKED_TICKETS", 0)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    zone, now = ZoneInfo("Asia/Kathmandu"), service.clock().astimezone(ZoneInfo("Asia/Kathmandu"))
    today = now.date()
    service.clock.advance(seconds=(datetime.combine(today, time(23, 59), zone) - now).seconds)
    arguments = {"by": "DAY", "period": {"last": 2, "timeZone": "Asia/Kathmandu"}}
    first = await cora.raise_ticket()
    days = [(today + timedelta(days=number)).isoformat() for number in (-1, 0, 1)]
    async with ada.socket() as socket:
        await socket.subscribe(SUBSCRIPTION, **arguments)
        assert rows_of(await socket.next("ticketStats")) == {days[0]: (0, 0, 0), days[1]: (1, 0, 0)}
        await cora.raise_ticket()
        await read_until_rows(socket, {days[0]: (0, 0, 0), days[1]: (2, 0, 0)})
        service.clock.advance(minutes=1)
        await read_until_rows(socket, {days[1]: (2, 0, 0), days[2]: (0, 0, 0)})
        await ada.do("resolveTicket", ticketId=first["id"], resolution="done")
        await read_until_rows(socket, {days[1]: (2, 0, 0), days[2]: (0, 1, 0)})
        await ada.do("reopenTicket", ticketId=first["id"], reason="again")
        await read_until_rows(socket, {days[1]: (2, 0, 0), days[2]: (0, 0, 0)})
        stats = await query_stats(ada, **arguments)
        assert rows_of(stats) == {days[1]: (2, 0, 0), days[2]: (0, 0, 0)}


def rows_of(stats: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {
        each["key"]: (each["created"], each["resolved"], each["closed"]) for each in stats["groups"]
    }


async def read_until_rows(socket: Socket, rows: dict[str, tuple[int, int, int]]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while rows_of(await socket.next("ticketStats")) != rows:
            pass


@pytest.mark.without_default_policies
async def test_stats_follow_the_visibility_of_their_viewer(service: Service, world: World) -> None:
    carl, olga = service.client(world.carl.token), service.client(world.olga.token)
    await service.client(world.cora.token).raise_ticket()
    async with carl.socket() as at_carl, olga.socket() as at_olga:
        for socket, total in ((at_carl, 1), (at_olga, 0)):
            await socket.subscribe(SUBSCRIPTION)
            assert (await socket.next("ticketStats"))["total"] == total
        await Organization.filter(name="Acme").update(shared=False)
        assert (await at_carl.next("ticketStats"))["total"] == 0
        assert await Ticket.all().count() == 1


async def test_missing_permissions_and_oversized_filters_are_refused(
    service: Service, world: World
) -> None:
    blind = await api_client_token("Blind", ["events:read"])
    many = {"or": [{"number": {"eq": number}} for number in range(101)]}
    for token, arguments, code in (
        (blind, {}, "FORBIDDEN"),
        (None, {}, "UNAUTHENTICATED"),
        (world.ada.token, {"filter": many}, "BAD_REQUEST"),
        (world.ada.token, {"by": "DAY", "period": {"timeZone": "Mars"}}, "BAD_REQUEST"),
        (world.ada.token, {"by": "HOUR", "period": {"last": 745}}, "BAD_REQUEST"),
        (world.ada.token, {"by": "TAG", "period": {}}, "BAD_REQUEST"),
    ):
        async with service.client(token).socket() as socket:
            await socket.subscribe(SUBSCRIPTION, **arguments)
            assert await operation_error(socket) == code
