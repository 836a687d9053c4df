"""The mutation that erases a person."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers.people import erasure
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.jobs import JobPayload


@strawberry.type
class ErasureMutations:
    erase_person: Any = mutation(
        erasure.erase_person,
        ADMINISTER,
        "Erases a person, and starts a job that goes on with it. This can't be undone or "
        "cancelled. At once, the account loses its name, email address, external id, password, "
        "identities and tokens, and is deactivated. The job then replaces what the person wrote in "
        "tickets, messages, events and files, and the name and address in the texts of others; "
        "`Job.erasure` reports and verifies it. What agents wrote on the tickets of others stays, "
        "without their name and address.",
        JobPayload | None,
        errors=(
            "NOT_FOUND (userId, idempotencyKey)",
            "REQUIRED (reason)",
            "TOO_LONG (reason)",
            "INVALID (userId: an active agent or admin, or a person who is being erased; reason; "
            "idempotencyKey; without a field, if 20 jobs of the caller wait or run, by default)",
            *KEY_ERRORS,
        ),
    )
