"""A token with write scopes but without tickets:read learns only which data it has just written."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token, token_of
from support.ticket_mutations import NEW_TICKET, read_version

from models.people.user import User

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

IDENTITY = "ticketId ref version"
MESSAGES = {"replyToTicket": ("reply", "replyId"), "addNote": ("note", "noteId")}


def assert_only_identity(payload: dict[str, Any], ticket: dict[str, Any]) -> None:
    assert payload["userErrors"] == []
    assert payload["ticket"] is payload["event"] is None
    assert (payload["ticketId"], payload["ref"]) == (ticket["id"], ticket["ref"])
    assert payload["cursor"] is not None


async def test_a_mutation_without_effect_does_not_read_the_ticket(
    service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    write_only = service.client(await api_client_token("Blind", ["tickets:write"]))
    payload = await write_only.mutate("updateTicket", {"ticketId": ticket["id"]}, IDENTITY)
    assert_only_identity(payload, ticket)
    assert payload["version"] == ticket["version"]


async def test_a_created_ticket_is_named_and_not_shown(service: Service, world: World) -> None:
    write_only = service.client(await api_client_token("Blind", ["tickets:write"]))
    new = NEW_TICKET | {"requesterId": world.cora.gid, "idempotencyKey": "k"}
    first = await write_only.mutate("createTicket", new, IDENTITY)
    query = "query($id: ID!) { ticket(id: $id) { id ref version } }"
    cora = service.client(world.cora.token)
    ticket = (await cora.run(query, id=first["ticketId"]))["ticket"]
    assert_only_identity(first, ticket)
    assert first["version"] == ticket["version"]
    assert await write_only.mutate("createTicket", new, IDENTITY) == first | {"replayed": True}


@pytest.mark.parametrize("mutation", MESSAGES)
async def test_a_message_is_named_and_not_shown(
    service: Service, world: World, mutation: str
) -> None:
    field, id_field = MESSAGES[mutation]
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    write_only = service.client(await api_client_token("Blind", ["tickets:write", "notes:write"]))
    input = {"ticketId": ticket["id"], "body": "From a machine", "idempotencyKey": "k"}
    payload = await write_only.mutate(mutation, input, f"{IDENTITY} {id_field}")
    assert_only_identity(payload, ticket)
    assert payload[field] is None
    query = "query($id: ID!) { node(id: $id) { ... on Message { body ticket { id } } } }"
    message = (await ada.run(query, id=payload[id_field]))["node"]
    assert message == {"body": "From a machine", "ticket": {"id": ticket["id"]}}
    assert payload["version"] == await read_version(ada, ticket["id"])
    again = await write_only.mutate(mutation, input, f"{IDENTITY} {id_field}")
    assert again == payload | {"replayed": True}


async def test_the_ticket_of_a_new_reply_is_not_reached_through_the_reply(
    service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    write_only = service.client(await api_client_token("Blind", ["tickets:write", "notes:write"]))
    for mutation, (field, _) in MESSAGES.items():
        kind = mutation[0].upper() + mutation[1:] + "Input"
        query = f"""mutation($input: {kind}!) {{ {mutation}(input: $input) {{
          {field} {{ body ticket {{ subject }} }} event {{ ticket {{ subject }} }} }} }}"""
        answer = await write_only.answer(query, input={"ticketId": ticket["id"], "body": "x"})
        assert "errors" not in answer
        assert answer["data"][mutation] == {field: None, "event": None}


async def test_a_customers_write_only_token_is_no_exception(service: Service, world: World) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    cora = await User.get(id=world.cora.id)
    write_only = service.client(await token_of(cora, ["tickets:write"]))
    payload = await write_only.mutate("watchTicket", {"ticketId": ticket["id"]}, IDENTITY)
    assert_only_identity(payload, ticket)


async def test_with_tickets_read_the_payload_shows_everything(
    service: Service, world: World
) -> None:
    async def check(client: Client, mutation: str, field: str, id_field: str) -> None:
        input = {"ticketId": ticket["id"], "body": "x"}
        payload = await client.mutate(mutation, input, f"{IDENTITY} {id_field}")
        assert payload["ticket"]["id"] == payload["ticketId"]
        assert payload["ticket"]["ref"] == payload["ref"]
        assert payload["ticket"]["version"] == payload["version"]
        assert payload["event"]["cursor"] is not None
        assert payload[field] == {"id": payload[id_field], "body": "x"}

    ticket = await service.client(world.cora.token).raise_ticket()
    await check(service.client(world.cora.token), "replyToTicket", "reply", "replyId")
    # Without notes:read, the token still sees the note that it has just written.
    scopes = ["tickets:read", "tickets:write", "notes:write"]
    await check(
        service.client(await api_client_token("Reader", scopes)), "addNote", "note", "noteId"
    )
