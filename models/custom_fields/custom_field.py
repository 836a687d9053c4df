"""Custom fields: definitions by administrators, and one row for each value of a ticket."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.access.scopes import STAFF
from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.sql import FALSE, TRUE, Condition
from models.core.time import InstantField, now
from models.tickets.ticket import Ticket

if TYPE_CHECKING:
    from models.access.viewer import Viewer
    from models.log.event import Json

KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
"""The form of the keys of fields and options. They are safe inside a statement."""
MAX_KEY_CHARS = 64
COLUMN_PREFIX = "custom_fields."
"""The prefix of a field's key where events name its changes."""


class CustomFieldType(Enum):
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    SELECT = "select"
    MULTI_SELECT = "multi_select"


OPTION_TYPES = frozenset({CustomFieldType.SELECT, CustomFieldType.MULTI_SELECT})


class CustomerAccess(Enum):
    """What customers may do with the values of their tickets."""

    HIDDEN = "hidden"
    VISIBLE = "visible"
    EDITABLE = "editable"


class RequiredAt(Enum):
    """When a ticket must have a value. CREATION means at the resolution, too."""

    CREATION = "creation"
    RESOLUTION = "resolution"


class Option(TypedDict):
    """An option of a select. If `active` is false, it is archived: no ticket newly gets it."""

    key: str
    label: str
    active: bool


class CustomField(Model):
    """The definition of a custom field.

    key         unique, and immutable like the type
    options     of selects; an option keeps its place, because values store it
    categories  the ids of the categories whose tickets have the field, as text; empty: all
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    key = fields.CharField(max_length=MAX_KEY_CHARS, unique=True)
    label = fields.CharField(max_length=200)
    type: CustomFieldType = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        CustomFieldType, max_length=16
    )
    # Tortoise types JSON fields as Any.
    options: Sequence[Option] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    categories: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    required_at: RequiredAt | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        RequiredAt, max_length=16, null=True
    )
    customer_access: CustomerAccess = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        CustomerAccess, max_length=16
    )
    active = fields.BooleanField(default=True, db_default=True)
    """False if the field is archived: tickets keep its values, but none can be set."""
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)

    class Meta:
        table = "custom_fields"
        table_description = "Definitions of custom fields"

    def applies_to(self, category_id: UUID) -> bool:
        """Whether tickets of the category have the field."""
        return not self.categories or str(category_id) in self.categories

    def find_option(self, key: str) -> Option | None:
        return next((each for each in self.options if each["key"] == key), None)


def read_text(type: CustomFieldType, text: str) -> str | None:
    return text if type is CustomFieldType.TEXT else None


def read_number(type: CustomFieldType, number: float) -> float | None:
    return number if type is CustomFieldType.NUMBER else None


def read_boolean(type: CustomFieldType, number: float) -> bool | None:
    return bool(number) if type is CustomFieldType.BOOLEAN else None


def read_date(type: CustomFieldType, text: str) -> date | None:
    return date.fromisoformat(text) if type is CustomFieldType.DATE else None


class TicketCustomValue(Model):
    """The value of one custom field of a ticket. Only `models.changes.storage` writes it.

    type           that of the field, which never changes
    stored_text    the text, the date as YYYY-MM-DD, the key of the option, or `|key|key|` for the
                   options of a MULTI_SELECT in their order; empty for other types
    stored_number  the number, 0 or 1 for a BOOLEAN, or the place of the first option; 0 for others

    A type uses one of the columns (selects both) and leaves the other at its default. So no value
    loses precision, and a list can be ordered by both columns without the type.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    field: fields.ForeignKeyRelation[CustomField] = fields.ForeignKeyField(
        "models.CustomField", related_name=False, on_delete=fields.RESTRICT
    )
    field_id: UUID
    type: CustomFieldType = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        CustomFieldType, max_length=16
    )
    stored_text = fields.TextField(default="")
    stored_number = fields.FloatField(default=0.0)

    text = computed_property(("type", "stored_text"), read_text)
    number = computed_property(("type", "stored_number"), read_number)
    boolean = computed_property(("type", "stored_number"), read_boolean)
    date = computed_property(("type", "stored_text"), read_date)

    class Meta:
        table = "ticket_custom_values"
        table_description = "Values of the custom fields of tickets"
        unique_together = (("ticket", "field"),)
        indexes = (("field_id", "stored_number", "ticket_id"),)

    @property
    def option_keys(self) -> list[str]:
        """The keys of the options; empty for other types."""
        if self.type is CustomFieldType.SELECT:
            return [self.stored_text]
        if self.type is CustomFieldType.MULTI_SELECT:
            return self.stored_text.strip("|").split("|")
        return []

    @property
    def logged(self) -> Json:
        """The value in the form that events store."""
        if self.type is CustomFieldType.NUMBER:
            return self.stored_number
        if self.type is CustomFieldType.BOOLEAN:
            return bool(self.stored_number)
        return self.option_keys if self.type is CustomFieldType.MULTI_SELECT else self.stored_text


def is_custom_field_key(key: str) -> bool:
    return len(key) <= MAX_KEY_CHARS and KEY.fullmatch(key) is not None


def column_of(key: str) -> str:
    """The name of a field in the changes of events."""
    return COLUMN_PREFIX + key


def key_of_column(column: str) -> str | None:
    """The key of the field that a name in the changes of events stands for, if any."""
    return column.removeprefix(COLUMN_PREFIX) if column.startswith(COLUMN_PREFIX) else None


def can_see_custom_field(viewer: Viewer, field: CustomField) -> bool:
    """Whether the viewer may know that the field exists."""
    if viewer.is_customer:
        return field.customer_access is not CustomerAccess.HIDDEN
    return viewer.caller_kind in STAFF


def visible_fields(viewer: Viewer) -> Condition:
    """`can_see_custom_field` as a condition on `custom_fields f`."""
    if viewer.is_customer:
        return NOT_HIDDEN
    return TRUE if viewer.caller_kind in STAFF else FALSE


def visible_values(viewer: Viewer) -> Condition:
    """The fields (`custom_fields f`) whose values the viewer may see in tickets.

    Changes of hidden fields are internal events, so the same viewers see them as see notes.
    """
    return TRUE if viewer.can_see_notes else NOT_HIDDEN


NOT_HIDDEN = Condition(f"(f.customer_access <> '{CustomerAccess.HIDDEN.value}')")
