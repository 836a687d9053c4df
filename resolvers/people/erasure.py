"""The mutation that erases a person."""

from __future__ import annotations

from models.bulk import creation
from models.core import ids, text
from models.erasure.start import start_erasure
from models.jobs.caller_job import CallerJob
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, origin_of
from schema.inputs.people.erasure import ErasePersonInput
from schema.payloads.jobs import JobPayload

MAX_REASON_CHARS = 1000


@admin_mutation(JobPayload, "job", CallerJob, recall=creation.recall_job)
async def erase_person(mutation: AdminMutation, input: ErasePersonInput) -> CallerJob:
    return await start_erasure(
        mutation.changes,
        origin_of(mutation.context, "erasePerson"),
        ids.key_of(ids.USER, input.user_id),
        text.clean_line(input.reason, "reason", max_chars=MAX_REASON_CHARS),
        mutation.at,
        dry_run=input.dry_run,
    )
