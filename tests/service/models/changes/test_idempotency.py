"""Idempotency keys: the same input finds what it did, another input is refused, and only one of two at once runs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import IS_SQLITE, NOON, modest

from models import database
from models.changes import idempotency
from models.changes.idempotency import (
    KEY_LIFETIME,
    IdempotencyKey,
    KeyedRequest,
    ResultReference,
    delete_before,
    find_result,
    hash_input,
    store_result,
)
from models.core.errors import Code, InvalidInput
from models.core.ids import new_id

TICKET, MESSAGE = new_id(), new_id()
CALLER, MUTATION, KEY = "user:1", "replyToTicket", "key"
INPUT, OTHER = hash_input({"body": "Hello"}), hash_input({"body": "Bye"})


async def remembered(at: datetime = NOON, caller: str = CALLER, mutation: str = MUTATION, key: str = KEY) -> None:
    async with database.transaction():
        assert await find_result(KeyedRequest(caller, mutation, key, INPUT), at) is None
        await store_result(KeyedRequest(caller, mutation, key, INPUT), ResultReference(at, TICKET, MESSAGE, 6, 7))


async def recalled(fingerprint: str = INPUT, at: datetime = NOON) -> IdempotencyKey | None:
    async with database.transaction():
        return await find_result(KeyedRequest(CALLER, MUTATION, KEY, fingerprint), at)


@pytest.mark.usefixtures("database")
async def test_the_same_input_finds_what_it_did() -> None:
    assert await recalled() is None
    await remembered()
    for _ in range(2):
        found = await recalled()
        assert found is not None
        assert (found.record_id, found.message_id, found.position, found.reached) == (TICKET, MESSAGE, 6, 7)


@pytest.mark.usefixtures("database")
async def test_another_input_with_the_same_key_is_refused() -> None:
    await remembered()
    with pytest.raises(InvalidInput) as refusal:
        await recalled(OTHER)
    assert refusal.value.code is Code.IDEMPOTENCY_KEY_REUSED
    assert refusal.value.field == ["input", "idempotencyKey"]
    assert await IdempotencyKey.all().count() == 1


@pytest.mark.usefixtures("database")
async def test_a_key_is_its_callers_and_its_mutations_own() -> None:
    await remembered()
    await remembered(caller="user:2")
    await remembered(mutation="addNote")
    await remembered(key="other")
    await remembered(key="KEY")
    assert await IdempotencyKey.all().count() == 5


@pytest.mark.usefixtures("database")
async def test_a_key_is_kept_for_a_day_and_then_fresh_for_any_input() -> None:
    await remembered()
    assert timedelta(hours=24) == KEY_LIFETIME
    assert await recalled(at=NOON + KEY_LIFETIME) is not None
    late = NOON + KEY_LIFETIME + timedelta(microseconds=1)
    assert await recalled(OTHER, at=late) is None
    assert await IdempotencyKey.all().count() == 0
    await remembered(at=late)
    assert await recalled(at=late) is not None


@pytest.mark.usefixtures("database")
async def test_what_a_rolled_back_mutation_did_is_not_remembered() -> None:
    async def undone() -> None:
        async with database.transaction():
            await remembered()
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    assert await recalled() is None


@pytest.mark.usefixtures("database")
async def test_while_the_first_runs_the_second_is_told_so_or_waits_for_its_answer() -> None:
    """On Postgres others are told; on SQLite the first is the only transaction, so the second comes after it."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with database.transaction():
            assert await find_result(KeyedRequest(CALLER, MUTATION, KEY, INPUT), NOON) is None
            begun.set()
            await go.wait()
            await store_result(KeyedRequest(CALLER, MUTATION, KEY, INPUT), ResultReference(NOON, TICKET, reached=1))

    running = asyncio.ensure_future(first())
    await begun.wait()
    second = asyncio.ensure_future(recalled())
    if not IS_SQLITE:
        for fingerprint in (INPUT, OTHER):
            with pytest.raises(InvalidInput) as refusal:
                await (second if fingerprint == INPUT else recalled(fingerprint))
            assert refusal.value.code is Code.IDEMPOTENCY_IN_PROGRESS
            assert refusal.value.field == ["input", "idempotencyKey"]
        async with database.transaction():
            assert await find_result(KeyedRequest(CALLER, MUTATION, "another", INPUT), NOON) is None
            assert await find_result(KeyedRequest(CALLER, "addNote", KEY, INPUT), NOON) is None
            assert await find_result(KeyedRequest("user:2", MUTATION, KEY, INPUT), NOON) is None
    go.set()
    await running
    found = await (second if IS_SQLITE else recalled())
    assert found is not None
    assert found.record_id == TICKET


@pytest.mark.usefixtures("database")
async def test_of_many_at_once_one_runs() -> None:
    done: list[UUID] = []

    async def attempt() -> str:
        try:
            async with database.transaction():
                if await find_result(KeyedRequest(CALLER, MUTATION, KEY, INPUT), NOON):
                    return "replayed"
                done.append(new_id())
                await store_result(KeyedRequest(CALLER, MUTATION, KEY, INPUT), ResultReference(NOON, done[-1], reached=1))
                return "ran"
        except InvalidInput as refusal:
            return refusal.code.name

    outcomes = await asyncio.gather(*(attempt() for _ in range(20)))
    assert outcomes.count("ran") == 1
    assert set(outcomes) <= {"ran", "replayed", "IDEMPOTENCY_IN_PROGRESS"}
    assert len(done) == 1


@pytest.mark.usefixtures("database")
async def test_old_keys_are_forgotten() -> None:
    await remembered(at=NOON - timedelta(hours=2), key="old")
    await remembered(at=NOON - timedelta(hours=1), key="edge")
    await remembered(at=NOON, key="new")
    assert await delete_before(NOON - timedelta(hours=1)) == 1
    assert {each.key for each in await IdempotencyKey.all()} == {"edge", "new"}
    assert await delete_before(NOON - timedelta(hours=1)) == 0


texts = st.text(st.characters(codec="utf-8"), max_size=3)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@modest(100)
@given(st.dictionaries(texts, plain, max_size=4))
def test_a_fingerprint_does_not_depend_on_the_order_of_fields(values: dict[str, object]) -> None:
    assert hash_input(dict(reversed(values.items()))) == hash_input(values)  # type: ignore[arg-type]


def test_fingerprints_of_different_inputs_differ() -> None:
    values = [None, "", "1", 1, True, [1], ["1"], {"b": 1}]
    inputs = [{}, {"b": 1}, {"a": 1, "b": 1}, *({"a": value} for value in values)]
    assert len({hash_input(each) for each in inputs}) == len(inputs)  # type: ignore[arg-type]
    assert len(hash_input({})) == 64 <= IdempotencyKey._meta.fields_map["digest"].max_length  # type: ignore[attr-defined]
    assert idempotency.MAX_KEY_CHARS == 128
