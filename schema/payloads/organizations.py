"""Payload of the mutations for organizations."""

from __future__ import annotations

import strawberry

from models.people.user import Organization
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.organizations import OrganizationType


@strawberry.type(description="The result of a mutation that creates or changes an organization.")
class OrganizationPayload:
    organization: Organization | None = record_field(
        f"The organization after the change. {NULL_IF_REFUSED}", OrganizationType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
