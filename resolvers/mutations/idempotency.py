"""Idempotency keys of mutations.

A mutation and its key are stored in one transaction, so a crash leaves both or neither.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Protocol, TypeVar, cast

from tortoise.exceptions import IntegrityError

from models import database
from models.changes import idempotency
from models.changes.idempotency import IdempotencyKey, KeyedRequest, RepeatedKey
from models.core import text
from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode
from models.core.time import format_instant
from models.log.event import Json
from resolvers.context import Context
from schema.input_mapping import to_mapping

T = TypeVar("T")
UNHASHED_FIELDS = frozenset({"idempotencyKey", "currentPassword"})


class KeyedInput(Protocol):
    """The input of a mutation that can be repeated safely."""

    idempotency_key: str | None


async def run_once(
    context: Context,
    mutation: str,
    input: KeyedInput,
    execute: Callable[[KeyedRequest | None], Awaitable[T]],
    replay: Callable[[IdempotencyKey], Awaitable[T]],
    *,
    finds_repetition: bool = False,
) -> T:
    """Run a mutation once for its idempotency key, in one transaction.

    `execute` must store its result under the key that it receives. If there is already a result for
    the key, `replay` is called instead. Returns the result of `execute` or `replay`.
    Raises Refusal; then nothing is stored, and the key can be used again.

    With `finds_repetition`, `execute` raises RepeatedKey if it finds that the key is stored. It is
    then called first without locking and reading the key. If another call with the key has
    succeeded meanwhile, that attempt can't succeed: its key violates a unique constraint, or it is
    refused because of what the other call has stored. Such an attempt leaves nothing, and all is
    repeated with the lock. Calls that don't take the lock may still store the key during this
    second attempt. If one does, the third attempt finds the key.
    """
    key = build_request(context, mutation, input)
    if key is None:
        return await database.run_in_transaction(lambda: execute(None))

    async def execute_or_replay() -> T:
        stored = await idempotency.find_stored(key, context.now())
        return await execute(key) if stored is None else await replay(stored)

    if finds_repetition:
        with contextlib.suppress(RepeatedKey, IntegrityError, Refusal, Refusals):
            return await database.run_in_transaction(lambda: execute(key))
        try:
            return await database.run_in_transaction(execute_or_replay)
        except RepeatedKey:
            pass
        except IntegrityError as error:
            if not idempotency.is_of_key(error):
                raise
    return await database.run_in_transaction(execute_or_replay)


async def is_repetition(context: Context, mutation: str, input: KeyedInput) -> bool:
    """Whether there is a result for the mutation's idempotency key. Raises Refusal."""
    key = build_request(context, mutation, input)
    if key is None:
        return False
    find = idempotency.find_stored
    return await database.run_in_transaction(lambda: find(key, context.now())) is not None


def build_request(context: Context, mutation: str, input: KeyedInput) -> KeyedRequest | None:
    """The request with its idempotency key, or None if there is none. Raises InvalidInput."""
    key = check_key(input.idempotency_key)
    if key is None:
        return None
    return KeyedRequest(context.viewer.caller_key, mutation, key, input_fingerprint(input))


def check_key(key: str | None) -> str | None:
    """The key, or None if there is none.

    Raises InvalidInput if it is empty, too long, or has characters that can't be stored.
    """
    if key is None:
        return None
    if not key or len(key) > idempotency.MAX_KEY_CHARS or not text.is_storable(key):
        message = (
            f"must be 1 to {idempotency.MAX_KEY_CHARS} characters, without NUL bytes or lone "
            "surrogates"
        )
        raise InvalidInput(UserErrorCode.INVALID, message, "idempotencyKey")
    return key


def input_fingerprint(input: KeyedInput) -> str:
    return idempotency.hash_input(cast("dict[str, Json]", to_json(to_mapping(input))))


def to_json(value: object) -> Json:
    """An input as JSON, without its idempotency key, and without passwords.

    The stored hash of an input is a fast hash, which would help to guess a password.
    """
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: to_json(each) for name, each in fields.items() if name not in UNHASHED_FIELDS}
    if isinstance(value, list):
        return [to_json(each) for each in cast("list[object]", value)]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value) if isinstance(value, (date, timedelta)) else cast("Json", value)
