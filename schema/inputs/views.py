"""Inputs of the mutations for saved views."""

from __future__ import annotations

import strawberry

from models.access.audience import Audience
from models.views.saved_view import ViewColumn
from schema.filtering.filters import TicketFilter, TicketOrder
from schema.inputs.fields import (
    KEEP,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    SLUG,
    optional,
    required,
)

TEAM = f"The slug of an active team, {SLUG}"
FILTER = (
    "The filter of the view, at most 8,192 bytes as JSON (by default). `viewer` and "
    "`inViewerTeams` stand for each person who sees the view."
)
ORDER = "The fields to order the tickets by, at most 4."
COLUMNS = "The columns, at most 30. Duplicates are left out."
FIELD_COLUMNS = (
    "The keys of the custom fields that are columns after `columns`, at most 30. Duplicates are "
    "left out. Keys without a custom field are accepted; clients should ignore them."
)
POSITION = "The position among the views with the same audience, 0 to 2,147,483,647."
VIEW_ID = "The id of the view."


@strawberry.input(description="A new saved view.")
class CreateSavedViewInput:
    name: str = required(f"The name of the view. {NAME}")
    audience: Audience | None = optional("The people who see the view. Absent or null: PERSONAL.")
    team: str | None = optional(
        f"{TEAM} Required for the audience TEAM. Must be null for other audiences."
    )
    filter: TicketFilter | None = optional(f"{FILTER} Absent or null: every ticket.")
    order_by: list[TicketOrder] | None = optional(f"{ORDER} Absent or null: the default order.")
    columns: list[ViewColumn] | None = optional(f"{COLUMNS} Absent or null: the client's choice.")
    custom_field_columns: list[str] | None = optional(f"{FIELD_COLUMNS} Absent or null: none.")
    position: int | None = optional(f"{POSITION} Absent or null: after all others.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a saved view.")
class UpdateSavedViewInput:
    view_id: strawberry.ID = required(VIEW_ID)
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    audience: Audience | None = optional(
        f"The people who see the view. PERSONAL makes the viewer its owner. {KEEP}"
    )
    team: str | None = optional(
        f"{TEAM} Needed if the audience becomes TEAM. Must be null for other audiences. Absent or "
        "null: the current team."
    )
    filter: TicketFilter | None = optional(
        f"{FILTER} Absent: unchanged. Null: every ticket.", strawberry.UNSET
    )
    order_by: list[TicketOrder] | None = optional(
        f"{ORDER} Absent: unchanged. Null: the default order.", strawberry.UNSET
    )
    columns: list[ViewColumn] | None = optional(
        f"{COLUMNS} Absent: unchanged. Null: the client's choice.", strawberry.UNSET
    )
    custom_field_columns: list[str] | None = optional(
        f"{FIELD_COLUMNS} Absent: unchanged. Null: none.", strawberry.UNSET
    )
    position: int | None = optional(f"{POSITION} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A saved view to delete.")
class DeleteSavedViewInput:
    view_id: strawberry.ID = required(VIEW_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
