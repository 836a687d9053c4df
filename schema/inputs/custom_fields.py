"""Inputs of the mutations for custom fields, and the values of tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import strawberry

from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode
from models.custom_fields.custom_field import CustomerAccess, CustomFieldType, RequiredAt
from models.custom_fields.values import NewValue
from schema.inputs.fields import (
    KEEP,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    optional,
    required,
)

KEY = (
    "Lower-case letters and digits, in words joined by underscores, a letter first, 1 to 64 "
    "characters."
)
FIELD_ID = "The id of the custom field."
OPTIONS = "by default at most 200, including archived ones."
CATEGORIES = (
    "The slugs of the categories whose tickets have the field, by default at most 500. An empty "
    "list: all tickets."
)
ACCESS = "What customers may do with the field."
REQUIRED_AT = "When a ticket must have a value."
VALUE_NAMES = ("text", "number", "boolean", "date", "options")
CUSTOM_FIELDS = "Values of custom fields, each field once and by default at most 50 in a ticket."


@strawberry.input(description="An option of a custom field.")
class CustomFieldOptionInput:
    key: str = required(f"The key of the option. {KEY}")
    label: str | None = optional(
        f"The label that people see. {NAME} Required for a new option. Null: unchanged."
    )
    active: bool | None = optional("False archives the option. Null: unchanged, or true if new.")


@strawberry.input(description="A new custom field.")
class CreateCustomFieldInput:
    key: str = required(f"The key of the field, which never changes. {KEY}")
    label: str = required(f"The label that people see. {NAME}")
    type: CustomFieldType = required("The type of the values, which never changes.")
    options: list[CustomFieldOptionInput] | None = optional(
        f"The options, {OPTIONS} Required for SELECT and MULTI_SELECT; must be empty or null for "
        "other types."
    )
    categories: list[str] | None = optional(f"{CATEGORIES} Null: all tickets.")
    required_at: RequiredAt | None = optional(f"{REQUIRED_AT} Null: never.")
    customer_access: CustomerAccess | None = optional(f"{ACCESS} Null: HIDDEN.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="Changes to a custom field. A field that is absent or null keeps its value, except "
    "that null clears `requiredAt`."
)
class UpdateCustomFieldInput:
    field_id: strawberry.ID = required(FIELD_ID)
    label: str | None = optional(f"The label that people see. {NAME}")
    options: list[CustomFieldOptionInput] | None = optional(
        f"The options to add or change, by key; others stay as they are. There are {OPTIONS}"
    )
    categories: list[str] | None = optional(CATEGORIES)
    required_at: RequiredAt | None = optional(
        f"{REQUIRED_AT} Absent: unchanged. Null: never.", strawberry.UNSET
    )
    customer_access: CustomerAccess | None = optional(f"{ACCESS} {KEEP}")
    active: bool | None = optional(f"False archives the field, true restores it. {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A custom field to archive.")
class ArchiveCustomFieldInput:
    field_id: strawberry.ID = required(FIELD_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="The value of one custom field of a ticket: the key, and the value in the field of "
    "its type. To remove the value, set one field besides `key` to null and leave the others "
    "absent, or give an empty `options` for a MULTI_SELECT."
)
class CustomFieldInput:
    key: str = required("The key of the custom field.")
    text: str | None = optional(
        "The value of a TEXT, by default at most 500 characters after trimming, in one line.",
        strawberry.UNSET,
    )
    number: float | None = optional(
        "The value of a NUMBER, of at most 15 digits and between -1e15 and 1e15.", strawberry.UNSET
    )
    boolean: bool | None = optional("The value of a BOOLEAN.", strawberry.UNSET)
    date: date | None = optional("The value of a DATE.", strawberry.UNSET)
    options: list[str] | None = optional(
        "The keys of the options: one for a SELECT, any number for a MULTI_SELECT. A ticket may "
        "keep an option that was archived.",
        strawberry.UNSET,
    )


def read_input_values(inputs: Sequence[CustomFieldInput] | None, *path: str) -> list[NewValue]:
    """The values that the input sets. `path` is that of the object in the input with the list.

    Raises Refusals.
    """
    refusals: list[Refusal] = []
    values: list[NewValue] = []
    for index, each in enumerate(inputs or ()):
        present = {name: getattr(each, name) for name in VALUE_NAMES}
        present = {name: value for name, value in present.items() if value is not strawberry.UNSET}
        names = [name for name, value in present.items() if value is not None]
        if len(names) > 1 or not present:
            message = f"must have exactly one of {', '.join(VALUE_NAMES)}; null removes the value"
            item = (*path, "customFields", str(index))
            refusals.append(InvalidInput(UserErrorCode.INVALID, message, *item))
            continue
        name = names[0] if names else None
        values.append(NewValue(each.key, name, present[name] if name else None))
    if refusals:
        raise Refusals(refusals)
    return values
