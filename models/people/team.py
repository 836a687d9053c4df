"""Teams, their members, and the categories that decide which team gets a new ticket."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core import text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, RecordQuery
from models.core.record_changes import RecordChanges
from models.core.sql import FALSE, Condition
from models.people.user import User, lock_user

DEFAULT_TEAMS = (("support", "Support"), ("sales", "Sales"), ("billing", "Billing"))
DEFAULT_CATEGORIES = (
    ("technical", "Technical", "support"),
    ("sales", "Sales", "sales"),
    ("billing", "Billing", "billing"),
)


class Team(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=200)
    assigns_by_load = fields.BooleanField(default=False, db_default=False)
    """Whether unassigned tickets go to the available member with the fewest open tickets."""
    active = fields.BooleanField(default=True, db_default=True)
    successor: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    """The team that takes over the open tickets of an archived team."""
    successor_id: UUID | None
    handover_pending = fields.BooleanField(default=False, db_default=False)
    """Whether workers.handover must still transfer open tickets of this team."""
    version = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "teams"
        table_description = "Teams"


class Membership(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, on_delete=fields.CASCADE
    )
    team_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID

    class Meta:
        table = "memberships"
        table_description = "Members of teams"
        unique_together = (("team", "user"),)
        indexes = (("user_id",),)


class Category(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=200)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, on_delete=fields.RESTRICT
    )
    team_id: UUID
    parent: fields.ForeignKeyNullableRelation[Category] = fields.ForeignKeyField(
        "models.Category", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    """The category above; it has none itself, so the tree has two levels."""
    parent_id: UUID | None
    active = fields.BooleanField(default=True, db_default=True)
    """Whether new tickets may have this category."""
    version = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "categories"
        table_description = "Categories of tickets"


async def list_member_ids(team_id: UUID) -> list[UUID]:
    return [membership.user_id for membership in await Membership.filter(team_id=team_id)]


async def list_team_ids(user_id: UUID | None) -> frozenset[UUID]:
    """The ids of a user's teams; empty without a user."""
    if user_id is None:
        return frozenset()
    return frozenset(each.team_id for each in await Membership.filter(user_id=user_id))


async def list_assignable_members(team_id: UUID) -> list[User]:
    """The members who can be assigned tickets, ordered by id."""
    query = Membership.filter(team_id=team_id).select_related("user").order_by("user_id")
    return [membership.user for membership in await query if membership.user.is_staff]


async def get_team(slug: str, *path: str) -> Team:
    """A team by its slug. Raises InvalidInput NOT_FOUND for the input field `path`."""
    team = await Team.get_or_none(slug=slug) if text.can_be_slug(slug) else None
    if team is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such team.", *path)
    return team


async def get_active_team(slug: str, *path: str) -> Team:
    """A team that may get tickets. Raises InvalidInput for the input field `path`."""
    team = await get_team(slug, *path)
    if not team.active:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived team", *path)
    return team


async def get_category(slug: str, *path: str) -> Category:
    """A category by its slug. Raises InvalidInput NOT_FOUND for the input field `path`."""
    condition = Condition("(c.slug = ?)", (slug,)) if text.can_be_slug(slug) else FALSE
    category = await RecordQuery(LazyQuery(Category, "c", "categories c", condition))
    if category is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such category.", *path)
    return category


async def set_availability(changes: RecordChanges, user_id: UUID, *, present: bool) -> User:
    """Set whether a user is available for automatic assignment. Raises InvalidInput."""
    user = await lock_user(user_id, "userId")
    if not user.is_staff:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active agent or admin", "userId")
    await changes.update(user, present=present)
    return user


async def create_default_teams() -> None:
    """Create the three default teams and categories, unless they exist."""
    for slug, name in DEFAULT_TEAMS:
        await Team.get_or_create(slug=slug, defaults={"name": name})
    for slug, name, team in DEFAULT_CATEGORIES:
        await Category.get_or_create(
            slug=slug, defaults={"name": name, "team": await Team.get(slug=team)}
        )
