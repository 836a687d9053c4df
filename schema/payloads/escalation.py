"""Payload of the mutations for escalation paths."""

from __future__ import annotations

import strawberry

from models.escalation.path import EscalationPath
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.escalation import EscalationPathType


@strawberry.type(description="The result of a mutation that creates or changes an escalation path.")
class EscalationPathPayload:
    escalation_path: EscalationPath | None = record_field(
        f"The escalation path after the change. {NULL_IF_REFUSED}", EscalationPathType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
