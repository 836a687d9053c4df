"""Inputs of the mutations for escalation paths."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from models.escalation.path import EscalationTrigger, StepAction
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from schema.inputs.fields import (
    ANY,
    KEEP,
    KEEP_OR_ANY,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    SLUG,
    optional,
    required,
)

ORDER = (
    "Any Int. The server tries paths in ascending order of position, and the older one of two with "
    "equal positions first."
)
METRIC = (
    "The SLA metric that the path applies to. Allowed only if the trigger is SLA_AT_RISK or "
    "SLA_BREACHED."
)
PRIORITY = "The priority of the tickets that the path applies to."
TEAM = f"The slug of the team whose tickets the path applies to, {SLUG}"
ACTIVE = "Whether the path is active. True restores an archived path, false archives it."


@strawberry.input(description="A step of an escalation path.")
class EscalationStepInput:
    after: timedelta = required(
        "The delay between the trigger and the step in calendar time, from 0 seconds to 365 days, "
        "in whole seconds."
    )
    action: StepAction = required("What the server does when the step is due.")
    team: str | None = optional(
        "The slug of the team that receives the ticket. Required for TRANSFER; must be null "
        "for other actions."
    )
    user_id: strawberry.ID | None = optional(
        "The id of the active agent or admin to assign the ticket to; only for REASSIGN. "
        "Null: the available member of the team with the fewest open tickets."
    )


@strawberry.input(
    description="A new escalation path. It applies to tickets that match its metric, priority and "
    "team."
)
class CreateEscalationPathInput:
    name: str = required(f"The name of the path. {NAME}")
    position: int | None = optional(
        f"The position of the path. {ORDER} Absent or null: after all active paths."
    )
    trigger: EscalationTrigger = required("The event that starts the path.")
    metric: Metric | None = optional(f"{METRIC} {ANY}")
    priority: Priority | None = optional(f"{PRIORITY} {ANY}")
    team: str | None = optional(f"{TEAM} {ANY}")
    steps: list[EscalationStepInput] = required("The steps of the path, 1 to 20, in any order.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="Changes to an escalation path. A path that already runs on a ticket keeps its "
    "steps there."
)
class UpdateEscalationPathInput:
    path_id: strawberry.ID = required("The id of the escalation path.")
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    position: int | None = optional(f"The new position. {ORDER} {KEEP}")
    trigger: EscalationTrigger | None = optional(f"The event that starts the path. {KEEP}")
    metric: Metric | None = optional(f"{METRIC} {KEEP_OR_ANY}", strawberry.UNSET)
    priority: Priority | None = optional(f"{PRIORITY} {KEEP_OR_ANY}", strawberry.UNSET)
    team: str | None = optional(f"{TEAM} {KEEP_OR_ANY}", strawberry.UNSET)
    steps: list[EscalationStepInput] | None = optional(
        f"The steps that replace all steps of the path, 1 to 20, in any order. {KEEP}"
    )
    active: bool | None = optional(f"{ACTIVE} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="An escalation path to archive.")
class ArchiveEscalationPathInput:
    path_id: strawberry.ID = required("The id of the escalation path.")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
