"""Idempotency keys: the same input finds its result, another input is refused, and only one
of two concurrent requests runs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.databases import IS_SQLITE
from support.ticket_factory import NOON, limit_examples

from models import database
from models.changes import idempotency
from models.changes.idempotency import (
    KEY_LIFETIME,
    IdempotencyKey,
    KeyedRequest,
    ResultReference,
    delete_before,
    find_stored,
    hash_input,
    store_result,
)
from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id

TICKET, MESSAGE = new_id(), new_id()
CALLER, MUTATION, KEY = "user:1", "replyToTicket", "key"
INPUT, OTHER = hash_input({"body": "Hello"}), hash_input({"body": "Bye"})


async def store_key(
    at: datetime = NOON, caller: str = CALLER, mutation: str = MUTATION, key: str = KEY
) -> None:
    async with database.transaction():
        assert await find_stored(KeyedRequest(caller, mutation, key, INPUT), at) is None
        await store_result(
            KeyedRequest(caller, mutation, key, INPUT), ResultReference(at, TICKET, MESSAGE, 6, 7)
        )


async def find_key(fingerprint: str = INPUT, at: datetime = NOON) -> IdempotencyKey | None:
    async with database.transaction():
        return await find_stored(KeyedRequest(CALLER, MUTATION, KEY, fingerprint), at)


@pytest.mark.usefixtures("database")
async def test_the_same_input_finds_its_result() -> None:
    assert await find_key() is None
    await store_key()
    for _ in range(2):
        found = await find_key()
        assert found is not None
        assert (found.record_id, found.message_id, found.position, found.reached) == (
            TICKET,
            MESSAGE,
            6,
            7,
        )


@pytest.mark.usefixtures("database")
async def test_another_input_with_the_same_key_is_refused() -> None:
    await store_key()
    with pytest.raises(InvalidInput) as refusal:
        await find_key(OTHER)
    assert refusal.value.code is UserErrorCode.IDEMPOTENCY_KEY_REUSED
    assert refusal.value.field == ["input", "idempotencyKey"]
    assert await IdempotencyKey.all().count() == 1


@pytest.mark.usefixtures("database")
async def test_a_key_belongs_to_one_caller_and_one_mutation() -> None:
    await store_key()
    await store_key(caller="user:2")
    await store_key(mutation="addNote")
    await store_key(key="other")
    await store_key(key="KEY")
    assert await IdempotencyKey.all().count() == 5


@pytest.mark.usefixtures("database")
async def test_a_key_expires_after_a_day_and_can_then_be_used_again() -> None:
    await store_key()
    assert timedelta(hours=24) == KEY_LIFETIME
    assert await find_key(at=NOON + KEY_LIFETIME) is not None
    late = NOON + KEY_LIFETIME + timedelta(microseconds=1)
    assert await find_key(OTHER, at=late) is None
    assert await IdempotencyKey.all().count() == 0
    await store_key(at=late)
    assert await find_key(at=late) is not None


@pytest.mark.usefixtures("database")
async def test_a_mutation_that_is_rolled_back_stores_no_key() -> None:
    async def undone() -> None:
        async with database.transaction():
            await store_key()
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    assert await find_key() is None


@pytest.mark.usefixtures("database")
async def test_a_second_request_is_refused_or_waits_while_the_first_runs() -> None:
    """Postgres refuses the second request. SQLite has one writer, so the second request waits."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with database.transaction():
            assert await find_stored(KeyedRequest(CALLER, MUTATION, KEY, INPUT), NOON) is None
            begun.set()
            await go.wait()
            await store_result(
                KeyedRequest(CALLER, MUTATION, KEY, INPUT), ResultReference(NOON, TICKET, reached=1)
            )

    running = asyncio.ensure_future(first())
    await begun.wait()
    second = asyncio.ensure_future(find_key())
    if not IS_SQLITE:
        for fingerprint in (INPUT, OTHER):
            with pytest.raises(InvalidInput) as refusal:
                await (second if fingerprint == INPUT else find_key(fingerprint))
            assert refusal.value.code is UserErrorCode.IDEMPOTENCY_IN_PROGRESS
            assert refusal.value.field == ["input", "idempotencyKey"]
        async with database.transaction():
            assert await find_stored(KeyedRequest(CALLER, MUTATION, "another", INPUT), NOON) is None
            assert await find_stored(KeyedRequest(CALLER, "addNote", KEY, INPUT), NOON) is None
            assert await find_stored(KeyedRequest("user:2", MUTATION, KEY, INPUT), NOON) is None
    go.set()
    await running
    found = await (second if IS_SQLITE else find_key())
    assert found is not None
    assert found.record_id == TICKET


@pytest.mark.usefixtures("database")
async def test_one_of_many_concurrent_requests_runs() -> None:
    done: list[UUID] = []

    async def attempt() -> str:
        try:
            async with database.transaction():
                if await find_stored(KeyedRequest(CALLER, MUTATION, KEY, INPUT), NOON):
                    return "replayed"
                done.append(new_id())
                await store_result(
                    KeyedRequest(CALLER, MUTATION, KEY, INPUT),
                    ResultReference(NOON, done[-1], reached=1),
                )
                return "ran"
        except InvalidInput as refusal:
            return refusal.code.name

    outcomes = await asyncio.gather(*(attempt() for _ in range(20)))
    assert outcomes.count("ran") == 1
    assert set(outcomes) <= {"ran", "replayed", "IDEMPOTENCY_IN_PROGRESS"}
    assert len(done) == 1


@pytest.mark.usefixtures("database")
async def test_old_keys_are_deleted() -> None:
    await store_key(at=NOON - timedelta(hours=2), key="old")
    await store_key(at=NOON - timedelta(hours=1), key="edge")
    await store_key(at=NOON, key="new")
    assert await delete_before(NOON - timedelta(hours=1)) == 1
    assert {each.key for each in await IdempotencyKey.all()} == {"edge", "new"}
    assert await delete_before(NOON - timedelta(hours=1)) == 0


texts = st.text(st.characters(codec="utf-8"), max_size=3)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@limit_examples(100)
@given(st.dictionaries(texts, plain, max_size=4))
def test_the_hash_does_not_depend_on_the_order_of_fields(values: dict[str, object]) -> None:
    backwards = dict(reversed(values.items()))
    assert hash_input(backwards) == hash_input(values)  # type: ignore[arg-type]


def test_hashes_of_different_inputs_differ() -> None:
    values = [None, "", "1", 1, True, [1], ["1"], {"b": 1}]
    inputs = [{}, {"b": 1}, {"a": 1, "b": 1}, *({"a": value} for value in values)]
    assert len({hash_input(each) for each in inputs}) == len(inputs)  # type: ignore[arg-type]
    column = IdempotencyKey._meta.fields_map["digest"]
    assert len(hash_input({})) == 64 <= column.max_length  # type: ignore[attr-defined]
    assert idempotency.MAX_KEY_CHARS == 128
