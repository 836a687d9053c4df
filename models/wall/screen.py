"""The screens of wallboards, and the pairings by which staff approve them.

A screen has one secret, the value of its cookie. It begins as that of a pairing, and stays the same
when staff approve the screen. Only hashes of secrets and codes are stored.
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
UNUSED_DAYS = 30
"""A screen that has not been seen so long must be approved again."""
SEEN_INTERVAL = timedelta(hours=1)
"""How precisely `last_seen_at` is stored, so that a request seldom writes."""


class WallScreen(Model):
    """A screen that staff have approved. It ends when it is deleted, or unused for UNUSED_DAYS.

    team         the team whose tickets it shows; null for all tickets
    approved_by  who approved it; the screen ends when this user is no active agent or admin
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
    network      a hash of the network of the screen's address
    wide_network a hash of the wider network, one of which a customer of a provider may have
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
    """The condition on screens: seen within the last UNUSED_DAYS days."""
    return Q(last_seen_at__gt=at - timedelta(days=UNUSED_DAYS))


async def find_screen(secret: str, at: datetime) -> WallScreen | None:
    """The approved screen with this secret, with its team.

    Notes that it was seen, at most once per SEEN_INTERVAL. Then `last_seen_at` is `at`.
    """
    found = await WallScreen.get_or_none(is_in_use(at), digest=hash_token(secret)).select_related(
        "team"
    )
    if found is not None and at - found.last_seen_at >= SEEN_INTERVAL:
        await WallScreen.filter(id=found.id).update(last_seen_at=at)
        found.last_seen_at = at
    return found


async def exists_pairing(secret: str, at: datetime) -> bool:
    """Whether a screen with this secret waits for approval."""
    return await WallPairing.exists(digest=hash_token(secret), expires_at__gt=at)
