"""Payloads of the mutations for organizations."""

from __future__ import annotations

import strawberry

from models.people.user import Organization
from schema.cost import cost
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import (
    NULL_IF_REFUSED,
    NULL_IF_ROW_REFUSED,
    REPLAYED,
    ROW_INDEX,
    record_field,
    user_errors_field,
)
from schema.types.people.organizations import OrganizationType


@strawberry.type(description="The result of a mutation that creates or changes an organization.")
class OrganizationPayload:
    organization: Organization | None = record_field(
        f"The organization after the change. {NULL_IF_REFUSED}", OrganizationType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="What upsertOrganizations did with one of the organizations.")
class UpsertOrganizationResult:
    index: int = strawberry.field(description=ROW_INDEX)
    organization: Organization | None = record_field(
        f"The organization after the change. {NULL_IF_ROW_REFUSED}", OrganizationType | None
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation upsertOrganizations.")
class UpsertOrganizationsPayload:
    results: list[UpsertOrganizationResult] = strawberry.field(
        default_factory=list,
        description="One result per organization, in the order of the input. Empty if the whole "
        "list is refused.",
        metadata=cost(each=0),
    )
    user_errors: list[UserErrorInterface] = user_errors_field()
