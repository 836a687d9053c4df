"""Escalation paths: read by the team, managed by admins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import strawberry

from models.escalation import admin
from models.escalation.admin import PathFields
from models.escalation.path import EscalationPath
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import Archived, answered, fields_of
from resolvers.mutations.idempotency import Keyed
from schema import manage as words
from schema.manage import EscalationPathPayload

CLEARED = frozenset({"metric", "priority", "team"})


async def list_escalation_paths(info: strawberry.Info, include_inactive: Archived = None) -> list[EscalationPath]:
    return await admin.in_order(archived=bool(include_inactive))


async def create_escalation_path(info: strawberry.Info, input: words.CreateEscalationPathInput) -> EscalationPathPayload:
    return await path_payload(info, input, lambda: admin.create_path(path_fields(input), context_of(info).now()))


async def update_escalation_path(info: strawberry.Info, input: words.UpdateEscalationPathInput) -> EscalationPathPayload:
    return await path_payload(info, input, lambda: admin.update_path(input.path_id, path_fields(input)))


async def archive_escalation_path(info: strawberry.Info, input: words.ArchiveEscalationPathInput) -> EscalationPathPayload:
    return await path_payload(info, input, lambda: admin.archive_path(input.path_id))


def path_fields(input: words.CreateEscalationPathInput | words.UpdateEscalationPathInput) -> PathFields:
    fields = fields_of(input, cleared=CLEARED)
    if input.steps is not None:
        fields["steps"] = [vars(step) for step in input.steps]
    return cast("PathFields", fields)


def path_payload(
    info: strawberry.Info, input: Keyed, act: Callable[[], Awaitable[EscalationPath]]
) -> Awaitable[EscalationPathPayload]:
    return answered(info, input, EscalationPathPayload, "escalation_path", act, lambda key: EscalationPath.get(id=key))
