"""Two server processes get the same idempotency keys at the same time, also with other inputs."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from support import Client, Service, World
from support.audit import audit
from support.service import start
from support.ticket_mutations import NEW_TICKET

from models.changes.idempotency import IdempotencyKey
from models.log.event import EventType
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

KEYS = 24
CALLS_PER_KEY = 5
REFUSALS = {"IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED", "NOT_FOUND", "TAKEN"}


def random_input(random: Random, key: str) -> dict[str, Any]:
    """One of few inputs for the key. Some are refused, and some need the same external ids."""
    more = random.choice(
        [
            {},
            {},
            {"tags": ["a", "b"]},
            {"externalId": key},
            {"externalId": random.choice(["x", "y"])},
            {"followUpOf": "tkt_unknown"},
            {"category": "unknown"},
        ]
    )
    return {**NEW_TICKET, "subject": key, "idempotencyKey": key, **more}


async def check_key(client: Client, inputs: list[dict[str, Any]], payloads: list[Any]) -> int:
    """Check the payloads of one key's calls; return how many tickets they created."""
    codes = {error["code"] for payload in payloads for error in payload["userErrors"]}
    assert codes <= REFUSALS
    stored = [
        (input, payload)
        for input, payload in zip(inputs, payloads, strict=True)
        if not payload["userErrors"]
    ]
    subject = inputs[0]["subject"]
    tickets = await Ticket.filter(subject=subject)
    if not stored:
        assert tickets == []
        assert "IDEMPOTENCY_KEY_REUSED" not in codes
        return 0
    assert len(tickets) == 1
    assert len([payload for _, payload in stored if not payload["replayed"]]) == 1
    first_input, first = next(each for each in stored if not each[1]["replayed"])
    assert all(input == first_input for input, _ in stored), "another input got its ticket"
    assert {payload["ticket"]["id"] for _, payload in stored} == {first["ticket"]["id"]}
    assert {payload["event"]["cursor"] for _, payload in stored} == {first["event"]["cursor"]}
    again = await client.do("createTicket", **first_input)
    assert (again["replayed"], again["ticket"]["id"]) == (True, first["ticket"]["id"])
    other = await client.mutate("createTicket", {**first_input, "description": "another"})
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    return 1


async def test_concurrent_calls_with_one_key_create_one_ticket(
    service: Service, world: World, random: Random, url: str
) -> None:
    process = await start(url, TICKETWIRE_RUN_JOBS="false")
    try:
        cora = [service.client(world.cora.token), process.client(world.cora.token)]
        inputs_by_key: list[list[dict[str, Any]]] = []
        for number in range(KEYS):
            choices = [random_input(random, f"key {number}") for _ in range(2)]
            inputs_by_key.append([random.choice(choices) for _ in range(CALLS_PER_KEY)])
        payloads_by_key = []
        for start_at in range(0, KEYS, 4):
            calls = [
                asyncio.gather(
                    *(
                        cora[number % 2].mutate("createTicket", input)
                        for number, input in enumerate(inputs)
                    )
                )
                for inputs in inputs_by_key[start_at : start_at + 4]
            ]
            payloads_by_key += await asyncio.gather(*calls)
        created = 0
        for inputs, payloads in zip(inputs_by_key, payloads_by_key, strict=True):
            created += await check_key(cora[0], inputs, payloads)
    finally:
        process.kill()
    assert created > KEYS / 3
    assert await Ticket.all().count() == await IdempotencyKey.all().count() == created
    log = await audit()
    assert [event.type for event in log].count(EventType.TICKET_CREATED) == created
