"""Custom fields, and the values that tickets have for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry

from models.custom_fields.custom_field import (
    CustomerAccess,
    CustomField,
    CustomFieldType,
    Option,
    RequiredAt,
    TicketCustomValue,
)
from models.people.team import Category
from models.queries.records.custom_fields import custom_values
from schema.context import loaders
from schema.interfaces import Node
from schema.records.relations import foreign_key_field, related_list_field
from schema.types.people.people import VERSION
from schema.types.people.teams import CategoryType


@strawberry.type(description="An option of a custom field.")
class CustomFieldOption:
    key: str = strawberry.field(description="The stable key of the option, 1 to 64 characters.")
    label: str = strawberry.field(description="The name for people, 1 to 200 characters.")
    active: bool = strawberry.field(
        description="False if the option is archived. Tickets that have it keep it, but it "
        "can't be set on other tickets."
    )


def build_option(option: Option) -> CustomFieldOption:
    return CustomFieldOption(key=option["key"], label=option["label"], active=option["active"])


@strawberry.type(
    name="CustomField",
    description="A field of tickets that an admin has defined. Customers see only fields whose "
    "values they may see.",
)
class CustomFieldNode(Node):
    key: str = strawberry.field(
        description="The stable key of the field, 1 to 64 characters, for filters and inputs."
    )
    label: str = strawberry.field(description="The name for people, 1 to 200 characters.")
    type: CustomFieldType = strawberry.field(description="The type of the values.")

    @strawberry.field(
        description="The options of a SELECT or MULTI_SELECT, in the order in which they were "
        "added, including archived ones. Empty for other types."
    )
    def options(self, root: strawberry.Parent[CustomField]) -> list[CustomFieldOption]:
        return [build_option(option) for option in root.options]

    @strawberry.field(
        description="The categories whose tickets have the field. Empty: all tickets.",
        graphql_type=list[CategoryType],
    )
    async def categories(
        self, root: strawberry.Parent[CustomField], info: strawberry.Info
    ) -> list[Category]:
        keys = [UUID(key) for key in root.categories]
        found = await loaders(info).categories.load_many(keys)
        return [category for category in found if category is not None]

    required_at: RequiredAt | None = strawberry.field(
        description="When a ticket must have a value. Null: never."
    )
    customer_access: CustomerAccess = strawberry.field(
        description="What customers may do with the field."
    )
    active: bool = strawberry.field(
        description="False if the field is archived: tickets keep its values, but get no others."
    )
    version: int = strawberry.field(description=VERSION)
    created_at: datetime = strawberry.field(description="The time of creation.")
    updated_at: datetime = strawberry.field(description="The time of the last change.")


@strawberry.type(
    name="CustomFieldValue",
    description="The value of a custom field of a ticket. The field of the value's type has it; "
    "the others are null or empty.",
)
class CustomFieldValueType:
    field: Any = foreign_key_field("field", CustomFieldNode, "The custom field.")
    type: CustomFieldType = strawberry.field(description="The type of the custom field.")
    text: str | None = strawberry.field(description="The value of a TEXT. Null for other types.")
    number: float | None = strawberry.field(
        description="The value of a NUMBER. Null for other types."
    )
    boolean: bool | None = strawberry.field(
        description="The value of a BOOLEAN. Null for other types."
    )
    date: date | None = strawberry.field(description="The value of a DATE. Null for other types.")

    @strawberry.field(
        description="The option of a SELECT or the options of a MULTI_SELECT, in the order of the "
        "field. Empty for other types."
    )
    async def options(
        self, root: strawberry.Parent[TicketCustomValue], info: strawberry.Info
    ) -> list[CustomFieldOption]:
        keys = root.option_keys
        field = await loaders(info).custom_fields.load(root.field_id) if keys else None
        if field is None:
            return []
        return [build_option(option) for option in field.options if option["key"] in keys]


ticket_custom_fields: Any = related_list_field(
    custom_values,
    list[CustomFieldValueType],
    "The values of custom fields that the ticket has and the viewer may see, in the order in which "
    "the fields were created. Values of HIDDEN fields require the scope `notes:read`; customers "
    "never see them.",
)
