"""Checks the values of custom fields that macros and jobs will set in tickets later."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from models.access.viewer import Viewer
from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode, collect_refusals
from models.core.record_limits import RecordLimits
from models.custom_fields.custom_field import (
    CustomField,
    can_see_custom_field,
    is_custom_field_key,
)
from models.custom_fields.values import NewValue, build_stored_value

FIELD = "customFields"
"""The input field that refusals name in their path."""


async def check_new_values(
    viewer: Viewer,
    new_values: Sequence[NewValue],
    limits: RecordLimits,
    *path: str,
    category_id: UUID | None = None,
) -> dict[str, CustomField]:
    """Check what does not depend on a ticket; returns the definitions by key. Raises Refusals.

    `path` is that of the list in the input. `category_id` is that of the tickets, if it is known.
    """
    check_count(len(new_values), limits, *path)
    definitions = await find_definitions(new_values)
    refusals: list[Refusal] = []
    seen_keys: set[str] = set()
    for index, each in enumerate(new_values):
        with collect_refusals(refusals):
            item_path = (*path, str(index))
            definition = definitions.get(each.key)
            if definition is None or not can_see_custom_field(viewer, definition):
                raise no_such_custom_field(*item_path)
            check_not_repeated(each, seen_keys, *item_path)
            # A value can be removed even from an archived field, or one of another category.
            if build_stored_value(definition, each, (), limits, *item_path) is not None:
                check_can_be_set(definition, category_id, *item_path)
    if refusals:
        raise Refusals(refusals)
    return definitions


async def find_definitions(new_values: Sequence[NewValue]) -> dict[str, CustomField]:
    """The fields that the values are for, by key. A key without a field is left out."""
    keys = [each.key for each in new_values if is_custom_field_key(each.key)]
    if not keys:
        return {}
    return {each.key: each for each in await CustomField.filter(key__in=keys)}


def check_count(count: int, limits: RecordLimits, *path: str) -> None:
    """Raises InvalidInput if a ticket can't have so many values."""
    maximum = limits.max_custom_values_per_ticket
    if count > maximum:
        message = f"a ticket can have at most {maximum} values; this would be {count}"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, limit_name="custom_values")


def check_not_repeated(value: NewValue, seen_keys: set[str], *path: str) -> None:
    """Raises InvalidInput for the second value of a field. Adds the key to `seen_keys`."""
    if value.key in seen_keys:
        raise InvalidInput(UserErrorCode.INVALID, "must be given once", *path, "key")
    seen_keys.add(value.key)


def no_such_custom_field(*path: str) -> InvalidInput:
    message = "There is no such custom field."
    return InvalidInput(UserErrorCode.NOT_FOUND, message, *path, "key")


def check_can_be_set(definition: CustomField, category_id: UUID | None, *path: str) -> None:
    """Raises InvalidInput if the field is archived, or not a field of this category."""
    if not definition.active:
        message = f"must not be an archived custom field, as {definition.key} is"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, "key")
    if category_id is not None and not definition.applies_to(category_id):
        message = f"must be a custom field of the ticket's category; {definition.key} is not"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, "key")
