"""Idempotency keys and expected versions, on every mutation of a ticket."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, refusals
from support.ticket_mutations import NEW_TICKET

from models.changes.idempotency import IdempotencyKey
from models.core import ids
from models.log.event import Event
from models.people.user import User
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from schema import root

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


async def build_inputs(
    service: Service, world: World
) -> dict[str, tuple[Client, dict[str, Any], dict[str, Any]]]:
    """For each ticket mutation: its caller, a valid input, and fields that make it different."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)

    async def raise_ticket(*steps: tuple[str, dict[str, Any]]) -> str:
        key = str((await cora.raise_ticket())["id"])
        for name, arguments in steps:
            await ada.do(name, ticketId=key, **arguments)
        return key

    resolved = ("resolveTicket", {"resolution": "x"})
    other = await raise_ticket()
    return {
        "createTicket": (cora, NEW_TICKET, NEW_TICKET | {"subject": "Another"}),
        "upsertTicket": (
            ada,
            {**NEW_TICKET, "externalId": "crm-1", "requesterId": world.cora.gid},
            {"externalId": "crm-2"},
        ),
        "updateTicket": (ada, {"ticketId": await raise_ticket(), "subject": "A"}, {"subject": "B"}),
        "assignTicket": (
            ada,
            {"ticketId": await raise_ticket(), "assigneeId": world.ada.gid},
            {"assigneeId": None},
        ),
        "transferTicket": (
            ada,
            {"ticketId": await raise_ticket(), "team": "sales"},
            {"team": "billing"},
        ),
        "startTicket": (ada, {"ticketId": await raise_ticket()}, {"ticketId": other}),
        "awaitCustomer": (ada, {"ticketId": await raise_ticket()}, {"ticketId": other}),
        "holdTicket": (
            ada,
            {"ticketId": await raise_ticket(), "until": "2090-01-01T00:00:00Z"},
            {"until": "2091-01-01T00:00:00Z"},
        ),
        "resumeTicket": (
            ada,
            {"ticketId": await raise_ticket(("holdTicket", {}))},
            {"ticketId": other},
        ),
        "resolveTicket": (
            ada,
            {"ticketId": await raise_ticket(), "resolution": "A"},
            {"resolution": "B"},
        ),
        "closeTicket": (
            ada,
            {"ticketId": await raise_ticket(), "reason": "SPAM"},
            {"reason": "INVALID"},
        ),
        "reopenTicket": (
            cora,
            {"ticketId": await raise_ticket(resolved), "reason": "A"},
            {"reason": "B"},
        ),
        "escalateTicket": (
            cora,
            {"ticketId": await raise_ticket(), "reason": "A"},
            {"reason": "B"},
        ),
        "rateTicket": (
            cora,
            {"ticketId": await raise_ticket(resolved), "score": 1, "comment": "A"},
            {"score": 5},
        ),
        "watchTicket": (cora, {"ticketId": await raise_ticket()}, {"ticketId": other}),
        "unwatchTicket": (
            ada,
            {"ticketId": await raise_ticket(("watchTicket", {}))},
            {"ticketId": other},
        ),
        "addWatcher": (
            ada,
            {"ticketId": await raise_ticket(), "userId": world.bill.gid},
            {"userId": world.root.gid},
        ),
        "removeWatcher": (
            ada,
            {
                "ticketId": await raise_ticket(("addWatcher", {"userId": world.bill.gid})),
                "userId": world.bill.gid,
            },
            {"userId": world.root.gid},
        ),
        "changeRequester": (
            ada,
            {"ticketId": await raise_ticket(), "requesterId": world.carl.gid},
            {"requesterId": world.cora.gid},
        ),
        "applyMacro": (
            ada,
            {
                "ticketId": await raise_ticket(),
                "macroId": (await run_mutation(ada, "createMacro", name="Low", priority="LOW"))[
                    "id"
                ],
            },
            {"ticketId": other},
        ),
        "redactMessage": (
            ada,
            {
                "messageId": (
                    await ada.do("replyToTicket", ticketId=await raise_ticket(), body="A secret")
                )["reply"]["id"],
                "text": "secret",
                "reason": "A",
            },
            {"reason": "B"},
        ),
        "redactTicket": (
            ada,
            {
                "ticketId": await raise_ticket(("resolveTicket", {"resolution": "A secret"})),
                "field": "RESOLUTION",
                "text": "secret",
                "reason": "A",
            },
            {"reason": "B"},
        ),
        "linkTickets": (
            ada,
            {"ticketId": await raise_ticket(), "otherId": other, "kind": "RELATED"},
            {"kind": "CHILD_OF"},
        ),
        "unlinkTickets": (
            ada,
            {
                "ticketId": await raise_ticket(
                    ("linkTickets", {"otherId": other, "kind": "RELATED"})
                ),
                "otherId": other,
            },
            {"kind": "CHILD_OF"},
        ),
        "mergeTickets": (
            ada,
            {"ticketId": await raise_ticket(), "intoId": await raise_ticket()},
            {"intoId": other},
        ),
        "unmergeTicket": (
            ada,
            {"ticketId": await raise_ticket(("mergeTickets", {"intoId": other}))},
            {"ticketId": other},
        ),
        "replyToTicket": (cora, {"ticketId": await raise_ticket(), "body": "A"}, {"body": "B"}),
        "addNote": (ada, {"ticketId": await raise_ticket(), "body": "A"}, {"body": "B"}),
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
    assert set(await build_inputs(service, world)) == keyed


async def test_a_repeated_key_returns_the_first_payload_and_changes_nothing(
    service: Service, world: World
) -> None:
    for name, (client, arguments, other) in (await build_inputs(service, world)).items():
        first = await client.do(name, **arguments, idempotencyKey="k")
        assert first["replayed"] is False
        async with assert_nothing_stored():
            for _ in range(2):
                again = await client.do(name, **arguments, idempotencyKey="k")
                assert again["replayed"] is True, name
                assert without_replayed(again) == without_replayed(first), name
        assert await refusals(client, name, **arguments | other, idempotencyKey="k") == [
            "IDEMPOTENCY_KEY_REUSED idempotencyKey"
        ], name
    assert await IdempotencyKey.all().count() == 28


async def find_ticket(arguments: dict[str, Any]) -> Ticket:
    """The ticket of an input, which names it or one of its messages."""
    if "messageId" in arguments:
        message_id = ids.key_of(ids.MESSAGE, arguments["messageId"])
        return (await Message.get(id=message_id).select_related("ticket")).ticket
    return await Ticket.get(id=UUID(arguments["ticketId"].removeprefix("tkt_")))


async def test_a_stale_version_is_refused_with_the_current_one(
    service: Service, world: World
) -> None:
    for name, (client, arguments, _) in (await build_inputs(service, world)).items():
        if name in ("createTicket", "upsertTicket"):
            continue
        current = (await find_ticket(arguments)).version
        for wrong in (current + 1, 2**31 - 1, *range(1, current)):
            async with assert_nothing_stored():
                payload = await client.mutate(
                    name, arguments | {"expectedVersion": wrong, "idempotencyKey": "k"}
                )
            assert payload["ticket"] is None
            (error,) = payload["userErrors"]
            details = (error["__typename"], error["code"], error["field"], error["current"])
            assert details == (
                "StaleVersion",
                "STALE_VERSION",
                ["input", "expectedVersion"],
                current,
            ), name
        changed = await client.do(name, **arguments, expectedVersion=current, idempotencyKey="k")
        assert changed["ticket"]["version"] == current + 1, name
        answer = await client.do(name, **arguments, expectedVersion=current, idempotencyKey="k")
        assert answer["replayed"] is True, name


async def test_one_of_several_writers_with_the_same_version_succeeds(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    payloads = await asyncio.gather(
        *(
            ada.mutate(
                "updateTicket", {"ticketId": key, "subject": f"Subject {n}", "expectedVersion": 1}
            )
            for n in range(8)
        )
    )
    assert sorted(
        payload["userErrors"][0]["code"] if payload["userErrors"] else "done"
        for payload in payloads
    ) == ["STALE_VERSION"] * 7 + ["done"]
    assert {error["current"] for payload in payloads for error in payload["userErrors"]} == {2}


async def test_a_key_belongs_to_one_caller_and_one_mutation(service: Service, world: World) -> None:
    cora, carl, ada = (
        service.client(person.token) for person in (world.cora, world.carl, world.ada)
    )
    sync, other = (
        service.client(world.api_client_token),
        service.client(await api_client_token("Other")),
    )
    named = NEW_TICKET | {"requesterId": world.cora.gid}
    created = [
        await cora.do("createTicket", **NEW_TICKET, idempotencyKey="k"),
        await carl.do("createTicket", **NEW_TICKET, idempotencyKey="k"),
        await ada.do("createTicket", **named, idempotencyKey="k"),
        await sync.do("createTicket", **named, idempotencyKey="k"),
        await other.do("createTicket", **named, idempotencyKey="k"),
    ]
    assert len({each["ticket"]["id"] for each in created}) == 5
    key = created[0]["ticket"]["id"]
    await ada.do("startTicket", ticketId=key, idempotencyKey="k")
    assert (await ada.do("awaitCustomer", ticketId=key, idempotencyKey="k"))["replayed"] is False
    second = service.client(await token_of(await User.get(id=world.cora.id)))
    assert (await second.do("createTicket", **NEW_TICKET, idempotencyKey="k"))["ticket"][
        "id"
    ] == key, "the key belongs to the caller, not to the token"


async def test_null_and_absent_fields_in_any_order_are_the_same_input(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    first = await cora.do("createTicket", **NEW_TICKET, idempotencyKey="k")
    backwards = dict(
        reversed(
            [*NEW_TICKET.items(), ("tags", None), ("priority", "NORMAL"), ("requesterId", None)]
        )
    )
    payload = await cora.do("createTicket", **backwards, idempotencyKey="k")
    assert payload["ticket"]["id"] == first["ticket"]["id"]
    assert await refusals(cora, "createTicket", **NEW_TICKET, tags=["a"], idempotencyKey="k") == [
        "IDEMPOTENCY_KEY_REUSED idempotencyKey"
    ]
    ada = service.client(world.ada.token)
    key = first["ticket"]["id"]
    await ada.do("updateTicket", ticketId=key, subject="s", idempotencyKey="u")
    cleared = await refusals(
        ada, "updateTicket", ticketId=key, subject="s", externalId=None, idempotencyKey="u"
    )
    assert cleared == ["IDEMPOTENCY_KEY_REUSED idempotencyKey"], (
        "null removes an external id, so it is a different input here"
    )


async def test_a_refused_call_does_not_use_its_key(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    assert await refusals(
        cora, "createTicket", **NEW_TICKET | {"subject": " "}, idempotencyKey="k"
    ) == ["REQUIRED subject"]
    assert await refusals(
        cora, "createTicket", **NEW_TICKET | {"category": "x"}, idempotencyKey="k"
    ) == ["NOT_FOUND category"]
    key = (await cora.do("createTicket", **NEW_TICKET, idempotencyKey="k"))["ticket"]["id"]
    assert await refusals(ada, "resumeTicket", ticketId=key, idempotencyKey="k") == [
        "TRANSITION_REFUSED"
    ]
    await ada.do("holdTicket", ticketId=key)
    assert (await ada.do("resumeTicket", ticketId=key, idempotencyKey="k"))["replayed"] is False


async def test_a_replay_returns_the_first_event_and_the_current_ticket(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    first = await ada.do("startTicket", ticketId=key, idempotencyKey="k")
    await ada.do("resolveTicket", ticketId=key, resolution="x")
    again = await ada.do("startTicket", ticketId=key, idempotencyKey="k")
    assert again["replayed"] is True
    assert (again["event"]["id"], again["cursor"]) == (first["event"]["id"], first["cursor"])
    assert again["ticket"]["status"] == "RESOLVED", "the ticket has its current state"
    reply = await ada.do("replyToTicket", ticketId=key, body="A", idempotencyKey="k")
    payload = await ada.do("replyToTicket", ticketId=key, body="A", idempotencyKey="k")
    assert payload["reply"] == reply["reply"]
    same = await ada.do("updateTicket", ticketId=key, idempotencyKey="k")
    assert same["event"] is None
    assert (await ada.do("updateTicket", ticketId=key, idempotencyKey="k")) == same | {
        "replayed": True
    }


async def test_a_replay_shows_nothing_to_a_caller_without_access(
    service: Service, world: World
) -> None:
    carl = service.client(world.carl.token)
    key = (await service.client(world.cora.token).raise_ticket())["id"]
    await carl.do("escalateTicket", ticketId=key, reason="x", idempotencyKey="k")
    await User.filter(id=world.carl.id).update(organization_id=None)
    assert await refusals(carl, "escalateTicket", ticketId=key, reason="x", idempotencyKey="k") == [
        "NOT_FOUND ticketId"
    ]


async def test_a_key_has_1_to_128_characters(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    for wrong in ("", "k" * 129, "a\0b"):
        assert await refusals(cora, "createTicket", **NEW_TICKET, idempotencyKey=wrong) == [
            "INVALID idempotencyKey"
        ]
    for right in ("k" * 128, "😀" * 128, " ", "k\n"):
        assert (await cora.do("createTicket", **NEW_TICKET, idempotencyKey=right))[
            "replayed"
        ] is False
    assert await Ticket.all().count() == 4
    assert (await cora.do("createTicket", **NEW_TICKET, idempotencyKey=None))["replayed"] is False


async def test_concurrent_requests_with_one_key_create_one_ticket(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    payloads = await asyncio.gather(
        *(cora.mutate("createTicket", NEW_TICKET | {"idempotencyKey": "k"}) for _ in range(10))
    )
    accepted = [payload for payload in payloads if not payload["userErrors"]]
    waiting = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert len({payload["ticket"]["id"] for payload in accepted}) == 1
    assert [payload["replayed"] for payload in accepted].count(False) == 1
    assert set(waiting) <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert await Ticket.all().count() == 1
    assert await Event.all().count() == 1
    assert (await cora.do("createTicket", **NEW_TICKET, idempotencyKey="k"))["replayed"] is True


async def test_a_key_can_be_used_again_after_a_day(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    first = await cora.do("createTicket", **NEW_TICKET, idempotencyKey="k")
    service.clock.advance(hours=23, minutes=59)
    assert (await cora.do("createTicket", **NEW_TICKET, idempotencyKey="k"))["replayed"] is True
    service.clock.advance(minutes=2)
    second = await cora.do("createTicket", **NEW_TICKET | {"subject": "Other"}, idempotencyKey="k")
    assert (second["replayed"], second["ticket"]["id"] != first["ticket"]["id"]) == (False, True)


@pytest.mark.stress
async def test_random_keyed_calls_take_effect_once_per_key(
    service: Service, world: World, random: Random
) -> None:
    """Compare with a model: every repetition of a key returns the event of its first call."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket_id = (await cora.raise_ticket())["id"]
    first_calls: dict[tuple[str, str, str], tuple[Any, Any]] = {}
    event_count = 1
    for step in range(120):
        caller, client = random.choice([("cora", cora), ("ada", ada)])
        name, field = random.choice([("replyToTicket", "body"), ("escalateTicket", "reason")])
        text, idempotency_key = random.choice("abc"), f"key {random.randrange(8)}"
        payload = await client.mutate(
            name, {"ticketId": ticket_id, field: text, "idempotencyKey": idempotency_key}
        )
        first_call = first_calls.get((caller, name, idempotency_key))
        if first_call is None:
            assert (payload["userErrors"], payload["replayed"]) == ([], False), step
            first_calls[caller, name, idempotency_key] = (text, payload["event"]["id"])
            event_count += (
                2
                if caller == "ada"
                and name == "replyToTicket"
                and payload["ticket"]["version"] == await version_after_start(ticket_id)
                else 1
            )
        elif first_call[0] == text:
            assert (payload["replayed"], payload["event"]["id"]) == (True, first_call[1]), step
        else:
            assert [error["code"] for error in payload["userErrors"]] == [
                "IDEMPOTENCY_KEY_REUSED"
            ], step
    assert len(first_calls) > 20
    assert await Event.all().count() == event_count
    assert await IdempotencyKey.all().count() == len(first_calls)


async def version_after_start(key: str) -> int:
    """The version of the ticket after it was started; -1 if it was not started."""
    started = await Event.filter(
        ticket_id=ids.key_of(ids.TICKET, key), type="status_changed"
    ).first()
    return started.version if started else -1
