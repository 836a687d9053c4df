"""Teams, who works in them, and the categories that route a ticket to its team. All of it is data."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.ids import new_id
from models.person import User

TEAMS = (("support", "Support"), ("sales", "Sales"), ("billing", "Billing"))
CATEGORIES = (("technical", "Technical", "support"), ("sales", "Sales", "sales"), ("billing", "Billing", "billing"))


class Team(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=200)

    class Meta:
        table = "teams"
        table_description = "Teams"


class Membership(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField("models.Team", related_name=False, on_delete=fields.CASCADE)
    team_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name=False, on_delete=fields.CASCADE)
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
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField("models.Team", related_name=False, on_delete=fields.RESTRICT)
    team_id: UUID

    class Meta:
        table = "categories"
        table_description = "What tickets are about"


async def establish() -> None:
    """The three teams and categories that exist from the first start; what is there already stays as it is."""
    for slug, name in TEAMS:
        await Team.get_or_create(slug=slug, defaults={"name": name})
    for slug, name, team in CATEGORIES:
        await Category.get_or_create(slug=slug, defaults={"name": name, "team": await Team.get(slug=team)})
