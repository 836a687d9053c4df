"""Second factors: set-up, sign-in with codes and recovery codes, limits, and encryption at rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from support import Client, Refused, Service, World
from support.accounts import (
    PASSWORD,
    code_at,
    current_code,
    enrol,
    error_of,
    read_secret,
    send,
    set_password,
    succeed,
)
from support.service import running

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.people.password import hash_password
from models.people.second_factor import SecondFactor
from models.people.token import Token

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]

KEY = Fernet.generate_key().decode()
LOST_KEY = {"code": "NOT_ENABLED", "field": ["input", "secondFactor"]}
START = {"currentPassword": PASSWORD}
ADA: dict[str, Any] = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, encryption_keys=KEY) as found:
        yield found


@pytest.fixture
async def ada(service: Service, world: World) -> Client:
    await set_password("ada@example.com", hash_password(PASSWORD))
    return service.client(world.ada.token)


async def test_sign_in_requires_a_code_after_the_right_password_only(
    service: Service, ada: Client
) -> None:
    started = await succeed(ada, "startSecondFactor", **START)
    secret = started["secret"]
    assert read_secret(started["otpauthUri"]) == secret
    assert (await succeed(service.client(), "signIn", **ADA))["token"]  # not confirmed yet
    confirmed = await succeed(ada, "confirmSecondFactor", code=code_at(service, secret))
    assert len(set(confirmed["recoveryCodes"])) == 10
    service.clock.advance(seconds=60)
    stranger = service.client()
    assert await error_of(stranger, "signIn", **ADA) == "SECOND_FACTOR_REQUIRED secondFactor"
    assert await error_of(stranger, "signIn", **ADA, secondFactor=" ") == (
        "SECOND_FACTOR_REQUIRED secondFactor"
    )
    wrong = {**ADA, "password": "wrong", "secondFactor": code_at(service, secret)}
    assert await error_of(stranger, "signIn", **wrong) == "INVALID email"
    for code in ("000000x", "12345", "\u0661\u0662\u0663\u0664\u0665\u0666"):
        assert await error_of(stranger, "signIn", **ADA, secondFactor=code) == (
            "INVALID secondFactor"
        )
    signed_in = await succeed(stranger, "signIn", **ADA, secondFactor=code_at(service, secret))
    assert signed_in["token"]
    data = await service.client(signed_in["token"]).run("{ viewer { hasSecondFactor } }")
    assert data["viewer"] == {"hasSecondFactor": True}


async def test_a_code_is_accepted_once_and_within_one_step(service: Service, ada: Client) -> None:
    secret, _ = await enrol(service, ada)
    stranger = service.client()
    used = code_at(service, secret)
    assert await error_of(stranger, "signIn", **ADA, secondFactor=used) == "INVALID secondFactor"
    service.clock.advance(seconds=300)
    for steps in (-2, 2):
        far = code_at(service, secret, steps)
        assert await error_of(stranger, "signIn", **ADA, secondFactor=far) == "INVALID secondFactor"
    early = code_at(service, secret, 1)
    attempts = [send(service.client(), "signIn", **ADA, secondFactor=early) for _ in range(4)]
    payloads = await asyncio.gather(*attempts, return_exceptions=True)
    accepted = [each for each in payloads if isinstance(each, dict) and each["token"]]
    assert len(accepted) == 1


async def test_a_recovery_code_works_once_and_is_stored_as_a_hash(
    service: Service, ada: Client
) -> None:
    _, codes = await enrol(service, ada)
    stored = str(vars(await SecondFactor.get()))
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)
    typed = codes[3].lower().replace("-", " ")
    attempts = [send(service.client(), "signIn", **ADA, secondFactor=typed) for _ in range(4)]
    payloads = await asyncio.gather(*attempts, return_exceptions=True)
    assert len([each for each in payloads if isinstance(each, dict) and each["token"]]) == 1
    assert len((await SecondFactor.get()).recovery_digests) == 9
    assert await error_of(service.client(), "signIn", **ADA, secondFactor=typed) == (
        "INVALID secondFactor"
    )


async def test_wrong_codes_have_a_limit_of_their_own(service: Service, ada: Client) -> None:
    secret, _ = await enrol(service, ada)
    service.clock.advance(seconds=60)
    service.clock.stop()  # the first delay is a second
    stranger = service.client()
    for _ in range(5):
        assert await error_of(stranger, "signIn", **ADA, secondFactor="1") == "INVALID secondFactor"
    with pytest.raises(Refused, match="RATE_LIMITED"):
        await send(stranger, "signIn", **ADA, secondFactor=code_at(service, secret))
    assert await error_of(ada, "disableSecondFactor", code="1") == "INVALID code"
    assert await error_of(stranger, "signIn", **ADA) == "SECOND_FACTOR_REQUIRED secondFactor"
    service.clock.advance(seconds=60)
    await succeed(stranger, "signIn", **ADA, secondFactor=code_at(service, secret))
    assert await error_of(stranger, "signIn", **ADA, secondFactor="1") == "INVALID secondFactor"


async def test_the_secret_is_encrypted_and_shown_once(service: Service, ada: Client) -> None:
    started = await succeed(ada, "startSecondFactor", **START, idempotencyKey="start")
    replayed = await succeed(ada, "startSecondFactor", **START, idempotencyKey="start")
    assert replayed == {"replayed": True, "secret": None, "otpauthUri": None, "userErrors": []}
    factor = await SecondFactor.get()
    assert started["secret"] not in str(vars(factor))
    assert Fernet(KEY).decrypt(factor.secret).decode() == started["secret"]
    code = code_at(service, started["secret"])
    confirmed = await succeed(ada, "confirmSecondFactor", code=code, idempotencyKey="confirm")
    again = await succeed(ada, "confirmSecondFactor", code=code, idempotencyKey="confirm")
    assert len(confirmed["recoveryCodes"]) == 10
    assert (again["replayed"], again["recoveryCodes"]) == (True, None)
    assert await error_of(ada, "startSecondFactor", **START) == "INVALID"
    assert await error_of(ada, "confirmSecondFactor", code=code) == "INVALID"


async def test_set_up_needs_a_start_and_a_right_code(service: Service, ada: Client) -> None:
    assert await error_of(ada, "confirmSecondFactor", code="123456") == "INVALID"
    assert await error_of(ada, "disableSecondFactor", code="123456") == "INVALID"
    first = (await succeed(ada, "startSecondFactor", **START))["secret"]
    second = (await succeed(ada, "startSecondFactor", **START))["secret"]
    assert await error_of(ada, "confirmSecondFactor", code=code_at(service, first)) == (
        "INVALID code"
    )
    await succeed(ada, "confirmSecondFactor", code=code_at(service, second))


async def test_a_second_factor_is_disabled_with_a_code_and_logged(
    service: Service, ada: Client
) -> None:
    secret, _ = await enrol(service, ada)
    service.clock.advance(seconds=60)
    assert await error_of(ada, "disableSecondFactor", code="000000") == "INVALID code"
    await succeed(ada, "disableSecondFactor", code=code_at(service, secret))
    assert await SecondFactor.all().count() == 0
    assert (await succeed(service.client(), "signIn", **ADA))["token"]
    entries = await AuditEntry.filter(action__endswith="SecondFactor").order_by("id")
    assert [(each.action, each.changes) for each in entries] == [
        ("confirmSecondFactor", {"second_factor": [False, True]}),
        ("disableSecondFactor", {"second_factor": [True, False]}),
    ]
    assert await DirectoryEvent.all().count() == 0


async def test_an_admin_resets_the_second_factor_of_another_user(
    service: Service, world: World, ada: Client
) -> None:
    await enrol(service, ada)
    root = service.client(world.root.token)
    for client in (ada, service.client(world.cora.token)):
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(client, "resetSecondFactor", userId=world.ada.gid)
    assert await error_of(root, "resetSecondFactor", userId="nonsense") == "NOT_FOUND userId"
    await succeed(root, "resetSecondFactor", userId=world.ada.gid)
    assert (await succeed(service.client(), "signIn", **ADA))["token"]
    assert (await ada.post("{ viewer { role } }")).status_code == 401


async def test_a_required_second_factor_leaves_a_session_without_scopes_until_it_is_set_up(
    url: str,
) -> None:
    async with running(url, encryption_keys=KEY, require_second_factor=True) as service:
        await World.make()
        for email in ("ada@example.com", "cora@example.com"):
            await set_password(email, hash_password(PASSWORD))
        customer = await succeed(
            service.client(), "signIn", email="cora@example.com", password=PASSWORD
        )
        assert customer["requiresSecondFactorSetup"] is False
        signed_in = await succeed(service.client(), "signIn", **ADA)
        assert signed_in["requiresSecondFactorSetup"] is True
        assert signed_in["viewer"]["scopes"] == []
        ada = service.client(signed_in["token"])
        with pytest.raises(Refused, match="FORBIDDEN"):
            await ada.run("{ tickets { totalCount } }")
        secret, _ = await enrol(service, ada)
        assert (await ada.run("{ tickets { totalCount } }"))["tickets"] == {"totalCount": 0}
        service.clock.advance(seconds=60)
        code = code_at(service, secret)
        assert await error_of(ada, "disableSecondFactor", code=code) == "INVALID"
        again = await succeed(service.client(), "signIn", **ADA, secondFactor=code)
        assert again["viewer"]["scopes"] != []
        assert again["requiresSecondFactorSetup"] is False
        tokens = await Token.filter(user__email="ada@example.com").values_list("scopes", flat=True)
        assert [] not in tokens


async def test_a_session_without_its_second_factor_changes_nothing_of_the_account(url: str) -> None:
    async with running(url, encryption_keys=KEY, require_second_factor=True) as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        signed_in = await succeed(service.client(), "signIn", **ADA)
        ada, other = service.client(signed_in["token"]), service.client(world.ada.token)
        sessions = (await other.run("{ viewer { sessions { id current } } }"))["viewer"]["sessions"]
        (session_id,) = [each["id"] for each in sessions if each["current"]]
        token = await succeed(other, "createApiToken", name="own", scopes=["tickets:read"])
        update = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { userId } }"
        password = {"currentPassword": PASSWORD, "newPassword": "another horse"}
        inputs: list[tuple[str, dict[str, Any]]] = [
            ("changePassword", password),
            ("revokeSession", {"sessionId": session_id}),
            ("revokeAllSessions", {}),
            ("createApiToken", {"name": "x", "scopes": ["tickets:read"]}),
            ("revokeApiToken", {"tokenId": token["apiToken"]["id"]}),
            ("rotateApiToken", {"tokenId": token["apiToken"]["id"]}),
        ]
        for mutation, input in inputs:
            with pytest.raises(Refused, match="FORBIDDEN"):
                await send(ada, mutation, **input)
        with pytest.raises(Refused, match="FORBIDDEN"):
            await ada.run(update, input={"userId": world.ada.gid, "displayName": "Eve"})
        with pytest.raises(Refused, match="FORBIDDEN"):
            await ada.run("{ apiTokens { id } }")
        viewer = await ada.run("{ viewer { sessions { id } user { displayName } } }")
        assert viewer["viewer"] == {"sessions": [], "user": {"displayName": "Ada"}}
        await enrol(service, ada)
        await succeed(ada, "revokeSession", sessionId=session_id)


async def test_keys_are_rotated_by_a_list_of_keys(url: str) -> None:
    new = Fernet.generate_key().decode()

    async def sign_in(code: str, **settings: Any) -> dict[str, Any]:
        async with running(url, **settings) as service:
            return await service.client().answer(
                'mutation($code: String) { signIn(input: {email: "ada@example.com", '
                f'password: "{PASSWORD}", secondFactor: $code}}) '
                "{ token userErrors { code field } } }",
                code=code,
            )

    async with running(url, encryption_keys=KEY) as service:
        world = await World.make()
        await set_password("ada@example.com", hash_password(PASSWORD))
        secret, codes = await enrol(service, service.client(world.ada.token))
        now: datetime = service.clock()
    code = current_code(secret, now, 1)
    assert (await sign_in(code, encryption_keys=f"{new},{KEY}"))["data"]["signIn"]["token"]
    lost = await sign_in("123456", encryption_keys=new)
    assert lost["data"]["signIn"] == {"token": None, "userErrors": [LOST_KEY]}
    assert (await sign_in(codes[0], encryption_keys=new))["data"]["signIn"]["token"]


async def test_production_without_a_key_refuses_second_factors(url: str) -> None:
    async with running(url, mode="production") as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        payload = await send(ada, "startSecondFactor", **START)
        (error,) = payload["userErrors"]
        assert error["code"] == "NOT_ENABLED"
        assert "TICKETWIRE_ENCRYPTION_KEYS" in error["message"]
        assert await SecondFactor.all().count() == 0


async def test_development_creates_a_key_beside_the_sqlite_file(url: str) -> None:
    async with running(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        if not url.startswith("sqlite"):
            assert await error_of(ada, "startSecondFactor", **START) == "NOT_ENABLED"
            return
        await enrol(service, ada)
        file = Path(url.removeprefix("sqlite:///") + ".key")
        assert file.stat().st_mode & 0o777 == 0o600
        assert Fernet(file.read_text()).decrypt((await SecondFactor.get()).secret)
