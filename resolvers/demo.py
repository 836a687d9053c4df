"""The demo's time, which an admin can move ahead, so that a week of promises is seen in a minute."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from models import demo_clock
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core.errors import Forbidden, Refusal
from resolvers.context import context_of
from resolvers.mutations.idempotency import run_once
from schema.inputs.demo import AdvanceClockInput
from schema.payloads.demo import AdvanceClockPayload
from schema.types.errors import user_error


async def advance_clock(info: strawberry.Info, input: AdvanceClockInput) -> AdvanceClockPayload:
    context = context_of(info)
    clock = context.services.demo_clock
    if clock is None:
        raise Forbidden("Time can be moved in the demo only.")

    async def act(key: KeyedRequest | None) -> tuple[timedelta, bool]:
        ahead = await demo_clock.advance(input.by)
        if key is not None:
            # by the time that it makes: by the time before, a move of two days would have made its own key too old
            await store_result(key, ResultReference(clock.time_at(ahead)))
        return ahead, False

    async def again(_: IdempotencyKey) -> tuple[timedelta, bool]:
        return await demo_clock.read_advance(), True

    try:
        ahead, replayed = await run_once(context, info.field_name, input, act, again)
    except Refusal as refusal:
        return AdvanceClockPayload(user_errors=[user_error(refusal)])
    clock.follow(ahead)
    context.services.wakeup.notify()
    context.refresh()
    return AdvanceClockPayload(now=clock(), replayed=replayed)
