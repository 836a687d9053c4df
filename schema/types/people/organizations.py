"""Organizations: the accounts of customers."""

from __future__ import annotations

from typing import Any

import strawberry

from models import related
from models.access.visibility import can_see_record
from models.people.user import Organization, User
from models.queries.directory import organizations
from models.queries.tags import MAX_COUNTED
from schema.context import context_of, loaders
from schema.cost import COUNT_COST, cost
from schema.interfaces import Node
from schema.records.relations import related_list_field

VERSION = "The number of the record's version, for `expectedVersion`. Each change raises it."


def is_hidden(info: strawberry.Info, record: User | Organization) -> bool:
    """Whether the viewer is a customer who can't look up the record, and so sees only its name."""
    viewer = context_of(info).viewer
    return viewer.is_customer and not can_see_record(viewer, record)


@strawberry.type(
    name="Organization",
    description="A company or another group of customers. If it is shared, its members see each "
    "other's tickets.",
)
class OrganizationType(Node):
    name: str = strawberry.field(description="The name of the organization, 1 to 200 characters.")

    @strawberry.field(
        description="Whether the members see each other's tickets. Always false for customers of "
        "other organizations."
    )
    def shared(self, root: strawberry.Parent[Organization], info: strawberry.Info) -> bool:
        return root.shared and not is_hidden(info, root)

    @strawberry.field(
        description="The integrator's own key for the organization. Null if there is none, and for "
        "customers of other organizations."
    )
    def external_id(
        self, root: strawberry.Parent[Organization], info: strawberry.Info
    ) -> str | None:
        return None if is_hidden(info, root) else root.external_id

    active: bool = strawberry.field(
        description="Whether new users may be added. An archived organization keeps its members "
        "and tickets."
    )
    domains: Any = related_list_field(
        related.domains,
        list[str],
        "The email domains of the organization, by default at most 50, in alphabetical order. "
        "Empty if the viewer is a customer.",
        item_attribute="domain",
    )

    @strawberry.field(
        description="Whether a new customer with a verified email address at one of the domains "
        "becomes a member. Null if the viewer is a customer."
    )
    def matches_domains(
        self, root: strawberry.Parent[Organization], info: strawberry.Info
    ) -> bool | None:
        return None if context_of(info).viewer.is_customer else root.matches_domains

    @strawberry.field(
        description="The number of members who may sign in. The server counts at most "
        f"{MAX_COUNTED:,}. Null for customers, and without the scope `users:read`.",
        metadata=cost(flat=COUNT_COST),
    )
    async def member_count(
        self, root: strawberry.Parent[Organization], info: strawberry.Info
    ) -> int | None:
        if not context_of(info).viewer.can_see_people:
            return None
        return await loaders(info).counts(organizations.count_members).load(root.id)

    @strawberry.field(
        description="The number of the organization's tickets that are neither RESOLVED nor "
        f"CLOSED. The server counts at most {MAX_COUNTED:,}. Null for customers, and without the "
        "scope `tickets:read`.",
        metadata=cost(flat=COUNT_COST),
    )
    async def open_ticket_count(
        self, root: strawberry.Parent[Organization], info: strawberry.Info
    ) -> int | None:
        if not context_of(info).viewer.can_see_all_tickets:
            return None
        return await loaders(info).counts(organizations.count_open_tickets).load(root.id)

    version: int = strawberry.field(description=VERSION)
