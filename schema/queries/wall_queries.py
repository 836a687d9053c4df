"""The query of the screens of wallboards."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import MANAGE_WALL_SCREENS
from resolvers.wall import screens
from schema.fields import query
from schema.pagination import Connection
from schema.types.wall import WallScreenType


@strawberry.type
class WallQueries:
    wall_screens: Any = query(
        screens.wall_screens,
        MANAGE_WALL_SCREENS,
        "The approved screens of wallboards that were seen in the last 30 days, in the order of "
        "their approval and in pages of up to 100.",
        Connection[WallScreenType],
    )
