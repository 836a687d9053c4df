"""The payload of the mutations for custom fields."""

from __future__ import annotations

import strawberry

from models.custom_fields.custom_field import CustomField
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.custom_fields import CustomFieldNode


@strawberry.type(description="The result of a mutation that creates or changes a custom field.")
class CustomFieldPayload:
    custom_field: CustomField | None = record_field(
        f"The custom field after the change. {NULL_IF_REFUSED}", CustomFieldNode | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
