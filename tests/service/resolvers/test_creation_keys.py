"""Idempotency keys of createTicket, which takes no lock for them: two calls at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.databases import IS_SQLITE
from support.ticket_mutations import NEW_TICKET

from models.changes import intake
from models.changes.idempotency import IdempotencyKey, RepeatedKey
from models.core.errors import InvalidInput, UserErrorCode
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

ONE_WRITER = "on SQLite the second call waits for the transaction of the first"
KEYED = {**NEW_TICKET, "idempotencyKey": "k"}


Step = Callable[[], Awaitable[object]]


def before_intake(monkeypatch: pytest.MonkeyPatch, *steps: Step) -> None:
    """Let the first attempts to read what a ticket needs run these steps before, in this order."""
    patch_intake(monkeypatch, [(step, do_nothing) for step in steps])


def after_intake(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """Let the first call that has read what its ticket needs run `step` before it writes."""
    patch_intake(monkeypatch, [(do_nothing, step)])


async def do_nothing() -> None:
    pass


def patch_intake(monkeypatch: pytest.MonkeyPatch, steps: Iterable[tuple[Step, Step]]) -> None:
    """Let the first attempts run a step before and another after reading what a ticket needs."""
    prepare = intake.read_intake
    remaining = iter(steps)

    async def patched(*arguments: Any, **named: Any) -> intake.TicketIntake:
        before, after = next(remaining, (do_nothing, do_nothing))
        await before()
        prepared = await prepare(*arguments, **named)
        await after()
        return prepared

    monkeypatch.setattr(intake, "read_intake", patched)


async def create_during_another(
    client: Client, monkeypatch: pytest.MonkeyPatch, input: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The payload of a call that runs between the statements of another, and that of the other."""
    inner: list[dict[str, Any]] = []

    async def create() -> None:
        inner.append(await client.do("createTicket", **input))

    after_intake(monkeypatch, create)
    outer = await client.do("createTicket", **input)
    return inner[0], outer


@pytest.mark.skipif(IS_SQLITE, reason=ONE_WRITER)
@pytest.mark.parametrize("more", [{}, {"externalId": "crm-1"}, {"tags": ["a"]}])
async def test_a_call_that_another_with_its_key_overtakes_returns_the_others_ticket(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    cora = service.client(world.cora.token)
    inner, outer = await create_during_another(cora, monkeypatch, {**KEYED, **more})
    assert (inner["replayed"], outer["replayed"]) == (False, True)
    assert {**outer, "replayed": False} == inner
    assert await Ticket.all().count() == 1
    assert await IdempotencyKey.all().count() == 1


@pytest.mark.skipif(IS_SQLITE, reason=ONE_WRITER)
async def test_an_overtaken_call_with_another_input_is_refused(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora = service.client(world.cora.token)
    after_intake(monkeypatch, lambda: cora.do("createTicket", **KEYED))
    payload = await cora.mutate("createTicket", {**KEYED, "subject": "Another"})
    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert await Ticket.all().count() == 1


@pytest.mark.skipif(IS_SQLITE, reason=ONE_WRITER)
async def test_a_call_that_is_refused_after_another_succeeded_returns_the_others_ticket(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora = service.client(world.cora.token)
    inner: list[dict[str, Any]] = []

    async def create_and_refuse() -> None:
        inner.append(await cora.do("createTicket", **KEYED))
        raise InvalidInput(UserErrorCode.INVALID, "has become invalid", "category")

    after_intake(monkeypatch, create_and_refuse)
    outer = await cora.do("createTicket", **KEYED)
    assert outer["replayed"] is True
    assert outer["ticket"] == inner[0]["ticket"]


@pytest.mark.skipif(IS_SQLITE, reason=ONE_WRITER)
async def test_a_refused_call_finds_the_key_that_another_stores_during_its_second_attempt(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other call takes no lock, and can store the key when the second attempt has begun."""
    cora = service.client(world.cora.token)
    before_intake(monkeypatch, do_nothing, lambda: cora.do("createTicket", **KEYED))
    payload = await cora.mutate("createTicket", {**KEYED, "followUpOf": "tkt_unknown"})
    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert await Ticket.all().count() == 1


@pytest.mark.skipif(IS_SQLITE, reason=ONE_WRITER)
@pytest.mark.parametrize("key", ["k", "an external id"])
async def test_a_call_that_is_overtaken_in_its_second_attempt_returns_the_others_ticket(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    cora = service.client(world.cora.token)
    keyed = {**KEYED, "idempotencyKey": key}
    inner: list[dict[str, Any]] = []

    async def report() -> None:
        raise RepeatedKey  # the key has expired, and is deleted before the second attempt

    async def create() -> None:
        inner.append(await cora.do("createTicket", **keyed))

    patch_intake(monkeypatch, [(report, do_nothing), (do_nothing, create)])
    outer = await cora.do("createTicket", **keyed)
    assert (inner[0]["replayed"], outer["replayed"]) == (False, True)
    assert outer["ticket"] == inner[0]["ticket"]
    assert await Ticket.all().count() == 1


@pytest.mark.skipif(IS_SQLITE, reason=ONE_WRITER)
async def test_another_callers_external_id_is_still_taken(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora = service.client(world.cora.token)
    other = {**KEYED, "externalId": "crm-1", "idempotencyKey": "other"}
    after_intake(monkeypatch, lambda: cora.do("createTicket", **other))
    payload = await cora.mutate("createTicket", {**KEYED, "externalId": "crm-1"})
    assert [error["code"] for error in payload["userErrors"]] == ["TAKEN"]
    assert await IdempotencyKey.all().count() == 1


async def test_a_repetition_is_found_although_the_category_was_archived(
    service: Service, world: World, admin: Client
) -> None:
    cora = service.client(world.cora.token)
    first = await cora.do("createTicket", **KEYED)
    await run_mutation(admin, "archiveCategory", category=NEW_TICKET["category"])
    again = await cora.do("createTicket", **KEYED)
    assert (again["replayed"], again["ticket"]["id"]) == (True, first["ticket"]["id"])


async def test_repetitions_use_no_ticket_numbers(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    for _ in range(3):
        await cora.do("createTicket", **KEYED)
    await cora.do("createTicket", **KEYED | {"idempotencyKey": "next"})
    first, second = sorted([ticket.number for ticket in await Ticket.all()])
    assert second == first + 1


async def test_only_a_stored_key_is_reported_as_repeated(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt ends with RepeatedKey, but the key has expired or was deleted meanwhile."""
    cora = service.client(world.cora.token)

    async def report() -> None:
        raise RepeatedKey

    before_intake(monkeypatch, report)
    payload = await cora.do("createTicket", **KEYED)
    assert payload["replayed"] is False
    assert await Ticket.all().count() == 1
