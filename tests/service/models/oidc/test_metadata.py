"""Requests to identity providers: hostile responses, and the cache of metadata and keys."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
from joserfc.jwk import KeySet, OctKey, RSAKey
from support.ports import listening_socket

from models.oidc.http_client import MAX_RESPONSE_BYTES, ProviderHttpClient, ProviderUnavailable
from models.oidc.metadata import (
    MAX_AGE_SECONDS,
    MAX_STALE_SECONDS,
    MIN_INTERVAL_SECONDS,
    ProviderClient,
)
from models.oidc.provider import Provider
from models.oidc.registry import IdentityProviders

KEY = RSAKey.generate_key(2048, {"kid": "first"})
LOOPBACK = [ip_network("127.0.0.0/8")]
WEAK = {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": "x" * 171}


class RawServer:
    """An HTTP server whose responses a test writes, also invalid ones."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.cookies: list[bytes] = []
        """The Cookie headers of the requests."""
        self.bodies: dict[str, Any] = {}
        self.raw: bytes | None = None
        """A whole response instead of those with the bodies."""
        self.may_respond = asyncio.Event()
        self.may_respond.set()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split()[1].decode()
            self.requests.append(path)
            self.cookies += [
                line for line in request.split(b"\r\n") if line[:7].lower() == b"cookie:"
            ]
            await self.may_respond.wait()
            body = json.dumps(self.bodies.get(path)).encode()
            start = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            writer.write(self.raw or start % len(body) + body)
            await writer.drain()
        writer.close()


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    raw, socket = RawServer(), listening_socket()
    raw.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    raw.bodies = {
        "/.well-known/openid-configuration": {"issuer": raw.url, "jwks_uri": f"{raw.url}/keys"},
        "/keys": KeySet([KEY]).as_dict(),
    }
    server = await asyncio.start_server(raw.handle, sock=socket)
    try:
        yield raw
    finally:
        server.close()


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(raw: RawServer, clock: Clock) -> AsyncIterator[ProviderClient]:
    http = ProviderHttpClient(allow_http=True, allowed_networks=LOOPBACK)
    provider = Provider(name="raw", issuer=raw.url, client_id="helpdesk")
    yield ProviderClient(provider, http, clock)
    await http.close()


HEADERS = b"connection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "response",
    [
        OK + HEADERS + b"{" + b" " * MAX_RESPONSE_BYTES + b"}",
        OK + HEADERS + b"[" * 100_000,
        OK + HEADERS + b"[]",
        OK + HEADERS + b"\xff",
        OK + HEADERS,
        OK + b"content-encoding: gzip\r\n" + HEADERS + b"not gzip",
        b"HTTP/1.1 500 Error\r\n" + HEADERS + b"{}",
        b"HTTP/1.1 302 Found\r\nlocation: /keys\r\n" + HEADERS,
        b"not HTTP\r\n\r\n",
    ],
)
async def test_hostile_responses_are_refused(
    raw: RawServer, client: ProviderClient, response: bytes
) -> None:
    raw.raw = response
    with pytest.raises(ProviderUnavailable):
        await client.find_keys("first")
    assert raw.requests == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "http://192.0.2.1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "/keys"},
    ],
)
async def test_hostile_metadata_is_refused(
    raw: RawServer, client: ProviderClient, metadata: dict[str, Any]
) -> None:
    raw.bodies["/.well-known/openid-configuration"] |= metadata
    with pytest.raises(ProviderUnavailable):
        await client.find_keys("first")


async def test_a_cookie_of_a_provider_is_not_sent_with_later_requests(raw: RawServer) -> None:
    """Requests for all people use the same client."""
    http = ProviderHttpClient(allow_http=True, allowed_networks=LOOPBACK)
    raw.raw = b"HTTP/1.1 200 OK\r\nset-cookie: session=ada; path=/\r\n" + HEADERS + b"{}"
    for _ in range(2):
        await http.get(f"{raw.url}/userinfo")
    await http.close()
    assert (len(raw.requests), raw.cookies) == (2, [])


async def test_an_address_that_is_not_public_needs_a_setting(raw: RawServer) -> None:
    """Also if the metadata of a permitted provider names it, by an address or by a name."""
    closed = ProviderHttpClient(allow_http=True)
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(ProviderUnavailable, match="loopback"):
            await closed.get(raw.url.replace("127.0.0.1", host) + "/keys")
    assert raw.requests == []
    port = raw.url.rpartition(":")[2]
    for url in (f"http://127.0.0.2:{port}/keys", "https://10.0.0.1/keys", "https://[::1]/keys"):
        raw.bodies["/.well-known/openid-configuration"]["jwks_uri"] = url
        http = ProviderHttpClient(allow_http=True, allowed_networks=[ip_network("127.0.0.1")])
        provider = Provider(name="raw", issuer=raw.url, client_id="helpdesk")
        with pytest.raises(ProviderUnavailable, match="could not be read"):
            await ProviderClient(provider, http).find_keys("first")
    assert raw.requests == ["/.well-known/openid-configuration"] * 3


async def test_the_readable_start_of_a_long_response_is_not_used(raw: RawServer) -> None:
    http = ProviderHttpClient(allow_http=True, allowed_networks=LOOPBACK)
    raw.raw = OK + HEADERS + b"{}" + b" " * MAX_RESPONSE_BYTES
    with pytest.raises(ProviderUnavailable, match="too long"):
        await http.get(f"{raw.url}/keys")


async def test_http_needs_a_setting(raw: RawServer) -> None:
    http = ProviderHttpClient(allow_http=False, allowed_networks=LOOPBACK)
    with pytest.raises(ProviderUnavailable):
        await http.get(f"{raw.url}/keys")
    await http.close()
    assert raw.requests == []


async def test_a_provider_that_does_not_respond_is_given_up(
    raw: RawServer, client: ProviderClient
) -> None:
    client.http.client.timeout_seconds = 0.2
    raw.may_respond.clear()
    with pytest.raises(ProviderUnavailable):
        await client.find_keys("first")
    raw.may_respond.set()


async def test_only_strong_public_signature_keys_are_used(
    raw: RawServer, client: ProviderClient
) -> None:
    raw.bodies["/keys"] = {
        "keys": [
            OctKey.generate_key(256, {"kid": "shared"}).as_dict(private=True),
            WEAK,
            {**KEY.as_dict(), "kid": "encryption", "use": "enc"},
            {"kty": "unknown", "kid": "unknown"},
            {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "!", "y": 7},
            None,
            7,
            KEY.as_dict(),
        ]
    }
    assert [key.kid for key in await client.find_keys(None)] == ["first"]


async def test_an_unknown_key_makes_the_service_read_the_keys_again(
    raw: RawServer, client: ProviderClient, clock: Clock
) -> None:
    assert len(await client.find_keys("first")) == 1
    raw.bodies["/keys"] = KeySet([RSAKey.generate_key(2048, {"kid": "second"})]).as_dict()
    for _ in range(20):
        assert await client.find_keys("second") == []
    assert raw.requests.count("/keys") == 1
    clock.seconds += MIN_INTERVAL_SECONDS
    found = await asyncio.gather(*(client.find_keys("second") for _ in range(20)))
    assert [len(keys) for keys in found] == [1] * 20
    assert raw.requests.count("/keys") == 2
    assert await client.find_keys("first") == []


async def test_old_keys_are_read_again_and_kept_for_a_day_if_that_fails(
    raw: RawServer, client: ProviderClient, clock: Clock
) -> None:
    await client.find_keys("first")
    clock.seconds += MAX_AGE_SECONDS + 1
    raw.raw = b"HTTP/1.1 500 Error\r\n" + HEADERS
    assert len(await client.find_keys("first")) == 1
    clock.seconds += MAX_STALE_SECONDS
    with pytest.raises(ProviderUnavailable):
        await client.find_keys("first")
    raw.raw = None
    clock.seconds += MIN_INTERVAL_SECONDS
    assert len(await client.find_keys("first")) == 1


async def test_a_cancelled_caller_does_not_cancel_the_request_of_others(
    raw: RawServer, client: ProviderClient
) -> None:
    raw.may_respond.clear()
    first = asyncio.create_task(client.find_keys("first"))
    while not raw.requests:
        await asyncio.sleep(0.01)
    second = asyncio.create_task(client.find_keys("first"))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    raw.may_respond.set()
    assert len(await second) == 1
    assert raw.requests.count("/.well-known/openid-configuration") == 1


async def test_reads_failures_unknown_keys_and_the_age_of_the_keys_are_metrics(
    raw: RawServer, client: ProviderClient, clock: Clock
) -> None:
    providers = IdentityProviders([client.provider])
    providers.by_name["raw"] = client
    assert providers.read_key_metrics() == {
        "provider_key_reads_total": {"raw": 0},
        "provider_key_read_failures_total": {"raw": 0},
        "provider_unknown_keys_total": {"raw": 0},
    }
    assert await client.find_keys("first")
    clock.seconds += MIN_INTERVAL_SECONDS
    assert not await client.find_keys("forged")
    assert not await client.find_keys("forged")  # does not read the keys again
    raw.raw = b"HTTP/1.1 500 Error\r\n" + HEADERS
    clock.seconds += MAX_AGE_SECONDS + 1
    assert await client.find_keys("first")
    assert providers.read_key_metrics() == {
        "provider_key_reads_total": {"raw": 2},
        "provider_key_read_failures_total": {"raw": 1},
        "provider_unknown_keys_total": {"raw": 2},
        "provider_keys_age_seconds": {"raw": MAX_AGE_SECONDS + 1},
    }
