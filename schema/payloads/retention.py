"""Payloads of the mutations for retention policies."""

from __future__ import annotations

import strawberry

from models.retention.policy import RetentionPolicy
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.retention import RetentionPolicyType


@strawberry.type(description="The result of a mutation that creates or changes a retention policy.")
class RetentionPolicyPayload:
    retention_policy: RetentionPolicy | None = record_field(
        f"The policy after the change. {NULL_IF_REFUSED}", RetentionPolicyType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that deletes a retention policy.")
class DeleteRetentionPolicyPayload:
    deleted_policy_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the deleted policy. {NULL_IF_REFUSED}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
