"""Opens connections to permitted addresses only, and limits what is read from them.

This is the network backend of httpcore2, the part of httpx2 that speaks HTTP. It looks up the host
name itself and connects to the address that it checked, so that a second lookup can't give another.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any, cast

import httpcore2

from models.outbound.addresses import Network, find_refusal
from models.outbound.lookup import HostResolver
from models.outbound.refusals import AddressRefused, TargetUnavailable

MAX_ADDRESSES = 8
"""The maximum number of a host's addresses to which the service tries to connect."""
SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)


class ReadLimitReached(Exception):
    """The peer has sent as many bytes as may be read."""


class LimitedStream(httpcore2.AsyncNetworkStream):
    """A connection from which at most `max_bytes` are read: status, headers, chunks and body."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, max_bytes: int) -> None:
        self.stream = stream
        self.unread_bytes = max_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises ReadLimitReached."""
        if self.unread_bytes <= 0:
            raise ReadLimitReached
        data = await self.stream.read(min(max_bytes, self.unread_bytes), timeout)
        self.unread_bytes -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self.stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self.stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises TargetUnavailable."""
        try:
            stream = await self.stream.start_tls(ssl_context, server_hostname, timeout)
        except httpcore2.ConnectError as error:
            raise TargetUnavailable(f"no TLS connection: {error or 'closed by the peer'}") from None
        except asyncio.CancelledError:  # the deadline; httpcore2 would leave the socket open
            await self.stream.aclose()
            raise
        return LimitedStream(stream, self.unread_bytes)

    def get_extra_info(self, info: str) -> Any:  # Any, because the base class declares it
        return self.stream.get_extra_info(info)


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections to permitted addresses.

    max_bytes  the maximum number of bytes that are read from a connection
    """

    def __init__(
        self, resolver: HostResolver, allowed_networks: Sequence[Network], max_bytes: int
    ) -> None:
        self.resolver = resolver
        self.allowed_networks = tuple(allowed_networks)
        self.max_bytes = max_bytes
        # Declared for the type checker, which also sees the class for machines without anyio.
        self.backend = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that responds. `timeout`: seconds for all addresses.

        Raises AddressRefused if one address of the host is not permitted, and TargetUnavailable.
        """
        started = time.monotonic()
        addresses = (await self.find_addresses(host))[:MAX_ADDRESSES]
        for index, address in enumerate(addresses):
            share = None
            if timeout is not None:
                rest = max(timeout - (time.monotonic() - started), 0)
                share = rest / (len(addresses) - index)
            try:
                stream = await self.backend.connect_tcp(address, port, share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            try:
                self.check_peer(stream, address)
            except AddressRefused:
                await stream.aclose()
                raise
            return LimitedStream(stream, self.max_bytes)
        raise TargetUnavailable("no connection to the target")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("no connections are permitted to Unix sockets")

    async def find_addresses(self, host: str) -> Sequence[str]:
        """All addresses of a host. Raises AddressRefused if one of them is not permitted."""
        addresses = [host] if is_address(host) else await self.resolver.resolve(host)
        for address in addresses:
            refusal = find_refusal(address, self.allowed_networks)
            if refusal is not None:
                raise AddressRefused(
                    f"no connections are permitted to an address of the host: {refusal}"
                )
        return addresses

    def check_peer(self, stream: httpcore2.AsyncNetworkStream, address: str) -> None:
        """Check the address at the other end of an open socket. Raises AddressRefused."""
        peer = stream.get_extra_info("server_addr")
        if peer is None or ip_address(peer[0]) != ip_address(address):
            raise AddressRefused("the connection has another address than the one that was checked")


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
