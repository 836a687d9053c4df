"""The renewal of recovery codes: the code that it needs, secrets that are shown once, and races."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from support import Client, Refused, Service, World
from support.accounts import PASSWORD, code_at, enrol, error_of, send, set_password, succeed
from support.service import running

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.people.password import hash_password
from models.people.second_factor import SecondFactor

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]

KEY = Fernet.generate_key().decode()
RENEW = "renewRecoveryCodes"
ADA: dict[str, Any] = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, encryption_keys=KEY) as found:
        yield found


@pytest.fixture
async def ada(service: Service, world: World) -> Client:
    await set_password("ada@example.com", hash_password(PASSWORD))
    return service.client(world.ada.token)


async def test_new_recovery_codes_replace_the_old_ones(service: Service, ada: Client) -> None:
    secret, old = await enrol(service, ada)
    service.clock.advance(seconds=60)
    payload = await succeed(ada, RENEW, code=code_at(service, secret))
    new = payload["recoveryCodes"]
    assert len({*old, *new}) == 20
    assert payload["user"] == {"displayName": "Ada"}
    stored = str(vars(await SecondFactor.get()))
    assert not any(code in stored or code.replace("-", "") in stored for code in new)
    stranger = service.client()
    for code in old:
        service.clock.advance(minutes=10)  # so that wrong codes don't reach the limit
        refused = await error_of(stranger, "signIn", **ADA, secondFactor=code)
        assert refused == "INVALID secondFactor"
    service.clock.advance(minutes=10)
    for code in new:
        assert (await succeed(stranger, "signIn", **ADA, secondFactor=code))["token"]
    current = code_at(service, secret)  # the secret is still the same
    assert (await succeed(stranger, "signIn", **ADA, secondFactor=current))["token"]
    assert (await ada.run("{ viewer { hasSecondFactor } }"))["viewer"] == {"hasSecondFactor": True}


async def test_the_renewal_is_in_the_audit_log_without_codes(service: Service, ada: Client) -> None:
    _, old = await enrol(service, ada)
    new = (await succeed(ada, RENEW, code=old[0]))["recoveryCodes"]
    entry = await AuditEntry.get(action=RENEW).select_related("actor_user")
    assert entry.changes == {"recovery_codes": [None, "renewed"]}
    assert entry.actor_user is not None
    assert (entry.actor_user.email, entry.record_id) == ("ada@example.com", entry.actor_user.id)
    logged = str([vars(each) for each in await AuditEntry.all()])
    assert not any(code in logged for code in [*old, *new])
    assert await DirectoryEvent.all().count() == 0


async def test_a_repetition_shows_no_codes_and_changes_none(service: Service, ada: Client) -> None:
    _, old = await enrol(service, ada)
    renewal = {"code": old[0], "idempotencyKey": "renew"}
    first = await succeed(ada, RENEW, **renewal)
    digests = (await SecondFactor.get()).recovery_digests
    again = await succeed(ada, RENEW, **renewal)
    assert (first["replayed"], len(first["recoveryCodes"])) == (False, 10)
    assert (again["replayed"], again["recoveryCodes"]) == (True, None)
    reused = await error_of(ada, RENEW, **{**renewal, "code": old[1]})
    assert reused == "IDEMPOTENCY_KEY_REUSED idempotencyKey"
    assert (await SecondFactor.get()).recovery_digests == digests
    assert await AuditEntry.filter(action=RENEW).count() == 1


async def test_a_renewal_needs_a_second_factor_and_a_right_code(
    service: Service, ada: Client
) -> None:
    assert await error_of(ada, RENEW, code="123456") == "INVALID"
    started = await succeed(ada, "startSecondFactor", currentPassword=PASSWORD)
    unconfirmed = code_at(service, started["secret"])
    assert await error_of(ada, RENEW, code=unconfirmed) == "INVALID"
    service.clock.stop()  # a code counts once within its half minute
    secret, old = await enrol(service, ada)
    digests = (await SecondFactor.get()).recovery_digests
    assert await error_of(ada, RENEW, code=code_at(service, secret)) == "INVALID code"  # used
    for wrong in ("", "000000x", PASSWORD, "\x00", "x" * 5000, started["secret"]):
        service.clock.advance(minutes=10)  # so that wrong codes don't reach the limit
        assert await error_of(ada, RENEW, code=wrong) == "INVALID code"
    service.clock.advance(minutes=10)
    replaced = code_at(service, started["secret"])
    assert await error_of(ada, RENEW, code=replaced) == "INVALID code"
    assert (await SecondFactor.get()).recovery_digests == digests
    assert len(digests) == len(old)
    assert await AuditEntry.filter(action=RENEW).count() == 0


async def test_wrong_codes_share_one_limit_with_those_of_other_mutations(
    service: Service, ada: Client
) -> None:
    secret, _ = await enrol(service, ada)
    service.clock.advance(seconds=60)
    service.clock.stop()  # the first delay is a second
    for mutation in (RENEW, "disableSecondFactor", RENEW, "disableSecondFactor", RENEW):
        assert await error_of(ada, mutation, code="1") == "INVALID code"
    for mutation in (RENEW, "disableSecondFactor"):
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(ada, mutation, code=code_at(service, secret))
    signed_in = await succeed(
        service.client(), "signIn", **ADA, secondFactor=code_at(service, secret)
    )
    assert signed_in["token"]  # the owner is not locked out


async def test_one_code_renews_once_also_at_the_same_time(service: Service, ada: Client) -> None:
    _, old = await enrol(service, ada)
    attempts = [send(ada, RENEW, code=old[0]) for _ in range(4)]
    payloads = [each for each in await asyncio.gather(*attempts) if each["recoveryCodes"]]
    assert len(payloads) == 1
    assert await AuditEntry.filter(action=RENEW).count() == 1
    for code in payloads[0]["recoveryCodes"]:
        assert (await succeed(service.client(), "signIn", **ADA, secondFactor=code))["token"]


async def test_codes_are_renewed_although_the_server_requires_a_second_factor(url: str) -> None:
    async with running(url, encryption_keys=KEY, require_second_factor=True) as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        ada = service.client(world.ada.token)
        _, old = await enrol(service, ada)
        assert len((await succeed(ada, RENEW, code=old[0]))["recoveryCodes"]) == 10


async def test_a_recovery_code_renews_also_without_the_encryption_key(
    service: Service, ada: Client
) -> None:
    _, old = await enrol(service, ada)
    await SecondFactor.all().update(secret=Fernet(Fernet.generate_key()).encrypt(b"x").decode())
    assert await error_of(ada, RENEW, code="123456") == "NOT_ENABLED code"
    assert len((await succeed(ada, RENEW, code=old[0]))["recoveryCodes"]) == 10


async def test_a_former_agent_renews_codes_and_removes_the_second_factor(url: str) -> None:
    async with running(url, encryption_keys=KEY, require_second_factor=True) as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        ada, root = service.client(world.ada.token), service.client(world.root.token)
        _, old = await enrol(service, ada)
        assert await error_of(ada, "disableSecondFactor", code=old[1]) == "INVALID"
        demote = """mutation($id: ID!) {
          updateUser(input: {userId: $id, role: CUSTOMER}) { userErrors { code } } }"""
        assert (await root.run(demote, id=world.ada.gid))["updateUser"] == {"userErrors": []}
        assert await error_of(service.client(), "signIn", **ADA) == (
            "SECOND_FACTOR_REQUIRED secondFactor"
        )
        new = (await succeed(ada, RENEW, code=old[0]))["recoveryCodes"]
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(ada, "startSecondFactor", currentPassword=PASSWORD)
        await succeed(ada, "disableSecondFactor", code=new[0])
        assert (await succeed(service.client(), "signIn", **ADA))["token"]
