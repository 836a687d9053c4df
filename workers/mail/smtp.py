"""Sends email by SMTP (RFC 5321).

A permanent refusal of the recipient or the email is final; other failures are retried.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import SMTP

from workers.mail.smtp_url import SmtpUrl
from workers.mail.transport import LogTransport, PermanentFailure, TemporaryFailure, Transport

TOTAL_SECONDS = 30.0
"""The time limit for one email, from opening the connection until the server's last answer."""
QUIT_SECONDS = 1.0
MIN_PERMANENT_CODE = 500
START_TLS = {"offered": None, "required": True, "never": False}


class SmtpTransport:
    """Opens a connection for each email. Certificates are verified whenever TLS is used."""

    def __init__(
        self, server: SmtpUrl, *, seconds: float = TOTAL_SECONDS, tls: ssl.SSLContext | None = None
    ) -> None:
        self.server = server
        self.seconds = seconds
        self.tls = tls
        self.own_name: str | None = None

    async def send(self, message: EmailMessage, address: str) -> str:
        client: SMTP | None = None
        try:
            async with asyncio.timeout(self.seconds):
                client = await self.build_client()
                await connect(client)
                return await hand_over(client, message, address)
        except TimeoutError:
            close(client)
            raise TemporaryFailure(f"no answer within {self.seconds:g} s") from None
        except asyncio.CancelledError:
            close(client)
            raise
        finally:
            await quit(client)

    async def build_client(self) -> SMTP:
        # both calls are slow, and their results never change
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


def build_transport(url: str) -> Transport:
    """Return the transport for a URL, or the log if it is empty. Raises ValueError."""
    return SmtpTransport(SmtpUrl.of(url)) if url else LogTransport()


async def connect(client: SMTP) -> None:
    """Connect.

    Each failure is temporary, because the server does not know the sender and recipient yet.
    """
    try:
        await client.connect()
    except TimeoutError:  # an OSError, but `send` handles it
        raise
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise TemporaryFailure(describe_error(error)) from error


async def hand_over(client: SMTP, message: EmailMessage, address: str) -> str:
    try:
        _, answer = await client.send_message(message, recipients=[address])
    except TimeoutError:  # as in `connect`
        raise
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise classify_refusal(error.recipients[0]) from error
    except aiosmtplib.SMTPDataError as error:
        raise classify_refusal(error) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise TemporaryFailure(describe_error(error)) from error
    return f"250 {answer}"


def close(client: SMTP | None) -> None:
    if client is not None:
        client.close()


async def quit(client: SMTP | None) -> None:
    """End the session if the connection is alive. A failure does not affect the email's result."""
    try:
        if client is not None and client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(QUIT_SECONDS):
                    await client.quit()
    finally:
        close(client)


def classify_refusal(error: aiosmtplib.SMTPResponseException) -> Exception:
    return (
        PermanentFailure(describe_error(error))
        if error.code >= MIN_PERMANENT_CODE
        else TemporaryFailure(describe_error(error))
    )


def describe_error(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__
