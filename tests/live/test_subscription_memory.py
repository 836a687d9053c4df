"""A subscription that lives for weeks: what graphql-core keeps for it does not grow with the events that it delivers."""

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

ENTRIES = 300
MOST = 20
"""More than the selections of one event, far less than those of all."""


async def write(ticket_id: str) -> None:
    """Many entries at once, as the log would hold them after many changes."""
    key = ids.key_of(ids.TICKET, ticket_id)
    async with database.transaction():
        await event.append(
            [
                Event(type=EventType.ESCALATED, ticket_id=key, occurred_at=time.now(), version=1, data={"changes": {}})
                for _ in range(ENTRIES)
            ]
        )


def kept() -> list[int]:
    """How many collected selections each living executor keeps. `isinstance` would ask what proxies stand for."""
    gc.collect()  # what earlier tests left in cycles is none of this stream's
    return [len(each._relevant_sub_fields) for each in gc.get_objects() if issubclass(type(each), Executor)]


async def test_memory_of_a_subscription_does_not_grow_with_its_events(service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        await asyncio.create_task(write(ticket["id"]))
        for _ in range(ENTRIES):
            assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        living = kept()
        assert living, "the stream's executor is there to be looked at"
        assert max(living) <= MOST
        assert len(living) <= MOST
