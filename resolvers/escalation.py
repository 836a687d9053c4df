"""Escalation paths: the query for staff, and mutations for admins."""

from __future__ import annotations

from typing import cast

import strawberry

from models.escalation import admin
from models.escalation.admin import PathFields
from models.escalation.path import EscalationPath
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from schema.inputs.escalation import (
    ArchiveEscalationPathInput,
    CreateEscalationPathInput,
    UpdateEscalationPathInput,
)
from schema.payloads.escalation import EscalationPathPayload

CLEARABLE_FIELDS = frozenset({"metric", "priority", "team"})
"""The fields of a path that null clears."""


async def escalation_paths(
    info: strawberry.Info, include_inactive: bool | None = None
) -> list[EscalationPath]:
    return await admin.list_paths(include_inactive=bool(include_inactive))


escalation_path_mutation = admin_mutation(EscalationPathPayload, "escalation_path", EscalationPath)


@escalation_path_mutation
async def create_escalation_path(
    mutation: AdminMutation, input: CreateEscalationPathInput
) -> EscalationPath:
    return await admin.create_path(mutation.changes, path_fields(input), mutation.at)


@escalation_path_mutation
async def update_escalation_path(
    mutation: AdminMutation, input: UpdateEscalationPathInput
) -> EscalationPath:
    return await admin.update_path(
        mutation.changes, input.path_id, path_fields(input), input.expected_version
    )


@escalation_path_mutation
async def archive_escalation_path(
    mutation: AdminMutation, input: ArchiveEscalationPathInput
) -> EscalationPath:
    return await admin.archive_path(mutation.changes, input.path_id, input.expected_version)


def path_fields(input: CreateEscalationPathInput | UpdateEscalationPathInput) -> PathFields:
    fields = given_fields(input, clearable=CLEARABLE_FIELDS)
    if input.steps is not None:
        fields["steps"] = [vars(step) for step in input.steps]
    return cast("PathFields", fields)
