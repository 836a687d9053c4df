"""Transports for email: a mail server, or the log if none is set."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

import structlog

LOGGED_ANSWER = "written to the log: TICKETWIRE_SMTP_URL is not set"
log = structlog.get_logger("ticketwire.mail")


class TemporaryFailure(Exception):
    """The email could not be sent now but may be sent later.

    The text is the server's answer or the error.
    """


class PermanentFailure(Exception):
    """The email can never be sent. The text is the server's answer."""


class Transport(Protocol):
    async def send(self, message: EmailMessage, address: str) -> str:
        """Send an email; returns the server's answer.

        Raises TemporaryFailure or PermanentFailure.
        """
        ...


class LogTransport:
    """Writes emails to the application's log."""

    async def send(self, message: EmailMessage, address: str) -> str:
        body = message.get_body(("plain",))
        log.info(
            "mail.written",
            to=address,
            subject=str(message["Subject"]),
            message_id=str(message["Message-ID"]),
            text=body.get_content() if body is not None else "",
        )
        return LOGGED_ANSWER
