"""Clients that send many JWTs or codes of providers: they are refused, and others are not."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest
from support import Service, World
from support.ports import reserve_port
from support.service import running
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from engine import limit_refusals
from engine.limits.rate import LeakyBuckets
from models.oidc.provider import Provider
from models.people.sign_in_limits import SignInAttempts
from resolvers.auth.jwt_checks import (
    JWT_COST,
    MAX_CONCURRENT,
    MAX_CONCURRENT_PER_NETWORK,
    JwtChecks,
)

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3gifQ.AAAA"
"""A JWT of an unknown issuer."""
MAX_COST = 1000
APPLICATION_URL = "https://app.example/signed-in"
TIMEOUT_SECONDS = 60


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """A service whose provider does not respond, and whose buckets hold the cost of 10 JWTs."""
    provider = Provider(
        name="test",
        issuer=f"http://127.0.0.1:{reserve_port()}",
        client_id="helpdesk",
        audiences=frozenset({"urn:ticketwire"}),
    )
    async with running(
        url,
        identity_providers=[provider],
        allow_http_providers=True,
        outbound_allowed_networks="127.0.0.0/8",
        api_url="http://support.example",
        sign_in_redirect_urls=[APPLICATION_URL],
        max_operation_cost=MAX_COST,
        cost_bucket_size=MAX_COST,
        cost_refill_per_second=1,
        max_sign_in_attempts=1,
    ) as service:
        yield service


async def test_too_many_jwts_are_refused_before_they_are_checked(service: Service) -> None:
    world = await World.make()
    before = limit_refusals.COUNTS["jwt_checks"]
    statuses: Counter[int] = Counter()
    for _ in range(MAX_COST // JWT_COST + 5):
        response = await service.client(JWT).post("{ viewer { role } }")
        statuses[response.status_code] += 1
    assert set(statuses) == {401, 429}
    assert statuses[401] >= MAX_COST // JWT_COST
    assert limit_refusals.COUNTS["jwt_checks"] == before + statuses[429]
    assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert int(response.headers["retry-after"]) >= 1
    # Stored tokens from the same address are not concerned.
    viewer = await service.client(world.ada.token).run("{ viewer { role } }")
    assert viewer == {"viewer": {"role": "AGENT"}}


async def test_a_websocket_with_one_of_too_many_jwts_may_try_again_later(service: Service) -> None:
    for _ in range(MAX_COST // JWT_COST + 2):
        code, reason = await read_close(service, JWT)
    assert code == 1013
    assert reason.startswith("Too many new tokens. Try again in ")


async def read_close(service: Service, token: str) -> tuple[int, str]:
    """How the server closes a WebSocket that authenticates with this token."""
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(service.ws, subprotocols=protocols) as socket:
        payload = {"authorization": f"Bearer {token}"}
        await socket.send(orjson.dumps({"type": "connection_init", "payload": payload}), text=True)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await socket.recv()
        return socket.close_code or 0, socket.close_reason or ""


async def test_few_jwts_use_the_database_at_once() -> None:
    checks, release = JwtChecks(LeakyBuckets(0, 1)), asyncio.Event()
    running_by_network: Counter[str] = Counter()

    async def check(network: str) -> None:
        async with checks.hold_slot(network):
            running_by_network[network] += 1
            await release.wait()

    tasks = [asyncio.create_task(check("first")) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert running_by_network == {"first": MAX_CONCURRENT_PER_NETWORK}
    tasks += [asyncio.create_task(check(name)) for name in ("second", "third", "fourth")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert running_by_network.total() == MAX_CONCURRENT
    release.set()
    await asyncio.gather(*tasks)
    assert running_by_network.total() == len(tasks)


async def test_codes_that_fail_at_the_provider_are_limited(service: Service) -> None:
    before = limit_refusals.COUNTS["provider_exchanges"]
    attempt = {
        "provider": "test",
        "state": "s",
        "nonce": "n",
        "verifier": "v",
        "redirect_url": APPLICATION_URL,
        "challenge": "a" * 43,
    }
    cookie = urlsafe_b64encode(orjson.dumps(attempt)).decode().rstrip("=")
    url = f"http://127.0.0.1:{service.port}/auth/oidc/test/callback?state=s&code=wrong"
    headers = {"cookie": f"ticketwire-sign-in={cookie}"}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
        for _ in range(6):
            assert (await http.get(url, headers=headers)).status_code == 303
        stored = await SignInAttempts.all().values_list("key", "attempts")
        refused = await http.get(url, headers=headers)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert sorted(await SignInAttempts.all().values_list("key", "attempts")) == sorted(stored)
    assert limit_refusals.COUNTS["provider_exchanges"] == before + 1
