"""What a JWT does to accounts: nothing after a logout, and changes of the own profile."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.accounts import succeed
from support.metrics import read_metrics
from support.oidc import Accounts, ProviderProcess, open_browser

from models.audit.entry import AuditEntry
from models.people.identity import Identity, ProviderLogout
from models.people.token import Token
from models.people.user import User

CORA = {"email": "cora@example.com", "email_verified": True, "name": "Cora"}
NINA = {"email": "nina@example.com", "email_verified": True, "name": "Nina"}
UPDATE = """mutation($input: UpdateUserInput!) {
  updateUser(input: $input) { user { displayName } userErrors { code field } } }"""
SUBJECTS = ["cora", "ada", "root"]


@pytest.fixture
def accounts() -> Accounts:
    return {"cora": CORA}


async def status_of(client: Client) -> int:
    return (await client.post("{ viewer { role } }")).status_code


async def test_a_first_use_after_a_logout_creates_and_records_nothing(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    text = provider.token(sub="nina", **NINA)
    users = await User.all().count()
    async with open_browser(service) as browser:
        form = {"logout_token": provider.logout_token(sub="nina")}
        url = "http://support.example/auth/oidc/test/logout"
        assert (await browser.send("POST", url, form)).status_code == 200
    assert await status_of(service.client(text)) == 401
    assert await User.all().count() == users
    assert await Identity.all().count() == await AuditEntry.all().count() == 0
    assert await Token.filter(is_jwt=True).count() == 0
    logout = await ProviderLogout.get()
    while int(time.time()) <= logout.occurred_at.timestamp():  # a token's time has whole seconds
        await asyncio.sleep(0.05)
    assert await status_of(service.client(provider.token(sub="nina", **NINA))) == 200
    actions = await AuditEntry.all().values_list("action", flat=True)
    assert actions == ["signInWithJwt"] * 2  # the new user, and the sign-in
    assert (await read_metrics(service, world.root.token))["provider_unknown_keys_total"] == 0


async def client_of(
    service: Service, world: World, provider: ProviderProcess, subject: str, **claims: Any
) -> tuple[Client, str]:
    """A client with a JWT of this person, whose identity is linked, and the person's id."""
    actor = getattr(world, subject)
    await Identity.get_or_create(
        issuer=provider.issuer, subject=subject, defaults={"user_id": actor.id}
    )
    return service.client(provider.token(sub=subject, **claims)), actor.gid


@pytest.mark.parametrize("subject", SUBJECTS)
async def test_people_edit_their_own_profile_with_a_jwt(
    service: Service, world: World, provider: ProviderProcess, subject: str
) -> None:
    client, own = await client_of(service, world, provider, subject)
    fields = {"displayName": "New name", "locale": "de-CH", "timeZone": "Europe/Zurich"}
    payload = (await client.run(UPDATE, input={"userId": own, **fields}))["updateUser"]
    assert payload == {"user": {"displayName": "New name"}, "userErrors": []}
    if subject == "root":
        return
    before = await AuditEntry.all().count()
    for input in (
        {"userId": own, "email": "other@example.com"},
        {"userId": own, "role": "ADMIN"},
        {"userId": world.bill.gid, "displayName": "Eve"},
    ):
        with pytest.raises(Refused, match="FORBIDDEN"):
            await client.run(UPDATE, input=input)
    assert await AuditEntry.all().count() == before


async def count_sign_ins() -> int:
    entries = await AuditEntry.filter(action="signInWithJwt").all()
    return len([each for each in entries if "issuer" in each.changes])  # without the new identity


@pytest.mark.parametrize("session", [{}, {"sid": "one"}])
async def test_each_new_client_with_a_jwt_is_recorded_as_a_sign_in(
    service: Service, world: World, provider: ProviderProcess, session: dict[str, str]
) -> None:
    number = 0

    async def send_new_jwt(agent: str = "Firefox", **claims: Any) -> str:
        nonlocal number
        number += 1
        text = provider.token(n=number, **CORA, **{**session, **claims})
        client = service.client(text)
        response = await client.post("{ viewer { role } }", **{"user-agent": agent})
        assert response.status_code == 200
        return text

    await send_new_jwt()
    await send_new_jwt()
    assert await count_sign_ins() == 1  # the second one is a renewal
    thief = await send_new_jwt("curl")
    await send_new_jwt("curl")
    assert await count_sign_ins() == 2
    await send_new_jwt(sid="two")
    assert await count_sign_ins() == 3
    await Token.filter(is_jwt=True).update(address="192.0.2.7")
    await send_new_jwt()
    assert await count_sign_ins() == 4
    root = service.client(world.root.token)
    assert (await succeed(root, "revokeAllSessions", userId=world.cora.gid))["revoked"] >= number
    assert await status_of(service.client(thief)) == 401
    await send_new_jwt()
    assert await count_sign_ins() == 5


@pytest.mark.parametrize("changes", [{"scope_claim": "scope"}])
async def test_a_jwt_without_the_scope_to_write_edits_no_profile(
    service: Service, world: World, provider: ProviderProcess
) -> None:
    for scope in ("tickets:read", ""):
        client, own = await client_of(service, world, provider, "cora", scope=scope)
        with pytest.raises(Refused, match="FORBIDDEN"):
            await client.run(UPDATE, input={"userId": own, "displayName": "Eve"})
    assert (await User.get(id=world.cora.id)).display_name != "Eve"
    client, own = await client_of(service, world, provider, "cora", scope="tickets:write")
    payload = (await client.run(UPDATE, input={"userId": own, "displayName": "C"}))["updateUser"]
    assert payload["userErrors"] == []
