"""A server killed during writes: acknowledged writes are stored, each exactly once and
completely."""

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

KILLS = 3
CLIENT_COUNT = 6
WRITES_BEFORE_KILL = 30


class Journal:
    """The requests of all clients and their responses, by idempotency key."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str, dict[str, Any]]] = {}
        self.payloads: dict[str, dict[str, Any]] = {}

    @property
    def unanswered(self) -> list[str]:
        return [key for key in self.sent if key not in self.payloads]

    async def send(self, process: Process, key: str) -> None:
        token, name, arguments = self.sent[key]
        self.payloads[key] = await process.client(token).mutate(
            name, {**arguments, "idempotencyKey": key}
        )


def random_write(
    random: Random, world: World, tickets: list[str], key: str
) -> tuple[str, str, dict[str, Any]]:
    """A random write that stores its key as a text: the token, the mutation and its input."""
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


async def write_until_killed(
    random: Random, process: Process, world: World, tickets: list[str], journal: Journal
) -> None:
    """Write until the server is killed."""
    while True:
        key = uuid4().hex
        journal.sent[key] = random_write(random, world, tickets, key)
        try:
            await journal.send(process, key)
        except httpx2.TransportError:
            return


async def test_each_acknowledged_write_is_stored_exactly_once_after_a_kill(
    url: str, random: Random
) -> None:
    journal = Journal()
    await database.connect(url)
    world = await World.make()
    await database.disconnect()
    process = await start(url)
    try:
        cora = process.client(world.cora.token)
        tickets = [(await cora.raise_ticket(f"ticket {number}"))["id"] for number in range(5)]
        for _ in range(KILLS):
            before = len(journal.payloads)
            writers = [
                asyncio.create_task(
                    write_until_killed(Random(random.random()), process, world, tickets, journal)
                )
                for _ in range(CLIENT_COUNT)
            ]

            async def has_enough_writes(before: int = before) -> bool:
                return len(journal.payloads) >= before + WRITES_BEFORE_KILL

            await until(has_enough_writes)
            process.kill()
            await asyncio.gather(*writers)
            assert journal.unanswered
            process = await start(url, process.port)
            for key in journal.unanswered:
                await journal.send(process, key)
        process.kill()
        await database.connect(url)
        log = await audit()
        await check_each_write(journal, log)
        assert len(journal.payloads) >= KILLS * WRITES_BEFORE_KILL
    finally:
        process.kill()
        await database.disconnect()


async def check_each_write(journal: Journal, log: list[Event]) -> None:
    """Check that each acknowledged write is in the log once, at its cursor, and no refused write
    is."""
    messages = {message.id: message.body for message in await Message.all()}
    positions_by_key: dict[str, list[int]] = {}
    for event in log:
        subject = event.changes["subject"][1] if "subject" in event.changes else None
        texts = {
            subject,
            event.value("reason"),
            event.value("comment"),
            messages.get(event.message_id),
        }  # type: ignore[arg-type]
        for key_text in texts & journal.sent.keys():
            positions_by_key.setdefault(str(key_text), []).append(event.position)
    stored = {key for key, payload in journal.payloads.items() if payload["event"] is not None}
    assert {key: decode_cursor(journal.payloads[key]["event"]["cursor"]) for key in stored} == {
        key: positions[0] for key, positions in positions_by_key.items()
    }
    assert {key for key, positions in positions_by_key.items() if len(positions) > 1} == set()
    assert {key.key for key in await IdempotencyKey.all()} == stored
    refusals = [
        payload["userErrors"][0]["code"]
        for key, payload in journal.payloads.items()
        if key not in stored
    ]
    assert set(refusals) <= {"TRANSITION_REFUSED", "INVALID"}
    assert len(stored) > len(refusals)
