"""Attacks on the accounts of people who sign in by a provider."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from support import Service, World
from support.accounts import PASSWORD, error_of, hash_password, set_password, succeed
from support.actors import api_client_token, token_of
from support.oidc import Accounts, ProviderProcess, open_browser

from models.audit.entry import AuditEntry
from models.oidc.accounts import find_or_create_account
from models.people.identity import Identity, SignInCode
from models.people.token import Token
from models.people.user import User
from resolvers.auth import oidc

VERIFIED = {"email": "cora@example.com", "email_verified": True, "name": "Cora"}
ELLIPTIC = {"alg": "ES256", "kid": "elliptic"}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the group of the curve P-256."""


@pytest.fixture
def accounts() -> Accounts:
    return {"cora": VERIFIED}


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


@pytest.mark.parametrize("changes", [{"roles": {"leads": "admin"}, "create_users": False}])
async def test_an_account_that_waits_for_an_admin_is_closed_to_its_former_owner(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    user = await User.get(id=world.cora.id)
    await set_password(user.email, hash_password(PASSWORD))
    api_token = await token_of(user, ["tickets:read"])
    cora = {"sub": "cora", **VERIFIED}
    assert await is_accepted(service, provider.token(**cora))
    sync = service.client(await api_client_token("sync", ["users:write"]))
    update = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { userId } }"
    await sync.run(update, input={"userId": world.cora.gid, "email": "boss@example.com"})
    boss = {"sub": "boss", "email": "boss@example.com", "email_verified": True}
    text = provider.token(**boss, groups=["leads"])
    assert await is_accepted(service, text)
    assert (await service.client(text).run("{ viewer { role } }"))["viewer"] == {"role": "ADMIN"}
    for token in (world.cora.token, api_token, provider.token(**cora, jti="2")):
        assert not await is_accepted(service, token)
    sign_in = {"email": "boss@example.com", "password": PASSWORD}
    assert await error_of(service.client(), "signIn", **sign_in) == "INVALID email"
    assert [each.subject for each in await Identity.all()] == ["boss"]
    entries = await AuditEntry.filter(action="signInWithJwt", record_id=user.id)
    (entry,) = [each for each in entries if "role" in each.changes]
    assert entry.changes["identity_1"] == [{"issuer": provider.issuer, "subject": "cora"}, None]
    # later sign-ins end nothing
    assert await is_accepted(service, provider.token(**boss, groups=["leads"], jti="3"))
    assert await is_accepted(service, text)


async def test_the_tokens_of_an_unlinked_identity_do_not_link_it_again(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    used, unused = (provider.token(n=number, **VERIFIED) for number in range(2))
    assert await is_accepted(service, used)
    unlink = (
        "mutation($input: UnlinkIdentityInput!) { unlinkIdentity(input: $input) { user { id } } }"
    )
    identity = {"userId": world.cora.gid, "issuer": provider.issuer, "subject": "cora"}
    answer = await service.client(world.root.token).run(unlink, input=identity)
    assert answer["unlinkIdentity"]["user"] == {"id": world.cora.gid}
    assert not await is_accepted(service, used)
    assert not await is_accepted(service, unused)
    service.clock.advance(seconds=5)
    later = int(time.time()) + 5
    assert await is_accepted(service, provider.token(iat=later, **VERIFIED))


async def test_an_identity_that_is_unlinked_during_the_sign_in_leaves_an_invalid_code(
    service: Service, world: World, provider: ProviderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_and_unlink(*arguments: Any) -> tuple[Identity, User]:
        found = await find_or_create_account(*arguments)
        await Identity.all().delete()
        return found

    monkeypatch.setattr(oidc, "find_or_create_account", find_and_unlink)
    async with open_browser(service) as browser:
        payload = await browser.sign_in("cora")
    assert payload["token"] is None
    assert payload["userErrors"] == [{"code": "INVALID", "field": ["input", "code"]}]
    assert not await SignInCode.all().exists()
