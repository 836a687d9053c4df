"""Drafts: one per person and ticket, private, and discarded by the message that sends them."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import token_of
from support.drafts import (
    discard_draft,
    draft_refusals,
    find_draft_node,
    mutate_draft,
    read_draft,
    save_draft,
)
from support.macros import apply_macro, apply_refusals, create_macro
from support.metrics import read_limit_counts
from support.service import running

from models.log.event import read_head
from models.people.user import Organization, User
from models.tickets.draft import Draft
from workers.cleanup import Cleanup

pytestmark = pytest.mark.without_default_policies


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


@pytest.fixture
async def ticket(cora: Client) -> str:
    return str((await cora.raise_ticket())["id"])


async def test_a_draft_is_saved_as_written_changed_and_discarded(ada: Client, ticket: str) -> None:
    assert await read_draft(ada, ticket) is None
    head = await read_head()
    first = await save_draft(ada, ticket, body="  Hello\n", expectedVersion=0)
    assert await read_draft(ada, ticket) == await find_draft_node(ada, first["id"]) == first
    assert (first["kind"], first["body"], first["proposedBy"]) == ("REPLY", "  Hello\n", None)
    second = await save_draft(ada, ticket, kind="NOTE", body="", expectedVersion=first["version"])
    assert (second["id"], second["kind"], second["body"]) == (first["id"], "NOTE", "")
    assert second["version"] == first["version"] + 1
    await discard_draft(ada, ticket, expectedVersion=second["version"])
    assert await read_draft(ada, ticket) is None
    assert await find_draft_node(ada, first["id"]) is None
    await discard_draft(ada, ticket)
    assert await read_head() == head, "drafts are not in the log"


async def test_nobody_but_the_person_sees_a_draft(
    service: Service, world: World, ada: Client, ticket: str
) -> None:
    own = await save_draft(ada, ticket)
    people = (world.bill, world.root, world.cora, world.carl)
    for other in [
        *[service.client(each.token) for each in people],
        service.client(world.api_client_token),
    ]:
        assert await read_draft(other, ticket) is None
        assert await find_draft_node(other, own["id"]) is None
    assert await find_draft_node(service.client(world.olga.token), own["id"]) is None
    bill = service.client(world.bill.token)
    await save_draft(bill, ticket, body="Of Bill")
    await discard_draft(bill, ticket)
    assert await read_draft(ada, ticket) == own


async def test_two_tabs_do_not_overwrite_each_other(ada: Client, ticket: str) -> None:
    first = await save_draft(ada, ticket, body="Tab 1")
    await save_draft(ada, ticket, body="Tab 2", expectedVersion=first["version"])
    for stale in (0, first["version"]):
        refusals = await draft_refusals(ada, "saveDraft", ticket, expectedVersion=stale)
        assert refusals == ["STALE_VERSION expectedVersion"]
        refusals = await draft_refusals(ada, "discardDraft", ticket, expectedVersion=stale)
        assert refusals == ["STALE_VERSION expectedVersion"]
    draft = await read_draft(ada, ticket)
    assert draft is not None
    assert draft["body"] == "Tab 2"
    await discard_draft(ada, ticket)
    payload = await mutate_draft(
        ada, "saveDraft", ticketId=ticket, kind="REPLY", body="x", expectedVersion=draft["version"]
    )
    assert payload["userErrors"][0]["current"] == 0, "there is no draft any more"


async def test_a_new_draft_never_has_the_version_of_an_earlier_one(
    service: Service, ada: Client, ticket: str
) -> None:
    first = await save_draft(ada, ticket)
    second = await save_draft(ada, ticket)
    await discard_draft(ada, ticket)
    service.clock.advance(seconds=1)
    third = await save_draft(ada, ticket)
    assert first["version"] < second["version"] < third["version"]
    stale = await draft_refusals(ada, "saveDraft", ticket, expectedVersion=second["version"])
    assert stale == ["STALE_VERSION expectedVersion"]


async def test_concurrent_saves_leave_one_draft(ada: Client, ticket: str) -> None:
    saves = [save_draft(ada, ticket, body=f"Tab {number}") for number in range(5)]
    saved = await asyncio.gather(*saves)
    versions = sorted(draft["version"] for draft in saved)
    assert versions == list(range(versions[0], versions[0] + 5))
    (draft,) = await Draft.all()
    assert draft.version == versions[-1]


async def test_a_save_during_a_message_loses_no_text(ada: Client, ticket: str) -> None:
    """A message that sends the draft, and a save of another tab at the same moment."""
    for number in range(10):
        draft = await save_draft(ada, ticket, body="Sent")
        values = {"ticketId": ticket, "body": "Sent", "draftVersion": draft["version"]}
        _, saved = await asyncio.gather(
            ada.do("replyToTicket", **values), save_draft(ada, ticket, body=f"Kept {number}")
        )
        assert await read_draft(ada, ticket) == saved
        await discard_draft(ada, ticket)


async def test_a_repetition_shows_only_what_the_token_may_read(
    service: Service, world: World, ada: Client, ticket: str
) -> None:
    user = await User.get(id=world.ada.id)
    writer = service.client(await token_of(user, ["tickets:write"]))
    reader = service.client(await token_of(user, ["tickets:write", "tickets:read"]))
    input = {"ticketId": ticket, "kind": "REPLY", "body": "x", "idempotencyKey": "k"}
    query = """mutation($input: SaveDraftInput!) { saveDraft(input: $input) {
      replayed draft { kind body } userErrors { code } } }"""

    async def save(client: Client) -> dict[str, Any]:
        return dict((await client.run(query, input=input))["saveDraft"])

    assert (await save(writer))["draft"] == {"kind": "REPLY", "body": "x"}
    await save_draft(ada, ticket, body="changed")
    assert await save(writer) == {"replayed": True, "draft": None, "userErrors": []}
    assert (await save(reader))["draft"] == {"kind": "REPLY", "body": "changed"}
    await save_draft(ada, ticket, kind="NOTE", body="for us")
    assert (await save(reader))["draft"] is None


async def test_a_message_discards_the_draft_that_it_sends(ada: Client, ticket: str) -> None:
    for mutation in ("replyToTicket", "addNote"):
        draft = await save_draft(ada, ticket, body="Hello")
        input = {"ticketId": ticket, "body": "Hello", "draftVersion": draft["version"]}
        await ada.do(mutation, **input, idempotencyKey="k")
        assert await read_draft(ada, ticket) is None
        newer = await save_draft(ada, ticket, body="The next message")
        repeated = await ada.do(mutation, **input, idempotencyKey="k")
        assert repeated["replayed"]
        assert await read_draft(ada, ticket) == newer, "a repetition discards nothing"
        await discard_draft(ada, ticket)


async def test_a_macro_discards_the_draft_that_it_sends(ada: Client, ticket: str) -> None:
    macro = await create_macro(ada, text="Hello")
    silent = await create_macro(ada, addTags=["x"])
    first = await save_draft(ada, ticket, body="Hello, edited")
    newer = await save_draft(ada, ticket, body="Hello, edited in another tab")
    outdated, current = first["version"], newer["version"]
    kept = [
        (macro, {"body": "Hello, edited", "draftVersion": outdated}),
        (macro, {}),
        (silent, {"draftVersion": current}),
    ]
    for each, input in kept:
        assert (await apply_macro(ada, each, ticket, **input))["userErrors"] == []
        assert await read_draft(ada, ticket) == newer
    stale = {"draftVersion": current, "expectedVersion": 1}
    assert await apply_refusals(ada, macro, ticket, **stale) == ["STALE_VERSION expectedVersion"]
    sent = {"body": newer["body"], "draftVersion": current, "idempotencyKey": "k"}
    assert (await apply_macro(ada, macro, ticket, **sent))["reply"] == {"body": newer["body"]}
    assert await read_draft(ada, ticket) is None
    later = await save_draft(ada, ticket, body="The next message")
    assert (await apply_macro(ada, macro, ticket, **sent))["replayed"]
    assert await read_draft(ada, ticket) == later, "a repetition discards nothing"


async def test_a_draft_stays_if_it_was_changed_or_its_message_is_refused(
    ada: Client, ticket: str
) -> None:
    first = await save_draft(ada, ticket)
    second = await save_draft(ada, ticket, body="Changed in another tab")
    await ada.do("replyToTicket", ticketId=ticket, body="x", draftVersion=first["version"])
    await ada.do("replyToTicket", ticketId=ticket, body="x")
    assert await read_draft(ada, ticket) == second
    input = {"ticketId": ticket, "draftVersion": second["version"], "expectedVersion": 1}
    for mutation in ("replyToTicket", "addNote"):
        assert await ada.refusal_codes(mutation, body="x", **input) == ["STALE_VERSION"]
    blank = {"ticketId": ticket, "draftVersion": second["version"], "body": " "}
    assert await ada.refusal_codes("replyToTicket", **blank) == ["REQUIRED"]
    assert await read_draft(ada, ticket) == second


async def test_another_persons_message_discards_no_draft(
    service: Service, world: World, ada: Client, ticket: str
) -> None:
    own = await save_draft(ada, ticket)
    for other in (world.bill.token, world.api_client_token):
        input = {"ticketId": ticket, "body": "x", "draftVersion": own["version"]}
        await service.client(other).do("replyToTicket", **input)
    assert await read_draft(ada, ticket) == own


async def test_a_repeated_save_returns_the_current_draft(ada: Client, ticket: str) -> None:
    input = {"ticketId": ticket, "kind": "REPLY", "body": "x", "idempotencyKey": "k"}
    first = await mutate_draft(ada, "saveDraft", **input)
    newer = await save_draft(ada, ticket, body="Newer")
    again = await mutate_draft(ada, "saveDraft", **input)
    assert (first["replayed"], again["replayed"], again["draft"]) == (False, True, newer)
    reused = {"body": "other", "idempotencyKey": "k"}
    refusals = await draft_refusals(ada, "saveDraft", ticket, **reused)
    assert refusals == ["IDEMPOTENCY_KEY_REUSED idempotencyKey"]
    discard = {"ticketId": ticket, "idempotencyKey": "d"}
    assert not (await mutate_draft(ada, "discardDraft", **discard))["replayed"]
    again = await mutate_draft(ada, "saveDraft", **input)
    assert (again["replayed"], again["draft"]) == (True, None)
    await save_draft(ada, ticket)
    assert (await mutate_draft(ada, "discardDraft", **discard))["replayed"]
    assert await read_draft(ada, ticket) is not None, "a repetition discards nothing"


async def test_hostile_input_is_refused(service: Service, world: World, ada: Client) -> None:
    foreign = (await service.client(world.olga.token).raise_ticket())["id"]
    carl = service.client(world.carl.token)
    for key in (foreign, "tkt_x", "", "usr_1"):
        assert await draft_refusals(carl, "saveDraft", key) == ["NOT_FOUND ticketId"]
        assert await draft_refusals(carl, "discardDraft", key) == ["NOT_FOUND ticketId"]
    for body, code in (("x" * 65_537, "TOO_LONG"), ("a\x00b", "INVALID")):
        assert await draft_refusals(ada, "saveDraft", foreign, body=body) == [f"{code} body"]
    version = await draft_refusals(ada, "saveDraft", foreign, expectedVersion=-1)
    assert version == ["INVALID expectedVersion"]
    for ids in (["att_x"], ["att_01890000-0000-7000-8000-000000000000"]):
        refusals = await draft_refusals(ada, "saveDraft", foreign, attachmentIds=ids)
        assert refusals == ["NOT_FOUND attachmentIds"]


async def test_customers_write_drafts_of_replies_only(
    service: Service, world: World, cora: Client, ticket: str
) -> None:
    own = await save_draft(cora, ticket)
    assert await read_draft(cora, ticket) == own
    carl = service.client(world.carl.token)
    assert await read_draft(carl, ticket) is None
    await save_draft(carl, ticket, body="Of Carl")
    assert await read_draft(cora, ticket) == own
    with pytest.raises(Refused) as refused:
        await save_draft(cora, ticket, kind="NOTE")
    assert refused.value.code == "FORBIDDEN"
    await cora.do("replyToTicket", ticketId=ticket, body="x", draftVersion=own["version"])
    assert await read_draft(cora, ticket) is None


async def test_scopes_limit_what_a_token_does_with_drafts(
    service: Service, world: World, ada: Client, ticket: str
) -> None:
    user = await User.get(id=world.ada.id)
    note = await save_draft(ada, ticket, kind="NOTE", body="Internal")
    reader = service.client(await token_of(user, ["tickets:read"]))
    assert await read_draft(reader, ticket) is None
    assert await find_draft_node(reader, note["id"]) is None
    writer = service.client(await token_of(user, ["tickets:write"]))
    assert await find_draft_node(writer, note["id"]) is None
    reply = await save_draft(writer, ticket)
    assert reply["body"] == "A draft", "a token sees what it has just written"
    assert await read_draft(reader, ticket) == await read_draft(ada, ticket) == reply
    for client, kind in ((reader, "REPLY"), (writer, "NOTE")):
        with pytest.raises(Refused) as refused:
            await save_draft(client, ticket, kind=kind)
        assert refused.value.code == "FORBIDDEN"


async def test_a_draft_is_hidden_while_its_ticket_is(
    service: Service, world: World, cora: Client, ticket: str
) -> None:
    carl = service.client(world.carl.token)
    own = await save_draft(carl, ticket, idempotencyKey="k")
    organization = (await User.get(id=world.carl.id).select_related("organization")).organization
    assert isinstance(organization, Organization)
    await Organization.filter(id=organization.id).update(shared=False)
    carl = service.client(await token_of(await User.get(id=world.carl.id)))
    assert await find_draft_node(carl, own["id"]) is None
    assert await draft_refusals(carl, "discardDraft", ticket) == ["NOT_FOUND ticketId"]
    input = {"ticketId": ticket, "kind": "REPLY", "body": "A draft", "idempotencyKey": "k"}
    again = await mutate_draft(carl, "saveDraft", **input)
    assert (again["replayed"], again["draft"]) == (True, None)
    await Organization.filter(id=organization.id).update(shared=True)
    carl = service.client(await token_of(await User.get(id=world.carl.id)))
    assert await read_draft(carl, ticket) == own


async def test_a_draft_stays_with_a_merged_ticket(
    service: Service, world: World, ada: Client, cora: Client, ticket: str
) -> None:
    into = (await cora.raise_ticket("The same"))["id"]
    own = await save_draft(ada, ticket)
    await ada.do("mergeTickets", ticketId=ticket, intoId=into)
    assert await read_draft(ada, ticket) == own
    assert await read_draft(ada, into) is None
    sent = {"ticketId": ticket, "body": "x", "draftVersion": own["version"]}
    assert await ada.refusal_codes("replyToTicket", **sent) == ["TRANSITION_REFUSED"]
    assert await read_draft(ada, ticket) == own


async def test_drafts_of_a_person_are_limited(url: str, people: World) -> None:
    limits = {"max_drafts_per_person": 1, "max_draft_chars": 5}
    async with running(url, **limits) as service:
        ada, bill = service.client(people.ada.token), service.client(people.bill.token)
        first, second = [(await ada.raise_ticket())["id"] for _ in range(2)]
        before = await read_limit_counts(service, people.root.token, "limit_refusals")
        assert await draft_refusals(ada, "saveDraft", first, body="123456") == ["TOO_LONG body"]
        await save_draft(ada, first, body="12345")
        assert await draft_refusals(ada, "saveDraft", second, body="x") == ["INVALID"]
        await save_draft(ada, first, body="x")
        await save_draft(bill, second, body="x")
        await discard_draft(ada, first)
        await save_draft(ada, second, body="x")
        after = await read_limit_counts(service, people.root.token, "limit_refusals")
        assert after - before == Counter(drafts=1, input_length=1)


async def test_drafts_are_deleted_some_days_after_their_last_change(
    service: Service, ada: Client, cora: Client
) -> None:
    old, new = [(await cora.raise_ticket())["id"] for _ in range(2)]
    await save_draft(ada, old)
    start = service.clock()
    service.clock.advance(days=5)
    kept = await save_draft(ada, new)
    job = Cleanup(draft_retention=timedelta(days=10))
    await job.run_once(start + timedelta(days=10, hours=-1), 0)
    assert await Draft.all().count() == 2
    await job.run_once(start + timedelta(days=10, hours=1), 0)
    assert await read_draft(ada, old) is None
    assert await read_draft(ada, new) == kept
