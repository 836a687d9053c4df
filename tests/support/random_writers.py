"""Random writers, subscribers with different permissions, and the events each must receive."""

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

WRITES_PER_WRITER = 25


@dataclass
class Scene:
    """Tickets of two accounts that writers change, and the cursor at which subscribers start."""

    world: World
    tickets: list[str]
    after: str

    @classmethod
    async def make(cls, client: Callable[[str], Client], world: World) -> Scene:
        cora, olga = client(world.cora.token), client(world.olga.token)
        tickets = [
            (await owner.raise_ticket(f"first of {number}"))["id"]
            for number, owner in enumerate((cora, olga, cora))
        ]
        return cls(world, tickets, await head_cursor())

    def subscriptions(self) -> list[tuple[str, dict[str, Any]]]:
        """The subscriptions to compare: a token and the arguments of each."""
        world = self.world
        return [
            (world.ada.token, {}),
            (world.cora.token, {}),
            (world.carl.token, {"types": ["STATUS_CHANGED", "REPLY_ADDED", "NOTE_ADDED"]}),
            (world.olga.token, {}),
            (world.bill.token, {"ticketId": self.tickets[0]}),
            (world.otto.token, {}),
            (
                world.api_client_token,
                {
                    "types": ["NOTE_ADDED", "TICKET_CREATED"],
                    "filter": {"requesterId": {"eq": world.olga.gid}},
                },
            ),
        ]

    async def expected_positions(self, token: str, arguments: dict[str, Any]) -> list[int]:
        """The positions of the events that a subscriber must receive, read from the database.

        The rules are written here again, independent of the code under test.
        """
        world, events = self.world, Event.filter(position__gt=decode_cursor(self.after))
        own = {
            world.cora.token: [world.cora.id, world.carl.id],
            world.carl.token: [world.cora.id, world.carl.id],
        }
        own |= {world.olga.token: [world.olga.id], world.otto.token: [world.otto.id]}
        requesters = own.get(token)
        if requesters is not None:
            events = events.filter(internal=False)
        if "filter" in arguments:
            requesters = [world.olga.id]
        if requesters is not None:
            events = events.filter(
                ticket_id__in=list(
                    await Ticket.filter(requester_id__in=requesters).values_list("id", flat=True)
                )
            )
        if "ticketId" in arguments:
            events = events.filter(ticket_id=ids.key_of(ids.TICKET, arguments["ticketId"]))
        if "types" in arguments:
            events = events.filter(type__in=[EventType[name] for name in arguments["types"]])
        return list(await events.order_by("position").values_list("position", flat=True))


async def write_randomly(
    random: Random, client: Callable[[str], Client], scene: Scene, stop: asyncio.Event | None = None
) -> None:
    """Change random tickets as several people.

    A write whose connection breaks is sent again with its key.

    The first two changes are fixed, so that each subscriber with permissions receives an event.
    """
    world = scene.world
    written = 0
    while written < WRITES_PER_WRITER if stop is None else not stop.is_set():
        written += 1
        key = uuid4().hex
        if written == 1 or (written > 2 and random.random() < 0.2):
            person, name = (
                world.olga if written == 1 else random.choice([world.cora, world.carl, world.olga]),
                "createTicket",
            )
            arguments: dict[str, Any] = {
                "subject": key,
                "description": "d",
                "category": random.choice(["technical", "sales"]),
            }
        elif written == 2 or random.random() < 0.25:
            person, name = (
                world.cora if written == 2 else random.choice([world.cora, world.olga]),
                "replyToTicket",
            )
            arguments = {
                "ticketId": scene.tickets[0] if written == 2 else random.choice(scene.tickets),
                "body": key,
            }
        else:
            person = random.choice([world.ada, world.bill])
            name, arguments = random_mutation(
                random, random.choice(scene.tickets), [world.ada.gid, world.bill.gid]
            )
        payload = await mutate_until_answered(
            client(person.token), name, {**arguments, "idempotencyKey": key}
        )
        if name == "createTicket":
            scene.tickets.append(payload["ticket"]["id"])


async def mutate_until_answered(
    client: Client, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Send a mutation until a server responds; return its payload."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            try:
                return await client.mutate(name, arguments)
            except httpx2.TransportError:
                await asyncio.sleep(0.05)


async def wait_and_compare(
    scene: Scene, followers: Sequence[Follower], reading: asyncio.Future[Any]
) -> None:
    """Wait until each follower has received as many events as expected, then compare all of them.

    `followers` are in the order of `scene.subscriptions()`, which may repeat.
    """
    subscriptions = scene.subscriptions() * (len(followers) // len(scene.subscriptions()))
    expected = [
        await scene.expected_positions(token, arguments) for token, arguments in subscriptions
    ]

    async def all_caught_up() -> bool:
        if reading.done():
            reading.result()
        return all(
            len(follower.seen) >= len(each)
            for follower, each in zip(followers, expected, strict=True)
        )

    try:
        await until(all_caught_up)
    except TimeoutError:
        pass  # the comparison reports what is missing
    finally:
        for follower in followers:
            follower.stop()
    await reading
    for follower, each, (_, arguments) in zip(followers, expected, subscriptions, strict=True):
        missing, more = (
            sorted(set(each) - set(follower.seen)),
            sorted(set(follower.seen) - set(each)),
        )
        assert follower.seen == each, f"{arguments}: missing {missing}, more {more}"
    assert [len(each) for each in expected[: len(scene.subscriptions())]].count(0) == 1, (
        "all subscriptions but one receive events"
    )
    assert sum(follower.cuts for follower in followers) > len(followers)
