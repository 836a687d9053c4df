"""A receiver that is dead, slow, lying, redirecting or flapping while workers are killed.

WEBHOOK_EVENTS is how many events are written; `make stress` writes 10,000.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from functools import partial
from random import Random
from typing import Any, cast

import pytest
from support import Client, World
from support.bad_receiver import BEHAVIOURS, BadReceiver, Log, check_order, receiving_badly
from support.client import TIMEOUT_SECONDS
from support.jobs import kill, start_worker
from support.live import until
from support.service import Service, running
from support.webhooks import SETTINGS, create_webhook, read_gaps, replay

from models.core import ids
from models.log.event import Event, EventType

EVENTS = int(os.environ.get("WEBHOOK_EVENTS", "300"))
pytestmark = [
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
    pytest.mark.timeout(900 + EVENTS),
]

TYPES = ["TICKET_CREATED", "REPLY_ADDED", "NOTE_ADDED", "TICKET_UPDATED"]
STORED_TYPES = [EventType[name] for name in TYPES]
TICKETS, WORKERS, WRITES_AT_ONCE = 8, 2, 4
PERIODS = len(BEHAVIOURS) + EVENTS // 250
"""Each behaviour once, and in a long run more of them at random."""
PERIODS_PER_KILL = 4
WAIT_SECONDS = 4 * TIMEOUT_SECONDS + EVENTS / 10
"""A worker must start, and wait for the claims of a killed one."""
POLL_SECONDS = 0.02 + EVENTS / 20_000
LIMITS = {"max_events_per_webhook_replay": 2 * EVENTS + 1000}
FAST_RETRIES = {
    "TICKETWIRE_WEBHOOK_FIRST_RETRY_SECONDS": "0.1",
    "TICKETWIRE_WEBHOOK_LONGEST_RETRY_SECONDS": "0.4",
    "TICKETWIRE_WEBHOOK_TIMEOUT_SECONDS": "1",
    **{f"TICKETWIRE_{name.upper()}": str(value) for name, value in SETTINGS.items()},
}


class Workers:
    """Processes that deliver, of which one holds the lease of the job."""

    def __init__(self, url: str, random: Random) -> None:
        self.url, self.random = url, random
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        while len(self.processes) < WORKERS:
            self.processes.append(start_worker(self.url, 50, FAST_RETRIES))

    def replace_one(self) -> None:
        kill(self.processes.pop(self.random.randrange(WORKERS)))
        self.start()

    def stop(self) -> None:
        for each in self.processes:
            kill(each)


async def write_events(
    clients: list[Client], tickets: list[str], count: int, label: str, random: Random
) -> None:
    """Some replies, notes and updates, a few at once."""

    async def write(number: int) -> None:
        client, ticket = random.choice(clients), random.choice(tickets)
        kind = number % 3
        if kind == 0:
            await client.do("replyToTicket", ticketId=ticket, body=f"Reply {number}.")
        elif kind == 1:
            await client.do("addNote", ticketId=ticket, body=f"Note {number}.")
        else:
            await client.do("updateTicket", ticketId=ticket, subject=f"{label} {number}")

    for start in range(0, count, WRITES_AT_ONCE):
        numbers = range(start, min(start + WRITES_AT_ONCE, count))
        await asyncio.gather(*(write(number) for number in numbers))


async def read_log(start: int) -> Log:
    events = Event.filter(position__gt=start, type__in=STORED_TYPES).order_by("position")
    rows = await events.values_list("position", "ticket_id")
    return [(ids.encode(ids.EVENT, cast("int", row[0])), row[1]) for row in rows]


async def has_all(
    admin: Client, webhook: dict[str, Any], receiver: BadReceiver, log: Log, begin: int = 0
) -> bool:
    """Whether the whole log was acknowledged since this entry, and the server knows it."""
    since = receiver.journal[begin:]
    promised = {each.event_id for each in since if each.kind != "arrived"}
    if not promised.issuperset(event_id for event_id, _ in log):
        await asyncio.sleep(POLL_SECONDS)  # a long journal takes a while to read
        return False
    return await read_gaps(admin, webhook) == []


async def test_what_a_recovered_receiver_acknowledged_equals_the_log(
    url: str, random: Random
) -> None:
    async with (
        receiving_badly(random) as bad,
        receiving_badly(random) as good,
        running(url, run_jobs=False, own_time=True, **SETTINGS, **LIMITS) as service,
    ):
        workers = Workers(url, random)
        try:
            await check_receivers(service, workers, bad, good, random)
        finally:
            workers.stop()


async def check_receivers(
    service: Service, workers: Workers, bad: BadReceiver, good: BadReceiver, random: Random
) -> None:
    world = await World.make()
    admin, staff = service.client(world.root.token), service.client(world.ada.token)
    customer = service.client(world.cora.token)
    tickets = [(await customer.raise_ticket(f"Ticket {each}"))["id"] for each in range(TICKETS)]
    bad_webhook, _ = await create_webhook(admin, bad.url, types=TYPES)
    good_webhook, _ = await create_webhook(admin, good.url, types=TYPES)
    start = int(bad_webhook["cursor"], 16)
    behaviours = [*BEHAVIOURS, *random.choices(BEHAVIOURS, k=PERIODS - len(BEHAVIOURS))]
    random.shuffle(behaviours)
    workers.start()
    for number, behaviour in enumerate(behaviours):
        bad.behaviour = behaviour
        half = EVENTS // PERIODS // 2 + 1
        await write_events([admin, staff], tickets, half, behaviour, random)
        if number % PERIODS_PER_KILL == 0:
            workers.replace_one()
        await write_events([admin, staff], tickets, half, behaviour, random)
        # The other receiver gets everything while this one still misbehaves.
        log = await read_log(start)
        await until(partial(has_all, admin, good_webhook, good, log), WAIT_SECONDS)
    bad.behaviour = "working"
    log = await read_log(start)
    assert len(log) >= EVENTS
    await until(partial(has_all, admin, bad_webhook, bad, log), WAIT_SECONDS)
    await check_journals(bad, good, log)
    # What it promised without reading it, it gets again by a replay.
    begin = len(bad.journal)
    await replay(admin, bad_webhook, bad_webhook["cursor"])
    await until(partial(has_all, admin, bad_webhook, bad, log, begin), WAIT_SECONDS)
    check_order(bad, log, begin)
    assert bad.ids("acknowledged") == {event_id for event_id, _ in log}


async def check_journals(bad: BadReceiver, good: BadReceiver, log: Log) -> None:
    everything = {event_id for event_id, _ in log}
    assert good.ids("acknowledged") == everything
    assert bad.ids("acknowledged") | bad.ids("lied") == everything
    for receiver in (bad, good):
        check_order(receiver, log)
        repeated = [event_id for event_id, found in receiver.bodies.items() if len(found) > 1]
        assert repeated == [], "a repetition must have the same bytes"
