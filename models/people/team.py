"""Teams, who works in them, and the categories that route a ticket to its team. All of it is data."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core import text
from models.core.errors import Code, InvalidInput
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, One
from models.core.sql import FALSE, Condition
from models.people.user import User

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
    """Whether its new tickets are given to whoever is present and has the fewest open ones."""

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
        table_description = "Who works in which team"
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

    class Meta:
        table = "categories"
        table_description = "What tickets are about"


async def list_member_ids(team_id: UUID) -> list[UUID]:
    return [each.user_id for each in await Membership.filter(team_id=team_id)]


async def list_assignable_members(team_id: UUID) -> list[User]:
    """The members who may be given tickets, in one order."""
    found = await Membership.filter(team_id=team_id).select_related("user").order_by("user_id")
    return [each.user for each in found if each.user.is_staff]


async def get_team(slug: str, *path: str) -> Team:
    """A team by its slug. Raises InvalidInput NOT_FOUND."""
    found = await Team.get_or_none(slug=slug) if text.is_slug(slug) else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such team.", *path)
    return found


async def get_category(slug: str, *path: str) -> Category:
    """A category by its slug. Raises InvalidInput NOT_FOUND."""
    named = Condition("(c.slug = ?)", (slug,)) if text.is_slug(slug) else FALSE
    found = await One(LazyQuery(Category, "c", "categories c", named))
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such category.", *path)
    return found


async def update_team(
    slug: str, *, name: str | None = None, assigns_by_load: bool | None = None
) -> Team:
    """Change a team; what is None stays. Raises InvalidInput."""
    found = await get_team(slug, "team")
    given: dict[str, object] = {}
    if name is not None:
        given["name"] = text.written(name, "name", longest=text.NAME)
    if assigns_by_load is not None:
        given["assigns_by_load"] = assigns_by_load
    if given:
        await Team.filter(id=found.id).update(**given)
    return await Team.get(id=found.id)


async def set_availability(user_id: UUID | None, *, present: bool) -> User:
    """Say whether tickets may be given to somebody by rules. Raises InvalidInput."""
    found = await User.get_or_none(id=user_id) if user_id else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such person.", "userId")
    if not found.is_staff:
        raise InvalidInput(
            Code.INVALID, "Only active agents and admins are given tickets.", "userId"
        )
    await User.filter(id=found.id).update(present=present)
    found.present = present
    return found


async def create_default_teams() -> None:
    """The three teams and categories that exist from the first start; what is there already stays as it is."""
    for slug, name in DEFAULT_TEAMS:
        await Team.get_or_create(slug=slug, defaults={"name": name})
    for slug, name, team in DEFAULT_CATEGORIES:
        await Category.get_or_create(
            slug=slug, defaults={"name": name, "team": await Team.get(slug=team)}
        )
