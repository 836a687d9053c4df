"""Passwords and self-registration, with emails through a real SMTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic

import httpx2
import pytest
from support import Client, Refused, Service, World
from support.account_mail import NEW, URL, deliver, serving, sign_in
from support.accounts import PASSWORD, error_of, send, succeed
from support.actors import token_of
from support.service import running
from support.smtp_sink import Sink, body, sink

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.notifications.email import Mail, MailStatus
from models.people.account_link import AccountLink
from models.people.domains import OrganizationDomain
from models.people.user import Organization, Role, User
from resolvers.people.accounts import MIN_RESPONSE_SECONDS
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


async def is_signed_in(client: Client) -> bool:
    return (await client.post("{ viewer { role } }")).status_code == 200


# ---------------------------------------------------------------- changePassword


async def test_a_changed_password_ends_the_other_sessions(served: tuple[Service, World]) -> None:
    service, world = served
    user = await User.get(id=world.cora.id)
    cora, other = service.client(world.cora.token), service.client(await token_of(user))
    assert await error_of(cora, "changePassword", currentPassword="no", newPassword=NEW) == (
        "INVALID currentPassword"
    )
    await succeed(cora, "changePassword", currentPassword=PASSWORD, newPassword=NEW)
    assert await is_signed_in(cora)
    assert not await is_signed_in(other)
    assert await sign_in(service, "cora@example.com", NEW)
    assert not await sign_in(service, "cora@example.com", PASSWORD)
    entries = await AuditEntry.filter(action="changePassword")
    assert {each.record_id for each in entries} >= {world.cora.id}
    assert "argon2" not in str([each.changes for each in entries])
    assert await DirectoryEvent.all().count() == 0


async def test_new_passwords_are_validated(served: tuple[Service, World]) -> None:
    service, world = served
    cora = service.client(world.cora.token)
    for password, code in (
        ("", "INVALID"),
        ("short", "INVALID"),
        (" " * 20, "REQUIRED"),
        ("a\0bcdefgh", "INVALID"),
        ("x" * 1025, "TOO_LONG"),
    ):
        refusal = await error_of(
            cora, "changePassword", currentPassword=PASSWORD, newPassword=password
        )
        assert refusal == f"{code} newPassword"
    assert await sign_in(service, "cora@example.com", PASSWORD)


async def test_wrong_current_passwords_are_limited(url: str) -> None:
    async with serving(url, max_sign_in_attempts=3) as (service, world):
        service.clock.stop()  # the first delay is a second
        cora = service.client(world.cora.token)
        for _ in range(3):
            await send(cora, "changePassword", currentPassword="no", newPassword=NEW)
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(cora, "changePassword", currentPassword=PASSWORD, newPassword=NEW)


# ---------------------------------------------------------------- password reset


async def test_a_reset_link_works_once_and_ends_all_sessions(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, world = served
    cora, stranger = service.client(world.cora.token), service.client()
    await succeed(stranger, "requestPasswordReset", email=" CORA@example.com")
    await succeed(stranger, "requestPasswordReset", email="cora@example.com")
    links = await deliver(service, inbox)
    assert [page for page, _ in links] == ["reset-password"] * 2
    assert str(inbox.received[0]["To"]) == "Cora <cora@example.com>"
    assert links[0][1] in body(inbox.received[0], "html")
    stored = str([vars(each) for each in await AccountLink.all()])
    assert links[0][1] not in stored
    resets = (send(stranger, "resetPassword", token=links[0][1], newPassword=NEW) for _ in range(4))
    payloads = await asyncio.gather(*resets)
    assert sorted(each["email"] or "" for each in payloads) == ["", "", "", "cora@example.com"]
    assert await error_of(stranger, "resetPassword", token=links[1][1], newPassword=NEW) == (
        "INVALID token"
    )
    assert not await is_signed_in(cora)
    assert await sign_in(service, "cora@example.com", NEW)
    assert not await sign_in(service, "cora@example.com", PASSWORD)
    entry = (await AuditEntry.filter(action="resetPassword", record_id=world.cora.id))[0]
    assert entry.actor_user_id == world.cora.id


async def test_unknown_addresses_get_the_same_answer_in_the_same_time(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, world = served
    await User.filter(id=world.carl.id).update(active=False)
    for email in ("cora@example.com", "nobody@example.com", "carl@example.com", "ada@example.com"):
        started = monotonic()
        answer = await service.client().answer(
            "mutation($input: RequestPasswordResetInput!) "
            "{ requestPasswordReset(input: $input) { userErrors { code } } }",
            input={"email": email},
        )
        assert monotonic() - started >= MIN_RESPONSE_SECONDS
        assert answer["data"] == {"requestPasswordReset": {"userErrors": []}}
    await deliver(service, inbox)
    assert inbox.recipients == ["cora@example.com"]
    assert await Mail.all().count() == await AccountLink.all().count() == 1


async def test_a_link_expires_and_is_purged(served: tuple[Service, World], inbox: Sink) -> None:
    service, _ = served
    stranger = service.client()
    await succeed(stranger, "requestPasswordReset", email="cora@example.com")
    ((_, token),) = await deliver(service, inbox)
    await succeed(stranger, "requestPasswordReset", email="cora@example.com")
    service.clock.advance(minutes=60)
    assert await error_of(stranger, "resetPassword", token=token, newPassword=NEW) == (
        "INVALID token"
    )
    assert len(await deliver(service, inbox)) == 1, "an expired link is not sent"
    assert await Mail.filter(status=MailStatus.FAILED).count() == 1
    await Cleanup().run_once(service.clock() + timedelta(minutes=1), 0)
    assert await AccountLink.all().count() == 0


async def test_a_link_dies_with_the_address_the_account_or_the_password(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, world = served
    stranger, cora = service.client(), service.client(world.cora.token)
    for _ in range(3):
        await succeed(stranger, "requestPasswordReset", email="cora@example.com")
    tokens = [token for _, token in await deliver(service, inbox)]
    for before, after in (
        ({"email": "cora@example.com"}, {"email": "other@example.com"}),
        ({"active": True}, {"active": False}),
    ):
        await User.filter(id=world.cora.id).update(**after)
        assert await error_of(stranger, "resetPassword", token=tokens[0], newPassword=NEW) == (
            "INVALID token"
        )
        await User.filter(id=world.cora.id).update(**before)
    await succeed(cora, "changePassword", currentPassword=PASSWORD, newPassword=NEW)
    for token in tokens:
        assert await error_of(stranger, "resetPassword", token=token, newPassword=PASSWORD) == (
            "INVALID token"
        )


async def test_hostile_tokens_are_refused(served: tuple[Service, World]) -> None:
    service, world = served
    for token in ("", ".", "a\0", "x" * 100_000, f"{world.cora.id}.x", str(world.cora.id)):
        assert await error_of(service.client(), "resetPassword", token=token, newPassword=NEW) == (
            "INVALID token"
        )


async def test_links_ignore_the_host_header(served: tuple[Service, World], inbox: Sink) -> None:
    service, _ = served
    async with httpx2.AsyncClient() as http:
        query = (
            'mutation { requestPasswordReset(input: {email: "cora@example.com"}) '
            "{ userErrors { code } } }"
        )
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        await http.post(service.http, json={"query": query}, headers=headers)
    ((page, _),) = await deliver(service, inbox)
    assert page == "reset-password"
    assert b"evil" not in inbox.raw[0]


async def test_requests_for_emails_are_limited_by_address_and_network(url: str) -> None:
    async with serving(url, max_account_emails=2) as (service, _):
        service.clock.stop()  # so that no delay ends while the test runs
        stranger = service.client()
        for email in ("cora@example.com", "nobody@example.com"):
            for _ in range(2):
                await succeed(stranger, "requestPasswordReset", email=email)
            with pytest.raises(Refused, match="RATE_LIMITED"):
                await send(stranger, "requestPasswordReset", email=email)
        for n in range(8):
            await succeed(stranger, "requestPasswordReset", email=f"{n}@example.com")
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(stranger, "requestPasswordReset", email="new@example.com")
        service.clock.advance(minutes=1)
        await succeed(stranger, "requestPasswordReset", email="new@example.com")


async def test_a_second_delivery_leaves_the_first_link_valid(
    served: tuple[Service, World], inbox: Sink
) -> None:
    service, _ = served
    await succeed(service.client(), "requestPasswordReset", email="cora@example.com")
    inbox.mails_to_drop = 1
    await deliver(service, inbox)
    service.clock.advance(minutes=5)
    links = await deliver(service, inbox)
    assert len(links) == 2
    assert len(set(inbox.ids)) == 1
    await succeed(service.client(), "resetPassword", token=links[0][1], newPassword=NEW)


async def test_without_a_public_url_no_email_is_promised(service: Service, world: World) -> None:
    root = service.client(world.root.token)
    for email in ("cora@example.com", "nobody@example.com"):
        assert await error_of(service.client(), "requestPasswordReset", email=email) == (
            "NOT_ENABLED"
        )
    assert await error_of(root, "inviteUser", email="new@example.com", displayName="New") == (
        "NOT_ENABLED"
    )
    assert await User.get_or_none(email="new@example.com") is None


# ---------------------------------------------------------------- registration


async def test_registration_is_off_by_default(served: tuple[Service, World]) -> None:
    service, _ = served
    refusal = await error_of(
        service.client(), "registerUser", email="new@example.com", displayName="New"
    )
    assert refusal == "NOT_ENABLED"
    assert await AccountLink.all().count() == 0


async def test_a_registration_creates_a_customer_once_the_address_is_confirmed(
    url: str, inbox: Sink
) -> None:
    async with serving(url, self_registration=True) as (service, _):
        stranger = service.client()
        for _ in range(2):
            await succeed(stranger, "registerUser", email="New@example.com", displayName="New")
        assert await User.get_or_none(email="new@example.com") is None
        links = await deliver(service, inbox)
        assert [page for page, _ in links] == ["confirm-registration"] * 2
        resets = (
            send(stranger, "resetPassword", token=token, newPassword=NEW)
            for _, token in (*links, *links)
        )
        payloads = await asyncio.gather(*resets)
        assert len([each for each in payloads if each["email"]]) == 1
        user = await User.get(email="new@example.com")
        assert (user.role, user.display_name, user.active) == (Role.CUSTOMER, "New", True)
        assert await sign_in(service, "new@example.com", NEW)
        entries = await AuditEntry.filter(action="resetPassword")
        assert {(each.record_id, each.actor_user_id) for each in entries} == {(user.id, user.id)}
        event = await DirectoryEvent.get(record_id=user.id)
        assert event.actor_user_id == user.id


async def test_a_link_creates_no_account_after_registration_was_turned_off(
    url: str, inbox: Sink
) -> None:
    async with serving(url, self_registration=True) as (service, _):
        fields = {"email": "new@example.com", "displayName": "New"}
        await succeed(service.client(), "registerUser", **fields)
        ((_, token),) = await deliver(service, inbox)
    choice = {"token": token, "newPassword": NEW}
    async with running(url, public_url=URL, run_jobs=False) as service:
        assert await error_of(service.client(), "resetPassword", **choice) == "NOT_ENABLED"
        assert not await User.exists(email="new@example.com")
    async with running(url, public_url=URL, run_jobs=False, self_registration=True) as service:
        await succeed(service.client(), "resetPassword", **choice)


@pytest.mark.parametrize("matches", [True, False])
async def test_a_confirmed_registration_joins_the_organization_of_its_domain(
    url: str, inbox: Sink, matches: bool
) -> None:
    async with serving(url, self_registration=True) as (service, _):
        globex = await Organization.create(name="Globex", matches_domains=matches)
        await OrganizationDomain.create(organization=globex, domain="globex.example")
        fields = {"email": "Nina@Globex.example", "displayName": "Nina"}
        await succeed(service.client(), "registerUser", **fields)
        assert not await User.exists(organization_id=globex.id)
        ((_, token),) = await deliver(service, inbox)
        await succeed(service.client(), "resetPassword", token=token, newPassword=NEW)
        user = await User.get(email="nina@globex.example")
        assert user.organization_id == (globex.id if matches else None)
        assert user.role is Role.CUSTOMER


async def test_a_registration_with_a_known_address_gets_the_same_answer(
    url: str, inbox: Sink
) -> None:
    async with serving(url, self_registration=True) as (service, _):
        started = monotonic()
        payload = await succeed(
            service.client(), "registerUser", email="cora@example.com", displayName="Mallory"
        )
        assert monotonic() - started >= MIN_RESPONSE_SECONDS
        assert payload == {"userErrors": []}
        ((page, _),) = await deliver(service, inbox)
        assert page == "reset-password"
        assert "Mallory" not in body(inbox.received[0])
        assert str(inbox.received[0]["Subject"]) == "You already have an account"
