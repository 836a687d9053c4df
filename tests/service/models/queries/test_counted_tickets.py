"""Statistics by the stored counts agree with those for which the database reads all tickets.

The counts may be behind the log by any number of events.
"""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import cast

import pytest
from support.databases import IS_SQLITE
from support.statements import statements
from support.ticket_factory import NOON, STEPS, Desk, run_random_step

from models import database
from models.changes import commands
from models.log import consumer, event
from models.log.consumer import LogConsumer, PositionConflict
from models.queries.filters.filter import FilterData
from models.queries.statistics import counted_tickets, stats
from models.queries.statistics.stats import Stats, read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.tickets import ticket_counts
from models.tickets.lifecycle import Priority, Stage, Status
from models.tickets.ticket_counts import CountedTicket, TicketCount
from workers import runner, ticket_counter
from workers.ticket_counter import TicketCounter

pytestmark = pytest.mark.without_default_policies


@pytest.fixture(autouse=True)
async def registered(desk: Desk) -> None:
    await runner.register([TicketCounter.name])


def build_filters() -> list[FilterData | None]:
    return [
        None,
        {"status": {"eq": Status.NEW}},
        {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}},
        {"priority": {"nin": [Priority.LOW, Priority.URGENT]}},
        {"category": {"in": ["billing", "sales"]}},
        {"team": {"neq": "support"}},
        {"team": {"in": [f"team-{n}" for n in range(300)]}},
        {"or": [{"status": {"neq": Status.CLOSED}}, {"not": {"team": {"eq": "billing"}}}]},
        {"and": [], "not": {"or": []}},
    ]


async def count_events(limit: int) -> None:
    """Run the job once, for at most so many events."""
    position = (await LogConsumer.get(name=TicketCounter.name)).position
    await TicketCounter(min_events=1, max_events_per_run=limit).run_once(NOON, position)


async def read_by_tickets(
    desk: Desk, filter: FilterData | None, group: GroupBy | None, patch: pytest.MonkeyPatch
) -> Stats:
    """The statistics for which the database reads all tickets."""
    with patch.context() as patched:
        patched.setattr(stats, "has_counts", lambda *_: False)
        return await read_stats(desk.ada, filter, group, NOON)


async def check_statistics(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for filter in build_filters():
        for group in sorted(counted_tickets.COUNTED_GROUPS, key=str):
            expected = await read_by_tickets(desk, filter, group, monkeypatch)
            with monkeypatch.context() as patched:
                patched.delattr(stats, "count_tickets")  # so that the counts must suffice
                assert await read_stats(desk.ada, filter, group, NOON) == expected, (filter, group)


async def test_counts_agree_with_the_tickets_after_random_changes(
    desk: Desk, random: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = [(await desk.raise_ticket()).id for _ in range(6)]
    for _ in range(6):
        for _ in range(random.randrange(1, 12)):
            await run_random_step(desk, random.choice(sorted(STEPS)), random, tickets)
        await count_events(random.randrange(1, 15))
        await check_statistics(desk, monkeypatch)
    await count_events(10_000)
    await check_statistics(desk, monkeypatch)
    assert await CountedTicket.all().count() >= len(tickets)
    assert not await TicketCount.filter(tickets__lte=0).exists()
    head = await event.read_head()
    assert (await LogConsumer.get(name=TicketCounter.name)).position == head


async def test_changes_of_a_ticket_while_its_group_is_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job stores the current group of a ticket, which may be newer than its position."""
    ticket = await desk.raise_ticket()
    await desk.act(ticket, commands.start)
    await desk.act(ticket, lambda change: commands.resolve(change, "Switched it on."))
    await count_events(1)
    assert await TicketCount.all().values_list("status", flat=True) == ["resolved"]
    await check_statistics(desk, monkeypatch)
    await count_events(10)
    await check_statistics(desk, monkeypatch)


@pytest.mark.never_retried
async def test_totals_equal_the_position_while_the_job_counts(desk: Desk) -> None:
    """While tickets are created, each with one event, the total equals the position."""

    async def create_many() -> None:
        for _ in range(10):
            await desk.raise_ticket()

    async def count_many() -> None:
        while not writers.done():
            await count_events(2)
            await asyncio.sleep(0)

    writers = asyncio.gather(*(create_many() for _ in range(3)))
    counting = asyncio.create_task(count_many())
    while not writers.done():
        statistics = await read_stats(desk.ada, None, GroupBy.TEAM, NOON)
        assert statistics.total == statistics.position
    await writers
    await counting
    assert (await read_stats(desk.ada, None, None, NOON)).total == 30


@pytest.mark.never_retried
async def test_a_ticket_is_in_one_group_while_it_changes_and_the_job_counts(desk: Desk) -> None:
    """Each event moves the ticket to the other status, so the position tells its status."""
    ticket = await desk.raise_ticket()
    await desk.act(ticket, commands.start)

    async def change_often() -> None:
        for place in range(20):
            verb = commands.resume if place % 2 else lambda change: commands.hold(change, None)
            await desk.act(ticket, verb)

    async def count_often() -> None:
        while not writing.done():
            await count_events(1)
            await asyncio.sleep(0)

    first = await event.read_head()
    writing = asyncio.create_task(change_often())
    counting = asyncio.create_task(count_often())
    while not writing.done():
        statistics = await read_stats(desk.ada, None, GroupBy.STATUS, NOON)
        found = [bucket.key for bucket in statistics.buckets if bucket.count]
        assert found == ["ON_HOLD" if (statistics.position - first) % 2 else "OPEN"]
        assert statistics.total == 1
    await writing
    await counting


async def test_a_failure_keeps_the_position_and_the_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.raise_ticket()

    async def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ticket_counts, "add_to_counts", fail)
        with pytest.raises(OSError, match="the disk is full"):
            await count_events(10)
    assert (await LogConsumer.get(name=TicketCounter.name)).position == 0
    assert not await CountedTicket.all().exists()
    await check_statistics(desk, monkeypatch)
    await count_events(10)
    await check_statistics(desk, monkeypatch)


async def test_two_processes_count_each_ticket_once(desk: Desk) -> None:
    for _ in range(3):
        await desk.raise_ticket()
    jobs = [TicketCounter(min_events=1) for _ in range(2)]
    done = await asyncio.gather(*(job.run_once(NOON, 0) for job in jobs), return_exceptions=True)
    assert sorted(isinstance(each, PositionConflict) for each in done) == [False, True]
    assert sum([each.tickets for each in await TicketCount.all()]) == 3


async def test_a_lost_position_counts_all_tickets_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await desk.raise_ticket()
    await count_events(10)
    await LogConsumer.filter(name=TicketCounter.name).delete()
    read = await read_stats(desk.ada, None, GroupBy.STATUS, NOON)
    assert read == await read_by_tickets(desk, None, GroupBy.STATUS, monkeypatch)
    await consumer.register(TicketCounter.name)
    await check_statistics(desk, monkeypatch)
    await count_events(10)
    await check_statistics(desk, monkeypatch)


async def test_other_statistics_read_the_tickets(desk: Desk) -> None:
    await desk.raise_ticket()
    await count_events(10)
    for viewer, filter, group in (
        (desk.cora, None, None),
        (desk.ada, {"number": {"gt": 0}}, None),
        (desk.ada, {"assigneeId": {"null": True}}, None),
        (desk.ada, {"and": [{"not": {"tags": {"some": ["vpn"]}}}]}, None),
        (desk.ada, None, GroupBy.TAG),
        (desk.ada, None, GroupBy.ORGANIZATION),
        (desk.ada, None, GroupBy.DAY),
    ):
        with statements() as sent:
            assert (await read_stats(viewer, filter, group, NOON)).total == 1
        assert not any("ticket_counts" in text for text in sent.texts), (filter, group)


async def test_the_tickets_are_read_if_the_counts_are_too_far_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await desk.raise_ticket()
    monkeypatch.setattr(counted_tickets, "MAX_CHANGED_EVENTS", 2)
    with statements() as sent:
        assert (await read_stats(desk.ada, None, None, NOON)).total == 3
    assert not any("ticket_counts" in text for text in sent.texts)
    # The log may also grow after the position was read.
    monkeypatch.setattr(stats, "read_counted_position", lambda: returning(0))
    with statements() as sent:
        assert (await read_stats(desk.ada, None, None, NOON)).total == 3
    assert sum("ticket_counts" in text for text in sent.texts) == 1


async def returning(position: int) -> int:
    return position


async def test_few_events_wait_to_be_counted_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_counter, "MAX_SECONDS", math.inf)
    job = TicketCounter(min_events=2)
    assert not (await job.run_once(NOON, 0)).count
    await desk.raise_ticket()
    waiting = await job.run_once(NOON, 0)
    assert (waiting.count, waiting.position, waiting.more) == (0, 0, False)
    monkeypatch.setattr(ticket_counter, "MAX_SECONDS", 0.0)
    done = await job.run_once(NOON, 0)
    assert (done.count, done.position, done.more, done.changed) == (1, 1, False, False)
    monkeypatch.setattr(ticket_counter, "MAX_SECONDS", math.inf)
    await desk.raise_ticket()
    await desk.raise_ticket()
    job.max_events_per_run = 1
    first = await job.run_once(NOON, 1)
    assert (first.position, first.more) == (2, True)
    last = await job.run_once(NOON, 2)
    assert (last.position, last.more) == (3, False)


async def test_the_statement_scans_no_table_of_tickets_or_events(desk: Desk) -> None:
    await desk.raise_ticket()
    await count_events(10)
    with statements() as collected:
        await read_stats(desk.ada, {"team": {"eq": "support"}}, GroupBy.STATUS, NOON)
    sql, sent_params = next(each for each in collected.sent if "ticket_counts" in each[0])
    params = cast("list[object]", sent_params)
    if IS_SQLITE:
        rows = await database.connection().execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", params)
        lines = [str(row["detail"]) for row in rows]
        # The scanned `t` is the list of counts; tickets and events are read through an index.
        assert [line for line in lines if line in ("SCAN t", "SCAN e", "SCAN x")] == ["SCAN t"]
        return
    numbered = database.number_placeholders(sql)
    values = ", ".join(repr(each) for each in params)
    async with database.transaction():
        for statement in (
            # With so few rows a scan can be cheaper; the test is whether the indexes can be used.
            "SET LOCAL enable_seqscan = off",
            "SET LOCAL plan_cache_mode = force_generic_plan",
            f"PREPARE counted AS {numbered}",
        ):
            await database.connection().execute_script(statement)
        explain = f"EXPLAIN EXECUTE counted({values})"
        rows = await database.connection().execute_query_dict(explain)
        await database.connection().execute_script("DEALLOCATE counted")
    plan = [str(row["QUERY PLAN"]) for row in rows]
    scanned = ("tickets", "events", "counted_tickets")
    assert not [line for line in plan if any(f"Seq Scan on {each} " in line for each in scanned)]
    # A join of all counted tickets would be sorted or hashed.
    assert not [line for line in plan if "Hash Join" in line or "Merge Join" in line], plan
