"""Values of custom fields, in inputs and as they are stored. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, cast

from models.core import text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_limits import RecordLimits
from models.custom_fields.custom_field import CustomField, CustomFieldType, TicketCustomValue

if TYPE_CHECKING:
    from models.log.event import Json

MAX_NUMBER = 1e15
"""Below it, both databases and JSON keep every number of 15 digits exactly."""
MAX_DIGITS = 15
EXPECTED_FIELDS = {
    CustomFieldType.TEXT: "text",
    CustomFieldType.NUMBER: "number",
    CustomFieldType.BOOLEAN: "boolean",
    CustomFieldType.DATE: "date",
    CustomFieldType.SELECT: "options",
    CustomFieldType.MULTI_SELECT: "options",
}
"""The input field for the value of each type."""


@dataclass(frozen=True, slots=True)
class NewValue:
    """A new value of the field with this key.

    `name` is the input field that has the value; None removes the value of the ticket.
    """

    key: str
    name: str | None
    value: object

    def to_json(self) -> dict[str, Json]:
        value = self.value.isoformat() if isinstance(self.value, date) else self.value
        return {"key": self.key, "name": self.name, "value": cast("Json", value)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> NewValue:
        name, value = cast("str | None", stored["name"]), stored["value"]
        key = str(stored["key"])
        return cls(key, name, date.fromisoformat(str(value)) if name == "date" else value)

    @classmethod
    def from_logged(cls, definition: CustomField, logged: Json) -> NewValue:
        """The value that events store as `logged`; see `TicketCustomValue.logged`."""
        if logged is None:
            return cls(definition.key, None, None)
        name = EXPECTED_FIELDS[definition.type]
        value = [logged] if definition.type is CustomFieldType.SELECT else logged
        return cls.from_json({"key": definition.key, "name": name, "value": value})


class StoredValue(NamedTuple):
    """The columns of a value in `TicketCustomValue`."""

    text: str = ""
    number: float = 0.0


@dataclass
class CustomValues:
    """The values of custom fields that a change adds, replaces and removes."""

    added: list[TicketCustomValue] = field(default_factory=list[TicketCustomValue])
    changed: list[TicketCustomValue] = field(default_factory=list[TicketCustomValue])
    removed: list[TicketCustomValue] = field(default_factory=list[TicketCustomValue])


def build_stored_value(
    definition: CustomField,
    new_value: NewValue,
    current_options: Sequence[str],
    limits: RecordLimits,
    *path: str,
) -> StoredValue | None:
    """The value as it is stored; None if the ticket shall have none.

    `current_options` are the keys of the ticket's options, which it may keep although they are
    archived. `path` is that of the value in the input. Raises InvalidInput.
    """
    expected = EXPECTED_FIELDS[definition.type]
    if new_value.name is None:
        return None
    if new_value.name != expected:
        kind = definition.type.name
        message = f"must be absent: the field {definition.key} is a {kind}; give {expected}"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, new_value.name)
    path = (*path, expected)
    value = new_value.value
    match definition.type:
        case CustomFieldType.TEXT:
            maximum = limits.max_custom_field_text_chars
            return StoredValue(text.clean_line(cast("str", value), *path, max_chars=maximum))
        case CustomFieldType.NUMBER:
            return StoredValue(number=clean_number(cast("float", value), *path))
        case CustomFieldType.BOOLEAN:
            return StoredValue(number=float(cast("bool", value)))
        case CustomFieldType.DATE:
            return StoredValue(cast("date", value).isoformat())
        case CustomFieldType.SELECT | CustomFieldType.MULTI_SELECT:
            keys = cast("Sequence[str]", value)
            return build_options(definition, keys, current_options, *path)


def clean_number(value: float, *path: str) -> float:
    """Raises InvalidInput unless the number has at most 15 digits before and after the point."""
    if not -MAX_NUMBER < value < MAX_NUMBER or float(f"{value:.{MAX_DIGITS}g}") != value:
        message = f"must be a number of at most {MAX_DIGITS} digits, between -1e15 and 1e15"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    return float(value) or 0.0  # no negative zero


def build_options(
    definition: CustomField, keys: Sequence[str], current: Sequence[str], *path: str
) -> StoredValue | None:
    """The options by their keys, in the order of the field. Raises InvalidInput."""
    if definition.type is CustomFieldType.SELECT and len(keys) != 1:
        message = f"must have one option, because the field {definition.key} is a SELECT"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    places: dict[str, int] = {}
    for place, option in enumerate(definition.options):
        if option["active"] or option["key"] in current:
            places[option["key"]] = place
    if any(key not in places for key in keys):
        message = f"must be active options of the field {definition.key}"
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, *path)
    ordered = sorted(set(keys), key=places.__getitem__)
    if not ordered:
        return None
    if definition.type is CustomFieldType.SELECT:
        return StoredValue(ordered[0], float(places[ordered[0]]))
    return StoredValue(f"|{'|'.join(ordered)}|", float(places[ordered[0]]))
