"""Invitations, with emails through a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support import Refused, Service, World
from support.account_mail import NEW, deliver, serving, sign_in
from support.accounts import error_of, send, succeed
from support.actors import token_of
from support.smtp_sink import Sink, sink

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.core import ids
from models.notifications.email import Mail
from models.people.account_link import AccountLink
from models.people.identity import Identity
from models.people.user import Role, User
from workers.cleanup import Cleanup

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]


@pytest.fixture
async def inbox() -> AsyncIterator[Sink]:
    async with sink() as server:
        yield server


@pytest.fixture
async def served(url: str) -> AsyncIterator[tuple[Service, World]]:
    async with serving(url) as found:
        yield found


async def test_an_invited_agent_chooses_a_password(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, world = served
    root = service.client(world.root.token)
    values = {
        "email": "New@example.com",
        "displayName": "New <b>",
        "role": "AGENT",
        "teams": ["support", "support"],
        "idempotencyKey": "invite",
    }
    invited = (await succeed(root, "inviteUser", **values))["user"]
    assert (await succeed(root, "inviteUser", **values))["replayed"] is True
    assert (invited["email"], invited["role"], invited["teams"]) == (
        "new@example.com",
        "AGENT",
        [{"slug": "support"}],
    )
    assert not await sign_in(service, "new@example.com", NEW)
    ((page, token),) = await deliver(service, inbox)
    assert page == "accept-invitation"
    service.clock.advance(days=6)
    await succeed(service.client(), "resetPassword", token=token, newPassword=NEW)
    assert await sign_in(service, "new@example.com", NEW)
    entry = (await AuditEntry.filter(action="inviteUser"))[0]
    assert entry.actor_user_id == world.root.id
    assert await DirectoryEvent.all().count() == 1


async def test_an_expired_invitation_can_be_replaced_by_a_reset(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, world = served
    root = service.client(world.root.token)
    await succeed(root, "inviteUser", email="new@example.com", displayName="New")
    service.clock.advance(days=8)
    await Cleanup().run_once(service.clock(), 0)
    await succeed(service.client(), "requestPasswordReset", email="new@example.com")
    ((page, token),) = await deliver(service, inbox)
    assert page == "reset-password"
    await succeed(service.client(), "resetPassword", token=token, newPassword=NEW)


async def test_only_admins_invite_staff(served: tuple[Service, World]) -> None:
    service, world = served
    admin = await User.get(id=world.root.id)
    manager = service.client(await token_of(admin, ["users:write"]))
    new = {"email": "new@example.com", "displayName": "New"}
    for role in ("AGENT", "ADMIN"):
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(manager, "inviteUser", **new, role=role)
    for client in (service.client(world.ada.token), service.client(world.cora.token)):
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(client, "inviteUser", **new)
    await succeed(manager, "inviteUser", **new)
    assert (await User.get(email="new@example.com")).role is Role.CUSTOMER


async def test_invitations_are_validated(served: tuple[Service, World]) -> None:
    service, world = served
    root = service.client(world.root.token)
    new = {"email": "new@example.com", "displayName": "New"}
    for values, code in (
        ({"email": "CORA@example.com"}, "TAKEN email"),
        ({"email": "no address"}, "INVALID email"),
        ({"email": " "}, "REQUIRED email"),
        ({"displayName": "x" * 201}, "TOO_LONG displayName"),
        ({"organizationId": "nonsense"}, "NOT_FOUND organizationId"),
        ({"teams": ["support"]}, "INVALID teams"),
        ({"teams": ["nowhere"], "role": "AGENT"}, "NOT_FOUND teams"),
    ):
        assert await error_of(root, "inviteUser", **{**new, **values}) == code
    assert await Mail.all().count() == await AccountLink.all().count() == 0


async def create_user(service: Service, world: World, **values: object) -> str:
    """Create a user without a password; return the id."""
    root = service.client(world.root.token)
    query = """mutation($input: CreateUserInput!) {
      createUser(input: $input) { user { id } userErrors { code } } }"""
    new = {"email": "new@example.com", "displayName": "New", **values}
    return str((await root.run(query, input=new))["createUser"]["user"]["id"])


async def test_a_user_without_a_password_can_be_invited_and_invited_again(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, world = served
    root = service.client(world.root.token)
    user_id = await create_user(service, world, role="AGENT")
    events = await DirectoryEvent.all().count()
    first = {"userId": user_id, "idempotencyKey": "first"}
    assert (await succeed(root, "sendInvitation", **first))["user"]["email"] == "new@example.com"
    assert (await succeed(root, "sendInvitation", **first))["replayed"] is True
    assert await DirectoryEvent.all().count() == events, "an email changes no user"
    await deliver(service, inbox)
    service.clock.advance(days=8)  # the link has expired
    await succeed(root, "sendInvitation", userId=user_id)
    links = await deliver(service, inbox)
    assert [page for page, _ in links] == ["accept-invitation"] * 2
    assert (
        await error_of(service.client(), "resetPassword", token=links[0][1], newPassword=NEW)
        == "INVALID token"
    )
    await succeed(service.client(), "resetPassword", token=links[1][1], newPassword=NEW)
    assert await sign_in(service, "new@example.com", NEW)
    assert await error_of(root, "sendInvitation", userId=user_id) == "INVALID userId"
    entries = await AuditEntry.filter(action="sendInvitation")
    assert [(each.actor_user_id, each.record_id) for each in entries] == [
        (world.root.id, ids.key_of(ids.USER, user_id))
    ] * 2


async def test_only_users_who_cannot_sign_in_are_invited_again(
    served: tuple[Service, World],
) -> None:
    service, world = served
    root = service.client(world.root.token)
    user_id = await create_user(service, world)
    user = await User.get(id=ids.key_of(ids.USER, user_id))
    await Identity.create(user=user, issuer="https://issuer.example", subject="new")
    assert await error_of(root, "sendInvitation", userId=user_id) == "INVALID userId"
    await Identity.all().delete()
    await User.filter(id=user.id).update(active=False)
    assert await error_of(root, "sendInvitation", userId=user_id) == "INVALID userId"
    for unknown in ("nonsense", "usr_0198b3a0-0000-7000-8000-000000000000", "x" * 10_000):
        assert await error_of(root, "sendInvitation", userId=unknown) == "NOT_FOUND userId"
    assert await Mail.all().count() == await AccountLink.all().count() == 0


async def test_only_admins_invite_staff_again(served: tuple[Service, World]) -> None:
    service, world = served
    admin = await User.get(id=world.root.id)
    manager = service.client(await token_of(admin, ["users:write"]))
    agent = await create_user(service, world, role="AGENT")
    customer = await create_user(service, world, email="customer@example.com")
    with pytest.raises(Refused, match="FORBIDDEN"):
        await send(manager, "sendInvitation", userId=agent)
    sent = await succeed(manager, "sendInvitation", userId=customer)
    assert (sent["userId"], sent["user"]) == (customer, None), "the token may not read users"


async def test_invitations_of_one_address_are_limited(served: tuple[Service, World]) -> None:
    service, world = served
    root = service.client(world.root.token)
    user_id = await create_user(service, world)

    async def send_many() -> None:
        for _ in range(100):
            await succeed(root, "sendInvitation", userId=user_id)

    with pytest.raises(Refused, match="RATE_LIMITED"):
        await send_many()
    count = await Mail.all().count()
    assert count == 5
    other = await create_user(service, world, email="other@example.com")
    await succeed(root, "sendInvitation", userId=other)
    count += 1
    service.clock.advance(hours=1)
    await succeed(root, "sendInvitation", userId=user_id)
    assert await Mail.all().count() == count + 1
