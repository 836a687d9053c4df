"""Sending by SMTP (RFC 5321). What the server says of a recipient or of a mail for good is final; all else is tried again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import SMTP

from workers.mail.smtp_url import SmtpUrl
from workers.mail.transport import Deferred, LogTransport, Refused, Transport

SECONDS = 30.0
"""How long all of it may take, from connecting to the server's last word."""
QUIT_SECONDS = 1.0
PERMANENT = 500
START_TLS = {"offered": None, "required": True, "never": False}


class SmtpTransport:
    """A connection for each mail. Certificates are verified wherever TLS is used."""

    def __init__(self, server: SmtpUrl, *, seconds: float = SECONDS, tls: ssl.SSLContext | None = None) -> None:
        self.server = server
        self.seconds = seconds
        self.tls = tls
        self.own_name: str | None = None

    async def send(self, message: EmailMessage, address: str) -> str:
        client: SMTP | None = None
        try:
            async with asyncio.timeout(self.seconds):
                client = await self.client()
                await connect(client)
                return await hand_over(client, message, address)
        except TimeoutError:
            hang_up(client)
            raise Deferred(f"no answer within {self.seconds:g} s") from None
        except asyncio.CancelledError:
            hang_up(client)
            raise
        finally:
            await leave(client)

    async def client(self) -> SMTP:
        # both may take long, and neither changes
        if self.tls is None:
            self.tls = await asyncio.to_thread(ssl.create_default_context)
        if self.own_name is None:
            self.own_name = await asyncio.to_thread(socket.getfqdn)
        return SMTP(
            hostname=self.server.host,
            port=self.server.port,
            username=self.server.user,
            password=self.server.password,
            local_hostname=self.own_name,
            timeout=self.seconds,
            use_tls=self.server.tls,
            start_tls=START_TLS[self.server.starttls],
            tls_context=self.tls,
        )


def outbox_of(url: str) -> Transport:
    """The way out that a URL names, or the log where it is empty. Raises ValueError."""
    return SmtpTransport(SmtpUrl.of(url)) if url else LogTransport()


async def connect(client: SMTP) -> None:
    """Whatever goes wrong before a mail is named says nothing about that mail."""
    try:
        await client.connect()
    except TimeoutError:
        raise
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise Deferred(told(error)) from error


async def hand_over(client: SMTP, message: EmailMessage, address: str) -> str:
    try:
        _, answer = await client.send_message(message, recipients=[address])
    except TimeoutError:
        raise
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise refusal(error.recipients[0]) from error
    except aiosmtplib.SMTPDataError as error:
        raise refusal(error) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Deferred(told(error)) from error
    return f"250 {answer}"


def hang_up(client: SMTP | None) -> None:
    if client is not None:
        client.close()


async def leave(client: SMTP | None) -> None:
    """Take leave where there is somebody to hear it; what was said before stands."""
    try:
        if client is not None and client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(QUIT_SECONDS):
                    await client.quit()
    finally:
        hang_up(client)


def refusal(error: aiosmtplib.SMTPResponseException) -> Exception:
    return Refused(told(error)) if error.code >= PERMANENT else Deferred(told(error))


def told(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__
