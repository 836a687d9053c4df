"""Signing in and out, and finding people."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.assert_unchanged import assert_nothing_stored
from support.client import TIMEOUT_SECONDS
from support.live import until
from support.loop_limits import count_pages
from support.service import running

from models.people import password
from models.people.password import hash_password
from models.people.sign_in_limits import SignInAttempts, SignInLimits, SignInSource
from models.people.token import Token
from models.people.user import Role, User

SIGN_IN = """mutation($input: SignInInput!) { signIn(input: $input) {
  token expiresAt viewer { role scopes user { email } }
  userErrors { __typename code field message } } }"""
pytestmark = pytest.mark.usefixtures("cheap_passwords")

SECRET = "correct horse battery"


def source_of(email: str) -> SignInSource:
    return SignInSource(email, "127.0.0.1", "127.0.0.0/24")


async def sign_in(client: Client, email: str, secret: str = SECRET) -> dict[str, Any]:
    return (await client.run(SIGN_IN, input={"email": email, "password": secret}))["signIn"]


async def set_passwords(world: World) -> None:
    stored = hash_password(SECRET)
    await User.filter(id__in=[world.cora.id, world.ada.id]).update(password_hash=stored)


async def test_the_right_password_returns_a_token_that_works_until_it_expires(
    service: Service, world: World
) -> None:
    await set_passwords(world)
    stranger = service.client()
    payload = await sign_in(stranger, "  CORA@Example.com ")
    assert payload["userErrors"] == []
    assert payload["viewer"] == {
        "role": "CUSTOMER",
        "scopes": ["events:read", "tickets:read", "tickets:write"],
        "user": {"email": "cora@example.com"},
    }
    signed_in = service.client(payload["token"])
    data = await signed_in.run("{ viewer { user { displayName } apiClient { id } } }")
    assert data["viewer"] == {
        "user": {"displayName": "Cora"},
        "apiClient": None,
    }
    assert (await sign_in(stranger, "ada@example.com"))["viewer"]["role"] == "AGENT"
    assert (await signed_in.run("{ apiTokens { name } }"))["apiTokens"] == [], (
        "sessions are not listed"
    )
    service.clock.advance(days=29.9)
    assert (await signed_in.post("{ viewer { role } }")).status_code == 200
    service.clock.advance(days=0.2)
    assert (await signed_in.post("{ viewer { role } }")).status_code == 401


async def test_the_fields_after_sign_in_use_the_new_session(service: Service, world: World) -> None:
    await set_passwords(world)
    query = """mutation($credentials: SignInInput!, $token: CreateApiTokenInput!) {
      signIn(input: $credentials) { token } createApiToken(input: $token) { token } }"""
    variables = {
        "credentials": {"email": "cora@example.com", "password": SECRET},
        "token": {"name": "x", "scopes": ["tickets:read"]},
    }
    answer = await service.client().run(query, **variables)
    assert answer["signIn"]["token"]
    assert answer["createApiToken"]["token"]


async def test_every_failed_sign_in_looks_and_costs_the_same(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_passwords(world)
    await User.filter(id=world.ada.id).update(active=False)
    verified: list[str] = []
    verify = password.HASHER.verify
    monkeypatch.setattr(
        password.HASHER,
        "verify",
        lambda secret, stored: verified.append(stored) or verify(secret, stored),
    )
    stranger = service.client()
    async with assert_nothing_stored():
        answers = [
            await sign_in(stranger, "cora@example.com", "wrong"),
            await sign_in(stranger, "nobody@example.com"),
            await sign_in(stranger, "ada@example.com"),
            await sign_in(stranger, "bill@example.com", "nobody's password"),
            await sign_in(stranger, "carl@example.com", ""),
            await sign_in(stranger, "", ""),
            await sign_in(stranger, "cora\0@example.com"),
            await sign_in(stranger, "cora@example.com", SECRET + "\0"),
            await sign_in(stranger, "x" * 5000),
            await sign_in(stranger, "cora@example.com", "x" * 5000),
        ]
    assert all(answer == answers[0] for answer in answers)
    (error,) = answers[0]["userErrors"]
    assert (error["__typename"], error["code"], error["field"]) == (
        "InvalidInput",
        "INVALID",
        ["input", "email"],
    )
    assert answers[0]["token"] is answers[0]["viewer"] is answers[0]["expiresAt"] is None
    assert len(verified) == len(answers), "an unknown address costs a password check too"
    assert all(stored.startswith("$argon2id$") for stored in verified)


async def test_sign_in_attempts_are_limited_per_address_and_per_name(url: str) -> None:
    async with running(url, max_sign_in_attempts=3) as service:
        world = await World.make()
        await set_passwords(world)
        # The delays are shorter than a slow test, so the last failed attempt comes from the future.
        limits, now = SignInLimits(3), service.clock()
        for index in range(12):
            at = now + timedelta(hours=index / 12)
            assert not await limits.count_attempt(source_of("cora@example.com"), at)
        service.clock.advance(hours=11 / 12)
        stranger = service.client()
        for secret in ("wrong", SECRET):
            with pytest.raises(Refused) as refusal:
                await sign_in(stranger, " Cora@example.com", secret)
            (error,) = refusal.value.errors
            assert (error["extensions"]["code"], error["path"]) == ("RATE_LIMITED", ["signIn"])
            assert 0 < error["extensions"]["retryAfterMs"] <= 5 * 60 * 1000
        service.clock.advance(minutes=5)
        assert (await sign_in(stranger, "cora@example.com"))["token"] is not None
        assert (await sign_in(stranger, "ada@example.com"))["token"] is not None, (
            "another person can still sign in"
        )
        for index in range(25):
            at = service.clock() + timedelta(hours=index / 12)
            await limits.count_attempt(source_of(f"nobody-{index}@example.com"), at)
        service.clock.advance(hours=24 / 12)
        with pytest.raises(Refused) as refusal:
            await sign_in(stranger, "nobody-99@example.com")
        assert refusal.value.code == "RATE_LIMITED", "a network has its own limit for all accounts"
        assert (await sign_in(stranger, "ada@example.com"))["token"] is not None, (
            "but not for those that have signed in there"
        )
        assert await Token.filter(name="session").count() == 3


async def test_strangers_who_fill_the_queue_keep_nobody_out_of_a_known_network(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_passwords(world)
    assert (await sign_in(service.client(), "cora@example.com"))["token"] is not None
    verify, may_verify = password.HASHER.verify, Event()

    def verify_later(secret: str, stored: str) -> bool:
        assert may_verify.wait(TIMEOUT_SECONDS)
        return verify(secret, stored)

    monkeypatch.setattr(password.HASHER, "verify", verify_later)
    counted_before = await SignInAttempts.all().count()

    async def attempt(index: int) -> dict[str, Any]:
        """An attempt from another IPv6 /64 network, of which 15 are in one /48 network."""
        address = f"2001:db8:{index // 15}:{index}::1"
        variables = {"input": {"email": f"nobody-{index}@example.com", "password": "wrong"}}
        response = await service.client().post(SIGN_IN, variables, **{"X-Forwarded-For": address})
        return response.json()

    strangers = [asyncio.create_task(attempt(index)) for index in range(75)]

    async def are_refused() -> bool:
        return sum(each.done() for each in strangers) == 23

    async def is_owner_counted() -> bool:
        return await SignInAttempts.exists(attempts=1, known_until__isnull=False)

    try:
        await until(are_refused)
        owner = asyncio.create_task(sign_in(service.client(), "cora@example.com"))
        await until(is_owner_counted)
    finally:
        may_verify.set()
    assert (await owner)["token"] is not None
    results = await asyncio.gather(*strangers)
    codes = [each["errors"][0]["extensions"]["code"] for each in results if "errors" in each]
    assert codes == ["RATE_LIMITED"] * 23
    counted = await SignInAttempts.all().count() - counted_before
    assert counted == 52 * 4, "attempts without a place are not counted"


async def test_signing_out_revokes_only_its_own_token(service: Service, world: World) -> None:
    await set_passwords(world)
    first = service.client((await sign_in(service.client(), "cora@example.com"))["token"])
    second = service.client((await sign_in(service.client(), "cora@example.com"))["token"])
    assert (await first.run("mutation { signOut { userErrors { code } } }"))["signOut"] == {
        "userErrors": []
    }
    assert (await first.post("{ viewer { role } }")).status_code == 401
    assert (await second.run("{ viewer { role } }"))["viewer"] == {"role": "CUSTOMER"}


async def test_the_token_of_a_deactivated_person_is_refused(service: Service, world: World) -> None:
    await User.filter(id=world.cora.id).update(active=False)
    answer = await service.client(world.cora.token).post("{ viewer { role } }")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        401,
        "UNAUTHENTICATED",
    )


async def test_the_viewer_describes_the_caller(service: Service, world: World) -> None:
    query = "{ viewer { role user { displayName } apiClient { displayName } scopes } }"
    assert (await service.client().run(query))["viewer"] is None
    viewer = (await service.client(world.api_client_token).run(query))["viewer"]
    assert (viewer["role"], viewer["user"], viewer["apiClient"]) == (
        "ADMIN",
        None,
        {"displayName": "Sync"},
    )
    assert (await service.client(world.root.token).run(query))["viewer"]["role"] == "ADMIN"


async def test_people_are_found_by_name_address_and_role(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    await User.create(email="zoe@example.com", display_name="Zoë %_ O'Hara", role=Role.CUSTOMER)

    async def find_names(search: str | None = None, role: str | None = None) -> list[str]:
        data = await ada.run(
            """query($s: String, $r: Role) {
              users(search: $s, role: $r) { totalCount nodes { displayName } } }""",
            s=search,
            r=role,
        )
        assert data["users"]["totalCount"] == len(data["users"]["nodes"])
        return [each["displayName"] for each in data["users"]["nodes"]]

    everyone = ["Ada", "Bill", "Carl", "Cora", "Olga", "Otto", "Root", "Zoë %_ O'Hara"]
    assert await find_names() == await find_names("") == await find_names("  ") == everyone
    assert await find_names("C") == ["Carl", "Cora"]
    assert await find_names("or") == [], "a search finds starts of words"
    assert await find_names("ORA@EXAMPLE") == []
    assert await find_names("cora@ex") == ["Cora"]
    assert await find_names(role="AGENT") == ["Ada", "Bill"]
    assert await find_names("o", "CUSTOMER") == ["Olga", "Otto", "Zoë %_ O'Hara"]
    for search in ("o'h", "zoe", "zoe%", "ZOË", "hara zo", "zoe@example.com", "z"):
        assert await find_names(search) == ["Zoë %_ O'Hara"], search
    for search in ("%", "_", "' OR 1=1", '"', "*", "zoe x", "\U0010ffff"):
        assert await find_names(search) == [], search
    with pytest.raises(Refused) as refusal:
        await find_names("a\0")
    assert refusal.value.code == "BAD_REQUEST"


async def test_people_are_paged(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    query = """query($a: String) { users(first: 3, after: $a) {
      nodes { displayName } pageInfo { hasNextPage endCursor } } }"""
    names: list[str] = []
    after = None
    for _ in count_pages():
        page = (await ada.run(query, a=after))["users"]
        names += [each["displayName"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == ["Ada", "Bill", "Carl", "Cora", "Olga", "Otto", "Root"]
