"""Hashing a password is charged to the caller, before anything is counted or checked."""

from __future__ import annotations

from typing import Any

import pytest
from support import Refused, World
from support.accounts import PASSWORD, error_of, send, set_password, succeed
from support.service import running

from models.audit.entry import AuditEntry
from models.people.password import PASSWORD_COST, hash_password
from models.people.sign_in_limits import SignInAttempts
from models.people.token import Token

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]

ADA: dict[str, Any] = {"email": "ada@example.com", "password": PASSWORD}
SIGN_IN = 'signIn(input: {email: "ada@example.com", password: "correct horse"}) { token }'
TIGHT: dict[str, Any] = {
    "max_operation_cost": 1000,
    "cost_bucket_size": 2 * PASSWORD_COST + 500,
    "cost_refill_per_second": 1,
}


async def test_sign_ins_beyond_the_budget_of_an_address_are_refused(url: str) -> None:
    async with running(url, **TIGHT) as service:
        world = await World.make()
        await set_password(ADA["email"], hash_password(PASSWORD))
        stranger = service.client()
        answer = await stranger.answer(f"mutation {{ {SIGN_IN} }}")
        assert answer["data"]["signIn"]["token"]
        assert answer["extensions"]["cost"]["requested"] == PASSWORD_COST + 10
        assert await error_of(stranger, "signIn", **{**ADA, "password": "x"}) == "INVALID email"
        attempts = await SignInAttempts.all().order_by("key").values()
        tokens, entries = await Token.all().count(), await AuditEntry.all().count()
        for password in (PASSWORD, "x"):
            with pytest.raises(Refused) as refused:
                await send(stranger, "signIn", **{**ADA, "password": password})
            assert refused.value.code == "RATE_LIMITED"
            assert refused.value.errors[0]["extensions"]["retryAfterMs"] > 0
        assert await SignInAttempts.all().order_by("key").values() == attempts
        assert await Token.all().count() == tokens
        assert await AuditEntry.all().count() == entries
        signed_in = service.client(world.ada.token)  # has a budget of its own
        new = {"currentPassword": PASSWORD, "newPassword": "another horse"}
        await succeed(signed_in, "changePassword", **new)  # checks and hashes
        with pytest.raises(Refused, match="RATE_LIMITED"):
            await send(signed_in, "changePassword", **new)


async def test_sign_ins_in_one_operation_are_charged_one_by_one(url: str) -> None:
    async with running(url, **TIGHT) as service:
        await World.make()
        await set_password(ADA["email"], hash_password(PASSWORD))
        aliases = " ".join(f"s{n}: {SIGN_IN}" for n in range(4))
        answer = await service.client().answer(f"mutation {{ {aliases} }}")
        assert [bool(answer["data"][f"s{n}"]) for n in range(4)] == [True, True, False, False]
        codes = [each["extensions"]["code"] for each in answer["errors"]]
        assert codes == ["RATE_LIMITED"] * 2


async def test_only_work_is_charged(url: str) -> None:
    async with running(url, **TIGHT) as service:
        await World.make()
        stranger = service.client()
        for token in ("x", "x" * 500):
            reset = {"token": token, "newPassword": PASSWORD}
            for _ in range(5):
                assert await error_of(stranger, "resetPassword", **reset) == "INVALID token"
        assert await error_of(stranger, "signIn", **ADA) == "INVALID email"


@pytest.mark.parametrize("size", [0, 1000])
async def test_a_small_bucket_still_lets_people_sign_in(url: str, size: int) -> None:
    settings: dict[str, Any] = {"max_operation_cost": 1000, "cost_bucket_size": size}
    async with running(url, **settings, cost_refill_per_second=1_000_000) as service:
        await World.make()
        await set_password(ADA["email"], hash_password(PASSWORD))
        assert (await succeed(service.client(), "signIn", **ADA))["token"]
