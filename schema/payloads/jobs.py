"""Payloads of the mutations that start and end jobs."""

from __future__ import annotations

import strawberry

from models.jobs.caller_job import CallerJob
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.jobs import JobType


@strawberry.type(description="The result of a mutation that starts a job.")
class JobPayload:
    job: CallerJob | None = record_field(f"The new job. {NULL_IF_REFUSED}", JobType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that cancels a job.")
class CancelJobPayload:
    job: CallerJob | None = record_field(
        f"The job in its current state. {NULL_IF_REFUSED}", JobType | None
    )
    user_errors: list[UserErrorInterface] = user_errors_field()
