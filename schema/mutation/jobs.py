"""The mutations that start and end jobs."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import EXPORT_TICKETS, HANDLE_TICKETS_AS_STAFF, READ_OR_CANCEL_JOBS
from resolvers import jobs
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.jobs import CancelJobPayload, JobPayload

OWN_OR_ADMIN = (
    "Users and API clients may do this with their own jobs, admins and API clients with the scope "
    "`admin` with those of everyone."
)
TOO_MANY_JOBS = "without a field, if 20 jobs of the viewer wait or run, by default"


@strawberry.type
class JobMutations:
    bulk_update_tickets: Any = mutation(
        jobs.bulk_update_tickets,
        HANDLE_TICKETS_AS_STAFF,
        "Starts a job that changes many tickets. The set of tickets is fixed now. The job changes "
        "each ticket as the ticket's own mutations do, in one transaction and with the same "
        "events, and with the permissions that the viewer has at that moment. A filter and a dry "
        "run need the scope `tickets:read`; without it, the mutation fails with FORBIDDEN.",
        JobPayload | None,
        errors=(
            "REQUIRED (ids, change; texts, tags, resources and custom fields of `change`)",
            "NOT_FOUND (ids, idempotencyKey; users, teams, categories, tickets and custom fields "
            "that `change` names)",
            "TOO_LONG (texts, tags, resources and custom fields of `change`)",
            f"INVALID (ids, filter, `change` and its fields, idempotencyKey; {TOO_MANY_JOBS})",
            *KEY_ERRORS,
        ),
    )
    export_tickets: Any = mutation(
        jobs.export_tickets,
        EXPORT_TICKETS,
        "Starts a job that writes tickets to a file, as the viewer can see them: customers get no "
        "notes, and no tickets that they can't see. The set of tickets is fixed now; their content "
        "is read while the job runs, with the permissions that the viewer has at that moment. If "
        "the viewer loses the role or a scope before the end, the job stops without a file. If a "
        "text of the tickets is redacted or erased, the job begins again. `Job.export` has the "
        "file.",
        JobPayload | None,
        errors=(
            "NOT_FOUND (idempotencyKey)",
            "NOT_ENABLED (the server has no storage)",
            f"INVALID (filter, idempotencyKey; {TOO_MANY_JOBS}; without a field, if 2 exports of "
            "the viewer wait or run, by default)",
            *KEY_ERRORS,
        ),
    )
    cancel_job: Any = mutation(
        jobs.cancel_job,
        READ_OR_CANCEL_JOBS,
        "Cancels a job that waits or runs. After the response, it changes no further ticket. A job "
        "that has ended stays as it is. An export leaves no file. To cancel a job that is no "
        "export, the token needs the scope `tickets:write`; without it, the mutation fails with "
        "FORBIDDEN. "
        f"{OWN_OR_ADMIN}",
        CancelJobPayload | None,
        errors=("NOT_FOUND (jobId)", "INVALID (jobId: it erases a person)"),
    )
    undo_job: Any = mutation(
        jobs.undo_job,
        HANDLE_TICKETS_AS_STAFF,
        "Starts a job that restores the values before a job that has ended, up to a day after its "
        "end. It leaves out tickets that were changed since, and reports them with CHANGED_SINCE. "
        "A job can be undone once. A job with `reply`, `note`, `escalationReason` or `unmerge`, or "
        "with another action than AWAIT_CUSTOMER, HOLD or RESUME, can't be undone. A ticket that "
        f"was NEW before the job, and that the job started, becomes OPEN, not NEW. {OWN_OR_ADMIN}",
        JobPayload | None,
        errors=(
            "NOT_FOUND (jobId, idempotencyKey)",
            f"INVALID (jobId, idempotencyKey; {TOO_MANY_JOBS})",
            *KEY_ERRORS,
        ),
    )
