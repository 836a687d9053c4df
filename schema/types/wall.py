"""The type WallScreen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from schema.interfaces import Node
from schema.records.relations import foreign_key_field
from schema.types.people.people import UserType
from schema.types.people.teams import TeamType


@strawberry.type(
    name="WallScreen",
    description="A screen on a wall that shows live statistics and the tickets whose SLA targets "
    "are breached next, without any text of a customer. It has a session of its own, which "
    "permits nothing else.",
)
class WallScreenType(Node):
    name: str = strawberry.field(
        description="The name of the screen, such as the place where it hangs; 1 to 200 characters."
    )
    team: Any = foreign_key_field(
        "team", TeamType | None, "The team whose tickets the screen shows. Null: all tickets."
    )
    approved_by: Any = foreign_key_field(
        "approved_by",
        UserType,
        "The user who approved the screen. The session of the screen ends when this user is "
        "deactivated or becomes a customer.",
    )
    last_seen_at: datetime = strawberry.field(
        description="The time at which the screen last asked for its board. The server stores it "
        "at most once an hour. A screen that was not seen for 30 days must be approved again."
    )
    created_at: datetime = strawberry.field(description="The time of the approval.")
