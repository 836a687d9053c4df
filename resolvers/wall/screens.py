"""The screens of wallboards: the query and the mutations for staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from models.access.viewer import Viewer
from models.core import ids
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.directory import wall_screens as screen_admin
from models.queries.wall import list_screens
from models.wall.screen import WallScreen
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation
from schema.inputs.wall import ApproveWallScreenInput, RevokeWallScreenInput
from schema.pagination import After, Before, First, Last
from schema.payloads.wall import ApproveWallScreenPayload, RevokeWallScreenPayload


async def wall_screens(
    info: strawberry.Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[WallScreen]:
    at = context_of(info).services.now()
    return list_screens(at, parse_page_arguments(first, after, last, before))


@admin_mutation(
    ApproveWallScreenPayload, "wall_screen", WallScreen, recall=screen_admin.recall_screen
)
async def approve_wall_screen(mutation: AdminMutation, input: ApproveWallScreenInput) -> WallScreen:
    return await screen_admin.approve_screen(
        mutation.changes, mutation.viewer, input.code, input.name, input.board, mutation.at
    )


async def recall_revoked(_: Viewer, key: UUID) -> WallScreen:
    """A record that has nothing but the id of the revoked screen."""
    return WallScreen(id=key)


def build_revocation_fields(_: Viewer, screen: WallScreen) -> dict[str, Any]:
    return {"revoked_screen_id": strawberry.ID(ids.encode(ids.WALL_SCREEN, screen.id))}


@admin_mutation(
    RevokeWallScreenPayload,
    "revoked_screen_id",
    WallScreen,
    build_fields=build_revocation_fields,
    recall=recall_revoked,
)
async def revoke_wall_screen(mutation: AdminMutation, input: RevokeWallScreenInput) -> WallScreen:
    return await screen_admin.revoke_screen(mutation.changes, mutation.viewer, input.screen_id)
