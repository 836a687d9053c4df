"""The demo's clock, which admins can advance."""

from __future__ import annotations

from datetime import timedelta

from models import demo_clock
from models.audit import storage
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core.errors import Forbidden
from resolvers.context import Context
from resolvers.mutations.admin_mutation import origin_of
from resolvers.mutations.idempotency import run_once
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.demo import AdvanceClockInput
from schema.payloads.demo import AdvanceClockPayload
from schema.scalars import serialize_duration


@simple_mutation(AdvanceClockPayload)
async def advance_clock(context: Context, input: AdvanceClockInput) -> AdvanceClockPayload:
    clock = context.services.demo_clock
    if clock is None:
        raise Forbidden("The clock can be advanced only in the demo.")

    async def execute(key: KeyedRequest | None) -> tuple[timedelta, bool]:
        advance = await demo_clock.advance(input.by)
        origin = origin_of(context, "advanceClock")
        await storage.write_action(
            origin, context.now(), {"by": [None, serialize_duration(input.by)]}
        )
        if key is not None:
            # Stored with the new time. With the old time, the key would already be expired after
            # an advance by two days.
            await store_result(key, ResultReference(clock.now_with(advance)))
        return advance, False

    async def replay(_: IdempotencyKey) -> tuple[timedelta, bool]:
        return await demo_clock.read_advance(), True

    advance, replayed = await run_once(context, "advanceClock", input, execute, replay)
    clock.adopt(advance)
    context.services.wakeup.notify()
    context.renew_loaders()
    return AdvanceClockPayload(now=clock(), replayed=replayed)
