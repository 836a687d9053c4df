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
from models.custom_fields.values import GivenValue, build_stored_value

FIELD = "customFields"
"""The input field that refusals name."""


async def check_given_values(
    viewer: Viewer,
    given: Sequence[GivenValue],
    limits: RecordLimits,
    *path: str,
    category_id: UUID | None = None,
) -> dict[str, CustomField]:
    """Check what does not depend on a ticket; returns the definitions by key. Raises Refusals.

    `path` is that of the list in the input. `category_id` is that of the tickets, if it is known.
    """
    check_count(len(given), limits, *path)
    definitions = await find_definitions(given)
    refusals: list[Refusal] = []
    seen: set[str] = set()
    for index, each in enumerate(given):
        with collect_refusals(refusals):
            item = (*path, str(index))
            definition = definitions.get(each.key)
            if definition is None or not can_see_custom_field(viewer, definition):
                raise no_such_field(*item)
            check_first(each, seen, *item)
            if build_stored_value(definition, each, (), limits, *item) is not None:
                check_can_be_set(definition, category_id, *item)
    if refusals:
        raise Refusals(refusals)
    return definitions


async def find_definitions(given: Sequence[GivenValue]) -> dict[str, CustomField]:
    """The fields of the values by key, without unknown ones."""
    keys = [each.key for each in given if is_custom_field_key(each.key)]
    return {each.key: each for each in await CustomField.filter(key__in=keys)} if keys else {}


def check_count(count: int, limits: RecordLimits, *path: str) -> None:
    """Raises InvalidInput if a ticket can't have so many values."""
    maximum = limits.max_custom_values_per_ticket
    if count > maximum:
        message = f"a ticket can have at most {maximum} values; this would be {count}"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, limit_name="custom_values")


def check_first(given: GivenValue, seen: set[str], *path: str) -> None:
    """Raises InvalidInput for the second value of a field. Adds the key to `seen`."""
    if given.key in seen:
        raise InvalidInput(UserErrorCode.INVALID, "must be given once", *path, "key")
    seen.add(given.key)


def no_such_field(*path: str) -> InvalidInput:
    message = "There is no such custom field."
    return InvalidInput(UserErrorCode.NOT_FOUND, message, *path, "key")


def check_can_be_set(definition: CustomField, category_id: UUID | None, *path: str) -> None:
    """Raises InvalidInput for an archived field, and for one of other categories."""
    if not definition.active:
        message = f"must not be an archived custom field, as {definition.key} is"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, "key")
    if category_id is not None and not definition.applies_to(category_id):
        message = f"must be a custom field of the ticket's category; {definition.key} is not"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, "key")
