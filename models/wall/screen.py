"""The screens of wallboards, and the pairings by which staff approve them.

A screen has one secret, the value of its cookie. Its pairing creates the secret, and the screen
keeps it when staff approve the pairing. Only hashes of secrets and codes are stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.team import Team
from models.people.token import hash_token
from models.people.user import User

ALL_BOARD = "all"
"""The board of all tickets. Each other board has the slug of a team."""
MAX_UNUSED_DAYS = 30
"""A screen that was not seen for this time must be approved again."""
SEEN_INTERVAL = timedelta(hours=1)
"""`last_seen_at` is stored at most once in this time, so that few requests write."""


class WallScreen(Model):
    """A screen that staff have approved. It ends when it is deleted, or unused for MAX_UNUSED_DAYS.

    team         the team whose tickets it shows; null for all tickets
    approved_by  the user who approved it; it ends when this user is no active agent or admin
    digest       the hash of the secret in its cookie
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.CASCADE
    )
    team_id: UUID | None
    approved_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    approved_by_id: UUID
    digest = fields.CharField(max_length=64, unique=True)
    last_seen_at = InstantField(default=now)
    created_at = InstantField(default=now)

    class Meta:
        table = "wall_screens"
        table_description = "Screens of wallboards that staff have approved"


class WallPairing(Model):
    """A screen that shows a code and waits for approval.

    code_digest  the hash of the code
    digest       the hash of the secret in the screen's cookie
    network      the hash of the screen's IPv4 address or IPv6 /64 network
    wide_network the hash of the IPv4 /24 or IPv6 /48 network around it
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    code_digest = fields.CharField(max_length=64, unique=True)
    digest = fields.CharField(max_length=64, unique=True)
    network = fields.CharField(max_length=64)
    wide_network = fields.CharField(max_length=64)
    expires_at = InstantField()

    class Meta:
        table = "wall_pairings"
        table_description = "Screens of wallboards that wait for approval"
        indexes = (("network",), ("wide_network",), ("expires_at",))


def is_in_use(at: datetime) -> Q:
    """The condition on screens: seen within the last MAX_UNUSED_DAYS days."""
    return Q(last_seen_at__gt=at - timedelta(days=MAX_UNUSED_DAYS))


async def find_screen(secret: str, at: datetime) -> WallScreen | None:
    """The approved screen with this secret, with its team.

    If its `last_seen_at` is SEEN_INTERVAL or more ago, sets and stores it as `at`.
    """
    query = WallScreen.get_or_none(is_in_use(at), digest=hash_token(secret))
    screen = await query.select_related("team")
    if screen is not None and at - screen.last_seen_at >= SEEN_INTERVAL:
        await WallScreen.filter(id=screen.id).update(last_seen_at=at)
        screen.last_seen_at = at
    return screen


async def has_pairing(secret: str, at: datetime) -> bool:
    """Whether a screen with this secret waits for approval."""
    return await WallPairing.exists(digest=hash_token(secret), expires_at__gt=at)
