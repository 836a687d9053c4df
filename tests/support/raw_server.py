"""A TCP server in the test's process that answers with any bytes, and certificates for it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class RawServer:
    """The port of a running server, and what it has received."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Each request: its head and body."""
    ended_connections: int = 0

    @property
    def heads(self) -> list[list[str]]:
        """The lines of each request before its body."""
        return [each.partition(b"\r\n\r\n")[0].decode().split("\r\n") for each in self.requests]

    @property
    def bodies(self) -> list[bytes]:
        return [each.partition(b"\r\n\r\n")[2] for each in self.requests]


def answer_with(*parts: bytes) -> Answer:
    """An answer of these bytes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


def answer_endlessly(start: bytes, part: bytes, seconds: float = 0) -> Answer:
    """An answer that begins with `start` and repeats `part` until the client disconnects."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(seconds)

    return answer


@contextlib.asynccontextmanager
async def raw_server(
    answer: Answer | None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[RawServer]:
    """A server that reads one request per connection and answers it.

    Without an answer it waits until the client disconnects.
    """
    server = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        server.requests.append(head + await reader.readexactly(sum(lengths)))
        if answer is None:
            await reader.read()  # ends when the client disconnects
        else:
            await answer(writer)

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            with contextlib.suppress(OSError, EOFError):
                await serve(reader, writer)
        finally:
            server.ended_connections += 1
            writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    # A plain function, so that the tasks of open connections can be cancelled at the end.
    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, host, port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class CertificateAuthority:
    """A certificate authority of its own, which issues certificates to test servers."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls) -> CertificateAuthority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = start_certificate(name, name, key).add_extension(constraints, critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def client_tls(self) -> ssl.SSLContext:
        """A TLS context that trusts this authority only."""
        data = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=data)

    def server_tls(self, folder: Path, names: Sequence[str]) -> ssl.SSLContext:
        """A TLS context with a certificate for these host names and addresses.

        The certificate is written to a file in `folder`, because ssl reads it only from files.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([general_name(each) for each in names])
        builder = start_certificate(subject, self.certificate.subject, key)
        certificate = builder.add_extension(alternatives, critical=False).sign(
            self.key, hashes.SHA256()
        )
        path = folder / f"{x509.random_serial_number()}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def start_certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
