"""Composes emails about webhooks that the server has paused."""

from __future__ import annotations

from email.message import EmailMessage
from urllib.parse import urlsplit

from models.core import ids
from models.core.text import MAX_NAME_CHARS
from models.notifications.email import Mail
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook, WebhookState
from workers.mail.address import to_one_line
from workers.mail.composer import Composer
from workers.mail.outgoing_mail import MailWithheld
from workers.mail.webhook_values import REASONS, SUBJECT, TEMPLATE


async def compose(composer: Composer, mail: Mail) -> EmailMessage:
    """Compose the email. Raises MailWithheld if the webhook is active again, or was deleted."""
    webhook = await Webhook.get_or_none(id=mail.webhook_id)
    if webhook is None or webhook.state is WebhookState.ACTIVE or webhook.pause_reason is None:
        raise MailWithheld("the webhook is active again, or was deleted")
    if mail.user is None or not mail.user.active:
        raise MailWithheld("the recipient is deactivated")
    name = to_one_line(mail.user.display_name, MAX_NAME_CHARS)
    message = composer.build_common_headers(mail, name, SUBJECT)
    failed = WebhookDelivery.filter(webhook_id=webhook.id, last_error__isnull=False)
    last = await failed.order_by("-event_id").first()
    values = {
        "recipient": name,
        "subject": SUBJECT,
        "url": shorten(webhook.url),
        "webhook_id": ids.encode(ids.WEBHOOK, webhook.id),
        "reason": REASONS[webhook.pause_reason],
        "error": "" if last is None else last.last_error or "",
    }
    composer.add_content(message, TEMPLATE, values)
    return message


def shorten(url: str) -> str:
    """The URL without its path, which may have a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
