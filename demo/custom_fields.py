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
SHARE_WITH_VALUES = 0.7
REGIONS = {"eu_central": "EU Central", "eu_north": "EU North", "us_east": "US East"}
SEVERITIES = {"minor": "Minor", "major": "Major", "critical": "Critical"}


def build_options(labels: Mapping[str, str]) -> list[Option]:
    return [{"key": key, "label": label, "active": True} for key, label in labels.items()]


async def create_custom_fields(at: datetime) -> Sequence[CustomField]:
    """Store the demo's custom fields."""
    technical = [str((await Category.get(slug="technical")).id)]
    shared = {"created_at": at, "updated_at": at}
    fields = [
        CustomField(
            key="region",
            label="Region",
            type=CustomFieldType.SELECT,
            options=build_options(REGIONS),
            categories=[],
            customer_access=CustomerAccess.EDITABLE,
            **shared,
        ),
        CustomField(
            key="instance_id",
            label="Instance id",
            type=CustomFieldType.TEXT,
            options=[],
            categories=technical,
            customer_access=CustomerAccess.EDITABLE,
            **shared,
        ),
        CustomField(
            key="outage_severity",
            label="Severity of the outage",
            type=CustomFieldType.SELECT,
            options=build_options(SEVERITIES),
            categories=technical,
            customer_access=CustomerAccess.VISIBLE,
            **shared,
        ),
    ]
    await CustomField.bulk_create(fields)
    return fields


async def store_values(histories: Sequence[History], fields: Sequence[CustomField]) -> None:
    """Store values of tickets, which must be stored. `add_values` has logged them."""
    values = [
        build_value(history, field, logged)
        for history in histories
        for field in fields
        if (logged := history.events[0].changes.get(column_of(field.key))) is not None
    ]
    await TicketCustomValue.bulk_create(values)


def add_values(histories: Sequence[History], fields: Sequence[CustomField]) -> None:
    """Log values of some tickets at their creation."""
    random = Random(RANDOM_SEED)
    for history in histories:
        changes: dict[str, Json] = {}
        for field in fields:
            if field.applies_to(history.ticket.category_id) and random.random() < SHARE_WITH_VALUES:
                changes[column_of(field.key)] = [None, choose_value(field, random)]
        created = history.events[0]
        created.data = {**created.data, "changes": {**created.changes, **changes}}


def choose_value(field: CustomField, random: Random) -> str:
    if field.options:
        return random.choice(field.options)["key"]
    return f"i-{random.getrandbits(32):08x}"


def build_value(history: History, field: CustomField, change: Sequence[Json]) -> TicketCustomValue:
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
