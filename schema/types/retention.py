"""Retention policies, and what they would erase."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from models.access.scopes import Scope
from models.core.sql import Condition
from models.erasure.due_tickets import RetentionCounts
from models.erasure.retention import FilterInvalid, count_policy
from models.retention.policy import RetentionPolicy
from schema.context import context_of
from schema.cost import RETENTION_COST, cost
from schema.filtering.stored_filter import compile_policy_filter
from schema.interfaces import Node
from schema.types.people.people import VERSION

PREVIEW_SCOPES = frozenset({Scope.TICKETS_READ, Scope.NOTES_READ})
"""The scopes that a preview needs, because the count of a filter's tickets reveals what is in
tickets, in notes, and in custom fields that are hidden from customers."""


@strawberry.type(
    name="RetentionPreview",
    description="What a retention policy would erase now. Nothing is changed.",
)
class RetentionPreview:
    tickets: int = strawberry.field(
        description="The number of tickets whose texts the policy would erase."
    )
    messages: int = strawberry.field(description="The number of their replies and notes with text.")
    files: int = strawberry.field(description="The number of their files that are not erased yet.")
    cutoff: datetime = strawberry.field(
        description="Tickets that were closed before this time, the beginning of a day in UTC, are "
        "old enough."
    )


def build_preview(counts: RetentionCounts) -> RetentionPreview:
    return RetentionPreview(
        tickets=counts.tickets,
        messages=counts.messages,
        files=counts.files,
        cutoff=counts.cutoff,
    )


@strawberry.type(
    name="RetentionPolicy",
    description="A rule by which the server erases the texts of closed tickets.",
)
class RetentionPolicyType(Node):
    name: str = strawberry.field(description="The name, 1 to 200 characters.")

    @strawberry.field(
        description="The filter, a value of the input TicketFilter. An empty object matches every "
        "closed ticket."
    )
    def filter(self, root: strawberry.Parent[RetentionPolicy]) -> JSON:
        return JSON(root.ticket_filter)

    @strawberry.field(
        description="Why the filter is no longer valid, for example because a release renamed a "
        "value. Null if it is valid. A policy with an invalid filter erases nothing."
    )
    def filter_error(
        self, root: strawberry.Parent[RetentionPolicy], info: strawberry.Info
    ) -> str | None:
        found = try_compile(root, context_of(info).now())
        return str(found) if isinstance(found, FilterInvalid) else None

    age_days: int = strawberry.field(
        description="How many days after their closure tickets keep their texts. If the server "
        "has a higher minimum, the minimum applies."
    )
    active: bool = strawberry.field(description="Whether the server applies the policy.")
    erased_tickets: int = strawberry.field(
        description="The number of tickets whose texts the policy has erased so far."
    )
    erased_messages: int = strawberry.field(
        description="The number of replies and notes that the policy has erased so far."
    )
    erased_files: int = strawberry.field(
        description="The number of files that the policy has erased so far."
    )
    last_erased_at: datetime | None = strawberry.field(
        description="The time at which the policy erased a ticket last. Null if it has erased none."
    )
    version: int = strawberry.field(description=VERSION)
    created_at: datetime = strawberry.field(description="The time of creation.")
    updated_at: datetime = strawberry.field(description="The time of the last change.")

    @strawberry.field(
        description="What the policy would erase now, whether or not it is active. Null without "
        "the scopes `tickets:read` and `notes:read`, and if the filter is invalid.",
        metadata=cost(flat=RETENTION_COST),
    )
    async def preview(
        self, root: strawberry.Parent[RetentionPolicy], info: strawberry.Info
    ) -> RetentionPreview | None:
        context = context_of(info)
        if not context.viewer.scopes.issuperset(PREVIEW_SCOPES):
            return None
        matching = try_compile(root, context.now())
        if isinstance(matching, FilterInvalid):
            return None
        limits = context.settings.limits
        return build_preview(await count_policy(matching, root.age_days, limits, context.now()))


def try_compile(policy: RetentionPolicy, at: datetime) -> Condition | FilterInvalid:
    """The condition of the policy's filter, or why it is not valid."""
    try:
        return compile_policy_filter(policy.ticket_filter, at)
    except FilterInvalid as error:
        return error
