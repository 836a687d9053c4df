"""A real SMTP server that keeps what it is sent, and misbehaves as it is told."""

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
    """`received` are the mails that the server took, in order, and `raw` their bytes; `asked` the addresses that it was asked
    to take mail for."""

    def __init__(self, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        self.port = reserve_port()
        self.tls = tls
        self.login = login
        self.received: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.requested_recipients: list[str] = []
        self.recipient_replies: dict[str, str] = {}
        """Answers to RCPT TO, by the address."""
        self.data_reply: str | None = None
        """What is answered to a mail instead of taking it."""
        self.mails_to_drop = 0
        """How many mails are taken, and the connection cut before the server says so."""
        self.open = asyncio.Event()
        """Cleared, the server takes connections and answers nobody who names a recipient."""
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
        """As a server that dies: those who talk to it are cut off."""
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
        more: dict[str, Any] = {}
        if self.tls is not None:
            more["tls_context"] = self.tls
        if self.login is not None:
            more |= {"auth_required": True, "auth_callback": self.check_login, "auth_exclude_mechanism": ["CRAM-MD5"]}
        peer = SMTP(self, hostname="sink.example.com", enable_SMTPUTF8=True, loop=asyncio.get_running_loop(), **more)
        self.peers.add(peer)
        return peer

    def check_login(self, _: str, login: bytes, password: bytes) -> bool:
        return self.login == (login.decode(), password.decode())

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        self.requested_recipients.append(address)
        await self.open.wait()
        if address in self.recipient_replies:
            return self.recipient_replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_reply is not None:
            return self.data_reply
        assert isinstance(envelope.content, bytes)
        self.received.append(cast("EmailMessage", email.message_from_bytes(envelope.content, policy=POLICY)))
        self.raw.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        if self.mails_to_drop:
            self.mails_to_drop -= 1
            cast("asyncio.Transport", server.transport).abort()
        return f"250 taken as {len(self.received)}"

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of what was received."""
        return [str(message["Message-ID"]) for message in self.received]


@contextlib.asynccontextmanager
async def sink(tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> AsyncIterator[Sink]:
    found = Sink(tls, login)
    await found.start()
    try:
        yield found
    finally:
        found.open.set()
        await found.stop()


def body(message: EmailMessage, kind: str = "plain") -> str:
    """A mail's text, or its HTML."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())
