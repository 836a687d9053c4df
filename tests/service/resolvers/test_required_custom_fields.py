"""Required custom fields: who must give them, and when."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.custom_fields import define, read_values, set_values
from support.macros import apply_macro, apply_refusals, create_macro, preview_macro
from support.ticket_factory import WINDOW
from support.ticket_mutations import NEW_TICKET

from models.access.viewer import viewer_of_user
from models.bulk import ticket_change
from models.bulk.bulk_change import BulkChange
from models.changes.change import TicketChange
from models.core import ids, time
from models.core.errors import InvalidInput
from models.people.user import User
from models.tickets.lifecycle import Action
from models.tickets.ticket import Ticket

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]
CAUSE = {"key": "cause", "text": "Cable"}
MISSING = ["REQUIRED customFields"]


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def test_people_must_give_what_creation_requires(
    root: Client, ada: Client, cora: Client, service: Service, world: World
) -> None:
    await define(root, "site", requiredAt="CREATION")
    await define(root, "owner", requiredAt="CREATION", customerAccess="VISIBLE")
    await define(root, "cause", requiredAt="RESOLUTION")
    await define(root, "invoice", requiredAt="CREATION", categories=["billing"])
    archived = await define(root, "old", requiredAt="CREATION")
    await run_mutation(root, "archiveCustomField", fieldId=archived)
    site, owner = {"key": "site", "text": "Berlin"}, {"key": "owner", "text": "Ops"}
    assert await refusals(cora, "createTicket", **NEW_TICKET) == MISSING
    assert await refusals(ada, "createTicket", **NEW_TICKET) == MISSING
    assert await refusals(ada, "createTicket", **NEW_TICKET, customFields=[site]) == MISSING
    billing = {**NEW_TICKET, "category": "billing", "customFields": [site]}
    assert await refusals(cora, "createTicket", **billing) == MISSING
    payload = await ada.mutate("createTicket", {**NEW_TICKET, "customFields": [site]})
    assert "Owner (owner)" in payload["userErrors"][0]["message"]
    assert "Site" not in payload["userErrors"][0]["message"]
    await cora.raise_ticket(customFields=[site])
    await ada.raise_ticket(customFields=[site, owner])
    sync = service.client(world.api_client_token)
    await sync.raise_ticket(requesterId=world.cora.gid)
    await ada.raise_ticket(externalId="old-1")
    await audit()


async def test_a_resolution_needs_the_required_values(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "site", requiredAt="CREATION", customerAccess="HIDDEN")
    await define(root, "cause", requiredAt="RESOLUTION")
    ticket = (await cora.raise_ticket())["id"]
    done = {"ticketId": ticket, "resolution": "Fixed"}
    assert await refusals(ada, "resolveTicket", **done) == MISSING
    assert await refusals(ada, "resolveTicket", **done, customFields=[CAUSE]) == MISSING
    site = {"key": "site", "text": "Berlin"}
    unknown = {"key": "unknown", "text": "a"}
    errors = await refusals(ada, "resolveTicket", **done, customFields=[site, unknown])
    assert errors == ["NOT_FOUND customFields.1.key"]
    payload = await ada.do("resolveTicket", **done, customFields=[site, CAUSE])
    assert payload["ticket"]["status"] == "RESOLVED"
    assert payload["event"]["type"] == "STATUS_CHANGED"
    assert await read_values(ada, ticket) == {"site": "Berlin", "cause": "Cable"}
    await ada.do("reopenTicket", ticketId=ticket, reason="Again")
    removed = [{"key": "cause", "text": None}]
    assert await refusals(ada, "resolveTicket", **done, customFields=removed) == MISSING
    await ada.do("resolveTicket", **done)
    await cora.do("closeTicket", ticketId=ticket)
    await audit()


async def test_replies_closures_and_macros_ask_for_them_too(
    root: Client, ada: Client, cora: Client, service: Service, world: World
) -> None:
    await define(root, "cause", requiredAt="RESOLUTION")
    ticket = (await cora.raise_ticket())["id"]
    reply = {"ticketId": ticket, "body": "Fixed", "then": "RESOLVE"}
    assert await refusals(ada, "replyToTicket", **reply) == MISSING
    close = {"ticketId": ticket, "reason": "RESOLVED"}
    assert await refusals(ada, "closeTicket", **close) == ["REQUIRED"]
    macro = await create_macro(ada, text="Fixed", statusAction="RESOLVE")
    assert await apply_refusals(ada, macro, ticket) == ["REQUIRED macroId"]
    preview = await preview_macro(ada, macro, ticket)
    assert preview is not None
    assert [error["code"] for error in preview["userErrors"]] == ["REQUIRED"]
    sync = service.client(world.api_client_token)
    assert await refusals(sync, "resolveTicket", ticketId=ticket, resolution="x") == MISSING
    await ada.do("replyToTicket", ticketId=ticket, body="Wait", then="AWAIT_CUSTOMER")
    await set_values(ada, ticket, CAUSE)
    assert (await apply_macro(ada, macro, ticket))["ticket"]["status"] == "RESOLVED"
    other = (await cora.raise_ticket())["id"]
    await ada.do("closeTicket", ticketId=other, reason="SPAM")
    third = (await cora.raise_ticket())["id"]
    await cora.do("closeTicket", ticketId=third)
    await audit()


async def test_a_reply_that_resolves_sets_the_required_values(
    root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "cause", requiredAt="RESOLUTION")
    await define(root, "site", customerAccess="HIDDEN")
    ticket = (await cora.raise_ticket())["id"]
    site = {"key": "site", "text": "Berlin"}
    reply = {"ticketId": ticket, "body": "Fixed", "then": "RESOLVE"}
    assert await refusals(ada, "replyToTicket", **reply, customFields=[site]) == MISSING
    wrong = [CAUSE, {"key": "unknown", "text": "a"}, {"key": "site", "number": 1}]
    assert await refusals(ada, "replyToTicket", **reply, customFields=wrong) == [
        "NOT_FOUND customFields.1.key",
        "INVALID customFields.2.number",
    ]
    done = await ada.do("replyToTicket", **reply, customFields=[site, CAUSE])
    assert (done["ticket"]["status"], done["ticket"]["version"]) == ("RESOLVED", 2)
    assert done["ticket"]["resolution"] == "Fixed"
    assert await read_values(ada, ticket) == {"site": "Berlin", "cause": "Cable"}
    seen = await cora.run(
        "query($id: ID!) { ticket(id: $id) { timeline(first: 9) { nodes { type } } } }", id=ticket
    )
    types = [each["type"] for each in seen["ticket"]["timeline"]["nodes"]]
    assert types[-3:] == ["REPLY_ADDED", "STATUS_CHANGED", "TICKET_UPDATED"]
    await audit()


@pytest.mark.parametrize("then", [{}, {"then": "HOLD"}, {"then": "CLOSE", "reason": "SPAM"}])
async def test_other_replies_set_no_custom_fields(
    then: dict[str, Any], root: Client, ada: Client, cora: Client
) -> None:
    await define(root, "cause")
    reply = {"ticketId": (await cora.raise_ticket())["id"], "body": "Fixed", **then}
    errors = await refusals(ada, "replyToTicket", **reply, customFields=[CAUSE])
    assert errors == ["INVALID customFields"]


async def test_jobs_ask_for_them_too(root: Client, ada: Client, cora: Client, world: World) -> None:
    await define(root, "cause", requiredAt="RESOLUTION")
    tickets = [(await cora.raise_ticket())["id"] for _ in range(2)]
    await set_values(ada, tickets[1], CAUSE)
    viewer = viewer_of_user(await User.get(id=world.ada.id).select_related("organization"), {})
    bulk = BulkChange(action=Action.RESOLVE, text="Fixed")
    outcomes: list[str] = []
    for ticket_id in tickets:
        ticket = await Ticket.get(id=ids.key_of(ids.TICKET, ticket_id))
        change = TicketChange(ticket, viewer, time.now(), WINDOW)
        async with assert_nothing_stored():
            try:
                await ticket_change.apply(change, bulk)
                outcomes.append("resolved")
            except InvalidInput as refusal:
                outcomes.append(refusal.message)
    assert outcomes == ["The ticket needs values of these custom fields: Cause (cause)", "resolved"]


async def test_a_long_list_of_missing_fields_is_shortened(root: Client, ada: Client) -> None:
    for number in range(12):
        await define(root, f"f{number}", requiredAt="RESOLUTION")
    input: dict[str, Any] = {"ticketId": (await ada.raise_ticket())["id"], "resolution": "x"}
    payload = await ada.mutate("resolveTicket", input)
    assert payload["userErrors"][0]["message"].endswith("F9 (f9) and 2 more")
