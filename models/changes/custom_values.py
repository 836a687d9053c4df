"""Changes the values of a ticket's custom fields, and checks those that it must have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from models.changes.change import TicketChange
from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode, collect_refusals
from models.core.hydration import new_record
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.sql import Condition
from models.custom_fields.custom_field import (
    CustomerAccess,
    CustomField,
    RequiredAt,
    TicketCustomValue,
    can_see_custom_field,
    column_of,
)
from models.custom_fields.value_checks import (
    FIELD,
    check_can_be_set,
    check_count,
    check_not_repeated,
    find_definitions,
    no_such_custom_field,
)
from models.custom_fields.values import NewValue, StoredValue, build_stored_value
from models.log.event import EventType

if TYPE_CHECKING:
    from models.log.event import Json

MAX_LISTED_FIELDS = 10


@dataclass
class CustomFieldChanges:
    """`[before, after]` of the changed values, for the public event and for the internal one.

    Customers see no change of a hidden field, not even that there was one.
    """

    public: dict[str, Json] = field(default_factory=dict[str, "Json"])
    internal: dict[str, Json] = field(default_factory=dict[str, "Json"])

    def add(self, definition: CustomField, before: Json, after: Json) -> None:
        is_hidden = definition.customer_access is CustomerAccess.HIDDEN
        changes = self.internal if is_hidden else self.public
        changes[column_of(definition.key)] = [before, after]

    def log(self, change: TicketChange) -> None:
        """Log the changes in events of their own."""
        if self.public:
            change.log(EventType.TICKET_UPDATED, self.public)
        self.log_internal(change)

    def log_internal(self, change: TicketChange) -> None:
        """Log the changes that customers don't see."""
        if self.internal:
            change.log(EventType.TICKET_UPDATED, self.internal, internal=True)


async def set_custom_values(
    change: TicketChange, new_values: Sequence[NewValue], category_id: UUID
) -> CustomFieldChanges:
    """Set the new values in the change; returns what its events must log.

    `category_id` is that of the ticket after the change. Raises Refusals.
    """
    if not new_values:
        return CustomFieldChanges()
    check_count(len(new_values), change.limits, FIELD)
    ticket_id = None if change.creates_ticket else change.ticket.id
    records = await read_custom_records(new_values, ticket_id)
    return apply_custom_values(change, new_values, records, category_id)


@dataclass(frozen=True, slots=True)
class CustomRecords:
    """What setting values reads: the definitions by key, and the ticket's values by field."""

    definitions: Mapping[str, CustomField]
    current: Mapping[UUID, TicketCustomValue]


async def read_custom_records(
    new_values: Sequence[NewValue], ticket_id: UUID | None
) -> CustomRecords:
    """Read what `apply_custom_values` needs. A new ticket has no id yet, and no values."""
    if not new_values:
        return CustomRecords({}, {})
    definitions = await find_definitions(new_values)
    if ticket_id is None:
        return CustomRecords(definitions, {})
    values = await TicketCustomValue.filter(ticket_id=ticket_id).select_related("field")
    return CustomRecords(definitions, {value.field_id: value for value in values})


def apply_custom_values(
    change: TicketChange, new_values: Sequence[NewValue], records: CustomRecords, category_id: UUID
) -> CustomFieldChanges:
    """Like `set_custom_values`, with records that the caller has read."""
    definitions, current = records.definitions, records.current
    changes, refusals = CustomFieldChanges(), list[Refusal]()
    seen: set[str] = set()
    for index, each in enumerate(new_values):
        path = (FIELD, str(index))
        with collect_refusals(refusals):
            check_not_repeated(each, seen, *path)
            definition = get_definition(change, definitions, each, *path)
            value = current.get(definition.id)
            options = value.option_keys if value is not None else ()
            stored = build_stored_value(definition, each, options, change.limits, *path)
            if stored is not None and (value is None or stored != stored_value_of(value)):
                check_can_be_set(definition, category_id, *path)
            set_value(change, changes, definition, value, stored)
    if refusals:
        raise Refusals(refusals)
    added = len(change.custom_values.added)
    if added:
        # Otherwise, a refusal would tell customers of values that they may not see.
        counted = [
            each for each in current.values() if can_see_custom_field(change.actor, each.field)
        ]
        count = len(counted) + added - len(change.custom_values.removed)
        check_count(count, change.limits, FIELD)
    return changes


def stored_value_of(value: TicketCustomValue) -> StoredValue:
    return StoredValue(value.stored_text, value.stored_number)


def get_definition(
    change: TicketChange,
    definitions: Mapping[str, CustomField],
    new_value: NewValue,
    *path: str,
) -> CustomField:
    """The field, if the actor may set its value. Raises InvalidInput.

    For customers, a hidden field does not exist.
    """
    definition = definitions.get(new_value.key)
    if definition is None or not can_see_custom_field(change.actor, definition):
        raise no_such_custom_field(*path)
    is_editable = definition.customer_access is CustomerAccess.EDITABLE
    if change.actor.is_customer and not is_editable:
        message = "must be a field that customers may set; only the team can set this one"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, "key")
    return definition


def set_value(
    change: TicketChange,
    changes: CustomFieldChanges,
    definition: CustomField,
    value: TicketCustomValue | None,
    stored: StoredValue | None,
) -> None:
    """Set, replace or remove the value, unless it stays the same."""
    before = value.logged if value is not None else None
    if stored is None:
        if value is not None:
            change.custom_values.removed.append(value)
            changes.add(definition, before, None)
        return
    if value is None:
        value = new_record(
            TicketCustomValue,
            ticket_id=change.ticket.id,
            field_id=definition.id,
            type=definition.type,
        )
        change.custom_values.added.append(value)
    elif stored == stored_value_of(value):
        return
    else:
        change.custom_values.changed.append(value)
    value.stored_text, value.stored_number = stored
    changes.add(definition, before, value.logged)


async def check_required_at_creation(change: TicketChange) -> None:
    """Raises InvalidInput REQUIRED if a person creates a ticket without a required value.

    Tickets of API clients and those with an external id are imported: they get the values later.
    Of customers, only the values that they may set are required.
    """
    if change.actor.user is None or change.ticket.external_id is not None:
        return
    missing = [
        each
        for each in await list_missing(change)
        if each.required_at is RequiredAt.CREATION
        and (not change.actor.is_customer or each.customer_access is CustomerAccess.EDITABLE)
    ]
    if missing:
        raise build_missing_refusal(missing, FIELD)


async def check_required_at_resolution(change: TicketChange, *path: str) -> None:
    """Raises InvalidInput REQUIRED if the change resolves the ticket without a required value.

    Call it after the commands, with the path of the input field to name. The system's own changes
    are never refused.
    """
    actor = change.actor
    resolves = any(event.changes.get("resolved_at", (None, None))[1] for event in change.events)
    if not resolves or (actor.user is None and actor.client is None):
        return
    missing = await list_missing(change)
    if missing:
        raise build_missing_refusal(missing, *path)


async def list_missing(change: TicketChange) -> list[CustomField]:
    """The required fields of the ticket's category that have no value after the change."""
    ticket, values = change.ticket, change.custom_values
    condition = Condition("(f.active = ? AND f.required_at IS NOT NULL)", (True,))
    fields = await ListQuery(LazyQuery(CustomField, "f", "custom_fields f", condition, "f.id"))
    required = [each for each in fields if each.applies_to(ticket.category_id)]
    if not required:
        return []
    present = {value.field_id for value in values.added}
    if not change.creates_ticket:
        stored = await TicketCustomValue.filter(ticket_id=ticket.id)
        removed = {value.id for value in values.removed}
        present |= {value.field_id for value in stored if value.id not in removed}
    return [each for each in required if each.id not in present]


def build_missing_refusal(missing: Sequence[CustomField], *path: str) -> InvalidInput:
    listed = ", ".join(f"{each.label} ({each.key})" for each in missing[:MAX_LISTED_FIELDS])
    if len(missing) > MAX_LISTED_FIELDS:
        listed += f" and {len(missing) - MAX_LISTED_FIELDS} more"
    message = f"The ticket needs values of these custom fields: {listed}"
    return InvalidInput(UserErrorCode.REQUIRED, message, *path)
