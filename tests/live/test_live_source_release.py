"""Everything that live lists and statistics hold is released when their subscriptions end."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from support import Service, World
from support.live import until
from support.metrics import read_metrics
from support.service import running

from resolvers.subscriptions.live_list_source import BYTES_PER_MEMBER, LiveListSource
from resolvers.subscriptions.live_stats import BYTES_PER_TICKET, LiveStats
from resolvers.subscriptions.stats import LiveStatsSource

CHANGES = "subscription($f: TicketFilter) { ticketChanges(filter: $f) { __typename } }"
STATS = "subscription($f: TicketFilter) { ticketStats(filter: $f) { total } }"
SOURCES = 10
BYTES_WITH_ONE_TICKET = SOURCES * (BYTES_PER_MEMBER + BYTES_PER_TICKET)
CLASSES = (LiveListSource, LiveStats, LiveStatsSource)


def count_sources() -> int:
    """`isinstance` would resolve proxies, so the type is compared."""
    gc.collect()
    return sum(type(each) in CLASSES for each in gc.get_objects())


@pytest.fixture
def without_collections() -> Iterator[None]:
    """A server collects old garbage seldom, so memory must not wait for it."""
    gc.disable()
    yield
    gc.enable()


async def is_released(service: Service, token: str) -> bool:
    """Whether no subscription, group, cost or memory is counted."""
    metrics = await read_metrics(service, token)
    names = ("subscriptions", "subscription_groups", "live_bytes", "subscription_cost_per_event")
    return not any(metrics[name] for name in names)


@pytest.mark.parametrize("end", ["complete", "close", "abort"])
async def test_all_sources_and_budgets_are_released(
    url: str, without_collections: None, end: str
) -> None:
    async with running(url) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        await cora.raise_ticket()
        before = count_sources()

        async def is_all_released() -> bool:
            return await is_released(service, world.root.token)

        async def are_sources_deleted() -> bool:
            return count_sources() == before

        for _ in range(2):
            async with ada.socket() as socket:
                ids = [
                    await socket.subscribe(query, f={"number": {"gt": -number}})
                    for query in (CHANGES, STATS)
                    for number in range(SOURCES)
                ]

                async def is_all_open(count: int = len(ids)) -> bool:
                    metrics = await read_metrics(service, world.root.token)
                    is_tracked = metrics["live_bytes"] == BYTES_WITH_ONE_TICKET
                    return metrics["subscriptions"] == count and is_tracked

                await until(is_all_open)
                assert not await is_all_released()
                if end == "complete":
                    for id in ids:
                        await socket.send({"type": "complete", "id": id})
                    await until(is_all_released)
                elif end == "abort":
                    socket.connection.transport.abort()
            await until(is_all_released)
            await until(are_sources_deleted)
