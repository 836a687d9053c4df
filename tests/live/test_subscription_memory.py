"""The memory of a long subscription: graphql-core keeps no data per delivered event."""

from __future__ import annotations

import asyncio
import gc

from graphql.execution.execute import Executor
from support import Service, World
from support.client import EVENTS
from support.live import head_cursor

from models import database
from models.core import ids, time
from models.log import event
from models.log.event import Event, EventType

EVENT_COUNT = 300
MAX_EXECUTORS = 20
MAX_SELECTIONS = 20
"""More than the selections of one event, far fewer than those of all events."""


async def append_events(ticket_id: str) -> None:
    """Append many events at once, as many changes would."""
    key = ids.key_of(ids.TICKET, ticket_id)
    async with database.transaction():
        await event.append(
            [
                Event(
                    type=EventType.ESCALATED,
                    ticket_id=key,
                    occurred_at=time.now(),
                    version=1,
                    data={"changes": {}},
                )
                for _ in range(EVENT_COUNT)
            ]
        )


def count_cached_selections() -> list[int]:
    """The number of cached selections of each live executor.

    `isinstance` would resolve proxies, so the type is compared.
    """
    gc.collect()  # cycles that earlier tests left do not belong to this subscription
    return [
        len(each._relevant_sub_fields)
        for each in gc.get_objects()
        if issubclass(type(each), Executor)
    ]


async def test_memory_of_a_subscription_does_not_grow_with_its_events(
    service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        await asyncio.create_task(append_events(ticket["id"]))
        for _ in range(EVENT_COUNT):
            assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        counts = count_cached_selections()
        assert counts, "the executor of the subscription exists"
        assert max(counts) <= MAX_SELECTIONS
        assert len(counts) <= MAX_EXECUTORS
