"""The payloads of mutations: the demo's clock."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.interfaces import UserErrorInterface
from schema.payloads.fields import REPLAYED, errors


@strawberry.type(description="What became of the demo's time.")
class AdvanceClockPayload:
    now: datetime | None = strawberry.field(default=None, description="What time it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()
