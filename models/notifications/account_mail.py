"""Queues emails about accounts. The mailer sends them (workers/mail/account_mail.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.notifications.email import Mail
from models.people.account_link import AccountLink, LinkPurpose
from models.people.identity import Identity
from models.people.user import User

INVITATION, PROMOTION = "invitation", "promotion"
NO_PUBLIC_URL = (
    "The server can't send links, because it does not know its public URL. Ask the operator to set "
    "TICKETWIRE_PUBLIC_URL."
)


@dataclass(frozen=True, slots=True)
class AccountMails:
    """Queues emails whose Message-ID has this domain."""

    domain: str
    public_url: str

    def check_enabled(self) -> None:
        """Raises InvalidInput NOT_ENABLED if emails can't have links."""
        if not self.public_url:
            raise InvalidInput(UserErrorCode.NOT_ENABLED, NO_PUBLIC_URL)

    async def send_to_user(
        self, user: User, purpose: LinkPurpose, template: str, expires_at: datetime, at: datetime
    ) -> None:
        """Queue an email with a link to a user, as part of the caller's transaction."""
        link = AccountLink(
            purpose=purpose, user_id=user.id, email=user.email, display_name=user.display_name
        )
        await self.queue(link, template, expires_at, at)

    async def send_registration(
        self, email: str, display_name: str, expires_at: datetime, at: datetime
    ) -> None:
        """Queue an email with a link that creates a user, as part of the caller's transaction."""
        link = AccountLink(purpose=LinkPurpose.REGISTRATION, email=email, display_name=display_name)
        await self.queue(link, "registration", expires_at, at)

    async def queue(
        self, link: AccountLink, template: str, expires_at: datetime, at: datetime
    ) -> None:
        link.expires_at, link.created_at = expires_at, at
        await link.save(force_create=True)
        mail_id = new_id()
        await Mail.create(
            id=mail_id,
            user_id=link.user_id,
            account_link_id=link.id,
            template=template,
            address=link.email,
            message_id=f"<acc-{mail_id.hex}@{self.domain}>",
            next_attempt_at=at,
            created_at=at,
        )


async def can_reset_password(user: User) -> bool:
    """Whether a reset by email is allowed: the user has a password or was asked to choose one.

    A user who signs in only through an identity provider can't get a password by email.
    """
    if not user.active:
        return False
    if user.password_hash is not None:
        return True
    if await Identity.exists(user_id=user.id):
        return False
    return await Mail.exists(user_id=user.id, template__in=[INVITATION, PROMOTION])
