"""An API client proposes drafts, which only the person reads, changes and sends."""

from __future__ import annotations

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.drafts import (
    discard_draft,
    draft_refusals,
    find_draft_node,
    mutate_draft,
    propose_draft,
    read_draft,
    save_draft,
)
from support.service import running

from models.log.event import Event, encode_cursor, read_head
from models.notifications.email import Mail
from models.people.user import User
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
async def bot(service: Service) -> Client:
    return service.client(await api_client_token("Bot", ["tickets:write", "notes:write"]))


@pytest.fixture
async def ticket(service: Service, world: World, ada: Client) -> str:
    """A ticket that is assigned to Ada."""
    key = str((await service.client(world.cora.token).raise_ticket())["id"])
    await ada.do("assignTicket", ticketId=key, assigneeId=world.ada.gid)
    return key


async def test_the_assignee_or_the_named_person_gets_a_proposal(
    service: Service, world: World, ada: Client, bot: Client, ticket: str
) -> None:
    bill = service.client(world.bill.token)
    key = await propose_draft(bot, ticket, body="For the assignee")
    draft = await read_draft(ada, ticket)
    assert draft is not None
    assert (draft["id"], draft["body"], draft["kind"]) == (key, "For the assignee", "REPLY")
    assert draft["proposedBy"] == {"displayName": "Bot"}
    assert await read_draft(bill, ticket) is None
    assert await find_draft_node(bill, key) is None
    await propose_draft(bot, ticket, userId=world.bill.gid, kind="NOTE", body="For Bill")
    draft = await read_draft(bill, ticket)
    assert draft is not None
    assert (draft["body"], draft["kind"]) == ("For Bill", "NOTE")


EVENT = (
    """type ... on TicketDraftProposed { actor { displayName } user { displayName } messageKind }"""
)


async def test_the_person_is_told_of_a_proposal_but_nobody_sees_its_text(
    service: Service, world: World, bot: Client, ada: Client, ticket: str
) -> None:
    bill = service.client(world.bill.token)
    stored = await Ticket.all().order_by("-number").first()
    assert stored is not None
    async with bill.socket() as socket:
        await socket.subscribe("subscription { notifications { reason event { type } } }")
        async with ada.socket() as other:
            await other.subscribe(
                f"""subscription($id: ID!, $after: String) {{
                  ticketEvents(ticketId: $id, after: $after) {{ {EVENT} }} }}""",
                id=ticket,
                after=encode_cursor(await read_head()),
            )
            await propose_draft(bot, ticket, userId=world.bill.gid, kind="NOTE", body="Secret 17")
            assert await other.next("ticketEvents") == {
                "type": "DRAFT_PROPOSED",
                "actor": {"displayName": "Bot"},
                "user": {"displayName": "Bill"},
                "messageKind": "NOTE",
            }
        assert await socket.next("notifications") == {
            "reason": "MENTIONED",
            "event": {"type": "DRAFT_PROPOSED"},
        }
    event = await Event.all().order_by("-position").first()
    assert event is not None
    assert "Secret" not in str(event.data)
    await stored.refresh_from_db()
    assert event.version == stored.version, "a proposal is no change of the ticket"
    for client in (service.client(world.cora.token), ada):
        shown = await client.run(
            "query($id: ID!) { ticket(id: $id) { timeline(last: 1) { nodes { type } } } }",
            id=ticket,
        )
        is_customer = client is not ada
        (last,) = shown["ticket"]["timeline"]["nodes"]
        assert (last["type"] == "DRAFT_PROPOSED") is not is_customer
    assert not await Mail.filter(event_id=event.position).exists()


async def test_an_api_client_cannot_read_or_send_its_proposal(
    service: Service, world: World, ada: Client, ticket: str
) -> None:
    full = service.client(world.api_client_token)
    key = await propose_draft(full, ticket)
    assert await find_draft_node(full, key) is None
    assert await read_draft(full, ticket) is None
    own = await read_draft(ada, ticket)
    assert own is not None
    await full.do("replyToTicket", ticketId=ticket, body="x", draftVersion=own["version"])
    assert await read_draft(ada, ticket) == own
    for mutation in ("saveDraft", "discardDraft"):
        with pytest.raises(Refused) as refused:
            await draft_refusals(full, mutation, ticket)
        assert refused.value.code == "FORBIDDEN"


async def test_a_proposal_replaces_proposals_but_nothing_that_the_person_saved(
    service: Service, ada: Client, bot: Client, ticket: str
) -> None:
    other = service.client(await api_client_token("Other bot", ["tickets:write"]))
    await propose_draft(bot, ticket, body="First")
    first = await read_draft(ada, ticket)
    await propose_draft(other, ticket, body="Second")
    second = await read_draft(ada, ticket)
    assert first is not None
    assert second is not None
    assert (second["id"], second["body"]) == (first["id"], "Second")
    assert second["version"] == first["version"] + 1
    assert second["proposedBy"] == {"displayName": "Other bot"}
    stale = await draft_refusals(ada, "saveDraft", ticket, expectedVersion=first["version"])
    assert stale == ["STALE_VERSION expectedVersion"]
    saved = await save_draft(ada, ticket, body="Mine", expectedVersion=second["version"])
    assert saved["proposedBy"] is None
    assert await draft_refusals(bot, "proposeDraft", ticket) == ["TAKEN userId"]
    assert await read_draft(ada, ticket) == saved
    await ada.do("replyToTicket", ticketId=ticket, body="Mine", draftVersion=saved["version"])
    await propose_draft(bot, ticket)
    await discard_draft(ada, ticket)
    assert await read_draft(ada, ticket) is None


async def test_a_proposal_needs_an_active_member_of_staff_and_a_text(
    service: Service, world: World, ada: Client, bot: Client, ticket: str
) -> None:
    free = (await service.client(world.cora.token).raise_ticket())["id"]
    assert await draft_refusals(bot, "proposeDraft", free) == ["REQUIRED userId"]
    for person in (world.cora.gid, "usr_x", "tkt_1"):
        refusals = await draft_refusals(bot, "proposeDraft", ticket, userId=person)
        assert refusals == ["NOT_FOUND userId"]
    for body, code in ((" \n", "REQUIRED"), ("x" * 65_537, "TOO_LONG"), ("\x00", "INVALID")):
        refusals = await draft_refusals(bot, "proposeDraft", ticket, body=body)
        assert refusals == [f"{code} body"]
    assert await draft_refusals(bot, "proposeDraft", "tkt_x") == ["NOT_FOUND ticketId"]
    await propose_draft(bot, ticket)
    await User.filter(id=world.ada.id).update(active=False)
    assert await draft_refusals(bot, "proposeDraft", ticket) == ["NOT_FOUND userId"]
    await User.filter(id=world.ada.id).update(active=True)
    assert await read_draft(ada, ticket) is not None, "the draft waited for the person's return"


async def test_a_repeated_proposal_changes_nothing(ada: Client, bot: Client, ticket: str) -> None:
    input = {"ticketId": ticket, "kind": "REPLY", "body": "x", "idempotencyKey": "k"}
    first = await mutate_draft(bot, "proposeDraft", **input)
    await discard_draft(ada, ticket)
    again = await mutate_draft(bot, "proposeDraft", **input)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["draftId"] == first["draftId"]
    assert await read_draft(ada, ticket) is None


async def test_proposals_need_an_api_client_with_scopes(
    service: Service, world: World, ticket: str
) -> None:
    reader = service.client(await api_client_token("Reader", ["tickets:read", "notes:write"]))
    writer = service.client(await api_client_token("Writer", ["tickets:write"]))
    people = [service.client(each.token) for each in (world.ada, world.root, world.cora)]
    for client, kind in [
        (reader, "REPLY"),
        (writer, "NOTE"),
        *[(each, "REPLY") for each in people],
    ]:
        with pytest.raises(Refused) as refused:
            await draft_refusals(client, "proposeDraft", ticket, kind=kind)
        assert refused.value.code == "FORBIDDEN"


async def test_a_person_with_too_many_drafts_gets_no_proposal(url: str, people: World) -> None:
    async with running(url, max_drafts_per_person=1) as service:
        bot, ada = service.client(people.api_client_token), service.client(people.ada.token)
        first, second = [(await ada.raise_ticket())["id"] for _ in range(2)]
        await propose_draft(bot, first, userId=people.ada.gid)
        refusals = await draft_refusals(bot, "proposeDraft", second, userId=people.ada.gid)
        assert refusals == ["INVALID"]
