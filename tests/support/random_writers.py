"""A scene to follow: people who change tickets by chance, followers of different rights, and what each of them must have seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import uuid4

import httpx2

from models.core import ids
from models.log.event import Event, EventType, decode_cursor
from models.tickets.ticket import Ticket
from support.actors import World
from support.client import TIMEOUT_SECONDS, Client
from support.live import Follower, head_cursor, random_mutation, until

WRITES = 25


@dataclass
class Scene:
    """Tickets of two accounts to write on, and a fixed one to follow."""

    world: World
    tickets: list[str]
    after: str

    @classmethod
    async def make(cls, client: Callable[[str], Client], world: World) -> Scene:
        cora, olga = client(world.cora.token), client(world.olga.token)
        tickets = [(await owner.raise_ticket(f"first of {place}"))["id"] for place, owner in enumerate((cora, olga, cora))]
        return cls(world, tickets, await head_cursor())

    def subscriptions(self) -> list[tuple[str, dict[str, Any]]]:
        """Who follows what: a token, and the arguments of the subscription."""
        world = self.world
        return [
            (world.ada.token, {}),
            (world.cora.token, {}),
            (world.carl.token, {"types": ["STATUS_CHANGED", "REPLY_ADDED", "NOTE_ADDED"]}),
            (world.olga.token, {}),
            (world.bill.token, {"ticketId": self.tickets[0]}),
            (world.otto.token, {}),
            (world.machine, {"types": ["NOTE_ADDED", "TICKET_CREATED"], "filter": {"requesterId": {"eq": world.olga.gid}}}),
        ]

    async def expected_positions(self, token: str, wanted: dict[str, Any]) -> list[int]:
        """What a follower must have seen, by the database; written apart from the code that it tests."""
        world, found = self.world, Event.filter(position__gt=decode_cursor(self.after))
        own = {world.cora.token: [world.cora.id, world.carl.id], world.carl.token: [world.cora.id, world.carl.id]}
        own |= {world.olga.token: [world.olga.id], world.otto.token: [world.otto.id]}
        requesters = own.get(token)
        if requesters is not None:
            found = found.filter(internal=False)
        if "filter" in wanted:
            requesters = [world.olga.id]
        if requesters is not None:
            found = found.filter(
                ticket_id__in=list(await Ticket.filter(requester_id__in=requesters).values_list("id", flat=True))
            )
        if "ticketId" in wanted:
            found = found.filter(ticket_id=ids.key_of(ids.TICKET, wanted["ticketId"]))
        if "types" in wanted:
            found = found.filter(type__in=[EventType[name] for name in wanted["types"]])
        return list(await found.order_by("position").values_list("position", flat=True))


async def write_randomly(random: Random, client: Callable[[str], Client], scene: Scene, stop: asyncio.Event | None = None) -> None:
    """Change tickets by chance, in the name of several people; a write that is cut off is sent again with its key.

    The first two changes are always such that everybody who may see any has seen one.
    """
    world = scene.world
    written = 0
    while written < WRITES if stop is None else not stop.is_set():
        written += 1
        key = uuid4().hex
        if written == 1 or (written > 2 and random.random() < 0.2):
            who, name = world.olga if written == 1 else random.choice([world.cora, world.carl, world.olga]), "createTicket"
            given: dict[str, Any] = {"subject": key, "description": "d", "category": random.choice(["technical", "sales"])}
        elif written == 2 or random.random() < 0.25:
            who, name = world.cora if written == 2 else random.choice([world.cora, world.olga]), "replyToTicket"
            given = {"ticketId": scene.tickets[0] if written == 2 else random.choice(scene.tickets), "body": key}
        else:
            who = random.choice([world.ada, world.bill])
            name, given = random_mutation(random, random.choice(scene.tickets), [world.ada.gid, world.bill.gid])
        payload = await mutate_until_answered(client(who.token), name, {**given, "idempotencyKey": key})
        if name == "createTicket":
            scene.tickets.append(payload["ticket"]["id"])


async def mutate_until_answered(client: Client, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The payload of a mutation, asked for until a server gives it."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            try:
                return await client.mutate(name, given)
            except httpx2.TransportError:
                await asyncio.sleep(0.05)


async def wait_and_compare(scene: Scene, followers: Sequence[Follower], following: asyncio.Future[Any]) -> None:
    """Wait until everybody has seen as many entries as they may see, and compare them all. Followers come as `wanted` has them,
    perhaps several times over."""
    wanted = scene.subscriptions() * (len(followers) // len(scene.subscriptions()))
    expected = [await scene.expected_positions(token, given) for token, given in wanted]

    async def seen() -> bool:
        if following.done():
            following.result()
        return all(len(follower.seen) >= len(each) for follower, each in zip(followers, expected, strict=True))

    try:
        await until(seen)
    except TimeoutError:
        pass  # the comparison says what is missing
    finally:
        for follower in followers:
            follower.stop()
    await following
    for follower, each, (_, given) in zip(followers, expected, wanted, strict=True):
        missing, more = sorted(set(each) - set(follower.seen)), sorted(set(follower.seen) - set(each))
        assert follower.seen == each, f"{given}: missing {missing}, more {more}"
    assert [len(each) for each in expected[: len(scene.subscriptions())]].count(0) == 1, "all but one of them follow something"
    assert sum(follower.cuts for follower in followers) > len(followers)
