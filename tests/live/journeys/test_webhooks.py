"""Receivers that are dead, slow or flapping while workers are killed: no event is lost."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import Any, cast

import pytest
from support import Client, World
from support.client import TIMEOUT_SECONDS
from support.jobs import kill, start_worker
from support.live import until
from support.service import running
from support.webhooks import (
    SETTINGS,
    Received,
    Receiver,
    create_webhook,
    read_gaps,
    read_webhook,
    receiving,
    update,
)

from models.log.event import Event, EventType, encode_cursor

pytestmark = [
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
    pytest.mark.timeout(900),
]

TYPES = ["TICKET_CREATED", "REPLY_ADDED", "NOTE_ADDED", "TICKET_UPDATED"]
STORED_TYPES = [EventType[name] for name in TYPES]
WAYS = ("dead", "slow", "flapping", "redirecting")
"""How the receiver misbehaves, in each round until the worker is killed."""
TICKETS, WRITES_PER_ROUND = 8, 60
WAIT_SECONDS = 4 * TIMEOUT_SECONDS
"""A worker must start, and wait for the claims of a killed one."""
FAST_RETRIES = {
    "TICKETWIRE_WEBHOOK_FIRST_RETRY_SECONDS": "0.1",
    "TICKETWIRE_WEBHOOK_LONGEST_RETRY_SECONDS": "0.4",
    "TICKETWIRE_WEBHOOK_TIMEOUT_SECONDS": "1",
    **{f"TICKETWIRE_{name.upper()}": str(value) for name, value in SETTINGS.items()},
}


async def write_events(clients: list[Client], tickets: list[str], way: str, random: Random) -> None:
    """Some replies, notes and updates, at once."""

    async def write(number: int) -> None:
        client, ticket = random.choice(clients), random.choice(tickets)
        kind = number % 3
        if kind == 0:
            await client.do("replyToTicket", ticketId=ticket, body=f"Reply {number}.")
        elif kind == 1:
            await client.do("addNote", ticketId=ticket, body=f"Note {number}.")
        else:
            await client.do("updateTicket", ticketId=ticket, subject=f"{way} {number}")

    for number in range(0, WRITES_PER_ROUND, 4):
        await asyncio.gather(*(write(number + each) for each in range(4)))


def misbehave(receiver: Receiver, way: str, random: Random) -> None:
    """Let the receiver behave in this way from now on."""
    receiver.open.set()
    receiver.answer("200 OK")
    if way == "dead":
        receiver.answer("500 Oops")
    elif way == "slow":
        receiver.open.clear()
    elif way == "redirecting":
        receiver.answer("302 Found\r\nLocation: http://127.0.0.1:1/")
    elif way == "flapping":
        responses = ("200 OK", "503 Busy", "429 Slow down", "404 No")

        def respond(_: Received) -> str:
            return random.choice(responses)

        receiver.respond = respond


def check_order(receiver: Receiver) -> None:
    """Each ticket's events were acknowledged in the order of the log, leaving out repetitions."""
    last: dict[str, str] = {}
    seen: set[str] = set()
    for request in receiver.acknowledged:
        body = request.json
        if body["cursor"] in seen:
            continue
        seen.add(body["cursor"])
        ticket = body["data"]["ticket"]["id"]
        assert body["cursor"] > last.get(ticket, ""), "an event overtook an earlier one"
        last[ticket] = body["cursor"]


async def test_what_a_recovered_receiver_acknowledged_equals_the_log(
    url: str, random: Random
) -> None:
    async with (
        receiving() as bad,
        receiving() as good,
        running(url, run_jobs=False, own_time=True, **SETTINGS) as service,
    ):
        world = await World.make()
        admin, staff = service.client(world.root.token), service.client(world.ada.token)
        customer = service.client(world.cora.token)
        tickets = [(await customer.raise_ticket(f"Ticket {each}"))["id"] for each in range(TICKETS)]
        bad_webhook, _ = await create_webhook(admin, bad, types=TYPES)
        good_webhook, _ = await create_webhook(admin, good, types=TYPES)
        start = int(bad_webhook["cursor"], 16)
        for way in WAYS:
            misbehave(bad, way, random)
            worker = start_worker(url, 50, FAST_RETRIES)
            try:
                await write_events([admin, staff], tickets, way, random)
                expected = await read_log_cursors(start)
                # The other receiver gets everything while this one misbehaves.
                await until(partial(has_all, admin, good_webhook, good, expected), WAIT_SECONDS)
            finally:
                kill(worker)
        misbehave(bad, "working", random)
        expected = await read_log_cursors(start)
        worker = start_worker(url, 50, FAST_RETRIES)
        try:
            if (await read_webhook(admin, bad_webhook))["state"] != "ACTIVE":
                await update(admin, bad_webhook, state="ACTIVE")
            await until(partial(has_all, admin, bad_webhook, bad, expected), WAIT_SECONDS)
        finally:
            worker.terminate()
            worker.wait(60)
        assert len(expected) >= len(WAYS) * WRITES_PER_ROUND
        for receiver in (bad, good):
            assert set(receiver.cursors()) == set(expected)
            check_order(receiver)
        # A killed worker may have sent requests whose results it did not store.
        assert len(good.received) <= len(expected) + len(WAYS) * 4
        assert_repetitions_are_equal(bad)


def assert_repetitions_are_equal(receiver: Receiver) -> None:
    bodies: dict[str, bytes] = {}
    for request in receiver.received:
        assert bodies.setdefault(request.id, request.body) == request.body


async def read_log_cursors(start: int) -> list[str]:
    events = Event.filter(position__gt=start, type__in=STORED_TYPES).order_by("position")
    positions = cast("list[int]", await events.values_list("position", flat=True))
    return [encode_cursor(each) for each in positions]


async def has_all(
    admin: Client, webhook: dict[str, Any], receiver: Receiver, expected: list[str]
) -> bool:
    """Whether the receiver has acknowledged the whole log, and the server knows it."""
    acknowledged = {each.headers["webhook-id"] for each in receiver.acknowledged}
    if len(acknowledged) < len(expected):
        return False
    return await read_gaps(admin, webhook) == []
