"""From what an admin asks for to a payload, once: what was given, its key, refusals as userErrors, and waking who follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry
from tortoise.models import Model

from models.changes.idempotency import IdempotencyKey, Key, Trace, remember
from models.core.errors import Refusal
from resolvers.context import context_of
from resolvers.mutations.idempotency import Keyed, once
from schema.types.error import user_error

P = TypeVar("P")
R = TypeVar("R", bound=Model)
Archived = Annotated[bool | None, strawberry.argument(description="Whether to list the archived ones as well.")]


@dataclass
class Done(Generic[R]):
    record: R
    replayed: bool = False


async def answered(
    info: strawberry.Info,
    input: Keyed,
    payload: Callable[..., P],
    name: str,
    act: Callable[[], Awaitable[R]],
    find: Callable[[UUID], Awaitable[R]],
) -> P:
    """A payload that holds, by this name, the record that was changed; or what was refused. A replay finds it by its id."""
    context = context_of(info)

    async def change(key: Key | None) -> Done[R]:
        record = await act()
        if key is not None:
            await remember(key, Trace(context.now(), record.pk))
        return Done(record)

    async def again(before: IdempotencyKey) -> Done[R]:
        assert before.record_id is not None  # stored by the trace above
        return Done(await find(before.record_id), replayed=True)

    try:
        done = await once(context, info.field_name, input, change, again)
    except Refusal as refusal:
        return payload(user_errors=[user_error(refusal)])
    context.services.bell.ring()
    context.refresh()
    return payload(**{name: done.record, "replayed": done.replayed})


def fields_of(input: object, *, cleared: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What the caller gave, by attribute. Null says the same as nothing, but for what can be `cleared` by it."""
    given = {name: value for name, value in vars(input).items() if value is not strawberry.UNSET}
    return {name: value for name, value in given.items() if value is not None or name in cleared}
