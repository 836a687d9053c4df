"""A customer who becomes an agent or admin: nobody else keeps a way into the account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Client, Service, World
from support.accounts import PASSWORD, error_of, set_password, succeed
from support.actors import api_client_token
from support.mailing import mailer, send_due_mails
from support.service import running
from support.smtp_sink import body, sink

from models import database
from models.access.scopes import scopes_of_role
from models.access.viewer import authenticate
from models.audit.entry import AuditEntry
from models.core.errors import Forbidden
from models.core.record_changes import RecordChanges
from models.directory.api_tokens import create_token
from models.notifications.email import Mail
from models.people.account_link import AccountLink
from models.people.identity import Identity
from models.people.password import hash_password
from models.people.token import Token, TokenKind, issue_token
from models.people.user import Role, User, lock_user

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]

URL = "https://help.example.com"
CORA = {"email": "cora@example.com", "password": PASSWORD}
UPDATE = """mutation($input: UpdateUserInput!) {
  updateUser(input: $input) { user { role } userErrors { code field } } }"""
UPSERT = """mutation($input: UpsertUserInput!) {
  upsertUser(input: $input) { user { role } userErrors { code field } } }"""
PROMOTED: dict[str, Any] = {"user": {"role": "AGENT"}, "userErrors": []}


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, public_url=URL, run_jobs=False) as found:
        yield found


async def prepare_account(service: Service, world: World) -> list[Client]:
    """A password, an identity, an API token and a link of a customer; clients with her tokens."""
    await set_password(CORA["email"], hash_password(PASSWORD))
    await Identity.create(issuer="https://id.example", subject="cora", user_id=world.cora.id)
    at = service.clock()
    scopes = scopes_of_role(Role.CUSTOMER)
    _, text = await issue_token(TokenKind.API, "own", scopes, user_id=world.cora.id, at=at)
    await succeed(service.client(), "requestPasswordReset", email=CORA["email"])
    clients = [service.client(text), service.client(world.cora.token)]
    for client in clients:
        assert (await client.post("{ viewer { role } }")).status_code == 200
    return clients


async def promote(client: Client, world: World, query: str, **input: Any) -> dict[str, Any]:
    if query == UPDATE:
        input["userId"] = world.cora.gid
    if "expectedVersion" not in input:
        input["email"] = CORA["email"]
    (payload,) = (await client.run(query, input={"role": "AGENT", **input})).values()
    return payload


@pytest.mark.parametrize("query", [UPDATE, UPSERT])
async def test_a_promotion_ends_all_earlier_access_and_sends_a_link(
    service: Service, world: World, query: str
) -> None:
    clients = await prepare_account(service, world)
    root = service.client(world.root.token)
    assert await promote(root, world, query) == PROMOTED
    for client in clients:
        assert (await client.post("{ viewer { role } }")).status_code == 401
    assert await error_of(service.client(), "signIn", **CORA) == "INVALID email"
    assert await Identity.all().count() == 0
    user = await User.get(id=world.cora.id)
    assert (user.password_hash, user.version) == (None, 2)
    async with sink() as inbox:
        await send_due_mails(mailer(inbox, url=URL), service.clock())
        (message,) = inbox.received  # not the link of the earlier request
        assert str(message["To"]) == "Cora <cora@example.com>"
        text = body(message)
    token = text.partition("/accept-invitation#token=")[2].split()[0]
    await succeed(service.client(), "resetPassword", token=token, newPassword="another horse")
    signed_in = await succeed(service.client(), "signIn", **{**CORA, "password": "another horse"})
    assert "notes:write" in signed_in["viewer"]["scopes"]
    entries = await AuditEntry.filter(record_id=world.cora.id, actor_user_id=world.root.id)
    (entry,) = [each for each in entries if "role" in each.changes]
    assert entry.changes["role"] == ["CUSTOMER", "AGENT"]
    assert entry.changes["identity_1"] == [
        {"issuer": "https://id.example", "subject": "cora"},
        None,
    ]
    assert "password_hash" not in entry.changes


async def test_a_promotion_names_the_address_or_the_version_that_the_admin_has_seen(
    service: Service, world: World
) -> None:
    root = service.client(world.root.token)
    program = service.client(await api_client_token("Portal", ["users:write"]))
    seen = await User.get(id=world.cora.id)
    await User.filter(id=world.cora.id).update(external_id="crm-1")
    change = {"userId": world.cora.gid, "email": "eve@evil.example"}
    assert (await program.run(UPDATE, input=change))["updateUser"]["userErrors"] == []

    async def codes(query: str, **input: Any) -> list[str]:
        (payload,) = (await root.run(query, input={"role": "AGENT", **input})).values()
        return [f"{error['code']} {error['field'][-1]}" for error in payload["userErrors"]]

    own = {"userId": world.cora.gid}
    for keep in (None, True):
        options = {"keepCredentials": keep}
        assert await codes(UPDATE, **own, **options) == ["REQUIRED expectedVersion"]
        assert await codes(UPDATE, **own, **options, email=None) == ["REQUIRED expectedVersion"]
        assert await codes(UPSERT, externalId="crm-1", **options) == ["REQUIRED email"]
    stale = await codes(UPDATE, **own, expectedVersion=seen.version)
    assert stale == ["STALE_VERSION expectedVersion"]
    assert (await User.get(id=world.cora.id)).role is Role.CUSTOMER
    assert await Mail.all().count() == 0
    # The link goes to the address that the admin names.
    await set_password("eve@evil.example", hash_password(PASSWORD))
    assert await codes(UPDATE, **own, email=CORA["email"]) == []
    assert [link.email for link in await AccountLink.all()] == [CORA["email"]]


async def test_a_promotion_with_the_present_version_succeeds(
    service: Service, world: World
) -> None:
    root = service.client(world.root.token)
    version = (await User.get(id=world.cora.id)).version
    assert await promote(root, world, UPDATE, expectedVersion=version) == PROMOTED


@pytest.mark.parametrize("query", [UPDATE, UPSERT])
async def test_an_admin_can_keep_the_credentials_but_not_the_sessions(
    service: Service, world: World, query: str
) -> None:
    clients = await prepare_account(service, world)
    root = service.client(world.root.token)
    before = await Mail.all().count()
    assert await promote(root, world, query, keepCredentials=True) == PROMOTED
    for client in clients:
        assert (await client.post("{ viewer { role } }")).status_code == 401
    assert (await succeed(service.client(), "signIn", **CORA))["token"]
    assert await Identity.all().count() == 1
    assert await AccountLink.filter(used_at__isnull=True).count() == 0
    assert await Mail.all().count() == before


async def test_a_person_with_a_new_password_can_forget_it(service: Service, world: World) -> None:
    await set_password(CORA["email"], hash_password(PASSWORD))
    assert await promote(service.client(world.root.token), world, UPDATE) == PROMOTED
    before = await AccountLink.all().count()
    await succeed(service.client(), "requestPasswordReset", email=CORA["email"])
    assert await AccountLink.all().count() == before + 1


async def test_a_request_of_a_revoked_session_creates_no_api_token(
    service: Service, world: World
) -> None:
    viewer = await authenticate(world.cora.token, service.clock())  # before the promotion
    assert viewer is not None
    assert await promote(service.client(world.root.token), world, UPDATE) == PROMOTED
    before = await Token.all().count()

    async def create() -> None:
        owner = await lock_user(world.cora.id)
        at = service.clock()
        await create_token(RecordChanges(), viewer, owner, "x", ["tickets:read"], None, at)

    with pytest.raises(Forbidden):
        await database.run_in_transaction(create)
    assert await Token.all().count() == before


async def test_other_changes_of_a_role_end_nothing(service: Service, world: World) -> None:
    root, ada = service.client(world.root.token), service.client(world.ada.token)
    await set_password("ada@example.com", hash_password(PASSWORD))
    for role in ("ADMIN", "CUSTOMER"):
        input = {"userId": world.ada.gid, "role": role}
        payload = (await root.run(UPDATE, input=input))["updateUser"]
        assert payload["userErrors"] == []
        assert (await ada.post("{ viewer { role } }")).status_code == 200
    assert (await User.get(id=world.ada.id)).password_hash is not None
    assert await Mail.all().count() == 0


async def test_without_a_public_url_a_promotion_needs_to_keep_the_credentials(url: str) -> None:
    async with running(url, run_jobs=False) as service:
        world = await World.make()
        root, cora = service.client(world.root.token), service.client(world.cora.token)
        await set_password(CORA["email"], hash_password(PASSWORD))
        refused = await promote(root, world, UPDATE)
        assert refused == {"user": None, "userErrors": [{"code": "NOT_ENABLED", "field": None}]}
        assert (await cora.post("{ viewer { role } }")).status_code == 200
        assert await AuditEntry.all().count() == 0
        assert await promote(root, world, UPDATE, keepCredentials=True) == PROMOTED


async def test_a_customer_who_could_not_sign_in_is_promoted_without_a_link(url: str) -> None:
    async with running(url, run_jobs=False) as service:
        world = await World.make()
        assert await promote(service.client(world.root.token), world, UPDATE) == PROMOTED
        assert await Mail.all().count() == 0
