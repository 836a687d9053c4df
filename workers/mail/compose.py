"""Making a mail of a letter: headers by which mail programs show a ticket as one conversation, a text and an HTML part."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from models.core.text import SUBJECT
from models.notifications.email import build_thread_id
from workers.mail.address import make_address, one_line
from workers.mail.content import template_values
from workers.mail.header import IdListHeader, TextHeader
from workers.mail.message import MailWithheld, OutgoingMail
from workers.mail.template import Templates

RECEIPT = "created"


@dataclass(frozen=True, slots=True)
class Composer:
    """`url` is where people find the service's pages, without which mails have no links."""

    templates: Templates
    mail_from: Address
    reply_to: Address | None = None
    url: str | None = None

    async def compose(self, outgoing: OutgoingMail) -> EmailMessage:
        """The mail. Raises NotSent where it may not go out, or there is no address that it could go to."""
        outgoing.require_public()
        outgoing.require_visible()
        outgoing.require_wanted()
        message = self.with_headers(outgoing)
        text, html = self.templates.render(outgoing.mail.template, await template_values(outgoing, self.url))
        # quoted-printable passes every server, and keeps lines short
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message

    def with_headers(self, outgoing: OutgoingMail) -> EmailMessage:
        """RFC 5322 for what threads a conversation, RFC 3834 (section 5) for what says that no human sent it."""
        mail, domain = outgoing.mail, self.mail_from.domain
        root = build_thread_id(mail.ticket_id, domain)
        message = EmailMessage(policy=SMTP)
        message["From"] = self.mail_from
        try:
            message["To"] = make_address(outgoing.recipient.display_name, mail.address)
        except ValueError as error:
            raise MailWithheld(str(error)) from error
        if self.reply_to is not None:
            message["Reply-To"] = self.reply_to
        message["Subject"] = TextHeader("Subject", subject_of(outgoing))
        message["Date"] = mail.created_at
        message["Message-ID"] = mail.message_id
        message["In-Reply-To"] = IdListHeader(
            "In-Reply-To", outgoing.earlier_message_ids[-1] if outgoing.earlier_message_ids else root
        )
        message["References"] = IdListHeader("References", " ".join((root, *outgoing.earlier_message_ids)))
        message["List-Id"] = IdListHeader("List-Id", f"<tickets.{domain}>")
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        return message


def subject_of(outgoing: OutgoingMail) -> str:
    """The same for a whole conversation, but for the Re: of what follows the receipt."""
    named = one_line(f"[{outgoing.ticket.ref}] {outgoing.subject}", SUBJECT + 20)
    return named if outgoing.mail.template == RECEIPT else f"Re: {named}"
