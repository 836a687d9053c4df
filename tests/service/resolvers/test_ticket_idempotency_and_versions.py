"""Idempotency keys and expected versions, on every mutation of a ticket."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.actors import machine, token_of
from support.assert_unchanged import assert_nothing_stored, refusals

from models.changes.idempotency import IdempotencyKey
from models.core import ids
from models.log.event import Event
from models.people.user import User
from models.tickets.ticket import Ticket
from schema import root

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

NEW: dict[str, Any] = {"subject": "VPN is down", "description": "Since noon.", "category": "technical"}


async def prepared(service: Service, world: World) -> dict[str, tuple[Client, dict[str, Any], dict[str, Any]]]:
    """For every ticket mutation: who calls it, an input that is taken and another one, each on tickets of its own."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)

    async def ticket(*steps: tuple[str, dict[str, Any]]) -> str:
        key = str((await cora.raise_ticket())["id"])
        for name, given in steps:
            await ada.do(name, ticketId=key, **given)
        return key

    resolved = ("resolveTicket", {"resolution": "x"})
    other = await ticket()
    return {
        "createTicket": (cora, NEW, NEW | {"subject": "Another"}),
        "updateTicket": (ada, {"ticketId": await ticket(), "subject": "A"}, {"subject": "B"}),
        "assignTicket": (ada, {"ticketId": await ticket(), "assigneeId": world.ada.gid}, {"assigneeId": None}),
        "transferTicket": (ada, {"ticketId": await ticket(), "team": "sales"}, {"team": "billing"}),
        "startTicket": (ada, {"ticketId": await ticket()}, {"ticketId": other}),
        "awaitCustomer": (ada, {"ticketId": await ticket()}, {"ticketId": other}),
        "holdTicket": (ada, {"ticketId": await ticket(), "until": "2090-01-01T00:00:00Z"}, {"until": "2091-01-01T00:00:00Z"}),
        "resumeTicket": (ada, {"ticketId": await ticket(("holdTicket", {}))}, {"ticketId": other}),
        "resolveTicket": (ada, {"ticketId": await ticket(), "resolution": "A"}, {"resolution": "B"}),
        "closeTicket": (ada, {"ticketId": await ticket(), "reason": "SPAM"}, {"reason": "INVALID"}),
        "reopenTicket": (cora, {"ticketId": await ticket(resolved), "reason": "A"}, {"reason": "B"}),
        "escalateTicket": (cora, {"ticketId": await ticket(), "reason": "A"}, {"reason": "B"}),
        "rateTicket": (cora, {"ticketId": await ticket(resolved), "score": 1, "comment": "A"}, {"score": 5}),
        "watchTicket": (cora, {"ticketId": await ticket()}, {"ticketId": other}),
        "unwatchTicket": (ada, {"ticketId": await ticket(("watchTicket", {}))}, {"ticketId": other}),
        "linkTickets": (ada, {"ticketId": await ticket(), "otherId": other, "kind": "RELATED"}, {"kind": "CHILD_OF"}),
        "mergeTickets": (ada, {"ticketId": await ticket(), "intoId": await ticket()}, {"intoId": other}),
        "replyToTicket": (cora, {"ticketId": await ticket(), "body": "A"}, {"body": "B"}),
        "addNote": (ada, {"ticketId": await ticket(), "body": "A"}, {"body": "B"}),
    }


def without_replayed(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "replayed"}


async def test_every_ticket_mutation_is_tested(service: Service, world: World) -> None:
    schema = root.build()._schema
    assert schema.mutation_type is not None
    keyed = {
        name
        for name, field in schema.mutation_type.fields.items()
        if {"replayed", "cursor"} <= getattr(field.type, "fields", {}).keys()
    }
    assert set(await prepared(service, world)) == keyed


async def test_a_repeated_key_returns_the_first_payload_and_changes_nothing(service: Service, world: World) -> None:
    for name, (client, given, another) in (await prepared(service, world)).items():
        first = await client.do(name, **given, idempotencyKey="k")
        assert first["replayed"] is False
        async with assert_nothing_stored():
            for _ in range(2):
                again = await client.do(name, **given, idempotencyKey="k")
                assert again["replayed"] is True, name
                assert without_replayed(again) == without_replayed(first), name
        assert await refusals(client, name, **given | another, idempotencyKey="k") == ["IDEMPOTENCY_KEY_REUSED idempotencyKey"], (
            name
        )
    assert await IdempotencyKey.all().count() == 19


async def test_a_stale_version_is_refused_with_the_current_one(service: Service, world: World) -> None:
    for name, (client, given, _) in (await prepared(service, world)).items():
        if name == "createTicket":
            continue
        now = (await Ticket.get(id=UUID(given["ticketId"].removeprefix("tkt_")))).version
        for wrong in (now - 1, now + 1, 0, -1, 2**31 - 1):
            async with assert_nothing_stored():
                payload = await client.mutate(name, given | {"expectedVersion": wrong, "idempotencyKey": "k"})
            assert payload["ticket"] is None
            (error,) = payload["userErrors"]
            told = (error["__typename"], error["code"], error["field"], error["current"])
            assert told == ("StaleVersion", "STALE_VERSION", ["input", "expectedVersion"], now), name
        done = await client.do(name, **given, expectedVersion=now, idempotencyKey="k")
        assert done["ticket"]["version"] == now + 1, name
        assert (await client.do(name, **given, expectedVersion=now, idempotencyKey="k"))["replayed"] is True, name


async def test_one_of_several_writers_with_the_same_version_succeeds(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    payloads = await asyncio.gather(
        *(ada.mutate("updateTicket", {"ticketId": key, "subject": f"Subject {n}", "expectedVersion": 1}) for n in range(8))
    )
    assert sorted(p["userErrors"][0]["code"] if p["userErrors"] else "done" for p in payloads) == ["STALE_VERSION"] * 7 + ["done"]
    assert {error["current"] for p in payloads for error in p["userErrors"]} == {2}


async def test_a_key_belongs_to_one_caller_and_one_mutation(service: Service, world: World) -> None:
    cora, carl, ada = (service.client(person.token) for person in (world.cora, world.carl, world.ada))
    sync, other = service.client(world.machine), service.client(await machine("Other"))
    named = NEW | {"requesterId": world.cora.gid}
    made = [
        await cora.do("createTicket", **NEW, idempotencyKey="k"),
        await carl.do("createTicket", **NEW, idempotencyKey="k"),
        await ada.do("createTicket", **named, idempotencyKey="k"),
        await sync.do("createTicket", **named, idempotencyKey="k"),
        await other.do("createTicket", **named, idempotencyKey="k"),
    ]
    assert len({each["ticket"]["id"] for each in made}) == 5
    key = made[0]["ticket"]["id"]
    await ada.do("startTicket", ticketId=key, idempotencyKey="k")
    assert (await ada.do("awaitCustomer", ticketId=key, idempotencyKey="k"))["replayed"] is False
    second = service.client(await token_of(await User.get(id=world.cora.id)))
    assert (await second.do("createTicket", **NEW, idempotencyKey="k"))["ticket"]["id"] == key, "the caller counts, not the token"


async def test_null_and_absent_fields_in_any_order_are_the_same_input(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    first = await cora.do("createTicket", **NEW, idempotencyKey="k")
    backwards = dict(reversed([*NEW.items(), ("tags", None), ("priority", "NORMAL"), ("requesterId", None)]))
    assert (await cora.do("createTicket", **backwards, idempotencyKey="k"))["ticket"]["id"] == first["ticket"]["id"]
    assert await refusals(cora, "createTicket", **NEW, tags=["a"], idempotencyKey="k") == ["IDEMPOTENCY_KEY_REUSED idempotencyKey"]
    ada = service.client(world.ada.token)
    key = first["ticket"]["id"]
    await ada.do("updateTicket", ticketId=key, subject="s", idempotencyKey="u")
    cleared = await refusals(ada, "updateTicket", ticketId=key, subject="s", externalId=None, idempotencyKey="u")
    assert cleared == ["IDEMPOTENCY_KEY_REUSED idempotencyKey"], "null clears an external id, so it is another input there"


async def test_a_refused_call_does_not_use_its_key(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    assert await refusals(cora, "createTicket", **NEW | {"subject": " "}, idempotencyKey="k") == ["REQUIRED subject"]
    assert await refusals(cora, "createTicket", **NEW | {"category": "x"}, idempotencyKey="k") == ["NOT_FOUND category"]
    key = (await cora.do("createTicket", **NEW, idempotencyKey="k"))["ticket"]["id"]
    assert await refusals(ada, "resumeTicket", ticketId=key, idempotencyKey="k") == ["TRANSITION_REFUSED"]
    await ada.do("holdTicket", ticketId=key)
    assert (await ada.do("resumeTicket", ticketId=key, idempotencyKey="k"))["replayed"] is False


async def test_a_replay_returns_the_first_event_and_the_current_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    first = await ada.do("startTicket", ticketId=key, idempotencyKey="k")
    await ada.do("resolveTicket", ticketId=key, resolution="x")
    again = await ada.do("startTicket", ticketId=key, idempotencyKey="k")
    assert again["replayed"] is True
    assert (again["event"]["id"], again["cursor"]) == (first["event"]["id"], first["cursor"])
    assert again["ticket"]["status"] == "RESOLVED", "the ticket is as it stands now"
    reply = await ada.do("replyToTicket", ticketId=key, body="A", idempotencyKey="k")
    assert (await ada.do("replyToTicket", ticketId=key, body="A", idempotencyKey="k"))["reply"] == reply["reply"]
    same = await ada.do("updateTicket", ticketId=key, idempotencyKey="k")
    assert same["event"] is None
    assert (await ada.do("updateTicket", ticketId=key, idempotencyKey="k")) == same | {"replayed": True}


async def test_a_replay_shows_nothing_to_a_caller_without_access(service: Service, world: World) -> None:
    carl = service.client(world.carl.token)
    key = (await service.client(world.cora.token).raise_ticket())["id"]
    await carl.do("escalateTicket", ticketId=key, reason="x", idempotencyKey="k")
    await User.filter(id=world.carl.id).update(organization_id=None)
    assert await refusals(carl, "escalateTicket", ticketId=key, reason="x", idempotencyKey="k") == ["NOT_FOUND ticketId"]


async def test_a_write_only_token_sees_the_ticket_that_it_created(service: Service, world: World) -> None:
    blind = service.client(await machine("Blind", ["tickets:write"]))
    new = NEW | {"requesterId": world.cora.gid, "idempotencyKey": "k"}
    first = await blind.do("createTicket", **new)
    assert first["ticket"]["subject"] == "VPN is down"
    assert first["event"]["ticket"]["id"] == first["ticket"]["id"]
    assert await blind.do("createTicket", **new) == first | {"replayed": True}
    started = await blind.do("startTicket", ticketId=first["ticket"]["id"])
    assert started["ticket"]["status"] == "OPEN"


async def test_a_key_has_1_to_128_characters(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    for wrong in ("", "k" * 129, "a\0b"):
        assert await refusals(cora, "createTicket", **NEW, idempotencyKey=wrong) == ["INVALID idempotencyKey"]
    for right in ("k" * 128, "😀" * 128, " ", "k\n"):
        assert (await cora.do("createTicket", **NEW, idempotencyKey=right))["replayed"] is False
    assert await Ticket.all().count() == 4
    assert (await cora.do("createTicket", **NEW, idempotencyKey=None))["replayed"] is False


async def test_concurrent_requests_with_one_key_create_one_ticket(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    payloads = await asyncio.gather(*(cora.mutate("createTicket", NEW | {"idempotencyKey": "k"}) for _ in range(10)))
    made = [payload for payload in payloads if not payload["userErrors"]]
    waiting = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert len({payload["ticket"]["id"] for payload in made}) == 1
    assert [payload["replayed"] for payload in made].count(False) == 1
    assert set(waiting) <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert await Ticket.all().count() == 1
    assert await Event.all().count() == 1
    assert (await cora.do("createTicket", **NEW, idempotencyKey="k"))["replayed"] is True


async def test_a_key_can_be_used_again_after_a_day(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    first = await cora.do("createTicket", **NEW, idempotencyKey="k")
    service.clock.advance(hours=23, minutes=59)
    assert (await cora.do("createTicket", **NEW, idempotencyKey="k"))["replayed"] is True
    service.clock.advance(minutes=2)
    second = await cora.do("createTicket", **NEW | {"subject": "Other"}, idempotencyKey="k")
    assert (second["replayed"], second["ticket"]["id"] != first["ticket"]["id"]) == (False, True)


@pytest.mark.stress
async def test_random_keyed_calls_take_effect_once_per_key(service: Service, world: World, random: Random) -> None:
    """Against a model: what a key did first is what it tells ever after."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    known: dict[tuple[str, str, str], tuple[Any, Any]] = {}
    entries = 1
    for turn in range(120):
        who, client = random.choice([("cora", cora), ("ada", ada)])
        name, field = random.choice([("replyToTicket", "body"), ("escalateTicket", "reason")])
        text, word = random.choice("abc"), f"key {random.randrange(8)}"
        payload = await client.mutate(name, {"ticketId": key, field: text, "idempotencyKey": word})
        before = known.get((who, name, word))
        if before is None:
            assert (payload["userErrors"], payload["replayed"]) == ([], False), turn
            known[who, name, word] = (text, payload["event"]["id"])
            entries += (
                2 if who == "ada" and name == "replyToTicket" and payload["ticket"]["version"] == await first_start(key) else 1
            )
        elif before[0] == text:
            assert (payload["replayed"], payload["event"]["id"]) == (True, before[1]), turn
        else:
            assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"], turn
    assert len(known) > 20
    assert await Event.all().count() == entries
    assert await IdempotencyKey.all().count() == len(known)


async def first_start(key: str) -> int:
    """The version that the ticket had after it was started."""
    started = await Event.filter(ticket_id=ids.key_of(ids.TICKET, key), type="status_changed").first()
    return started.version if started else -1
