"""Inputs of the mutations for teams and availability."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import (
    KEEP,
    KEEP_OR_REMOVE,
    NAME,
    NEW_SLUG,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    SLUG,
    optional,
    required,
)

BY_LOAD = (
    "Whether the server assigns the team's unassigned open tickets to the available member with "
    "the fewest open tickets. A ticket that a user or API client unassigned is left alone."
)
TEAM_ACTIVE = (
    "Whether the team is active. True restores an archived team. False archives it, and is refused "
    "like archiveTeam without `transferTo`."
)
CATEGORY_ACTIVE = (
    "Whether the category is active. True restores an archived category, false archives it."
)
CATEGORY_TEAM = f"The slug of an active team, which gets the tickets of the category, {SLUG}"
PARENT = (
    "The slug of an active category above this one. The tree has two levels: the parent must have "
    "no parent, and this category must have no children."
)


@strawberry.input(description="A new team.")
class CreateTeamInput:
    slug: str = required(
        f"The stable key of the team. {NEW_SLUG} Not `all`, which is reserved for wallboards. It "
        "can't be changed later."
    )
    name: str = required(f"The name of the team. {NAME}")
    assigns_by_load: bool | None = optional(f"{BY_LOAD} Absent or null: false.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a team. A field that is absent or null keeps its value.")
class UpdateTeamInput:
    team: str = required(f"The slug of the team, {SLUG}")
    name: str | None = optional(f"The new name. {NAME}")
    assigns_by_load: bool | None = optional(BY_LOAD)
    active: bool | None = optional(TEAM_ACTIVE)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="Whether a user is available: whether the server may assign tickets to them."
)
class SetAvailabilityInput:
    present: bool = required(
        "Whether the user is available, so that the server may assign tickets to them."
    )
    user_id: strawberry.ID | None = optional(
        "The id of an active agent or admin. Only admins and API clients with the scope "
        "`admin` may name another user. Null: the viewer; an API client must name a user."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A team to archive.")
class ArchiveTeamInput:
    team: str = required(f"The slug of the team, {SLUG}")
    transfer_to: str | None = optional(
        "The slug of the active team that gets the categories and the open tickets. Null: the "
        "mutation is refused if the team has active categories or open tickets."
    )
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A member to add to a team.")
class AddTeamMemberInput:
    team: str = required(f"The slug of an active team, {SLUG}")
    user_id: strawberry.ID = required("The id of an active agent or admin.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A member to remove from a team.")
class RemoveTeamMemberInput:
    team: str = required(f"The slug of the team, {SLUG}")
    user_id: strawberry.ID = required("The id of the user.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A new category.")
class CreateCategoryInput:
    slug: str = required(f"The stable key of the category. {NEW_SLUG} It can't be changed later.")
    name: str = required(f"The name of the category. {NAME}")
    team: str = required(CATEGORY_TEAM)
    parent: str | None = optional(f"{PARENT} Null: none.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to a category.")
class UpdateCategoryInput:
    category: str = required(f"The slug of the category, {SLUG}")
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    team: str | None = optional(f"{CATEGORY_TEAM} Earlier tickets stay in their teams. {KEEP}")
    parent: str | None = optional(f"{PARENT} {KEEP_OR_REMOVE}", strawberry.UNSET)
    active: bool | None = optional(f"{CATEGORY_ACTIVE} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A category to archive.")
class ArchiveCategoryInput:
    category: str = required(f"The slug of the category, {SLUG}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
