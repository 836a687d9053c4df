"""The mutations that erase a person, and that export a person's data."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers.people import data_export, erasure
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.jobs import JobPayload


@strawberry.type
class ErasureMutations:
    erase_person: Any = mutation(
        erasure.erase_person,
        ADMINISTER,
        "Erases a person. This can't be undone or cancelled. At once, the account is deactivated "
        "and loses its name, email address, external id, password, identities and tokens. "
        "Retention policies whose filter has the name or address are deactivated, too. A job then "
        "replaces what the person wrote in tickets, messages, events and files, and the name and "
        "address in the texts of others; `Job.erasure` reports and verifies it. What agents wrote "
        "on the tickets of others stays, without their name and address.",
        JobPayload | None,
        errors=(
            "NOT_FOUND (userId, idempotencyKey)",
            "REQUIRED (reason)",
            "TOO_LONG (reason)",
            "INVALID (userId: an active agent or admin, or a person who is being erased; reason; "
            "idempotencyKey; without a field, if 20 jobs of the viewer wait or run, by default)",
            *KEY_ERRORS,
        ),
    )
    export_person: Any = mutation(
        data_export.export_person,
        ADMINISTER,
        "Starts a job that writes all that is stored about one person to a file of JSON lines: the "
        "account, tickets, messages, events, files without their content, emails and entries of "
        "the audit log. Messages of others and secrets are left out. The person's tickets are "
        "complete: with resolutions, tags and hidden custom fields that the team has set. So are "
        "drafts, also those that an API client has proposed. `Job.export` has the file. A token "
        "needs the scopes `tickets:read`, `notes:read` and `users:read`, too; without them, the "
        "mutation fails with FORBIDDEN. If the person is erased, the file is deleted, and a job "
        "that has not finished stops without one.",
        JobPayload | None,
        errors=(
            "NOT_FOUND (userId, idempotencyKey)",
            "NOT_ENABLED (the server has no storage)",
            "INVALID (userId: the person is erased; idempotencyKey; without a field, if 20 jobs or "
            "2 exports of the viewer wait or run, by default)",
            *KEY_ERRORS,
        ),
    )
