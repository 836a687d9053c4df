"""Which address a request reaches: names that change, several addresses, redirects, proxies."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import httpcore2
import pytest
from support.live import until
from support.raw_server import OK, answer_with, raw_server

from models.outbound import lookup
from models.outbound.connection import CheckedBackend
from models.outbound.http_client import AddressRefused, OutboundHttpClient, TargetUnavailable

HOST = "hooks.example"
ONE_ADDRESS = "127.0.0.1/32"


def client_of(
    look_up: lookup.LookUp, *networks: str, timeout_seconds: float = 60
) -> OutboundHttpClient:
    return OutboundHttpClient(
        allowed_networks=[ip_network(each) for each in networks or (ONE_ADDRESS,)],
        allow_http=True,
        timeout_seconds=timeout_seconds,
        max_response_bytes=1000,
        look_up=look_up,
    )


class Names:
    """A name server. Each lookup takes the next answer; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.lookups = 0

    def __call__(self, host: str) -> Sequence[str]:
        assert host == HOST
        self.lookups += 1
        return self.answers[min(self.lookups, len(self.answers)) - 1]


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name whose address changes after the check, as DNS rebinding does."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    client = client_of(names)
    async with (
        raw_server(answer_with(OK)) as permitted,
        raw_server(answer_with(OK), host="127.0.0.2", port=permitted.port) as other,
    ):
        url = f"http://{HOST}:{permitted.port}/"
        assert (await client.post(url, {}, b"first")).status == 200
        assert (permitted.bodies, names.lookups) == ([b"first"], 1)
        with pytest.raises(AddressRefused, match="loopback"):
            await client.post(url, {}, b"second")
        assert (permitted.connections, other.connections, names.lookups) == (1, 0, 2)


async def test_each_request_has_its_own_lookup_and_connection() -> None:
    names = Names(["127.0.0.1"])
    client = client_of(names)
    async with raw_server(answer_with(OK)) as server:
        for _ in range(3):
            await client.post(f"http://{HOST}:{server.port}/", {}, b"")
    assert (server.connections, names.lookups) == (3, 3)


class OtherConnection(httpcore2.AsyncNetworkBackend):
    """Connects to another address than it was asked to, as a faulty network layer might."""

    async def connect_tcp(self, host: str, port: int, *others: Any) -> Any:
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.2", port)


async def test_the_peer_of_the_open_socket_is_checked() -> None:
    client = client_of(Names(["127.0.0.1"]), "127.0.0.0/8")
    client.backend.backend = OtherConnection()
    async with raw_server(answer_with(OK), host="127.0.0.2") as server:
        with pytest.raises(AddressRefused, match="another address"):
            await client.post(f"http://{HOST}:{server.port}/", {}, b"secret")

        async def has_ended() -> bool:
            return server.ended_connections == 1

        await until(has_ended)
        assert server.requests == []


@pytest.mark.parametrize(
    "others",
    [
        ["10.0.0.1"],
        ["127.0.0.2"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%lo"],
        ["169.254.169.254"],
        ["8.8.8.8", "192.168.1.1"],
        ["not an address"],
    ],
)
@pytest.mark.parametrize("is_first", [False, True])
async def test_one_address_that_is_not_permitted_refuses_the_request(
    others: list[str], is_first: bool
) -> None:
    addresses = [*others, "127.0.0.1"] if is_first else ["127.0.0.1", *others]
    async with raw_server(answer_with(OK)) as server:
        with pytest.raises(AddressRefused) as refusal:
            await client_of(Names(addresses)).post(f"http://{HOST}:{server.port}/", {}, b"")
        assert server.connections == 0
    for address in others:
        assert address not in refusal.value.message  # it could describe a private network


async def test_the_next_address_is_used_if_one_does_not_listen() -> None:
    names = Names(["127.0.0.2", "127.0.0.3", "127.0.0.1"])
    async with raw_server(answer_with(OK)) as server:
        client = client_of(names, "127.0.0.0/8")
        assert (await client.post(f"http://{HOST}:{server.port}/", {}, b"")).status == 200


async def test_the_next_address_is_used_if_one_does_not_accept() -> None:
    """A full queue of connections makes the system ignore another one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.2", port))
        try:
            async with raw_server(answer_with(OK), port=port):
                client = client_of(Names(["127.0.0.2", "127.0.0.1"]), "127.0.0.0/8")
                client.timeout_seconds = 10
                assert (await client.post(f"http://{HOST}:{port}/", {}, b"")).status == 200
            client = client_of(Names(["127.0.0.2"]), "127.0.0.0/8", timeout_seconds=0.3)
            with pytest.raises(TargetUnavailable):
                await client.post(f"http://{HOST}:{port}/", {}, b"")
        finally:
            for each in waiting:
                each.close()


async def test_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(TargetUnavailable, match="no connection"):
            await client_of(Names(["127.0.0.1"])).post(
                f"http://{HOST}:{closed.getsockname()[1]}/", {}, b""
            )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with raw_server(answer_with(OK)) as private:
        location = f"location: http://127.0.0.1:{private.port}/".encode()
        head = b"HTTP/1.1 %d Moved\r\n%b\r\ncontent-length: 0\r\n\r\n" % (status, location)
        async with raw_server(answer_with(head)) as server:
            client = client_of(Names(["127.0.0.1"]))
            response = await client.post(f"http://{HOST}:{server.port}/", {}, b"")
            assert response.status == status
            assert response.headers["location"] == f"http://127.0.0.1:{private.port}/"
            assert (server.connections, private.connections) == (1, 0)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(answer_with(OK)) as proxy, raw_server(answer_with(OK)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        client = client_of(Names(["127.0.0.1"]))
        await client.post(f"http://{HOST}:{server.port}/", {}, b"")
        assert (server.connections, proxy.connections) == (1, 0)


async def test_no_connection_is_opened_to_a_unix_socket() -> None:
    backend = CheckedBackend(lookup.HostResolver(), [], 1000)
    with pytest.raises(AddressRefused):
        await backend.connect_unix_socket("/run/docker.sock")


async def test_names_of_the_operating_system() -> None:
    """With the real lookup: `localhost` is refused, unless its addresses are allowed."""
    async with raw_server(answer_with(OK)) as server:
        url = f"http://localhost:{server.port}/"
        with pytest.raises(AddressRefused, match="loopback"):
            await client_of(lookup.look_up_host, "192.0.2.0/24").post(url, {}, b"")
        assert server.connections == 0
        allowed = client_of(lookup.look_up_host, "127.0.0.0/8", "::1/128")
        assert (await allowed.post(url, {}, b"")).status == 200
        with pytest.raises(TargetUnavailable, match="could not be resolved"):
            await allowed.post("http://name.invalid/", {}, b"")


@pytest.mark.parametrize("error", [OSError("no answer"), UnicodeError("no name")])
async def test_a_name_that_can_not_be_resolved(error: Exception) -> None:
    def fail(host: str) -> Sequence[str]:
        raise error

    for _ in range(2):  # a failure is not kept
        with pytest.raises(TargetUnavailable, match="could not be resolved"):
            await client_of(fail).post(f"http://{HOST}/", {}, b"")
    with pytest.raises(TargetUnavailable, match="no address"):
        await client_of(Names([])).post(f"http://{HOST}/", {}, b"")


async def test_a_name_server_that_does_not_respond_delays_no_other_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And all requests for its host share one thread."""
    monkeypatch.setattr(lookup, "MAX_LOOKUPS", 2)
    release = threading.Event()
    lookups: list[str] = []

    def look_up(host: str) -> Sequence[str]:
        lookups.append(host)
        if host.startswith("slow"):
            release.wait()
        return ["127.0.0.1"]

    client = client_of(look_up)
    async with raw_server(answer_with(OK)) as server:
        slow = [
            asyncio.ensure_future(client.post(f"http://slow.example:{server.port}/", {}, b""))
            for _ in range(5)
        ]
        try:
            for _ in range(3):
                await client.post(f"http://fast.example:{server.port}/", {}, b"")
            assert (server.connections, lookups.count("slow.example")) == (3, 1)
            impatient = client_of(look_up, timeout_seconds=0.05)
            for name in ("slow-1", "slow-2"):
                with pytest.raises(TargetUnavailable, match=r"within 0\.05 seconds"):
                    await impatient.post(f"http://{name}.example/", {}, b"")
            with pytest.raises(TargetUnavailable, match="too many host names"):
                await impatient.post("http://slow-3.example/", {}, b"")
        finally:
            release.set()
        assert [each.status for each in await asyncio.gather(*slow)] == [200] * 5

        async def is_idle() -> bool:
            return not impatient.backend.resolver.running_lookups

        await until(is_idle)
