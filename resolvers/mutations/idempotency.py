"""Idempotency keys: a mutation and its key are stored in one transaction, so a crash leaves both or neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Protocol, TypeVar, cast

from models import database
from models.changes import idempotency
from models.changes.idempotency import IdempotencyKey, KeyedRequest
from models.core import text
from models.core.errors import Code, InvalidInput
from models.core.time import format_instant as instant_text
from models.log.event import Json
from resolvers.context import Context
from schema.filters import to_mapping

T = TypeVar("T")


class KeyedInput(Protocol):
    """Every input of a mutation that can be repeated safely."""

    idempotency_key: str | None


async def run_once(
    context: Context,
    mutation: str,
    input: KeyedInput,
    execute: Callable[[KeyedRequest | None], Awaitable[T]],
    replay: Callable[[IdempotencyKey], Awaitable[T]],
) -> T:
    """Run a mutation once for its idempotency key, in one transaction; returns what `execute` or `replay` returns.

    `execute` stores the key that it is given together with its result. If the key is stored already, `replay` is called instead.
    Raises Refusal; then nothing is stored, and the key is still free.
    """
    text = check_key(input.idempotency_key)
    if text is None:
        return await database.run_in_transaction(lambda: execute(None))
    key = KeyedRequest(context.viewer.caller_key, mutation, text, input_fingerprint(input))

    async def keyed() -> T:
        before = await idempotency.find_result(key, context.now())
        return await execute(key) if before is None else await replay(before)

    return await database.run_in_transaction(keyed)


def check_key(key: str | None) -> str | None:
    if key is None:
        return None
    if not key or len(key) > idempotency.MAX_KEY_LENGTH or not text.is_storable(key):
        raise InvalidInput(Code.INVALID, f"A key has 1 to {idempotency.MAX_KEY_LENGTH} characters.", "idempotencyKey")
    return key


def input_fingerprint(input: KeyedInput) -> str:
    return idempotency.hash_input(cast("dict[str, Json]", to_json(to_mapping(input))))


def to_json(value: object) -> Json:
    """An input as JSON, without its key."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: to_json(each) for name, each in fields.items() if name != "idempotencyKey"}
    if isinstance(value, list):
        return [to_json(each) for each in cast("list[object]", value)]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return instant_text(value)
    return str(value) if isinstance(value, (date, timedelta)) else cast("Json", value)
