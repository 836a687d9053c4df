"""Replies and notes: their effects on a ticket, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.assert_unchanged import assert_nothing_stored, refusals

from models.log.event import encode_cursor, read_head

pytestmark = pytest.mark.without_default_policies


async def read_ticket(client: Client, ticket_id: str) -> dict[str, Any]:
    query = """query($id: ID!) { ticket(id: $id) { status version firstRespondedAt updatedAt
      messages { nodes {
        __typename body bodyHtml author { __typename displayName } ticket { id } createdAt } }
      timeline { nodes { type } } } }"""
    return (await client.run(query, id=ticket_id))["ticket"]


async def test_the_first_staff_reply_starts_the_ticket_and_is_recorded_once(
    service: Service, world: World
) -> None:
    cora, ada, sync = (
        service.client(world.cora.token),
        service.client(world.ada.token),
        service.client(world.api_client_token),
    )
    key = (await cora.raise_ticket())["id"]
    own = await cora.do("replyToTicket", ticketId=key, body="One more thing.")
    assert (own["ticket"]["status"], own["ticket"]["firstRespondedAt"], own["event"]["type"]) == (
        "NEW",
        None,
        "REPLY_ADDED",
    )
    first = await ada.do("replyToTicket", ticketId=key, body="  **Is** the light on? ")
    assert (first["reply"]["body"], first["event"]["__typename"]) == (
        "  **Is** the light on? ",
        "TicketReplied",
    )
    assert (first["ticket"]["status"], first["ticket"]["version"]) == ("OPEN", 3)
    assert first["ticket"]["firstRespondedAt"] == first["ticket"]["updatedAt"]
    assert first["cursor"] != first["event"]["cursor"], (
        "the reply's event comes first, then the event of the start"
    )
    second = await sync.do("replyToTicket", ticketId=key, body="I am a machine.")
    assert second["ticket"]["firstRespondedAt"] == first["ticket"]["firstRespondedAt"]
    seen = await read_ticket(cora, key)
    assert [
        (message["__typename"], message["author"]["__typename"], message["author"]["displayName"])
        for message in seen["messages"]["nodes"]
    ] == [
        ("Reply", "User", "Cora"),
        ("Reply", "User", "Ada"),
        ("Reply", "ApiClient", "Sync"),
    ]
    assert seen["messages"]["nodes"][1]["bodyHtml"] == "<p><strong>Is</strong> the light on?</p>\n"
    assert [each["type"] for each in seen["timeline"]["nodes"]] == [
        "TICKET_CREATED",
        "REPLY_ADDED",
        "REPLY_ADDED",
        "STATUS_CHANGED",
        "REPLY_ADDED",
    ]


async def test_a_customers_reply_reopens_only_waiting_and_ended_tickets(
    service: Service, world: World
) -> None:
    cora, carl, ada = (
        service.client(person.token) for person in (world.cora, world.carl, world.ada)
    )
    steps: list[tuple[tuple[str, dict[str, Any]] | None, str]] = [
        (None, "NEW"),
        (("startTicket", {}), "OPEN"),
        (("awaitCustomer", {}), "OPEN"),
        (("holdTicket", {}), "ON_HOLD"),
        (("resolveTicket", {"resolution": "x"}), "OPEN"),
        (("closeTicket", {"reason": "SPAM"}), "OPEN"),
    ]
    for step, after in steps:
        for writer in (cora, carl):
            key = (await cora.raise_ticket())["id"]
            if step:
                await ada.do(step[0], ticketId=key, **step[1])
            done = await writer.do("replyToTicket", ticketId=key, body="Here I am.")
            assert done["ticket"]["status"] == after, step
            assert done["ticket"]["closedAt"] is None
            responded = step is not None and step[0] == "resolveTicket"
            assert (done["ticket"]["firstRespondedAt"] is not None) is responded


async def test_a_requester_replies_as_the_customer_whatever_their_role(
    service: Service, world: World
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    key = (await ada.raise_ticket())["id"]
    assert (await ada.do("replyToTicket", ticketId=key, body="Mine."))["ticket"]["status"] == "NEW"
    payload = await bill.do("replyToTicket", ticketId=key, body="Ours.")
    assert payload["ticket"]["status"] == "OPEN"


async def test_staff_cannot_reply_to_a_closed_ticket_but_can_add_notes(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    await ada.do("resolveTicket", ticketId=key, resolution="x")
    payload = await ada.do("replyToTicket", ticketId=key, body="One more thing.")
    assert payload["ticket"]["status"] == "RESOLVED"
    await cora.do("closeTicket", ticketId=key)
    async with assert_nothing_stored():
        (error,) = (await ada.mutate("replyToTicket", {"ticketId": key, "body": "x"}))["userErrors"]
    assert (error["__typename"], error["code"], error["from"], error["allowed"]) == (
        "TransitionRefused",
        "TRANSITION_REFUSED",
        "CLOSED",
        ["REOPEN"],
    )
    noted = await ada.do("addNote", ticketId=key, body=" Strange. ")
    assert (noted["note"]["body"], noted["event"]["__typename"], noted["ticket"]["status"]) == (
        " Strange. ",
        "TicketNoted",
        "CLOSED",
    )
    assert noted["ticket"]["firstRespondedAt"] is not None


async def test_a_note_is_no_response_and_does_not_start_the_ticket(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    done = await ada.do("addNote", ticketId=key, body="Hm.")
    assert (
        done["ticket"]["status"],
        done["ticket"]["firstRespondedAt"],
        done["ticket"]["version"],
    ) == ("NEW", None, 2)
    seen = await read_ticket(ada, key)
    assert [
        (message["__typename"], message["body"], message["ticket"]["id"])
        for message in seen["messages"]["nodes"]
    ] == [("Note", "Hm.", key)]


async def test_message_bodies_are_validated(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    key = (await ada.raise_ticket())["id"]
    for name in ("replyToTicket", "addNote"):
        for body, code in (
            ("", "REQUIRED"),
            (" \n", "REQUIRED"),
            ("b" * 65_537, "TOO_LONG"),
            ("a\0b", "INVALID"),
        ):
            assert await refusals(ada, name, ticketId=key, body=body) == [f"{code} body"]
        await ada.do(name, ticketId=key, body="b" * 65_536)
        await ada.do(name, ticketId=key, body="😀" * 65_536)


async def test_a_reply_is_refused_with_the_messages_its_author_has_not_seen(
    service: Service, world: World
) -> None:
    cora, carl, ada = (
        service.client(person.token) for person in (world.cora, world.carl, world.ada)
    )
    ticket = await cora.do("createTicket", subject="s", description="d", category="sales")
    key, start = ticket["ticket"]["id"], ticket["cursor"]
    other = (await cora.raise_ticket())["id"]
    await ada.do("replyToTicket", ticketId=other, body="elsewhere")
    await cora.do("replyToTicket", ticketId=key, body="by Cora", lastSeenCursor=start)
    await ada.do("addNote", ticketId=key, body="a note")
    theirs = await ada.do(
        "replyToTicket",
        ticketId=key,
        body="by Ada",
        lastSeenCursor=encode_cursor(await read_head()),
    )
    await carl.do("replyToTicket", ticketId=key, body="by Carl")

    async def read_unseen(client: Client, cursor: str) -> list[str]:
        async with assert_nothing_stored():
            payload = await client.mutate(
                "replyToTicket", {"ticketId": key, "body": "x", "lastSeenCursor": cursor}
            )
        (error,) = payload["userErrors"]
        assert (error["__typename"], error["code"], error["field"]) == (
            "UnseenMessages",
            "UNSEEN_MESSAGES",
            ["input", "lastSeenCursor"],
        )
        return [message["body"] for message in error["messages"]]

    assert await read_unseen(cora, start) == ["by Ada", "by Carl"]
    assert await read_unseen(carl, start) == ["by Cora", "by Ada"]
    assert await read_unseen(ada, start) == ["by Cora", "by Carl"]
    assert await read_unseen(service.client(world.bill.token), start) == [
        "by Cora",
        "a note",
        "by Ada",
        "by Carl",
    ]
    assert await read_unseen(cora, theirs["event"]["cursor"]) == ["by Carl"]
    done = await carl.do("replyToTicket", ticketId=key, body="x", lastSeenCursor=theirs["cursor"])
    assert done["reply"]["body"] == "x"


@pytest.mark.never_retried
async def test_a_note_does_not_block_the_reply_of_a_customer(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    created = await cora.do("createTicket", subject="s", description="d", category="sales")
    await ada.do("addNote", ticketId=created["ticket"]["id"], body="a note")
    await cora.do(
        "replyToTicket",
        ticketId=created["ticket"]["id"],
        body="x",
        lastSeenCursor=created["cursor"],
    )


async def test_a_reply_with_an_invalid_cursor_is_refused(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    key = (await cora.raise_ticket())["id"]
    async with assert_nothing_stored():
        for cursor in (
            "",
            "garbage",
            encode_cursor(1)[1:],
            "log:1",
            encode_cursor(1) + "=",
            encode_cursor(10**9),
            "\0",
            "é",
        ):
            with pytest.raises(Refused) as refusal:
                await cora.mutate(
                    "replyToTicket", {"ticketId": key, "body": "x", "lastSeenCursor": cursor}
                )
            assert refusal.value.code == "CURSOR_INVALID", cursor
