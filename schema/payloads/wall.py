"""Payloads of the mutations for the screens of wallboards."""

from __future__ import annotations

import strawberry

from models.wall.screen import WallScreen
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.wall import WallScreenType


@strawberry.type(description="The result of approveWallScreen.")
class ApproveWallScreenPayload:
    wall_screen: WallScreen | None = record_field(
        f"The approved screen. {NULL_IF_REFUSED}", WallScreenType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of revokeWallScreen.")
class RevokeWallScreenPayload:
    revoked_screen_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the revoked screen. {NULL_IF_REFUSED}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
