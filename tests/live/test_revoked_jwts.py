"""Other forms of one JWT, with signatures that are valid too, are not further tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from support import Service, World
from support.accounts import succeed
from support.oidc import ProviderProcess, run_with_provider

from models.audit.entry import AuditEntry
from models.people.token import Token

VERIFIED = {"email": "cora@example.com", "email_verified": True, "name": "Cora"}
ELLIPTIC = {"alg": "ES256", "kid": "elliptic"}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the group of the curve P-256."""


@pytest.fixture
async def both(url: str) -> AsyncIterator[tuple[Service, ProviderProcess]]:
    async with run_with_provider(url, {"cora": VERIFIED}) as found:
        yield found


@pytest.fixture
def service(both: tuple[Service, ProviderProcess]) -> Service:
    return both[0]


@pytest.fixture
def provider(both: tuple[Service, ProviderProcess]) -> ProviderProcess:
    return both[1]


async def is_accepted(service: Service, token: str) -> bool:
    async with httpx2.AsyncClient(timeout=60) as http:
        response = await http.post(
            service.http,
            json={"query": "{ viewer { role } }"},
            headers={"authorization": f"Bearer {token}"},
        )
    assert response.status_code in (200, 401), response.text
    return response.status_code == 200


def other_form(token: str) -> str:
    """The same JWT with the signature (r, n - s), which is valid if (r, s) is."""
    signed, _, signature = token.rpartition(".")
    pair = urlsafe_b64decode(signature.encode())
    other = ORDER - int.from_bytes(pair[32:])
    return f"{signed}.{urlsafe_b64encode(pair[:32] + other.to_bytes(32)).decode()}"


async def test_a_revoked_token_is_refused_in_every_form_of_its_signature(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    token = provider.token(header=ELLIPTIC, **VERIFIED)
    assert await is_accepted(service, token)
    await succeed(service.client(world.cora.token), "revokeAllSessions", keepCurrent=True)
    assert not await is_accepted(service, token)
    assert not await is_accepted(service, other_form(token))
    assert await Token.filter(is_jwt=True).count() == 1
    # a new JWT of the provider is another token
    assert await is_accepted(service, provider.token(header=ELLIPTIC, jti="2", **VERIFIED))


async def test_another_form_of_a_token_in_use_is_refused(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    token = provider.token(header=ELLIPTIC, **VERIFIED)
    assert await is_accepted(service, token)
    assert not await is_accepted(service, other_form(token))
    assert await is_accepted(service, token)
    assert await AuditEntry.filter(action="signInWithJwt").count() == 2  # the link, the sign-in
