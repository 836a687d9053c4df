"""The inputs of mutations: the demo's clock."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from schema.inputs.fields import ADMIN_KEY, given, optional


@strawberry.input(description="How far to move the demo's clock.")
class AdvanceClockInput:
    by: timedelta = given("From 1 second to 366 days; 3660 days in all.")
    idempotency_key: str | None = optional(ADMIN_KEY)
