"""The mutations for escalation paths."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers import escalation
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.escalation import EscalationPathPayload

PATH = EscalationPathPayload | None
FIELD_ERRORS = (
    "REQUIRED (name, steps)",
    "TOO_LONG (name)",
    "INVALID (name, metric, steps, idempotencyKey; without a field, if too many paths are already "
    "active)",
)


@strawberry.type
class EscalationMutations:
    create_escalation_path: Any = mutation(
        escalation.create_escalation_path,
        ADMINISTER,
        "Creates an escalation path. For each trigger, the first active path, by position, "
        "that matches a ticket runs. By default, at most 100 paths are active.",
        PATH,
        errors=("NOT_FOUND (team, steps)", *FIELD_ERRORS, *KEY_ERRORS),
    )
    update_escalation_path: Any = mutation(
        escalation.update_escalation_path,
        ADMINISTER,
        "Changes, archives or restores an escalation path. Escalations already running "
        "keep the former steps.",
        PATH,
        errors=("NOT_FOUND (pathId, team, steps)", *FIELD_ERRORS, *RECORD_ERRORS),
    )
    archive_escalation_path: Any = mutation(
        escalation.archive_escalation_path,
        ADMINISTER,
        "Archives an escalation path, so that no event starts it. On tickets where the path "
        "already runs, it continues.",
        PATH,
        errors=("NOT_FOUND (pathId)", "INVALID (idempotencyKey)", *RECORD_ERRORS),
    )
