"""API clients by API, their tokens, and the rotation of tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.accounts import error_of, send, succeed
from support.actors import api_client_token, token_of
from support.assert_unchanged import assert_nothing_stored
from support.client import EVENTS, TIMEOUT_SECONDS
from websockets.exceptions import ConnectionClosed

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core.record_limits import DEFAULT_LIMITS
from models.directory.api_tokens import ROTATED_BEFORE
from models.people.user import ApiClient, User

pytestmark = pytest.mark.never_retried

LIST = """query($all: Boolean) { apiClients(includeInactive: $all, first: 1) { totalCount
  nodes { displayName scopes tokens { name scopes } } } }"""


async def create(client: Client, name: str = "Billing") -> dict[str, Any]:
    return (await succeed(client, "createApiClient", displayName=name))["apiClient"]


async def is_accepted(client: Client) -> bool:
    return (await client.post("{ viewer { role } }")).status_code == 200


async def test_an_admin_creates_a_client_with_a_token_that_works(
    service: Service, admin: Client
) -> None:
    client = await create(admin)
    values = {"name": "sync", "scopes": ["tickets:read"], "clientId": client["id"]}
    created = await succeed(admin, "createApiToken", **values, idempotencyKey="k")
    replayed = await succeed(admin, "createApiToken", **values, idempotencyKey="k")
    assert (replayed["replayed"], replayed["token"]) == (True, None)
    program = service.client(created["token"])
    assert (await program.run("{ viewer { scopes apiClient { displayName } } }"))["viewer"] == {
        "scopes": ["tickets:read"],
        "apiClient": {"displayName": "Billing"},
    }
    listed = (await admin.run(LIST))["apiClients"]
    assert listed["totalCount"] == 2
    assert listed["nodes"] == [
        {
            "displayName": "Billing",
            "scopes": ["tickets:read"],
            "tokens": [{"name": "sync", "scopes": ["tickets:read"]}],
        }
    ]
    node = f'{{ node(id: "{created["apiToken"]["id"]}") {{ id }} }}'
    assert (await admin.run(node))["node"] == {"id": created["apiToken"]["id"]}
    assert (await program.run(node))["node"] is None
    entries = await AuditEntry.filter(record_kind=RecordKind.API_TOKEN)
    assert [(each.action, "digest" in each.changes) for each in entries] == [
        ("createApiToken", False)
    ]
    assert await DirectoryEvent.filter(record_kind=RecordKind.API_CLIENT).count() == 1
    assert await DirectoryEvent.filter(record_kind=RecordKind.API_TOKEN).count() == 0


async def test_client_tokens_are_shown_to_admins_only(
    service: Service, world: World, admin: Client
) -> None:
    client = await create(admin)
    await succeed(admin, "createApiToken", name="a", scopes=["tickets:read"], clientId=client["id"])
    query = f'{{ node(id: "{client["id"]}") {{ ... on ApiClient {{ tokens {{ name }} }} }} }}'
    assert (await admin.run(query))["node"] == {"tokens": [{"name": "a"}]}
    assert (await service.client(world.ada.token).run(query))["node"] == {"tokens": []}


async def test_a_client_token_never_exceeds_its_creator(
    service: Service, world: World, admin: Client
) -> None:
    client = await create(admin)
    values = {"name": "sync", "clientId": client["id"]}
    for other in (service.client(world.ada.token), service.client(world.cora.token)):
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(other, "createApiToken", **values, scopes=["tickets:read"])
    limited = await token_of(await User.get(id=world.root.id), ["admin", "tickets:read"])
    for program in (service.client(limited), service.client(world.api_client_token)):
        with pytest.raises(Refused, match="FORBIDDEN"):
            await send(program, "createApiToken", **values, scopes=["tickets:read"])
    for scopes in (["nonsense"], ["tickets:read", ""]):
        assert await error_of(admin, "createApiToken", **values, scopes=scopes) == "INVALID scopes"
    for hostile in ("", "nonsense", world.root.gid):
        refusal = await error_of(
            admin, "createApiToken", name="x", scopes=["tickets:read"], clientId=hostile
        )
        assert refusal == "NOT_FOUND clientId"


async def test_a_deactivated_client_is_refused_until_it_is_reactivated(
    service: Service, admin: Client
) -> None:
    client = await create(admin)
    values = {"name": "sync", "scopes": ["events:read"], "clientId": client["id"]}
    program = service.client((await succeed(admin, "createApiToken", **values))["token"])
    async with program.socket() as socket:
        await socket.subscribe(EVENTS)
        changed = (await succeed(admin, "deactivateApiClient", clientId=client["id"]))["apiClient"]
        assert (changed["active"], changed["version"]) == (False, 2)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive(TIMEOUT_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    assert not await is_accepted(program)
    assert await error_of(admin, "createApiToken", **values) == "INVALID clientId"
    assert (await admin.run(LIST))["apiClients"]["totalCount"] == 1
    assert (await admin.run(LIST, all=None))["apiClients"]["totalCount"] == 1
    assert (await admin.run(LIST, all=True))["apiClients"]["totalCount"] == 2
    await succeed(admin, "reactivateApiClient", clientId=client["id"])
    assert await is_accepted(program)


async def test_names_are_unique_and_versions_checked(admin: Client) -> None:
    client = await create(admin)
    key = client["id"]
    await create(admin, "Other")
    for name, code in (
        ("Billing", "TAKEN"),
        (" ", "REQUIRED"),
        ("x" * 201, "TOO_LONG"),
        ("a\0", "INVALID"),
    ):
        assert await error_of(admin, "createApiClient", displayName=name) == f"{code} displayName"
    assert await error_of(admin, "updateApiClient", clientId=key, displayName="Other") == (
        "TAKEN displayName"
    )
    for mutation in ("updateApiClient", "deactivateApiClient", "reactivateApiClient"):
        assert await error_of(admin, mutation, clientId="nonsense") == "NOT_FOUND clientId"
        assert await error_of(admin, mutation, clientId=key, expectedVersion=7) == (
            "STALE_VERSION expectedVersion"
        )
    renames = (
        send(admin, "updateApiClient", clientId=key, displayName=f"n{n}", expectedVersion=1)
        for n in range(4)
    )
    payloads = await asyncio.gather(*renames)
    assert len([each for each in payloads if each["apiClient"]]) == 1
    creations = (send(admin, "createApiClient", displayName="Same") for _ in range(4))
    payloads = await asyncio.gather(*creations)
    assert len([each for each in payloads if each["apiClient"]]) == 1


async def test_concurrent_creations_do_not_exceed_the_limit_of_clients(admin: Client) -> None:
    count = DEFAULT_LIMITS.max_api_clients - 2 - await ApiClient.filter(active=True).count()
    await ApiClient.bulk_create([ApiClient(display_name=f"old {n}") for n in range(count)])
    payloads = await asyncio.gather(
        *(send(admin, "createApiClient", displayName=f"n{n}") for n in range(5))
    )
    assert len([each for each in payloads if each["apiClient"]]) == 2
    assert await ApiClient.filter(active=True).count() == DEFAULT_LIMITS.max_api_clients
    refused = next(each for each in payloads if not each["apiClient"])
    assert refused["userErrors"][0]["code"] == "INVALID"


async def test_a_rotated_token_and_its_successor_are_both_valid_for_a_day(
    service: Service, admin: Client
) -> None:
    client = await create(admin)
    values = {"name": "sync", "scopes": ["tickets:read"], "clientId": client["id"]}
    created = await succeed(admin, "createApiToken", **values)
    old_id = created["apiToken"]["id"]
    rotated = await succeed(admin, "rotateApiToken", tokenId=old_id, idempotencyKey="k")
    replayed = await succeed(admin, "rotateApiToken", tokenId=old_id, idempotencyKey="k")
    assert (replayed["token"], replayed["apiToken"]) == (None, rotated["apiToken"])
    assert rotated["apiToken"]["scopes"] == ["tickets:read"]
    assert rotated["apiToken"]["name"] == "sync"
    assert rotated["replacedToken"]["id"] == old_id
    old, new = service.client(created["token"]), service.client(rotated["token"])
    service.clock.advance(hours=23.9)
    assert await is_accepted(old)
    assert await is_accepted(new)
    service.clock.advance(hours=0.2)
    assert not await is_accepted(old)
    assert await is_accepted(new)
    assert await error_of(admin, "rotateApiToken", tokenId=old_id) == "INVALID tokenId"
    await succeed(admin, "revokeApiToken", tokenId=rotated["apiToken"]["id"])
    assert not await is_accepted(new)
    assert await error_of(admin, "rotateApiToken", tokenId=rotated["apiToken"]["id"]) == (
        "INVALID tokenId"
    )


async def test_tokens_of_a_deactivated_client_are_not_rotated(admin: Client) -> None:
    client = await create(admin)
    values = {"name": "sync", "scopes": ["tickets:read"], "clientId": client["id"]}
    created = await succeed(admin, "createApiToken", **values)
    await succeed(admin, "deactivateApiClient", clientId=client["id"])
    async with assert_nothing_stored():
        assert await error_of(admin, "createApiToken", **values) == "INVALID clientId"
        rotation = {"tokenId": created["apiToken"]["id"]}
        assert await error_of(admin, "rotateApiToken", **rotation) == "INVALID tokenId"


async def test_a_rotation_does_not_extend_an_expiry(service: Service, admin: Client) -> None:
    expires_at = "2999-01-01T00:00:00Z"
    created = await succeed(
        admin, "createApiToken", name="x", scopes=["tickets:read"], expiresAt=expires_at
    )
    rotated = await succeed(admin, "rotateApiToken", tokenId=created["apiToken"]["id"])
    listed = (await admin.run("{ apiTokens { id expiresAt } }"))["apiTokens"]
    by_id = {each["id"]: each["expiresAt"] for each in listed}
    assert by_id[rotated["apiToken"]["id"]] == expires_at
    assert by_id[created["apiToken"]["id"]] < expires_at


async def test_a_token_is_rotated_once_and_its_successor_again(
    service: Service, admin: Client
) -> None:
    created = await succeed(admin, "createApiToken", name="x", scopes=["tickets:read"])
    rotation = {"tokenId": created["apiToken"]["id"]}
    payloads = await asyncio.gather(*(send(admin, "rotateApiToken", **rotation) for _ in range(3)))
    (first,) = [each for each in payloads if each["apiToken"]]
    async with assert_nothing_stored():
        (error,) = (await send(admin, "rotateApiToken", **rotation))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["input", "tokenId"])
    assert error["message"] == ROTATED_BEFORE
    second = await succeed(admin, "rotateApiToken", tokenId=first["apiToken"]["id"])
    listed = (await admin.run("{ apiTokens { id expiresAt rotatedAt } }"))["apiTokens"]
    by_id = {each["id"]: each for each in listed}
    assert len(by_id) == 3
    assert by_id[second["apiToken"]["id"]]["expiresAt"] is None
    assert by_id[second["apiToken"]["id"]]["rotatedAt"] is None
    for rotated in (created, first):
        assert by_id[rotated["apiToken"]["id"]]["rotatedAt"] is not None
    service.clock.advance(hours=25)
    assert await is_accepted(service.client(second["token"]))
    assert not await is_accepted(service.client(first["token"]))


async def test_a_token_with_scopes_beyond_those_of_its_owner_is_not_rotated(
    service: Service, world: World
) -> None:
    await token_of(await User.get(id=world.cora.id), ["tickets:read", "admin"])
    cora = service.client(world.cora.token)
    (listed,) = (await cora.run("{ apiTokens { id } }"))["apiTokens"]
    async with assert_nothing_stored():
        (error,) = (await send(cora, "rotateApiToken", tokenId=listed["id"]))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["input", "tokenId"])
    assert error["message"] == (
        "has scopes that you or the token's owner may not have: admin. Create a new token without "
        "them."
    )


async def test_users_rotate_and_revoke_their_own_tokens_and_admins_revoke_all(
    service: Service, world: World, admin: Client
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    own = (await succeed(cora, "createApiToken", name="x", scopes=["tickets:read"]))["apiToken"]
    client = await create(admin)
    values = {"name": "sync", "scopes": ["tickets:read"], "clientId": client["id"]}
    foreign = (await succeed(admin, "createApiToken", **values))["apiToken"]
    # The text of the successor would let an admin act as its owner.
    assert await error_of(admin, "rotateApiToken", tokenId=own["id"]) == "NOT_FOUND tokenId"
    for mutation in ("rotateApiToken", "revokeApiToken"):
        assert await error_of(ada, mutation, tokenId=own["id"]) == "NOT_FOUND tokenId"
        assert await error_of(ada, mutation, tokenId=foreign["id"]) == "NOT_FOUND tokenId"
        assert await error_of(ada, mutation, tokenId="nonsense") == "NOT_FOUND tokenId"
    successor = await succeed(cora, "rotateApiToken", tokenId=own["id"])
    await succeed(admin, "revokeApiToken", tokenId=successor["apiToken"]["id"])
    assert not await is_accepted(service.client(successor["token"]))
    program = service.client(world.api_client_token)  # it has the scope `admin`
    await succeed(program, "revokeApiToken", tokenId=own["id"])
    limited = service.client(await api_client_token("Limited", ["users:write", "users:read"]))
    with pytest.raises(Refused, match="FORBIDDEN"):
        await send(limited, "revokeApiToken", tokenId=foreign["id"])
    actors = await AuditEntry.filter(action="revokeApiToken").order_by("id")
    assert [each.actor_user_id for each in actors] == [world.root.id, None]
