"""Teams, categories, and the availability of agents."""

from __future__ import annotations

from typing import cast

import strawberry

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.core.lazy_query import ListQuery
from models.directory import categories as category_admin
from models.directory import teams as team_admin
from models.directory.categories import CategoryFields
from models.directory.teams import TeamFields
from models.people import team
from models.people.team import Category, Team
from models.people.user import User, no_such_user
from models.queries.directory.teams import list_categories, list_teams
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from schema.inputs.people.teams import (
    AddTeamMemberInput,
    ArchiveCategoryInput,
    ArchiveTeamInput,
    CreateCategoryInput,
    CreateTeamInput,
    RemoveTeamMemberInput,
    SetAvailabilityInput,
    UpdateCategoryInput,
    UpdateTeamInput,
)
from schema.payloads.people.teams import AvailabilityPayload, CategoryPayload, TeamPayload


async def teams(
    info: strawberry.Info, search: str | None = None, include_inactive: bool | None = None
) -> ListQuery[Team]:
    return await list_teams(search, include_inactive=bool(include_inactive))


async def categories(
    info: strawberry.Info, search: str | None = None, include_inactive: bool | None = None
) -> ListQuery[Category]:
    return await list_categories(search, include_inactive=bool(include_inactive))


team_mutation = admin_mutation(TeamPayload, "team", Team)
category_mutation = admin_mutation(CategoryPayload, "category", Category)


@team_mutation
async def create_team(mutation: AdminMutation, input: CreateTeamInput) -> Team:
    return await team_admin.create_team(
        mutation.changes, mutation.viewer, input.slug, team_fields(input)
    )


@team_mutation
async def update_team(mutation: AdminMutation, input: UpdateTeamInput) -> Team:
    return await team_admin.update_team(
        mutation.changes, mutation.viewer, input.team, team_fields(input), input.expected_version
    )


@team_mutation
async def archive_team(mutation: AdminMutation, input: ArchiveTeamInput) -> Team:
    return await team_admin.archive_team(
        mutation.changes, mutation.viewer, input.team, input.transfer_to, input.expected_version
    )


@team_mutation
async def add_team_member(mutation: AdminMutation, input: AddTeamMemberInput) -> Team:
    return await team_admin.add_member(mutation.changes, mutation.viewer, input.team, input.user_id)


@team_mutation
async def remove_team_member(mutation: AdminMutation, input: RemoveTeamMemberInput) -> Team:
    return await team_admin.remove_member(
        mutation.changes, mutation.viewer, input.team, input.user_id
    )


def team_fields(input: CreateTeamInput | UpdateTeamInput) -> TeamFields:
    fields = given_fields(input)
    for name in ("slug", "team", "expected_version", "idempotency_key"):
        fields.pop(name, None)
    return cast("TeamFields", fields)


@category_mutation
async def create_category(mutation: AdminMutation, input: CreateCategoryInput) -> Category:
    return await category_admin.create_category(
        mutation.changes, mutation.viewer, input.slug, category_fields(input)
    )


@category_mutation
async def update_category(mutation: AdminMutation, input: UpdateCategoryInput) -> Category:
    return await category_admin.update_category(
        mutation.changes,
        mutation.viewer,
        input.category,
        category_fields(input),
        input.expected_version,
    )


@category_mutation
async def archive_category(mutation: AdminMutation, input: ArchiveCategoryInput) -> Category:
    return await category_admin.update_category(
        mutation.changes, mutation.viewer, input.category, {"active": False}, input.expected_version
    )


def category_fields(input: CreateCategoryInput | UpdateCategoryInput) -> CategoryFields:
    clearable = frozenset({"parent"})
    fields = given_fields(input, clearable=clearable)
    for name in ("slug", "category", "expected_version", "idempotency_key"):
        fields.pop(name, None)
    return cast("CategoryFields", fields)


def check_permission(viewer: Viewer, input: SetAvailabilityInput) -> None:
    """Agents set their own availability; admins also that of others. Raises Forbidden."""
    if input.user_id is None:
        return
    key = ids.key_of(ids.USER, input.user_id)
    if key is None or key != viewer.user_id:
        ADMINISTER.check(viewer)


@admin_mutation(AvailabilityPayload, "user", User, check=check_permission)
async def set_availability(mutation: AdminMutation, input: SetAvailabilityInput) -> User:
    if input.user_id is not None:
        key = ids.key_of(ids.USER, input.user_id)
        if key is None:
            raise no_such_user("userId")
    else:
        key = mutation.viewer.user_id
        if key is None:
            message = "must be given, because an API client has no availability of its own"
            raise InvalidInput(UserErrorCode.REQUIRED, message, "userId")
    return await team.set_availability(mutation.changes, key, present=input.present)
