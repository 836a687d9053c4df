"""The mutation that exports the data of one person."""

from __future__ import annotations

from models.audit.storage import write_action
from models.bulk import creation
from models.core import ids
from models.erasure.person_export import create_person_export
from models.jobs.caller_job import CallerJob
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, origin_of
from schema.inputs.people.erasure import ExportPersonInput
from schema.payloads.jobs import JobPayload


@admin_mutation(JobPayload, "job", CallerJob, recall=creation.recall_job)
async def export_person(mutation: AdminMutation, input: ExportPersonInput) -> CallerJob:
    mutation.context.services.files.check_enabled()
    user_id = ids.key_of(ids.USER, input.user_id)
    limits = mutation.changes.limits
    job, user = await create_person_export(mutation.viewer, user_id, limits, mutation.at)
    origin = origin_of(mutation.context, "exportPerson")
    await write_action(origin, mutation.at, record=user)
    return job
