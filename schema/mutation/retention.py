"""The mutations for retention policies."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers import retention
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.retention import DeleteRetentionPolicyPayload, RetentionPolicyPayload

RESULT = RetentionPolicyPayload | None
EFFECT = (
    "An active policy erases the texts of closed tickets permanently: each night in UTC, those of "
    "the tickets that have reached the age and match the filter. Subject, description, messages, "
    "reasons, texts of custom fields and the content of files are replaced as erasePerson does it; "
    "drafts and resources are removed. Tags, times and all that statistics count stay."
)
FIELD_ERRORS = (
    "REQUIRED (name)",
    "TOO_LONG (name, filter)",
)
FIELDS = "name; filter, also if it refers to the viewer; ageDays; idempotencyKey"
KEY_OF_DELETED_POLICY = "idempotencyKey: the policy of the first call was deleted"


@strawberry.type
class RetentionMutations:
    create_retention_policy: Any = mutation(
        retention.create_retention_policy,
        ADMINISTER,
        f"Creates a retention policy. {EFFECT}",
        RESULT,
        errors=(
            *FIELD_ERRORS,
            f"INVALID ({FIELDS}; no field: the maximum of policies, by default 50, is reached)",
            f"NOT_FOUND ({KEY_OF_DELETED_POLICY})",
            *KEY_ERRORS,
        ),
    )
    update_retention_policy: Any = mutation(
        retention.update_retention_policy,
        ADMINISTER,
        "Changes, activates or deactivates a retention policy. After the response, the server "
        "no longer applies its earlier settings; erased texts stay erased.",
        RESULT,
        errors=(
            *FIELD_ERRORS,
            f"INVALID ({FIELDS})",
            f"NOT_FOUND (policyId; {KEY_OF_DELETED_POLICY})",
            *RECORD_ERRORS,
        ),
    )
    delete_retention_policy: Any = mutation(
        retention.delete_retention_policy,
        ADMINISTER,
        "Deletes a retention policy permanently. After the response, the server erases nothing by "
        "it; erased texts stay erased.",
        DeleteRetentionPolicyPayload | None,
        errors=("NOT_FOUND (policyId)", "INVALID (idempotencyKey)", *RECORD_ERRORS),
    )
