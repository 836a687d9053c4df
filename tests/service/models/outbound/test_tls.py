"""TLS: the certificate must be for the host of the URL, not for the address."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest
from support.live import until
from support.raw_server import (
    OK,
    CertificateAuthority,
    RawServer,
    answer_endlessly,
    answer_with,
    raw_server,
)

from models.outbound.http_client import OutboundHttpClient, TargetUnavailable

HOST = "hooks.example"


def client_of(tls: ssl.SSLContext | None, timeout_seconds: float = 60) -> OutboundHttpClient:
    def look_up(host: str) -> Sequence[str]:
        return ["127.0.0.1"]

    return OutboundHttpClient(
        allowed_networks=[ip_network("127.0.0.0/8")],
        allow_http=False,
        timeout_seconds=timeout_seconds,
        max_response_bytes=1000,
        look_up=look_up,
        tls=tls,
    )


async def check_that_nothing_was_sent(server: RawServer) -> None:
    async def has_ended() -> bool:
        return server.ended_connections == server.connections

    await until(has_ended)
    assert server.requests == []


async def test_the_host_name_is_sent_and_checked(tmp_path: Path) -> None:
    authority = CertificateAuthority.create()
    names: list[str | None] = []
    tls = authority.server_tls(tmp_path, [HOST])
    tls.sni_callback = lambda connection, name, context: names.append(name)
    async with raw_server(answer_with(OK), tls=tls) as server:
        url = f"https://{HOST}:{server.port}/"
        found = await client_of(authority.client_tls()).post(url, {}, b"body")
    assert (found.status, found.body) == (200, b"ok")
    assert names == [HOST]
    assert server.bodies == [b"body"]
    assert f"host: {HOST}:{server.port}" in server.heads[0]


@pytest.mark.parametrize("names", [["other.example"], ["127.0.0.1"], ["*.hooks.example"]])
async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, names: list[str]) -> None:
    authority = CertificateAuthority.create()
    async with raw_server(answer_with(OK), tls=authority.server_tls(tmp_path, names)) as server:
        url = f"https://{HOST}:{server.port}/"
        with pytest.raises(TargetUnavailable, match=r"no TLS connection: .*certificate"):
            await client_of(authority.client_tls()).post(url, {}, b"secret")
        await check_that_nothing_was_sent(server)


async def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    """With the certificates of the system, which is the default, and with another authority."""
    tls = CertificateAuthority.create().server_tls(tmp_path, [HOST])
    async with raw_server(answer_with(OK), tls=tls) as server:
        for trusted in (None, CertificateAuthority.create().client_tls()):
            with pytest.raises(TargetUnavailable, match=r"no TLS connection: .*certificate"):
                await client_of(trusted).post(f"https://{HOST}:{server.port}/", {}, b"secret")
        await check_that_nothing_was_sent(server)


async def test_an_address_as_the_host(tmp_path: Path) -> None:
    authority = CertificateAuthority.create()
    tls = authority.server_tls(tmp_path, ["127.0.0.1"])
    async with raw_server(answer_with(OK), tls=tls) as server:
        client = client_of(authority.client_tls())
        assert (await client.post(f"https://127.0.0.1:{server.port}/", {}, b"")).status == 200


async def test_the_limits_hold_inside_tls(tmp_path: Path) -> None:
    authority = CertificateAuthority.create()
    tls = authority.server_tls(tmp_path, [HOST])
    client = client_of(authority.client_tls())
    endless = answer_endlessly(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000)
    async with raw_server(endless, tls=tls) as server:
        found = await client.post(f"https://{HOST}:{server.port}/", {}, b"")
        assert (found.body, found.is_cut) == (b"x" * 1000, True)
    flood = answer_endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    async with raw_server(flood, tls=tls) as server:
        with pytest.raises(TargetUnavailable, match="headers"):
            await client.post(f"https://{HOST}:{server.port}/", {}, b"")


async def test_a_handshake_that_never_ends() -> None:
    """A server without TLS that waits for a request."""
    async with raw_server(None) as server:
        with pytest.raises(TargetUnavailable, match=r"within 0\.3 seconds"):
            await client_of(None, 0.3).post(f"https://{HOST}:{server.port}/", {}, b"")
        await check_that_nothing_was_sent(server)


async def test_a_server_without_tls() -> None:
    async with raw_server(answer_with(OK)) as server:
        with pytest.raises(TargetUnavailable):
            await client_of(None, 0.5).post(f"https://{HOST}:{server.port}/", {}, b"")
        await check_that_nothing_was_sent(server)
