"""The links in emails by which people reset a password, accept an invitation or register.

A link's token is created when the email is sent, and only its hash is stored. If an email is sent
again, both tokens work, because the mail server may have delivered the first one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import is_uuid, new_id
from models.core.time import InstantField
from models.people.token import hash_token

if TYPE_CHECKING:
    from models.people.user import User

SEPARATOR = "."
MAX_TOKENS_PER_LINK = 20
MAX_TOKEN_CHARS = 200
INVITATION_PERIOD = timedelta(hours=1)


class LinkPurpose(Enum):
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a purpose
    INVITATION = "invitation"
    REGISTRATION = "registration"


class AccountLink(Model):
    """A link that works once.

    user          null for a registration, which creates the user
    display_name  the name of the user that a registration creates
    digests       the hashes of the tokens, oldest first
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    purpose = fields.CharEnumField(LinkPurpose, max_length=16, description="The link's purpose")
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    user_id: UUID | None
    email = fields.CharField(max_length=320)
    display_name = fields.CharField(max_length=200)
    digests: Sequence[str] = fields.JSONField(default=list)  # pyright: ignore[reportAssignmentType]
    expires_at = InstantField()
    used_at = InstantField(null=True)
    created_at = InstantField()

    class Meta:
        table = "account_links"
        table_description = "Links in emails about accounts"
        indexes = (("expires_at",), ("user_id",))

    def is_usable(self, at: datetime) -> bool:
        return self.used_at is None and at < self.expires_at


async def add_token(link_id: UUID) -> str:
    """Create another token of the link; returns its text, which is not stored."""
    text = f"{link_id}{SEPARATOR}{secrets.token_urlsafe(32)}"

    async def add() -> None:
        link = await AccountLink.select_for_update(no_key=True).get(id=link_id)
        link.digests = [*link.digests, hash_token(text)][-MAX_TOKENS_PER_LINK:]
        await link.save(update_fields=["digests"])

    await database.run_in_transaction(add)
    return text


async def find_link(token: str, at: datetime, *, lock: bool = False) -> AccountLink | None:
    """The usable link of a token, or None. `lock` locks its row until the transaction ends."""
    key, _, _ = token.partition(SEPARATOR)
    if len(token) > MAX_TOKEN_CHARS or not is_uuid(key):
        return None
    query = AccountLink.select_for_update(no_key=True) if lock else AccountLink.all()
    link = await query.get_or_none(id=UUID(key))
    if link is None or not link.is_usable(at):
        return None
    return link if hash_token(token) in link.digests else None


async def use_link(link: AccountLink, at: datetime) -> None:
    """Use up the link, and all other links to the same person. The link must be locked."""
    to_same_person = AccountLink.filter(email=link.email, used_at__isnull=True)
    if link.user_id is not None:
        to_same_person = AccountLink.filter(user_id=link.user_id, used_at__isnull=True)
    await to_same_person.update(used_at=at)


async def invalidate_links(user_id: UUID, at: datetime) -> None:
    """Make all links of a user unusable, for example because the password has changed."""
    await AccountLink.filter(user_id=user_id, used_at__isnull=True).update(used_at=at)


async def read_invitation_wait(user_id: UUID, at: datetime, maximum: int) -> timedelta:
    """The time until the user may be invited again, after `maximum` invitations within an hour."""
    recent = AccountLink.filter(
        user_id=user_id, purpose=LinkPurpose.INVITATION, created_at__gt=at - INVITATION_PERIOD
    )
    links = await recent.order_by("-created_at").limit(maximum)
    if len(links) < maximum:
        return timedelta()
    return links[-1].created_at + INVITATION_PERIOD - at


async def delete_expired(at: datetime) -> None:
    await database.run_in_transaction(lambda: AccountLink.filter(expires_at__lt=at).delete())
