"""The mutations for custom fields."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers import custom_fields
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.custom_fields import CustomFieldPayload

CUSTOM_FIELD = CustomFieldPayload | None


@strawberry.type
class CustomFieldMutations:
    create_custom_field: Any = mutation(
        custom_fields.create_custom_field,
        ADMINISTER,
        "Creates a custom field of tickets. By default, at most 100 are active.",
        CUSTOM_FIELD,
        errors=(
            "REQUIRED (label, options)",
            "TOO_LONG (label, options)",
            "INVALID (key, label, options, idempotencyKey; without a field, if too many custom "
            "fields are active)",
            "NOT_FOUND (categories)",
            "TAKEN (key)",
            *KEY_ERRORS,
        ),
    )
    update_custom_field: Any = mutation(
        custom_fields.update_custom_field,
        ADMINISTER,
        "Changes, archives or restores a custom field. Tickets keep their values. If a HIDDEN "
        "field becomes VISIBLE or EDITABLE, customers see its values, but not earlier changes of "
        "them. If a field becomes HIDDEN, its earlier changes become hidden, too.",
        CUSTOM_FIELD,
        errors=(
            "NOT_FOUND (fieldId, categories)",
            "REQUIRED (label, options)",
            "TOO_LONG (label, options)",
            "INVALID (label, options, idempotencyKey; without a field, if too many custom fields "
            "are active)",
            "STALE_VERSION (expectedVersion)",
            *KEY_ERRORS,
        ),
    )
    archive_custom_field: Any = mutation(
        custom_fields.archive_custom_field,
        ADMINISTER,
        "Archives a custom field, so that tickets can't get a value of it. They keep the values "
        "that they have.",
        CUSTOM_FIELD,
        errors=(
            "NOT_FOUND (fieldId)",
            "INVALID (idempotencyKey)",
            "STALE_VERSION (expectedVersion)",
            *KEY_ERRORS,
        ),
    )
