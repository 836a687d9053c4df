"""The payloads of mutations: escalation paths."""

from __future__ import annotations

import strawberry

from models.escalation.path import EscalationPath
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import REPLAYED, errors, made
from schema.types.escalation import EscalationPathType


@strawberry.type(description="What became of an escalation path.")
class EscalationPathPayload:
    escalation_path: EscalationPath | None = made("The path as it is now.", EscalationPathType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()
