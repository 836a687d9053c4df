"""Many clients, few tickets: every answer is a success or a refusal by name, and the log tells exactly what was acknowledged."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from support import Client, Service, World
from support.audit import audit
from support.live import random_mutation

from models.core import ids
from models.log.event import EventType, decode_cursor
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

TICKETS = 20
WRITES = 40
EXPECTED = {"TRANSITION_REFUSED", "STALE_VERSION", "INVALID"}


async def hammer(
    random: Random, client: Client, world: World, versions: dict[str, int], acknowledged: list[dict[str, Any]]
) -> Counter[str]:
    """Change tickets by chance, often with the version that somebody saw last; counts the refusals."""
    refused: Counter[str] = Counter()
    for _ in range(WRITES):
        ticket_id = random.choice(list(versions))
        if client.token in (world.cora.token, world.carl.token):
            name = random.choice(["replyToTicket", "closeTicket", "reopenTicket", "escalateTicket"])
            words = {"replyToTicket": "body", "reopenTicket": "reason", "escalateTicket": "reason"}.get(name)
            given: dict[str, Any] = {"ticketId": ticket_id} | ({words: "by the customer"} if words else {})
        else:
            name, given = random_mutation(random, ticket_id, [world.ada.gid, world.bill.gid])
        if name not in ("replyToTicket", "addNote") and random.random() < 0.5:
            given["expectedVersion"] = versions[ticket_id]
        payload = await client.mutate(name, given)
        if payload["userErrors"]:
            assert payload["ticket"] is None
            refused.update(error["code"] for error in payload["userErrors"])
            continue
        versions[ticket_id] = max(versions[ticket_id], payload["ticket"]["version"])
        if payload["event"] is not None:
            acknowledged.append(payload)
            if "expectedVersion" in given:
                assert payload["ticket"]["version"] == given["expectedVersion"] + 1
    return refused


async def test_concurrent_writes_succeed_or_are_refused_and_match_the_log(
    service: Service, world: World, random: Random
) -> None:
    cora = service.client(world.cora.token)
    versions = {(await cora.raise_ticket(f"ticket {place}"))["id"]: 1 for place in range(TICKETS)}
    tokens = [world.ada.token, world.bill.token, world.root.token, world.machine, world.cora.token, world.carl.token]
    clients = [service.client(token) for token in [*tokens, world.ada.token, world.bill.token]]
    acknowledged: list[dict[str, Any]] = []
    refused = await asyncio.gather(
        *(hammer(Random(random.random()), client, world, versions, acknowledged) for client in clients)
    )
    total = sum(refused, Counter())
    assert set(total) == EXPECTED
    log = await audit()
    changed = [entry for entry in log if entry.type is not EventType.TICKET_CREATED]
    steps = {(entry.ticket_id, entry.version) for entry in changed}
    told = {(ids.key_of(ids.TICKET, each["ticket"]["id"]), each["ticket"]["version"]) for each in acknowledged}
    assert len(acknowledged) == len(steps)
    assert told == steps
    assert len({each["event"]["cursor"] for each in acknowledged}) == len(acknowledged)
    by_place = {entry.position: (entry.ticket_id, entry.version) for entry in log}
    for each in acknowledged:
        step = (ids.key_of(ids.TICKET, each["ticket"]["id"]), each["ticket"]["version"])
        assert by_place[decode_cursor(each["event"]["cursor"])] == step
    assert {ids.encode(ids.TICKET, ticket.id): ticket.version for ticket in await Ticket.all()} == versions
    assert len(acknowledged) + total.total() > len(clients) * WRITES * 0.8


async def test_one_of_many_writes_with_the_same_expected_version_wins(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    for version in range(1, 6):
        answers = await asyncio.gather(
            *(
                ada.mutate(
                    "updateTicket", {"ticketId": ticket["id"], "subject": f"{version} {place}", "expectedVersion": version}
                )
                for place in range(8)
            )
        )
        assert sorted(len(answer["userErrors"]) for answer in answers) == [0] + [1] * 7
        refused = [answer["userErrors"][0] for answer in answers if answer["userErrors"]]
        assert {(error["code"], error["current"]) for error in refused} == {("STALE_VERSION", version + 1)}
    await audit()


async def test_one_of_many_writes_with_the_same_idempotency_key_is_stored(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    given = {"ticketId": ticket["id"], "body": "once", "idempotencyKey": "same"}
    answers = await asyncio.gather(*(ada.mutate("replyToTicket", given) for _ in range(8)))
    done = [answer for answer in answers if not answer["userErrors"]]
    assert {error["code"] for answer in answers for error in answer["userErrors"]} <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert [answer["replayed"] for answer in done].count(False) == 1
    assert len({answer["reply"]["id"] for answer in done}) == 1
    log = await audit()
    assert [entry.type for entry in log].count(EventType.REPLY_ADDED) == 1
