"""An admin who is deactivated or demoted while a request runs changes no accounts any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support import Refused, Service, World

from models.audit.entry import AuditEntry
from models.core import ids
from models.people.identity import Identity
from models.people.token import Token, TokenKind, issue_token
from models.people.user import ApiClient, Role, User
from resolvers.mutations import admin_mutation
from resolvers.people import tokens

Input = dict[str, Any]
ISSUER = "https://id.example.com"
SCOPES = ["tickets:read"]
CHANGES: list[Input] = [{"active": False}, {"role": Role.AGENT}]


async def client_input(world: World) -> Input:
    client = await ApiClient.create(display_name="Race")
    return {"clientId": ids.encode(ids.API_CLIENT, client.id)}


async def inactive_client_input(world: World) -> Input:
    client = await ApiClient.create(display_name="Race", active=False)
    return {"clientId": ids.encode(ids.API_CLIENT, client.id)}


async def token_input(world: World) -> Input:
    client = await ApiClient.create(display_name="Race")
    token, _ = await issue_token(
        TokenKind.API, "sync", SCOPES, client_id=client.id, at=client.created_at
    )
    return {"tokenId": ids.encode(ids.TOKEN, token.id)}


async def identity_input(world: World) -> Input:
    await Identity.create(issuer=ISSUER, subject="ada", user_id=world.ada.id)
    return {"userId": world.ada.gid, "issuer": ISSUER, "subject": "ada"}


async def session_input(world: World) -> Input:
    token = await Token.get(user_id=world.ada.id)
    return {"sessionId": ids.encode(ids.SESSION, token.id)}


async def user_input(world: World) -> Input:
    return {"userId": world.ada.gid}


async def new_client_input(world: World) -> Input:
    return {"displayName": "Nightly"}


async def new_link_input(world: World) -> Input:
    return {"userId": world.bill.gid, "issuer": ISSUER, "subject": "bill"}


async def new_token_input(world: World) -> Input:
    return {**await client_input(world), "name": "sync", "scopes": SCOPES}


async def new_name_input(world: World) -> Input:
    return {**await client_input(world), "displayName": "Renamed"}


INPUTS: dict[str, Callable[[World], Awaitable[Input]]] = {
    "linkIdentity": new_link_input,
    "unlinkIdentity": identity_input,
    "resetSecondFactor": user_input,
    "revokeAllSessions": user_input,
    "revokeSession": session_input,
    "createApiClient": new_client_input,
    "updateApiClient": new_name_input,
    "deactivateApiClient": client_input,
    "reactivateApiClient": inactive_client_input,
    "createApiToken": new_token_input,
    "rotateApiToken": token_input,
    "revokeApiToken": token_input,
}


def change_first(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, change: Callable[[], Awaitable[Any]]
) -> None:
    """Let `change` be stored between the check of the permission and the transaction."""
    original = getattr(module, name)

    async def run(*arguments: Any) -> Any:
        await change()
        return await original(*arguments)

    monkeypatch.setattr(module, name, run)


@pytest.mark.parametrize("mutation", INPUTS)
async def test_an_admin_who_loses_the_rights_meanwhile_is_refused(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, mutation: str
) -> None:
    input = await INPUTS[mutation](world)
    root = service.client(world.root.token)
    query = f"""mutation($input: {mutation[0].upper()}{mutation[1:]}Input!) {{
      {mutation}(input: $input) {{ userErrors {{ code }} }} }}"""
    is_keyed = mutation != "revokeApiToken"
    place = (admin_mutation, "run_once") if is_keyed else (tokens, "run_action")
    for values in CHANGES:

        async def change(values: Input = values) -> None:
            await User.filter(id=world.root.id).update(**values)

        with monkeypatch.context() as patch:
            change_first(patch, *place, change)
            with pytest.raises(Refused, match="was deactivated or its role has changed"):
                await root.run(query, input=input)
        assert not await AuditEntry.all().exists()
        await User.filter(id=world.root.id).update(active=True, role=Role.ADMIN)
    payload = (await root.run(query, input=input))[mutation]
    assert payload == {"userErrors": []}
