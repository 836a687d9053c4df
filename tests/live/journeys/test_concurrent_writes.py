"""Many clients write to few tickets: each write succeeds or is refused, and the log matches."""

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

TICKET_COUNT = 20
WRITES_PER_CLIENT = 40
EXPECTED_REFUSALS = {"TRANSITION_REFUSED", "STALE_VERSION", "INVALID"}


async def write_randomly(
    random: Random,
    client: Client,
    world: World,
    versions: dict[str, int],
    acknowledged: list[dict[str, Any]],
) -> Counter[str]:
    """Change random tickets; return the number of refusals by code.

    Staff often send the last known version. Customers see other versions, so they send none.
    """
    is_customer = client.token in (world.cora.token, world.carl.token)
    refused: Counter[str] = Counter()
    for _ in range(WRITES_PER_CLIENT):
        ticket_id = random.choice(list(versions))
        if is_customer:
            name = random.choice(["replyToTicket", "closeTicket", "reopenTicket", "escalateTicket"])
            text_field = {
                "replyToTicket": "body",
                "reopenTicket": "reason",
                "escalateTicket": "reason",
            }.get(name)
            arguments: dict[str, Any] = {"ticketId": ticket_id} | (
                {text_field: "by the customer"} if text_field else {}
            )
        else:
            name, arguments = random_mutation(random, ticket_id, [world.ada.gid, world.bill.gid])
        takes_version = name not in ("replyToTicket", "addNote") and not is_customer
        if takes_version and random.random() < 0.5:
            arguments["expectedVersion"] = versions[ticket_id]
        payload = await client.mutate(name, arguments)
        if payload["userErrors"]:
            assert payload["ticket"] is None
            refused.update(error["code"] for error in payload["userErrors"])
            continue
        if not is_customer:
            versions[ticket_id] = max(versions[ticket_id], payload["ticket"]["version"])
        if payload["event"] is not None:
            acknowledged.append({**payload, "is_customer": is_customer})
            if "expectedVersion" in arguments:
                assert payload["ticket"]["version"] == arguments["expectedVersion"] + 1
    return refused


async def test_concurrent_writes_succeed_or_are_refused_and_match_the_log(
    service: Service, world: World, random: Random
) -> None:
    cora = service.client(world.cora.token)
    versions = {
        (await cora.raise_ticket(f"ticket {number}"))["id"]: 1 for number in range(TICKET_COUNT)
    }
    tokens = [
        world.ada.token,
        world.bill.token,
        world.root.token,
        world.api_client_token,
        world.cora.token,
        world.carl.token,
    ]
    clients = [service.client(token) for token in [*tokens, world.ada.token, world.bill.token]]
    acknowledged: list[dict[str, Any]] = []
    refused = await asyncio.gather(
        *(
            write_randomly(Random(random.random()), client, world, versions, acknowledged)
            for client in clients
        )
    )
    total = sum(refused, Counter())
    assert set(total) == EXPECTED_REFUSALS
    log = await audit()
    changes = [event for event in log if event.type is not EventType.TICKET_CREATED]
    logged_versions = {(event.ticket_id, event.version) for event in changes}
    assert len(acknowledged) == len(logged_versions)
    assert len({each["event"]["cursor"] for each in acknowledged}) == len(acknowledged)
    version_at = {event.position: (event.ticket_id, event.version) for event in log}
    acknowledged_versions = {
        version_at[decode_cursor(each["event"]["cursor"])] for each in acknowledged
    }
    assert acknowledged_versions == logged_versions
    for each in acknowledged:
        ticket_id, version = version_at[decode_cursor(each["event"]["cursor"])]
        assert ids.key_of(ids.TICKET, each["ticket"]["id"]) == ticket_id
        shown = each["ticket"]["version"]
        assert shown <= version if each["is_customer"] else shown == version
    for ticket in await Ticket.all():
        assert (ticket.id, ticket.version) in logged_versions | {(ticket.id, 1)}
    assert len(acknowledged) + total.total() > len(clients) * WRITES_PER_CLIENT * 0.8


async def test_one_of_many_writes_with_the_same_expected_version_wins(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    for version in range(1, 6):
        payloads = await asyncio.gather(
            *(
                ada.mutate(
                    "updateTicket",
                    {
                        "ticketId": ticket["id"],
                        "subject": f"{version} {number}",
                        "expectedVersion": version,
                    },
                )
                for number in range(8)
            )
        )
        assert sorted(len(payload["userErrors"]) for payload in payloads) == [0] + [1] * 7
        refused = [payload["userErrors"][0] for payload in payloads if payload["userErrors"]]
        assert {(error["code"], error["current"]) for error in refused} == {
            ("STALE_VERSION", version + 1)
        }
    await audit()


async def test_one_of_many_writes_with_the_same_idempotency_key_is_stored(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    arguments = {"ticketId": ticket["id"], "body": "once", "idempotencyKey": "same"}
    payloads = await asyncio.gather(*(ada.mutate("replyToTicket", arguments) for _ in range(8)))
    stored = [payload for payload in payloads if not payload["userErrors"]]
    assert {error["code"] for payload in payloads for error in payload["userErrors"]} <= {
        "IDEMPOTENCY_IN_PROGRESS"
    }
    assert [payload["replayed"] for payload in stored].count(False) == 1
    assert len({payload["reply"]["id"] for payload in stored}) == 1
    log = await audit()
    assert [event.type for event in log].count(EventType.REPLY_ADDED) == 1
