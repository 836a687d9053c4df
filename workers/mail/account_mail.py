"""Composes emails about accounts: invitations, password resets and registrations.

Each attempt to send such an email creates a token for its link (models/people/account_link.py). The
link begins with the configured public URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage

from models.core.text import MAX_NAME_CHARS
from models.notifications.email import Mail
from models.people import account_link
from models.people.account_link import AccountLink, LinkPurpose
from workers.mail.account_values import ACCOUNT_SUBJECTS
from workers.mail.address import to_one_line
from workers.mail.composer import Composer
from workers.mail.outgoing_mail import MailWithheld

PATHS: Mapping[LinkPurpose, str] = {
    LinkPurpose.PASSWORD_RESET: "reset-password",
    LinkPurpose.INVITATION: "accept-invitation",
    LinkPurpose.REGISTRATION: "confirm-registration",
}
"""The page of each link, below the public URL."""


async def compose(composer: Composer, mail: Mail, at: datetime) -> EmailMessage:
    """Compose the email with a new token. Raises MailWithheld if it may not be sent any more."""
    link = mail.account_link
    if link is None or not link.is_usable(at):
        raise MailWithheld("the link has expired or was used")
    if mail.user is not None and not mail.user.active:
        raise MailWithheld("the recipient is deactivated")
    if not composer.url:
        raise MailWithheld("TICKETWIRE_PUBLIC_URL is not set")
    name = to_one_line(link.display_name, MAX_NAME_CHARS)
    if link.purpose is LinkPurpose.REGISTRATION:
        name = ""  # anyone may have chosen it, to send text to this address
    subject = ACCOUNT_SUBJECTS[mail.template]
    message = composer.build_common_headers(mail, name, subject)
    values = {
        "recipient": name,
        "subject": subject,
        "url": build_url(composer.url, link, await account_link.add_token(link.id)),
        "expires_at": link.expires_at,
    }
    composer.add_content(message, mail.template, values)
    return message


def build_url(public_url: str, link: AccountLink, token: str) -> str:
    """The link's URL. The token is in the fragment, which browsers don't send to servers."""
    return f"{public_url.rstrip('/')}/{PATHS[link.purpose]}#token={token}"
