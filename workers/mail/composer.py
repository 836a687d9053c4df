"""Composes emails: a text and an HTML part, and headers that make email programs show a ticket as
one thread."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage

from models.core.text import MAX_SUBJECT_CHARS
from models.notifications.email import Mail, build_thread_id
from workers.mail.address import make_address, to_one_line
from workers.mail.header import MAIL_POLICY, IdListHeader, TextHeader
from workers.mail.outgoing_mail import MailWithheld, OutgoingMail
from workers.mail.template import Templates
from workers.mail.template_values import Values, build_template_values

RECEIPT_TEMPLATE = "created"


@dataclass(frozen=True, slots=True)
class Composer:
    """`url` is the base of links to tickets; without it, emails have no links."""

    templates: Templates
    mail_from: Address
    reply_to: Address | None = None
    url: str | None = None

    async def compose(self, outgoing: OutgoingMail) -> EmailMessage:
        """Compose the email.

        Raises MailWithheld if it may not be sent, or has no usable address.
        """
        outgoing.require_mailable()
        outgoing.require_visible()
        outgoing.require_wanted()
        message = self.build_headers(outgoing)
        self.add_content(
            message, outgoing.mail.template, await build_template_values(outgoing, self.url)
        )
        return message

    def add_content(self, message: EmailMessage, template: str, values: Values) -> None:
        text, html = self.templates.render(template, values)
        # every server accepts quoted-printable, and its lines are short
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")

    def build_headers(self, outgoing: OutgoingMail) -> EmailMessage:
        """Return a message with its headers: threading by RFC 5322, automatic responses by RFC
        3834, section 5."""
        mail, domain, ticket = outgoing.mail, self.mail_from.domain, outgoing.ticket
        root = build_thread_id(ticket.id, domain)
        message = self.build_common_headers(
            mail, outgoing.recipient.display_name, build_subject(outgoing)
        )
        message["In-Reply-To"] = IdListHeader(
            "In-Reply-To",
            outgoing.earlier_message_ids[-1] if outgoing.earlier_message_ids else root,
        )
        message["References"] = IdListHeader(
            "References", " ".join((root, *outgoing.earlier_message_ids))
        )
        message["List-Id"] = IdListHeader("List-Id", f"<tickets.{domain}>")
        return message

    def build_common_headers(self, mail: Mail, name: str, subject: str) -> EmailMessage:
        """Return a message with the headers that all emails have.

        Raises MailWithheld if the address can't be used.
        """
        message = EmailMessage(policy=MAIL_POLICY)
        message["From"] = self.mail_from
        try:
            message["To"] = make_address(name, mail.address)
        except ValueError as error:
            raise MailWithheld(str(error)) from error
        if self.reply_to is not None:
            message["Reply-To"] = self.reply_to
        message["Subject"] = TextHeader("Subject", subject)
        message["Date"] = mail.created_at
        message["Message-ID"] = mail.message_id
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        return message


def build_subject(outgoing: OutgoingMail) -> str:
    """The subject is the same for all emails about a ticket. All emails except the requester's
    receipt begin with `Re:`."""
    subject = to_one_line(f"[{outgoing.ticket.ref}] {outgoing.subject}", MAX_SUBJECT_CHARS + 20)
    return subject if outgoing.mail.template == RECEIPT_TEMPLATE else f"Re: {subject}"
