"""Sends requests to URLs that people or the configuration name.

There are no redirects, no proxies, no cookies and no decompression, because httpcore2 has none of
them. Each request has a connection of its own, so that its address is checked each time.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpcore2
import httpx2

from models.outbound.addresses import Network
from models.outbound.connection import CheckedBackend, ReadLimitReached
from models.outbound.lookup import HostResolver, LookUp, look_up_host
from models.outbound.refusals import AddressRefused, OutboundError, TargetUnavailable
from models.outbound.target_url import TargetUrl, check_target_url

__all__ = [
    "AddressRefused",
    "OutboundError",
    "OutboundHttpClient",
    "OutboundResponse",
    "TargetUnavailable",
    "check_target_url",
]

MAX_OVERHEAD_BYTES = 128 * 1024
"""What is read beside the body: the status, headers, and the sizes of chunks."""
COMMON_HEADERS = {
    "user-agent": "Ticketwire",
    "accept-encoding": "identity",
    "connection": "close",
}
"""The headers of each request, besides Host and Content-Length."""


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """The response of another server."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case; of several with one name, the first."""
    body: bytes
    """Its first bytes, at most as many as the client reads."""
    is_cut: bool
    """Whether the body was longer."""
    milliseconds: int
    """The time from the start of the request to the end of the response."""


class OutboundHttpClient:
    """Sends requests to permitted addresses.

    allowed_networks    networks that are permitted although they are not public
    allow_http          whether URLs may begin with http://
    timeout_seconds     the time for a whole request: lookup, connection, TLS and response
    max_response_bytes  the maximum number of bytes of a body that are read
    look_up             finds the addresses of a host name
    tls                 the certificates that the service trusts; the default is those of the system
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network],
        allow_http: bool,
        timeout_seconds: float,
        max_response_bytes: int,
        look_up: LookUp = look_up_host,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allowed_networks = tuple(allowed_networks)
        self.allow_http = allow_http
        self.timeout_seconds = timeout_seconds
        self.max_response_bytes = max_response_bytes
        self.tls = tls
        max_bytes = max_response_bytes + MAX_OVERHEAD_BYTES
        self.backend = CheckedBackend(HostResolver(look_up), self.allowed_networks, max_bytes)

    def check_url(self, url: str) -> TargetUrl:
        """Check what needs no lookup of the host name. Raises AddressRefused."""
        return check_target_url(
            url, allow_http=self.allow_http, allowed_networks=self.allowed_networks
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> OutboundResponse:
        """Send a POST request. Raises AddressRefused or TargetUnavailable."""
        return await self.send("POST", url, headers, body)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> OutboundResponse:
        """Send a request. Raises AddressRefused or TargetUnavailable.

        A response with any status is returned, also a redirect.
        """
        target = self.check_url(url)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await self.exchange(method, target, headers, body)
        except TimeoutError:
            seconds = f"{self.timeout_seconds:g}"
            raise TargetUnavailable(f"no complete response within {seconds} seconds") from None
        except ReadLimitReached:
            raise TargetUnavailable("the headers of the response are too long") from None
        except httpcore2.ProtocolError as error:
            raise TargetUnavailable(f"no valid HTTP response: {error}") from None
        except (httpcore2.NetworkError, OSError):
            raise TargetUnavailable("the connection ended before the response") from None

    async def exchange(
        self, method: str, target: TargetUrl, headers: Mapping[str, str], body: bytes | None
    ) -> OutboundResponse:
        tls = await self.load_tls() if target.scheme == "https" else None
        started = time.perf_counter()
        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        all_headers = {
            "host": target.authority,
            **COMMON_HEADERS,
            **{name.lower(): value for name, value in headers.items()},
        }
        async with (
            httpcore2.AsyncHTTPConnection(
                origin=url.origin, ssl_context=tls, network_backend=self.backend
            ) as connection,
            connection.stream(
                method,
                url,
                headers=list(all_headers.items()),
                content=body,
                extensions={"timeout": {"connect": self.timeout_seconds}},
            ) as response,
        ):
            content, is_cut = await self.read_body(response)
        names = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in response.headers
        ]
        milliseconds = round((time.perf_counter() - started) * 1000)
        return OutboundResponse(
            response.status, dict(reversed(names)), content, is_cut, milliseconds
        )

    async def read_body(self, response: httpcore2.Response) -> tuple[bytes, bool]:
        """The body's first bytes, and whether there are more."""
        content = bytearray()
        try:
            async for part in response.aiter_stream():
                content += part
                if len(content) > self.max_response_bytes:
                    return bytes(content[: self.max_response_bytes]), True
        except ReadLimitReached:  # the sizes of chunks are longer than the chunks
            return bytes(content), True
        return bytes(content), False

    async def load_tls(self) -> ssl.SSLContext:
        """The trusted certificates. Reading those of the system takes a tenth of a second."""
        if self.tls is None:
            self.tls = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=False)
        return self.tls

    async def close(self) -> None:
        """No connection outlives its request, so this closes nothing."""
