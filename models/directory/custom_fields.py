"""Creates, changes and archives custom fields. Each function is part of the caller's transaction.

A field keeps its key and type, and an option its key and place, because values store them. Archived
fields and options stay in the tickets that have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.core.record_limits import RecordLimits
from models.custom_fields.custom_field import (
    MAX_KEY_CHARS,
    OPTION_TYPES,
    CustomerAccess,
    CustomField,
    CustomFieldType,
    Option,
    RequiredAt,
    is_custom_field_key,
)
from models.directory.access import lock_directory
from models.people.team import Category


@dataclass(frozen=True, slots=True)
class GivenOption:
    """A new option, or a change of one. None leaves the label or the state of one as it is."""

    key: str
    label: str | None = None
    active: bool | None = None


class CustomFieldFields(TypedDict, total=False):
    """The input fields that the viewer sets. `categories` are slugs."""

    label: str
    options: Sequence[GivenOption]
    categories: Sequence[str]
    required_at: RequiredAt | None
    customer_access: CustomerAccess
    active: bool


async def create_custom_field(
    changes: RecordChanges,
    actor: Viewer,
    key: str,
    type: CustomFieldType,
    fields: CustomFieldFields,
    at: datetime,
) -> CustomField:
    """Create a custom field; the label is required. Raises InvalidInput."""
    await lock_directory(actor)
    field = CustomField(
        key=clean_key(key, "key"),
        type=type,
        options=[],
        categories=[],
        customer_access=CustomerAccess.HIDDEN,
        created_at=at,
        updated_at=at,
    )
    if await CustomField.exists(key=field.key):
        raise InvalidInput(UserErrorCode.TAKEN, "Another custom field has this key.", "key")
    await check_field_limit(changes.limits)
    for name, value in (await clean_fields(field, fields, changes.limits)).items():
        setattr(field, name, value)
    if type in OPTION_TYPES and not field.options:
        message = "is required for the types SELECT and MULTI_SELECT"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "options")
    await changes.create(field)
    return field


async def update_custom_field(
    changes: RecordChanges,
    actor: Viewer,
    field_id: str,
    fields: CustomFieldFields,
    at: datetime,
    expected_version: int | None = None,
) -> CustomField:
    """Change, archive or restore a custom field. Raises InvalidInput and StaleVersion."""
    await lock_directory(actor)
    key = ids.key_of(ids.CUSTOM_FIELD, field_id)
    field = await CustomField.get_or_none(id=key) if key else None
    if field is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such custom field.", "fieldId")
    check_version(field, expected_version)
    if fields.get("active") and not field.active:
        await check_field_limit(changes.limits)
    if await changes.update(field, **await clean_fields(field, fields, changes.limits)):
        field.updated_at = at
        await field.save(update_fields=["updated_at"])
    return field


def clean_key(key: str, *path: str) -> str:
    """Raises InvalidInput."""
    if not is_custom_field_key(key):
        message = (
            f"must have 1 to {MAX_KEY_CHARS} characters: lower-case letters and digits, in words "
            "joined by underscores, and a letter first"
        )
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    return key


async def check_field_limit(limits: RecordLimits) -> None:
    """Raises InvalidInput if no other field may be active."""
    maximum = limits.max_custom_fields
    if await CustomField.filter(active=True).count() >= maximum:
        message = f"At most {maximum} custom fields can be active; archive one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="custom_fields")


async def clean_fields(
    field: CustomField, fields: CustomFieldFields, limits: RecordLimits
) -> dict[str, object]:
    """The columns to set, by name. Raises InvalidInput."""
    values: dict[str, object] = {
        name: value
        for name, value in fields.items()
        if name in ("required_at", "customer_access", "active")
    }
    if "label" in fields:
        values["label"] = text.clean_line(fields["label"], "label", max_chars=text.MAX_NAME_CHARS)
    if "options" in fields:
        values["options"] = change_options(field, fields["options"], limits)
    if "categories" in fields:
        values["categories"] = await find_categories(fields["categories"], limits)
    return values


def change_options(
    field: CustomField, given: Sequence[GivenOption], limits: RecordLimits
) -> list[Option]:
    """The options with the given ones changed or, at the end, added. Raises InvalidInput."""
    if given and field.type not in OPTION_TYPES:
        message = "is only allowed for the types SELECT and MULTI_SELECT"
        raise InvalidInput(UserErrorCode.INVALID, message, "options")
    maximum = limits.max_options_per_custom_field
    options = {option["key"]: option for option in field.options}
    if len({each.key for each in given} | options.keys()) > maximum:
        message = f"can have at most {maximum} options, with archived ones"
        raise InvalidInput(
            UserErrorCode.INVALID, message, "options", limit_name="custom_field_options"
        )
    keys: set[str] = set()
    for index, each in enumerate(given):
        path = ("options", str(index))
        key = clean_key(each.key, *path, "key")
        if key in keys:
            raise InvalidInput(UserErrorCode.INVALID, "must be given once", *path, "key")
        keys.add(key)
        options[key] = change_option(options.get(key), each, *path)
    if options and not any(option["active"] for option in options.values()):
        message = "must leave an active option; archive the field instead"
        raise InvalidInput(UserErrorCode.INVALID, message, "options")
    return list(options.values())


def change_option(option: Option | None, given: GivenOption, *path: str) -> Option:
    """The changed option; a new one if there is none. Raises InvalidInput."""
    label = None
    if given.label is not None:
        label = text.clean_line(given.label, *path, "label", max_chars=text.MAX_NAME_CHARS)
    if option is not None:
        is_active = option["active"] if given.active is None else given.active
        return {"key": option["key"], "label": label or option["label"], "active": is_active}
    if label is None:
        message = "is required for a new option"
        raise InvalidInput(UserErrorCode.REQUIRED, message, *path, "label")
    return {"key": given.key, "label": label, "active": given.active is not False}


async def find_categories(slugs: Sequence[str], limits: RecordLimits) -> list[str]:
    """The keys of the categories, in the order of their ids. Raises InvalidInput."""
    unique = list(dict.fromkeys(slugs))
    known = [slug for slug in unique if text.can_be_slug(slug)]
    if len(unique) > limits.max_categories or len(known) < len(unique):
        raise no_such_category()
    categories = await Category.filter(slug__in=known).order_by("id")
    if len(categories) < len(unique):
        raise no_such_category()
    return [str(category.id) for category in categories]


def no_such_category() -> InvalidInput:
    return InvalidInput(UserErrorCode.NOT_FOUND, "must be existing categories", "categories")
