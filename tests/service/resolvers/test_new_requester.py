"""Tickets for people who are named by email address and may not be users yet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import run_mutation
from support.assert_unchanged import refusals
from support.audit import audit
from support.ticket_mutations import NEW_TICKET

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.people.user import Role, User

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

NINA = {"email": " Nina@Example.org ", "displayName": " Nina New "}


def new_ticket(requester: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {**NEW_TICKET, "requester": requester or NINA, **more}


async def test_a_ticket_for_an_unknown_address_creates_a_customer(
    service: Service, world: World, admin: Any
) -> None:
    # The address is not verified, so its domain does not decide the organization.
    await run_mutation(
        admin,
        "createOrganization",
        name="Example",
        domains=["example.org"],
        matchesDomains=True,
    )
    ada, before = service.client(world.ada.token), await User.all().count()
    ticket = (await ada.do("createTicket", **new_ticket()))["ticket"]
    assert ticket["requester"]["displayName"] == "Nina New"
    nina = await User.get(email="nina@example.org")
    assert (nina.role, nina.organization_id, nina.password_hash) == (Role.CUSTOMER, None, None)
    entry = await AuditEntry.get(record_id=nina.id)
    assert (entry.action, entry.actor_user_id) == ("createTicket", world.ada.id)
    assert await DirectoryEvent.filter(record_id=nina.id).count() == 1
    again = {"email": "NINA@example.org", "displayName": "Other"}
    other = (await ada.do("createTicket", **new_ticket(again)))["ticket"]
    assert other["requester"] == ticket["requester"]
    known = {"email": "cora@example.com", "displayName": "x"}
    own = (await ada.do("createTicket", **new_ticket(known)))["ticket"]
    assert own["requester"]["id"] == world.cora.gid
    assert await User.all().count() == before + 1
    await audit()


async def test_concurrent_tickets_for_one_address_create_one_customer(
    service: Service, world: World
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    sent = [client.do("createTicket", **new_ticket()) for client in (ada, bill) * 4]
    tickets = [payload["ticket"] for payload in await asyncio.gather(*sent)]
    assert len({ticket["requester"]["id"] for ticket in tickets}) == 1
    assert await User.filter(email="nina@example.org").count() == 1
    assert await AuditEntry.filter(action="createTicket").count() == 1


async def test_a_repeated_key_creates_neither_ticket_nor_customer(
    service: Service, world: World
) -> None:
    writer = service.client(
        await api_client_token("Writer", ["tickets:write", "users:read", "users:write"])
    )
    keyed = new_ticket(idempotencyKey="k")
    query = """mutation($input: CreateTicketInput!) {
      createTicket(input: $input) { ticketId replayed userErrors { message } } }"""
    first, second = [(await writer.run(query, input=keyed))["createTicket"] for _ in range(2)]
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["ticketId"] == second["ticketId"]


async def test_refused_requesters_by_address(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    user = await User.get(id=world.ada.id)
    for client in (
        cora,
        service.client(
            await api_client_token("Reader", ["tickets:write", "tickets:read", "users:read"])
        ),
        service.client(
            await api_client_token("Blind", ["tickets:write", "tickets:read", "users:write"])
        ),
        service.client(await token_of(user, ["tickets:write", "tickets:read"])),
    ):
        assert await refusals(client, "createTicket", **new_ticket()) == ["INVALID requester"]
    for changes, error in (
        ({"email": ""}, "REQUIRED requester.email"),
        ({"email": "nobody"}, "INVALID requester.email"),
        ({"email": "a@b.example\0"}, "INVALID requester.email"),
        ({"email": "a" * 400 + "@b.example"}, "TOO_LONG requester.email"),
        ({"displayName": " "}, "REQUIRED requester.displayName"),
        ({"displayName": "n" * 201}, "TOO_LONG requester.displayName"),
    ):
        errors = await refusals(ada, "createTicket", **new_ticket({**NINA, **changes}))
        assert errors == [error]
    both = new_ticket(requesterId=world.cora.gid)
    assert await refusals(ada, "createTicket", **both) == ["INVALID requester"]
    # The customer is not kept if the ticket is refused.
    unknown = new_ticket(category="unknown")
    assert await refusals(ada, "createTicket", **unknown) == ["NOT_FOUND category"]
    assert not await User.exists(email="nina@example.org")
