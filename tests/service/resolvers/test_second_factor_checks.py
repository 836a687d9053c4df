"""The checks before a second factor is set up or reset, and a lost encryption key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from structlog.testing import capture_logs
from support import Client, Refused, Service, World
from support.accounts import (
    PASSWORD,
    code_at,
    enrol,
    error_of,
    failed_sign_ins,
    send,
    set_password,
    succeed,
)
from support.metrics import read_metrics
from support.service import running

from models.access.scopes import scopes_of_role
from models.audit.entry import AuditEntry
from models.people.password import hash_password
from models.people.second_factor import SecondFactor
from models.people.token import TokenKind, issue_token
from models.people.user import Role

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]

KEY = Fernet.generate_key().decode()
ADA: dict[str, Any] = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, encryption_keys=KEY) as found:
        yield found


@pytest.fixture
async def ada(service: Service, world: World) -> Client:
    await set_password("ada@example.com", hash_password(PASSWORD))
    return service.client(world.ada.token)


async def test_an_admin_needs_a_code_to_reset_the_own_second_factor(
    service: Service, world: World
) -> None:
    await set_password("root@example.com", hash_password(PASSWORD))
    root = service.client(world.root.token)
    secret, _ = await enrol(service, root)
    service.clock.advance(seconds=60)
    at = service.clock()
    _, api_token = await issue_token(
        TokenKind.API, "own", scopes_of_role(Role.ADMIN), user_id=world.root.id, at=at
    )
    for client in (root, service.client(api_token)):
        reset = {"userId": world.root.gid}
        assert await error_of(client, "resetSecondFactor", **reset) == "REQUIRED code"
        assert await error_of(client, "resetSecondFactor", **reset, code="1") == "INVALID code"
    assert await SecondFactor.all().count() == 1
    assert await AuditEntry.filter(action="resetSecondFactor").count() == 0
    code = code_at(service, secret)
    await succeed(root, "resetSecondFactor", userId=world.root.gid, code=code)
    assert await SecondFactor.all().count() == 0
    assert (await root.post("{ viewer { role } }")).status_code == 401


async def test_wrong_codes_for_the_own_reset_are_limited(service: Service, world: World) -> None:
    await set_password("root@example.com", hash_password(PASSWORD))
    root = service.client(world.root.token)
    secret, _ = await enrol(service, root)
    service.clock.advance(seconds=60)
    service.clock.stop()  # the first delay is a second
    own = {"userId": world.root.gid}
    for _ in range(5):
        assert await error_of(root, "resetSecondFactor", **own, code="1") == "INVALID code"
    with pytest.raises(Refused, match="RATE_LIMITED"):
        await send(root, "resetSecondFactor", **own, code=code_at(service, secret))
    assert await SecondFactor.all().count() == 1


async def test_wrong_codes_of_a_session_do_not_lock_the_owner_out(
    service: Service, world: World, ada: Client
) -> None:
    secret, _ = await enrol(service, ada)
    service.clock.advance(seconds=60)
    service.clock.stop()  # the first delay is a second
    for _ in range(5):
        assert await error_of(ada, "disableSecondFactor", code="1") == "INVALID code"
    for mutation in ("disableSecondFactor", "confirmSecondFactor"):
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(ada, mutation, code=code_at(service, secret))
    stranger = service.client()
    assert await error_of(stranger, "signIn", **ADA, secondFactor="1") == "INVALID secondFactor"
    await succeed(stranger, "signIn", **ADA, secondFactor=code_at(service, secret))
    with pytest.raises(Refused, match="RATE_LIMITED"):  # the sign-in gives no more attempts
        await send(ada, "disableSecondFactor", code=code_at(service, secret, 1))


async def test_a_repeated_removal_is_replayed_without_another_code(
    service: Service, world: World, ada: Client
) -> None:
    secret, _ = await enrol(service, ada)
    service.clock.advance(seconds=60)
    removal = {"code": code_at(service, secret), "idempotencyKey": "remove"}
    for replayed in (False, True):
        payload = await succeed(ada, "disableSecondFactor", **removal)
        assert payload["replayed"] is replayed
    reused = await error_of(ada, "disableSecondFactor", **{**removal, "code": "1"})
    assert reused == "IDEMPOTENCY_KEY_REUSED idempotencyKey"
    assert await AuditEntry.filter(action="disableSecondFactor").count() == 1


async def test_a_repeated_reset_of_the_own_second_factor_is_replayed(
    service: Service, world: World
) -> None:
    await set_password("root@example.com", hash_password(PASSWORD))
    _, api_token = await issue_token(
        TokenKind.API, "x", scopes_of_role(Role.ADMIN), user_id=world.root.id, at=service.clock()
    )
    _, codes = await enrol(service, service.client(world.root.token))
    reset = {"userId": world.root.gid, "code": codes[0], "idempotencyKey": "reset"}
    root = service.client(api_token)  # a reset ends all sessions
    assert (await succeed(root, "resetSecondFactor", **reset))["replayed"] is False
    # The owner sets the second factor up again, before the lost answer is requested again.
    signed_in = await succeed(
        service.client(), "signIn", email="root@example.com", password=PASSWORD
    )
    await enrol(service, service.client(signed_in["token"]))
    assert (await succeed(root, "resetSecondFactor", **reset))["replayed"] is True
    assert await SecondFactor.all().count() == 1


async def test_set_up_needs_the_password_also_for_a_repetition(
    service: Service, ada: Client
) -> None:
    key = {"idempotencyKey": "set-up"}
    assert await error_of(ada, "startSecondFactor", **key) == "REQUIRED currentPassword"
    for wrong in ("", "wrong", "x" * 5000, "\x00"):
        refused = await error_of(ada, "startSecondFactor", currentPassword=wrong, **key)
        assert refused == "INVALID currentPassword"
    assert await SecondFactor.all().count() == 0
    await succeed(ada, "startSecondFactor", currentPassword=PASSWORD, **key)
    wrong_again = await error_of(ada, "startSecondFactor", currentPassword="wrong", **key)
    assert wrong_again == "INVALID currentPassword"


async def test_wrong_passwords_for_the_set_up_have_the_limits_of_signing_in(url: str) -> None:
    async with running(url, encryption_keys=KEY, max_sign_in_attempts=3) as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        ada = service.client(world.ada.token)
        service.clock.stop()  # the first delay is a second
        for _ in range(3):
            refused = await error_of(ada, "startSecondFactor", currentPassword="wrong")
            assert refused == "INVALID currentPassword"
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(ada, "startSecondFactor", currentPassword=PASSWORD)
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(service.client(), "signIn", **ADA)
        assert await SecondFactor.all().count() == 0


async def test_a_user_without_a_password_needs_a_new_session(
    service: Service, world: World
) -> None:
    at = service.clock()
    scopes = scopes_of_role(Role.AGENT)
    _, text = await issue_token(TokenKind.SESSION, "session", scopes, user_id=world.bill.id, at=at)
    bill = service.client(text)
    assert (await succeed(bill, "startSecondFactor"))["secret"]
    service.clock.advance(minutes=11)
    assert await error_of(bill, "startSecondFactor") == "INVALID"
    assert await SecondFactor.all().count() == 1


async def test_a_lost_key_is_logged_and_counted(
    service: Service, world: World, ada: Client
) -> None:
    await enrol(service, ada)
    await SecondFactor.all().update(secret=Fernet(Fernet.generate_key()).encrypt(b"x").decode())
    before = (await read_metrics(service, world.root.token))["secrets_undecryptable_total"]
    with capture_logs() as lines:
        refused = await error_of(service.client(), "signIn", **ADA, secondFactor="123456")
    assert refused == "NOT_ENABLED secondFactor"
    (line,) = [each for each in lines if each["event"] == "second_factor.undecryptable"]
    assert line["log_level"] == "error"
    after = (await read_metrics(service, world.root.token))["secrets_undecryptable_total"]
    assert after == before + 1
    assert len(await failed_sign_ins(1)) == 1
    assert await error_of(ada, "disableSecondFactor", code="123456") == "NOT_ENABLED code"
