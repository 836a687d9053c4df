"""The input of the mutation for the demo's clock."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from schema.inputs.fields import RECORD_IDEMPOTENCY_KEY, optional, required


@strawberry.input(description="A step by which the demo's clock moves ahead.")
class AdvanceClockInput:
    by: timedelta = required(
        "The duration of the step, from 1 second to 366 days. All steps together are at most "
        "3,660 days."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
