"""Saved views of tickets, and their live counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from models import database
from models.access.audience import Audience, can_change_shared
from models.custom_fields.custom_field import key_of_column
from models.log.event import encode_cursor
from models.views.saved_view import SavedView, ViewColumn
from schema.context import context_of, loaders
from schema.cost import LIVE_VIEWS_LENGTH, VIEW_COUNT_COST, cost, personal
from schema.enums.tickets import OrderDirection, TicketOrderField
from schema.filtering.stored_filter import StoredFilterInvalid, check_filter
from schema.interfaces import Node
from schema.records.relations import foreign_key_field
from schema.types.people.people import VERSION, UserType
from schema.types.people.teams import TeamType

FILTER_ERROR = (
    "Why the filter is no longer valid, for example because a release renamed a value. Null if it "
    "is valid. A view with an invalid filter has no count; update or delete it."
)


@strawberry.type(description="A field that the tickets of a saved view are ordered by.")
class SavedViewOrder:
    field: TicketOrderField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(description="The direction.")
    custom_field: str | None = strawberry.field(
        description="The key of the custom field, for CUSTOM_FIELD. Null for other fields."
    )


@strawberry.type(
    name="SavedView",
    description="A named filter of tickets, with an order and columns, for one person, a team or "
    "everyone.",
)
class SavedViewType(Node):
    name: str = strawberry.field(description="The name, 1 to 200 characters.")
    audience: Audience = strawberry.field(description="The people who see the view.")
    owner: Any = foreign_key_field(
        "owner", UserType | None, "The owner of a PERSONAL view. Null for other views."
    )
    team: Any = foreign_key_field(
        "team", TeamType | None, "The team of a TEAM view. Null for other views."
    )

    @strawberry.field(
        description="The filter, a value of the input TicketFilter. Pass it on as a variable to "
        "list the tickets of the view. An empty object matches every ticket."
    )
    def filter(self, root: strawberry.Parent[SavedView]) -> JSON:
        return JSON(root.ticket_filter)

    @strawberry.field(description=FILTER_ERROR)
    def filter_error(self, root: strawberry.Parent[SavedView], info: strawberry.Info) -> str | None:
        return find_filter_error(info, root)

    @strawberry.field(
        description="The fields to order the tickets by, at most 4. Empty for the default order.",
        metadata=cost(each=0),
    )
    def order_by(self, root: strawberry.Parent[SavedView]) -> list[SavedViewOrder]:
        return [
            SavedViewOrder(
                field=TicketOrderField[each["field"]],
                direction=OrderDirection[each["direction"]],
                custom_field=each.get("customField"),
            )
            for each in root.order_by
            if each["field"] in TicketOrderField.__members__
        ]

    @strawberry.field(
        description="The columns of the view, in order. Empty if the client may choose."
    )
    def columns(self, root: strawberry.Parent[SavedView]) -> list[ViewColumn]:
        return [ViewColumn[name] for name in root.columns if name in ViewColumn.__members__]

    @strawberry.field(
        description="The keys of the custom fields that are columns after `columns`, in order. A "
        "field may have been archived since; `customFields` has the fields that are in use."
    )
    def custom_field_columns(self, root: strawberry.Parent[SavedView]) -> list[str]:
        keys = map(key_of_column, root.columns)
        return [key for key in keys if key is not None]

    position: int = strawberry.field(
        description="The position among the views with the same audience, in ascending order."
    )
    version: int = strawberry.field(description=VERSION)
    created_at: datetime = strawberry.field(description="The time of creation.")
    updated_at: datetime = strawberry.field(description="The time of the last change.")

    # `personal()` would apply to every field named `count`, also in statistics. It isn't needed
    # here: savedViewCounts, the only subscription with saved views, is never shared between
    # viewers.
    @strawberry.field(
        description="The number of tickets that the viewer may see and that match the filter now. "
        "Null if the filter is invalid.",
        metadata=cost(flat=VIEW_COUNT_COST),
    )
    async def count(self, root: strawberry.Parent[SavedView], info: strawberry.Info) -> int | None:
        if find_filter_error(info, root) is not None:
            return None
        return await loaders(info).filter_counts.load(root)

    @strawberry.field(
        description="Whether the viewer may change and delete the view. PERSONAL: its owner. TEAM: "
        "the team's members and admins. EVERYONE: admins.",
        metadata=personal(),
    )
    async def viewer_can_change(
        self, root: strawberry.Parent[SavedView], info: strawberry.Info
    ) -> bool:
        context = context_of(info)
        team_ids = await context.loaders.team_ids.load(context.viewer.user_id)
        return can_change_shared(context.viewer, root, team_ids)


def find_filter_error(info: strawberry.Info[Any, Any], view: SavedView) -> str | None:
    context = context_of(info)
    try:
        check_filter(view.ticket_filter, context.viewer, context.now(), database.dialect())
    except StoredFilterInvalid as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True)
class ViewCount:
    """The count of a view, or the reason why there is none."""

    view: SavedView
    count: int | None
    filter_error: str | None


@dataclass(frozen=True, slots=True)
class ViewCounts:
    """The counts of all views of a viewer, which include the log up to a position."""

    position: int
    counts: Sequence[ViewCount]


@strawberry.type(name="SavedViewCount", description="The number of tickets of a saved view.")
class SavedViewCountType:
    view: Any = strawberry.field(
        graphql_type=SavedViewType, description="The view, as it was when the item was sent."
    )
    count: int | None = strawberry.field(
        description="The number of tickets that the viewer may see and that match the filter. Null "
        "if the filter is invalid, or can't be evaluated at the moment."
    )
    filter_error: str | None = strawberry.field(description=FILTER_ERROR)


@strawberry.type(
    name="SavedViewCounts",
    description="The ticket counts of all saved views that the viewer sees.",
)
class SavedViewCountsType:
    @strawberry.field(description="All counts include every event up to this cursor of the log.")
    def cursor(self, root: strawberry.Parent[ViewCounts]) -> str:
        return encode_cursor(root.position)

    @strawberry.field(
        description="The counts, in the order of the query `savedViews`.",
        graphql_type=list[SavedViewCountType],
        metadata=cost(items=LIVE_VIEWS_LENGTH),
    )
    def counts(self, root: strawberry.Parent[ViewCounts]) -> list[ViewCount]:
        return list(root.counts)
