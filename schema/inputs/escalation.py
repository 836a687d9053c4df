"""The inputs of mutations: escalation paths."""

from __future__ import annotations

from datetime import timedelta

import strawberry

from models.escalation.path import StepAction, Trigger
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from schema.inputs.fields import ADMIN_KEY, given, optional

NAME = "1 to 200 characters after trimming."
STAYS = "; left out or null, it stays."
CLEARS = "; left out it stays, null means any."
ACTIVE = "true takes an archived one back, false archives it; left out or null, it stays."
STEPS = "1 to 20 steps."
FITS = "; null for any."


@strawberry.input(description="What an escalation path does at some time.")
class EscalationStepInput:
    after: timedelta = given("How long after what set the path off, up to 365 days, in whole seconds.")
    action: StepAction = given("What is done.")
    team: str | None = optional("The team to hand the ticket to, by slug: for TRANSFER, which needs it.")
    user_id: strawberry.ID | None = optional(
        "The agent or admin to give the ticket to: for REASSIGN; null lets the fewest open tickets decide."
    )


@strawberry.input(description="A new escalation path; it is taken for tickets that fit all that it names.")
class CreateEscalationPathInput:
    name: str = given(NAME)
    position: int | None = optional("Paths are tried from the lowest on; left out or null, this one comes last.")
    trigger: Trigger = given("What sets it off.")
    metric: Metric | None = optional("Only for this promise, where a promise sets it off" + FITS)
    priority: Priority | None = optional("Only for tickets of this priority" + FITS)
    team: str | None = optional("Only for tickets of this team, by slug" + FITS)
    steps: list[EscalationStepInput] = given(STEPS)
    idempotency_key: str | None = optional(ADMIN_KEY)


@strawberry.input(
    description="What to change of an escalation path; what is left out stays. Where it is under way, it goes on as it was."
)
class UpdateEscalationPathInput:
    path_id: strawberry.ID = given("The path.")
    name: str | None = optional("1 to 200 characters after trimming" + STAYS)
    position: int | None = optional("Paths are tried from the lowest on" + STAYS)
    trigger: Trigger | None = optional("What sets it off" + STAYS)
    metric: Metric | None = optional("Only for this promise, where a promise sets it off" + CLEARS, strawberry.UNSET)
    priority: Priority | None = optional("Only for tickets of this priority" + CLEARS, strawberry.UNSET)
    team: str | None = optional("Only for tickets of this team, by slug" + CLEARS, strawberry.UNSET)
    steps: list[EscalationStepInput] | None = optional("1 to 20 steps in place of those it has" + STAYS)
    active: bool | None = optional(ACTIVE)
    idempotency_key: str | None = optional(ADMIN_KEY)


@strawberry.input(description="An escalation path to archive: nothing sets it off any more.")
class ArchiveEscalationPathInput:
    path_id: strawberry.ID = given("The path.")
    idempotency_key: str | None = optional(ADMIN_KEY)
