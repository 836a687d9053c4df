"""Inputs of the mutations for retention policies."""

from __future__ import annotations

import strawberry

from schema.filtering.filters import TicketFilter
from schema.inputs.fields import (
    KEEP,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    optional,
    required,
)

FILTER = (
    "The tickets whose texts the policy erases, at most 8,192 bytes as JSON (by default). Must not "
    "refer to the viewer. An empty object: all closed tickets."
)
AGE_DAYS = (
    "How many days after their closure tickets keep their texts, from 30, a minimum that the "
    "operator can change, to 36,500."
)
ACTIVE = "Whether the server applies the policy. Look at its `preview` before you activate it."
POLICY_ID = "The id of the policy."


@strawberry.input(description="A new retention policy.")
class CreateRetentionPolicyInput:
    name: str = required(f"The name of the policy. {NAME}")
    filter: TicketFilter = required(FILTER)
    age_days: int = required(AGE_DAYS)
    active: bool | None = optional(f"{ACTIVE} Absent or null: false.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a retention policy.")
class UpdateRetentionPolicyInput:
    policy_id: strawberry.ID = required(POLICY_ID)
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    filter: TicketFilter | None = optional(f"{FILTER} {KEEP}")
    age_days: int | None = optional(f"{AGE_DAYS} {KEEP}")
    active: bool | None = optional(f"{ACTIVE} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A retention policy to delete.")
class DeleteRetentionPolicyInput:
    policy_id: strawberry.ID = required(POLICY_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
