"""A real SMTP server that keeps received mails and can be configured to fail."""

from __future__ import annotations

import asyncio
import contextlib
import email
import ssl
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from support.ports import reserve_port


class Sink:
    """`received` are the accepted mails in order, `raw` their bytes. `requested_recipients` are all
    addresses of RCPT TO, accepted or not."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
    ) -> None:
        self.port = reserve_port()
        self.tls = tls
        self.login = login
        self.received: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.requested_recipients: list[str] = []
        self.recipient_replies: dict[str, str] = {}
        """Replies to RCPT TO, by address."""
        self.data_reply: str | None = None
        """The reply to DATA. If set, the server accepts no mail."""
        self.mails_to_drop = 0
        """For this many mails, accept the mail, but cut the connection before the reply."""
        self.open = asyncio.Event()
        """If cleared, the server accepts connections but does not reply to RCPT TO."""
        self.open.set()
        self.server: asyncio.Server | None = None
        self.peers: set[SMTP] = set()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(self.peer, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Stop like a server that crashes: abort all connections."""
        if self.server is None:
            return
        server, self.server = self.server, None
        server.close()
        for peer in self.peers:
            if peer.transport is not None:
                cast("asyncio.Transport", peer.transport).abort()
        self.peers.clear()
        await asyncio.sleep(0)

    def peer(self) -> SMTP:
        options: dict[str, Any] = {}
        if self.tls is not None:
            options["tls_context"] = self.tls
        if self.login is not None:
            options |= {
                "auth_required": True,
                "auth_callback": self.check_login,
                "auth_exclude_mechanism": ["CRAM-MD5"],
            }
        peer = SMTP(
            self,
            hostname="sink.example.com",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
            **options,
        )
        self.peers.add(peer)
        return peer

    def check_login(self, _: str, login: bytes, password: bytes) -> bool:
        return self.login == (login.decode(), password.decode())

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.requested_recipients.append(address)
        await self.open.wait()
        if address in self.recipient_replies:
            return self.recipient_replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.data_reply is not None:
            return self.data_reply
        assert isinstance(envelope.content, bytes)
        self.received.append(
            cast("EmailMessage", email.message_from_bytes(envelope.content, policy=POLICY))
        )
        self.raw.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        if self.mails_to_drop:
            self.mails_to_drop -= 1
            cast("asyncio.Transport", server.transport).abort()
        return f"250 taken as {len(self.received)}"

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of the received mails."""
        return [str(message["Message-ID"]) for message in self.received]


@contextlib.asynccontextmanager
async def sink(
    tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
) -> AsyncIterator[Sink]:
    server = Sink(tls, login)
    await server.start()
    try:
        yield server
    finally:
        server.open.set()
        await server.stop()


def body(message: EmailMessage, kind: str = "plain") -> str:
    """The plain text of a mail, or its HTML."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())
