"""Doing a mutation once for each idempotency key: in one transaction with the key's row, so a crash leaves both or neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Protocol, TypeVar, cast

from models import database, idempotency, text
from models.errors import Code, InvalidInput
from models.event import Json
from models.idempotency import IdempotencyKey, Trace
from models.instant import text as instant_text
from resolvers.context import Context
from schema.filters import plain

T = TypeVar("T")


class Keyed(Protocol):
    """Every input of a mutation that can be repeated safely."""

    idempotency_key: str | None


async def once(
    context: Context,
    mutation: str,
    input: Keyed,
    act: Callable[[], Awaitable[T]],
    trace: Callable[[T], Trace],
    again: Callable[[IdempotencyKey], Awaitable[T]],
) -> T:
    """What `act` does in a transaction of its own; `again` instead, where the same was done with this key before.

    `trace` says what is remembered of it. Raises Refusal, with nothing stored and the key still free.
    """
    key = checked_key(input.idempotency_key)
    if key is None:
        return await database.transacted(act)
    caller, fingerprint = context.viewer.key, fingerprint_of(input)

    async def keyed() -> T:
        before = await idempotency.recall(caller, mutation, key, fingerprint, context.now())
        if before is not None:
            return await again(before)
        done = await act()
        await idempotency.remember(caller, mutation, key, fingerprint, trace(done))
        return done

    return await database.transacted(keyed)


def checked_key(key: str | None) -> str | None:
    if key is None:
        return None
    if text.is_blank(key) or len(key) > idempotency.LONGEST or not text.is_clean(key):
        raise InvalidInput(
            Code.INVALID, f"A key has 1 to {idempotency.LONGEST} characters, not all of them blank.", "idempotencyKey"
        )
    return key


def fingerprint_of(input: Keyed) -> str:
    return idempotency.digest(cast("dict[str, Json]", fingerprinted(plain(input))))


def fingerprinted(value: object) -> Json:
    """An input as JSON, without its key."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: fingerprinted(each) for name, each in fields.items() if name != "idempotencyKey"}
    if isinstance(value, list):
        return [fingerprinted(each) for each in cast("list[object]", value)]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return instant_text(value)
    return str(value) if isinstance(value, (date, timedelta)) else cast("Json", value)
