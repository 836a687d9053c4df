"""API tokens that people create for their programs."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.assert_unchanged import assert_nothing_stored, format_error
from support.service import running
from support.statements import statements

from models.core import ids, time
from models.people.token import Token, TokenKind, hash_token, issue_token

pytestmark = pytest.mark.never_retried

CREATE = """mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) {
  token replayed apiToken { id name scopes prefix expiresAt lastUsedAt revokedAt createdAt }
  userErrors { code field message } } }"""
REVOKE = """mutation($id: ID!) { revokeApiToken(input: {tokenId: $id}) {
  apiToken { id revokedAt } userErrors { code field message } } }"""
LIST = "{ apiTokens { id name scopes prefix expiresAt lastUsedAt revokedAt } }"


async def create(client: Client, **input: Any) -> dict[str, Any]:
    fields = {"name": "Sync", "scopes": ["tickets:read"], **input}
    return (await client.run(CREATE, input=fields))["createApiToken"]


async def test_a_token_is_shown_once_and_works_within_its_scopes(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    created = await create(
        ada, name=" My sync ", scopes=["tickets:read", "notes:read", "tickets:read"]
    )
    record, text = created["apiToken"], created["token"]
    assert created["userErrors"] == []
    assert (record["name"], record["scopes"], record["expiresAt"]) == (
        "My sync",
        ["notes:read", "tickets:read"],
        None,
    )
    assert text.startswith(record["prefix"])
    assert len(record["prefix"]) < len(text) / 2
    program = service.client(text)
    assert (await program.run("{ viewer { scopes user { displayName } } }"))["viewer"] == {
        "scopes": ["notes:read", "tickets:read"],
        "user": {"displayName": "Ada"},
    }
    listed = (await ada.run(LIST))["apiTokens"]
    assert [each["name"] for each in listed] == ["My sync"]
    assert text not in str(listed)
    stored = await Token.get(id=ids.key_of(ids.TOKEN, record["id"]))
    assert text not in str(dict(stored))


async def test_nobody_creates_a_token_with_more_scopes_than_their_own(
    service: Service, world: World
) -> None:
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    program = service.client((await create(cora))["token"])
    async with assert_nothing_stored():
        for client, scopes in (
            (cora, ["notes:read"]),
            (cora, ["admin"]),
            (root, ["nonsense"]),
            (root, ["tickets:read", ""]),
        ):
            created = await create(client, scopes=scopes)
            assert created["token"] is created["apiToken"] is None
            assert [format_error(error) for error in created["userErrors"]] == ["INVALID scopes"]
        assert [format_error(error) for error in (await create(root, scopes=[]))["userErrors"]] == [
            "REQUIRED scopes"
        ]
        with pytest.raises(Refused, match="FORBIDDEN"):
            await create(program)


async def test_names_and_expiry_times_of_tokens_are_validated(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    async with assert_nothing_stored():
        for fields, code in (
            ({"name": " "}, "REQUIRED name"),
            ({"name": "n" * 201}, "TOO_LONG name"),
            ({"name": "a\0"}, "INVALID name"),
            ({"expiresAt": "2020-01-01T00:00:00Z"}, "INVALID expiresAt"),
        ):
            assert [
                format_error(error) for error in (await create(cora, **fields))["userErrors"]
            ] == [code]
    assert (await create(cora, name="n" * 200))["userErrors"] == []


async def test_a_person_has_at_most_100_active_tokens(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    for n in range(100):
        await issue_token(
            TokenKind.API, str(n), ["tickets:read"], user_id=world.cora.id, at=time.now()
        )
    assert [error["code"] for error in (await create(cora))["userErrors"]] == ["INVALID"]
    listed = (await cora.run(LIST))["apiTokens"]
    await cora.run(REVOKE, id=listed[0]["id"])
    assert (await create(cora))["userErrors"] == []


async def test_concurrent_calls_do_not_exceed_the_maximum_together(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    for n in range(97):
        await issue_token(
            TokenKind.API, str(n), ["tickets:read"], user_id=world.cora.id, at=time.now()
        )
    payloads = await asyncio.gather(*(create(cora, name=str(n)) for n in range(8)))
    refused = [each["userErrors"][0]["code"] for each in payloads if each["userErrors"]]
    assert refused == ["INVALID"] * 5
    assert await Token.filter(user_id=world.cora.id, kind=TokenKind.API).count() == 100


async def test_a_repeated_call_creates_no_token_and_repeats_no_secret(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    first = await create(cora, idempotencyKey="k")
    assert (first["replayed"], first["userErrors"]) == (False, [])
    again = await create(cora, idempotencyKey="k")
    assert again == {**first, "token": None, "replayed": True}
    assert len((await cora.run(LIST))["apiTokens"]) == 1
    await cora.run(REVOKE, id=first["apiToken"]["id"])
    revoked = await create(cora, idempotencyKey="k")
    assert (revoked["token"], revoked["replayed"]) == (None, True)
    assert revoked["apiToken"]["revokedAt"] is not None
    async with assert_nothing_stored():
        for fields, code in (
            ({"idempotencyKey": "k", "name": "Other"}, "IDEMPOTENCY_KEY_REUSED idempotencyKey"),
            ({"idempotencyKey": "k", "scopes": []}, "IDEMPOTENCY_KEY_REUSED idempotencyKey"),
            ({"idempotencyKey": ""}, "INVALID idempotencyKey"),
            ({"idempotencyKey": "k" * 129}, "INVALID idempotencyKey"),
            ({"idempotencyKey": "\0"}, "INVALID idempotencyKey"),
            ({"idempotencyKey": "new", "scopes": []}, "REQUIRED scopes"),
        ):
            payload = await create(cora, **fields)
            assert payload["token"] is payload["apiToken"] is None
            assert [format_error(error) for error in payload["userErrors"]] == [code]
    assert (await create(cora, idempotencyKey="new"))["token"], "a refusal stores no key"
    carl = await create(service.client(world.carl.token), idempotencyKey="k")
    assert (bool(carl["token"]), carl["replayed"]) == (True, False), "keys belong to one caller"


async def test_one_of_several_calls_at_once_with_a_key_gets_the_secret(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    payloads = await asyncio.gather(*(create(cora, idempotencyKey="k") for _ in range(6)))
    assert len([each for each in payloads if each["token"]]) == 1
    for payload in payloads:
        codes = {error["code"] for error in payload["userErrors"]}
        assert payload["token"] or payload["replayed"] or codes == {"IDEMPOTENCY_IN_PROGRESS"}
    assert await Token.filter(user_id=world.cora.id, kind=TokenKind.API).count() == 1


async def test_a_full_account_can_repeat_a_call(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    first = await create(cora, idempotencyKey="k")
    for n in range(99):
        await issue_token(
            TokenKind.API, str(n), ["tickets:read"], user_id=world.cora.id, at=time.now()
        )
    assert [error["code"] for error in (await create(cora))["userErrors"]] == ["INVALID"]
    assert (await create(cora, idempotencyKey="k"))["apiToken"]["id"] == first["apiToken"]["id"]


async def test_an_expired_or_revoked_token_is_refused(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    now = (service.clock().replace(microsecond=0)).isoformat().replace("+00:00", "Z")
    assert [format_error(error) for error in (await create(cora, expiresAt=now))["userErrors"]] == [
        "INVALID expiresAt"
    ]
    expiring = await create(
        cora, expiresAt=time.format_instant(service.clock().replace(year=service.clock().year + 1))
    )
    lasting = await create(cora)
    service.clock.advance(days=364)
    assert (await service.client(expiring["token"]).post("{ viewer { role } }")).status_code == 200
    service.clock.advance(days=2)
    answer = await service.client(expiring["token"]).post("{ viewer { role } }")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        401,
        "UNAUTHENTICATED",
    )
    assert (await service.client(lasting["token"]).post("{ viewer { role } }")).status_code == 200
    revoked = (await cora.run(REVOKE, id=lasting["apiToken"]["id"]))["revokeApiToken"]
    assert (revoked["userErrors"], revoked["apiToken"]["id"]) == ([], lasting["apiToken"]["id"])
    assert revoked["apiToken"]["revokedAt"] is not None
    assert (await service.client(lasting["token"]).post("{ viewer { role } }")).status_code == 401
    service.clock.advance(hours=1)
    again = (await cora.run(REVOKE, id=lasting["apiToken"]["id"]))["revokeApiToken"]
    assert again == revoked, "the first revocation counts"


async def test_other_peoples_tokens_are_not_found(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    created = await create(cora)
    async with assert_nothing_stored():
        for token in (world.carl.token, world.ada.token):
            for id in (
                created["apiToken"]["id"],
                ids.encode(ids.TOKEN, UUID(int=7)),
                "nonsense",
                world.cora.gid,
            ):
                payload = (await service.client(token).run(REVOKE, id=id))["revokeApiToken"]
                assert payload["apiToken"] is None
                assert [format_error(error) for error in payload["userErrors"]] == [
                    "NOT_FOUND tokenId"
                ]
    assert created["apiToken"]["id"] not in str(await service.client(world.root.token).run(LIST))
    assert (await service.client(created["token"]).post("{ viewer { role } }")).status_code == 200


async def test_the_last_use_is_recorded_without_a_write_per_request(url: str) -> None:
    async with running(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        with statements() as sent:
            for _ in range(5):
                await cora.run("{ viewer { role } }")
        assert [text for text in sent.texts if not text.startswith("SELECT")] == []
        assert (await Token.get(digest=hash_token(world.cora.token))).last_used_at is None
        before = service.clock()
    async with running(url):
        used = (await Token.get(digest=hash_token(world.cora.token))).last_used_at
        assert used is not None, "the service stores pending uses when it stops"
        assert used <= before
