"""Payload of the mutation for the demo's clock."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, user_errors_field


@strawberry.type(description="The result of the mutation advanceClock.")
class AdvanceClockPayload:
    now: datetime | None = strawberry.field(
        default=None,
        description=f"The time of the demo's clock after the change. {NULL_IF_REFUSED}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
