"""The server is killed in the middle of writes: what was acknowledged is there, and nothing is there by half or twice."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from support import World
from support.audit import audit
from support.live import until
from support.service import Process, start

from models import database
from models.changes.idempotency import IdempotencyKey
from models.log.event import Event, decode_cursor
from models.tickets.message import Message

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

ROUNDS = 3
CLIENTS = 6
ACKNOWLEDGED = 30


class Journal:
    """What the clients of a server sent, by idempotency key, and what they were answered."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str, dict[str, Any]]] = {}
        self.answers: dict[str, dict[str, Any]] = {}

    @property
    def unanswered(self) -> list[str]:
        return [key for key in self.sent if key not in self.answers]

    async def send(self, process: Process, key: str) -> None:
        token, name, given = self.sent[key]
        self.answers[key] = await process.client(token).mutate(name, {**given, "idempotencyKey": key})


def written(random: Random, world: World, tickets: list[str], key: str) -> tuple[str, str, dict[str, Any]]:
    """A write by chance that bears its key in what it stores: who, which mutation, its input."""
    ticket_id = random.choice(tickets)
    new = {"subject": key, "description": "d", "category": "technical"}
    update = {"subject": key, "category": random.choice(["sales", "billing"])}
    return random.choice(
        [
            (world.cora.token, "createTicket", {**new, "tags": ["a", "b"]}),
            (world.cora.token, "createTicket", {**new, "followUpOf": ticket_id}),
            (world.cora.token, "replyToTicket", {"ticketId": ticket_id, "body": key}),
            (world.ada.token, "replyToTicket", {"ticketId": ticket_id, "body": key}),
            (world.ada.token, "addNote", {"ticketId": ticket_id, "body": key}),
            (
                world.ada.token,
                "updateTicket",
                {"ticketId": ticket_id, **update},
            ),
            (world.ada.token, "escalateTicket", {"ticketId": ticket_id, "reason": key}),
            (world.ada.token, "resolveTicket", {"ticketId": ticket_id, "resolution": key}),
            (world.bill.token, "reopenTicket", {"ticketId": ticket_id, "reason": key}),
        ]
    )


async def hammer(random: Random, process: Process, world: World, tickets: list[str], journal: Journal) -> None:
    """Write until the server is gone."""
    while True:
        key = uuid4().hex
        journal.sent[key] = written(random, world, tickets, key)
        try:
            await journal.send(process, key)
        except httpx2.TransportError:
            return


async def test_each_acknowledged_write_is_stored_exactly_once_after_a_kill(url: str, random: Random) -> None:
    journal = Journal()
    await database.connect(url)
    world = await World.make()
    await database.disconnect()
    process = await start(url)
    try:
        cora = process.client(world.cora.token)
        tickets = [(await cora.raise_ticket(f"ticket {place}"))["id"] for place in range(5)]
        for _ in range(ROUNDS):
            before = len(journal.answers)
            hammering = [
                asyncio.create_task(hammer(Random(random.random()), process, world, tickets, journal)) for _ in range(CLIENTS)
            ]

            async def busy(before: int = before) -> bool:
                return len(journal.answers) >= before + ACKNOWLEDGED

            await until(busy)
            process.kill()
            await asyncio.gather(*hammering)
            assert journal.unanswered
            process = await start(url, process.port)
            for key in journal.unanswered:
                await journal.send(process, key)
        process.kill()
        await database.connect(url)
        log = await audit()
        await once_each(journal, log)
        assert len(journal.answers) >= ROUNDS * ACKNOWLEDGED
    finally:
        process.kill()
        await database.disconnect()


async def once_each(journal: Journal, log: list[Event]) -> None:
    """Each write that was acknowledged is in the log once, where its answer said; each that was refused is nowhere."""
    messages = {message.id: message.body for message in await Message.all()}
    places: dict[str, list[int]] = {}
    for entry in log:
        subject = entry.changes["subject"][1] if "subject" in entry.changes else None
        said = {subject, entry.value("reason"), entry.value("comment"), messages.get(entry.message_id)}  # type: ignore[arg-type]
        for word in said & journal.sent.keys():
            places.setdefault(str(word), []).append(entry.position)
    done = {key for key, payload in journal.answers.items() if payload["event"] is not None}
    assert {key: decode_cursor(journal.answers[key]["event"]["cursor"]) for key in done} == {
        key: found[0] for key, found in places.items()
    }
    assert {key for key, found in places.items() if len(found) > 1} == set()
    assert {key.key for key in await IdempotencyKey.all()} == done
    refusals = [payload["userErrors"][0]["code"] for key, payload in journal.answers.items() if key not in done]
    assert set(refusals) <= {"TRANSITION_REFUSED", "INVALID"}
    assert len(done) > len(refusals)
