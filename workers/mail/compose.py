"""Making a mail of a letter: headers by which mail programs show a ticket as one conversation, a text and an HTML part."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from models.core.text import SUBJECT
from models.notifications.email import root_id
from workers.mail.address import address, line
from workers.mail.content import words
from workers.mail.header import Ids, Text
from workers.mail.message import MessageBuilder, NotSent
from workers.mail.template import Templates

RECEIPT = "created"


@dataclass(frozen=True, slots=True)
class Composer:
    """`url` is where people find the service's pages, without which mails have no links."""

    templates: Templates
    mail_from: Address
    reply_to: Address | None = None
    url: str | None = None

    async def compose(self, letter: MessageBuilder) -> EmailMessage:
        """The mail. Raises NotSent where it may not go out, or there is no address that it could go to."""
        letter.expect_public()
        letter.expect_seen()
        letter.expect_wanted()
        message = self.headed(letter)
        text, html = self.templates.render(letter.mail.template, await words(letter, self.url))
        # quoted-printable passes every server, and keeps lines short
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message

    def headed(self, letter: MessageBuilder) -> EmailMessage:
        """RFC 5322 for what threads a conversation, RFC 3834 (section 5) for what says that no human sent it."""
        mail, domain = letter.mail, self.mail_from.domain
        root = root_id(mail.ticket_id, domain)
        message = EmailMessage(policy=SMTP)
        message["From"] = self.mail_from
        try:
            message["To"] = address(letter.recipient.display_name, mail.address)
        except ValueError as error:
            raise NotSent(str(error)) from error
        if self.reply_to is not None:
            message["Reply-To"] = self.reply_to
        message["Subject"] = Text("Subject", subject(letter))
        message["Date"] = mail.created_at
        message["Message-ID"] = mail.message_id
        message["In-Reply-To"] = Ids("In-Reply-To", letter.earlier[-1] if letter.earlier else root)
        message["References"] = Ids("References", " ".join((root, *letter.earlier)))
        message["List-Id"] = Ids("List-Id", f"<tickets.{domain}>")
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        return message


def subject(letter: MessageBuilder) -> str:
    """The same for a whole conversation, but for the Re: of what follows the receipt."""
    named = line(f"[{letter.ticket.ref}] {letter.subject}", SUBJECT + 20)
    return named if letter.mail.template == RECEIPT else f"Re: {named}"
