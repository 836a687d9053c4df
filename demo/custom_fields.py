"""The demo's custom fields, and their values in some of its tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random

from demo.history import History
from models.core.hydration import new_record
from models.custom_fields.custom_field import (
    CustomerAccess,
    CustomField,
    CustomFieldType,
    Option,
    TicketCustomValue,
    column_of,
)
from models.log.event import Json
from models.people.team import Category

RANDOM_SEED = 28
VALUE_PROBABILITY = 0.7
"""The probability that a ticket has a value of a field of its category."""
REGIONS = {"eu_central": "EU Central", "eu_north": "EU North", "us_east": "US East"}
SEVERITIES = {"minor": "Minor", "major": "Major", "critical": "Critical"}


def build_options(labels: Mapping[str, str]) -> list[Option]:
    return [{"key": key, "label": label, "active": True} for key, label in labels.items()]


async def create_custom_fields(at: datetime) -> Sequence[CustomField]:
    """Store the demo's custom fields."""
    technical = await Category.get(slug="technical")
    technical_only = [str(technical.id)]
    times = {"created_at": at, "updated_at": at}
    fields = [
        CustomField(
            key="region",
            label="Region",
            type=CustomFieldType.SELECT,
            options=build_options(REGIONS),
            categories=[],
            customer_access=CustomerAccess.EDITABLE,
            **times,
        ),
        CustomField(
            key="instance_id",
            label="Instance id",
            type=CustomFieldType.TEXT,
            options=[],
            categories=technical_only,
            customer_access=CustomerAccess.EDITABLE,
            **times,
        ),
        CustomField(
            key="outage_severity",
            label="Severity of the outage",
            type=CustomFieldType.SELECT,
            options=build_options(SEVERITIES),
            categories=technical_only,
            customer_access=CustomerAccess.VISIBLE,
            **times,
        ),
    ]
    await CustomField.bulk_create(fields)
    return fields


async def store_values(histories: Sequence[History], fields: Sequence[CustomField]) -> None:
    """Store the values that `log_values` has logged. The tickets must be stored already."""
    values: list[TicketCustomValue] = []
    for history in histories:
        changes = history.events[0].changes
        for field in fields:
            change = changes.get(column_of(field.key))
            if change is not None:
                values.append(build_value(history, field, change))
    await TicketCustomValue.bulk_create(values)


def log_values(histories: Sequence[History], fields: Sequence[CustomField]) -> None:
    """Add values of custom fields to the creation events of some tickets."""
    random = Random(RANDOM_SEED)
    for history in histories:
        changes: dict[str, Json] = {}
        for field in fields:
            if field.applies_to(history.ticket.category_id) and random.random() < VALUE_PROBABILITY:
                changes[column_of(field.key)] = [None, choose_value(field, random)]
        created = history.events[0]
        created.data = {**created.data, "changes": {**created.changes, **changes}}


def choose_value(field: CustomField, random: Random) -> str:
    if field.options:
        return random.choice(field.options)["key"]
    return f"i-{random.getrandbits(32):08x}"


def build_value(history: History, field: CustomField, change: Sequence[Json]) -> TicketCustomValue:
    """The stored value of a `change`, which is `[None, value]`."""
    value = str(change[1])
    option = field.find_option(value)
    position = field.options.index(option) if option is not None else 0
    return new_record(
        TicketCustomValue,
        ticket_id=history.ticket.id,
        field_id=field.id,
        type=field.type,
        stored_text=value,
        stored_number=float(position),
    )
