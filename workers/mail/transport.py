"""Where mails go out: a mail server, or the log where none is named."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

import structlog

WRITTEN = "written to the log: no TICKETWIRE_SMTP_URL"
log = structlog.get_logger("ticketwire.mail")


class Deferred(Exception):
    """It could not be sent now; later it may. The text is the server's answer, or what kept it from answering."""


class Refused(Exception):
    """It will not be sent, whenever it is tried. The text is the server's answer."""


class Transport(Protocol):
    async def send(self, message: EmailMessage, address: str) -> str:
        """Send a mail to an address; returns the server's answer. Raises Deferred or Refused."""
        ...


class LogTransport:
    """Writes mails to the application's log, as such."""

    async def send(self, message: EmailMessage, address: str) -> str:
        body = message.get_body(("plain",))
        log.info(
            "mail.written",
            to=address,
            subject=str(message["Subject"]),
            message_id=str(message["Message-ID"]),
            text=body.get_content() if body is not None else "",
        )
        return WRITTEN
