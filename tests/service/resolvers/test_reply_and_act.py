"""A reply with an action: one change with the effects, or all refusals, of both."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.assert_unchanged import assert_nothing_stored, refusals
from support.mailing import FROM, TEMPLATES
from support.ticket_commands import (
    clear_notifications,
    list_mails,
    list_notifications,
    run_notifier,
)

from models.core import time
from models.core.time import format_instant
from models.log.event import encode_cursor, read_head
from models.notifications.email import Mail
from models.tickets.ticket import Ticket, TicketParticipant
from workers.mail.address import parse_mailbox
from workers.mail.composer import Composer
from workers.mail.outgoing_mail import read_mail, read_outgoing_mail

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
]


async def read_timeline(client: Client, ticket_id: str) -> list[str]:
    query = """query($id: ID!) { ticket(id: $id) { timeline(first: 50) { nodes {
      type ... on TicketStatusChanged { action } } } } }"""
    nodes = (await client.run(query, id=ticket_id))["ticket"]["timeline"]["nodes"]
    return [each.get("action") or each["type"] for each in nodes]


async def newest_ticket() -> Ticket:
    ticket = await Ticket.all().order_by("-number").first()
    assert ticket is not None
    return ticket


async def raise_ticket_in(status: str, cora: Client, ada: Client) -> str:
    key = (await cora.raise_ticket())["id"]
    steps: dict[str, tuple[str, dict[str, Any]]] = {
        "OPEN": ("startTicket", {}),
        "WAITING_ON_CUSTOMER": ("awaitCustomer", {}),
        "ON_HOLD": ("holdTicket", {}),
        "RESOLVED": ("resolveTicket", {"resolution": "x"}),
        "CLOSED": ("closeTicket", {"reason": "SPAM"}),
    }
    if status in steps:
        name, input = steps[status]
        await ada.do(name, ticketId=key, **input)
    return key


@pytest.mark.parametrize("before", ["NEW", "OPEN", "WAITING_ON_CUSTOMER", "ON_HOLD"])
async def test_a_reply_and_its_action_are_two_events_of_one_change(
    service: Service, world: World, before: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    until = format_instant(time.now() + timedelta(days=2))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"then": "AWAIT_CUSTOMER"}, "WAITING_ON_CUSTOMER"),
        ({"then": "HOLD"}, "ON_HOLD"),
        ({"then": "HOLD", "until": until}, "ON_HOLD"),
        ({"then": "RESOLVE"}, "RESOLVED"),
        ({"then": "CLOSE", "reason": "INVALID"}, "CLOSED"),
    ]
    for input, after in cases:
        key = await raise_ticket_in(before, cora, ada)
        earlier, stored = await read_timeline(ada, key), await newest_ticket()
        done = await ada.do("replyToTicket", ticketId=key, body="Try again.", **input)
        ticket = done["ticket"]
        assert (ticket["status"], ticket["version"]) == (after, stored.version + 1)
        assert (done["event"]["type"], done["reply"]["body"]) == ("REPLY_ADDED", "Try again.")
        assert ticket["heldUntil"] == input.get("until")
        assert ticket["closeReason"] == input.get("reason")
        assert ticket["resolution"] == ("Try again." if after == "RESOLVED" else None)
        added = ["REPLY_ADDED", input["then"]]
        if before == after == "WAITING_ON_CUSTOMER":
            added = ["REPLY_ADDED"]  # it waits already
        assert await read_timeline(cora, key) == [*earlier, *added]


async def test_actions_that_the_status_does_not_permit_are_refused_with_the_reply(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    resolved = await raise_ticket_in("RESOLVED", cora, ada)
    for action in ("AWAIT_CUSTOMER", "HOLD", "RESOLVE"):
        async with assert_nothing_stored():
            input = {"ticketId": resolved, "body": "x", "then": action}
            (error,) = (await ada.mutate("replyToTicket", input))["userErrors"]
        assert (error["code"], error["from"], error["action"], error["allowed"]) == (
            "TRANSITION_REFUSED",
            "RESOLVED",
            action,
            ["CLOSE", "REOPEN"],
        )
    closed = await raise_ticket_in("CLOSED", cora, ada)
    for action in ("AWAIT_CUSTOMER", "HOLD", "RESOLVE", "CLOSE"):
        codes = await refusals(ada, "replyToTicket", ticketId=closed, body="x", then=action)
        assert codes == ["TRANSITION_REFUSED", "TRANSITION_REFUSED"]


async def test_all_errors_of_the_reply_and_the_action_are_returned(
    service: Service, world: World
) -> None:
    cora, carl, ada = (
        service.client(person.token) for person in (world.cora, world.carl, world.ada)
    )
    key = (await cora.raise_ticket())["id"]
    seen = encode_cursor(await read_head())
    await cora.do("replyToTicket", ticketId=key, body="by Cora")
    past, future = (format_instant(time.now() + timedelta(days=days)) for days in (-1, 1))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"body": "", "then": "HOLD", "until": past}, ["REQUIRED body", "INVALID until"]),
        ({"body": "x", "until": future}, ["INVALID until"]),
        ({"body": "x", "reason": "SPAM"}, ["INVALID reason"]),
        ({"body": " ", "then": "CLOSE"}, ["REQUIRED body", "REQUIRED reason"]),
        (
            {"body": "a\0", "then": "RESOLVE", "until": future, "reason": "SPAM"},
            ["INVALID body", "INVALID until", "INVALID reason"],
        ),
        (
            {"body": "x", "then": "CLOSE", "until": future, "lastSeenCursor": seen},
            ["UNSEEN_MESSAGES lastSeenCursor", "INVALID until", "REQUIRED reason"],
        ),
        ({"body": "b" * 65_537, "then": "RESOLVE"}, ["TOO_LONG body"]),
        ({"body": "x", "then": "RESOLVE", "expectedVersion": 1}, ["STALE_VERSION expectedVersion"]),
        (
            {"body": "x", "then": None, "until": None, "reason": None, "expectedVersion": 0},
            ["INVALID expectedVersion"],
        ),
    ]
    for input, expected in cases:
        assert await refusals(ada, "replyToTicket", ticketId=key, **input) == expected, input
    closed = await raise_ticket_in("CLOSED", cora, ada)
    codes = await refusals(carl, "replyToTicket", ticketId=closed, body="", then="CLOSE")
    assert codes == ["REQUIRED body", "TRANSITION_REFUSED"]


async def test_customers_confirm_or_withdraw_with_a_reply_and_nothing_else(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for before, reason in (
        ("NEW", "WITHDRAWN"),
        ("WAITING_ON_CUSTOMER", "WITHDRAWN"),
        ("RESOLVED", "RESOLVED"),
    ):
        key = await raise_ticket_in(before, cora, ada)
        earlier = await read_timeline(cora, key)
        wrong = "SPAM"
        assert await refusals(
            cora, "replyToTicket", ticketId=key, body="x", then="CLOSE", reason=wrong
        ) == ["INVALID reason"]
        done = await cora.do("replyToTicket", ticketId=key, body="Thanks!", then="CLOSE")
        assert (done["ticket"]["status"], done["ticket"]["closeReason"]) == ("CLOSED", reason)
        assert await read_timeline(cora, key) == [*earlier, "REPLY_ADDED", "CLOSE"]
        assert await refusals(cora, "replyToTicket", ticketId=key, body="x", then="CLOSE") == [
            "TRANSITION_REFUSED"
        ]
    key = await raise_ticket_in("OPEN", cora, ada)
    for client in (cora, service.client(world.carl.token), service.client(world.olga.token)):
        for action in ("AWAIT_CUSTOMER", "HOLD", "RESOLVE"):
            input = {"ticketId": key, "body": "x", "then": action}
            async with assert_nothing_stored():
                with pytest.raises(Refused) as refusal:
                    await client.mutate("replyToTicket", input)
            assert refusal.value.code == "FORBIDDEN"
    olga = service.client(world.olga.token)
    assert await refusals(olga, "replyToTicket", ticketId=key, body="x", then="CLOSE") == [
        "NOT_FOUND ticketId"
    ]


async def test_participants_may_reply_but_not_close_with_a_reply(
    service: Service, world: World
) -> None:
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    key = (await cora.raise_ticket())["id"]
    ticket = await newest_ticket()
    await TicketParticipant.create(ticket_id=ticket.id, user_id=world.olga.id)
    assert await refusals(olga, "replyToTicket", ticketId=key, body="x", then="CLOSE") == [
        "INVALID ticketId"
    ]
    await olga.do("replyToTicket", ticketId=key, body="x")


async def test_a_repeated_reply_with_an_action_changes_nothing(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    input = {"ticketId": key, "body": "Done.", "then": "RESOLVE", "idempotencyKey": "k"}
    first = await ada.do("replyToTicket", **input)
    async with assert_nothing_stored():
        again = await ada.do("replyToTicket", **input)
        assert again == {**first, "replayed": True}
        payload = await ada.mutate("replyToTicket", {**input, "then": "HOLD"})
    assert [each["code"] for each in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_of_two_resolving_replies_at_once_one_is_refused_with_its_text(
    service: Service, world: World
) -> None:
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    key = (await cora.raise_ticket())["id"]
    payloads = await asyncio.gather(
        *(
            client.mutate("replyToTicket", {"ticketId": key, "body": "Done.", "then": "RESOLVE"})
            for client in (ada, bill)
        )
    )
    errors = [error["code"] for each in payloads for error in each["userErrors"]]
    assert errors == ["TRANSITION_REFUSED"]
    assert await read_timeline(cora, key) == ["TICKET_CREATED", "REPLY_ADDED", "RESOLVE"]


@pytest.mark.parametrize(
    ("input", "mail", "event_type"),
    [
        ({"then": "RESOLVE"}, "resolved", "STATUS_CHANGED"),
        ({"then": "AWAIT_CUSTOMER"}, "awaiting_customer", "STATUS_CHANGED"),
        ({"then": "HOLD"}, "replied", "REPLY_ADDED"),
        ({"then": "CLOSE", "reason": "INVALID"}, "replied", "REPLY_ADDED"),
        ({}, "replied", "REPLY_ADDED"),
    ],
)
async def test_the_customer_gets_one_email_and_one_notification_with_the_text(
    service: Service, world: World, input: dict[str, Any], mail: str, event_type: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    await ada.do("startTicket", ticketId=key)
    await clear_notifications()
    await ada.do("replyToTicket", ticketId=key, body="Try **again**.", **input)
    await run_notifier()
    assert await list_mails() == [f"cora {mail}"]
    assert await list_notifications() == [f"cora {event_type} REQUESTER"]
    sent = await read_outgoing_mail(await read_mail((await Mail.get()).id))
    message = await Composer(TEMPLATES, parse_mailbox(FROM)).compose(sent)
    text = message.get_body(("plain",))
    assert text is not None
    assert "Try **again**." in text.get_content()
    assert ("closed this ticket" in text.get_content()) is (input.get("then") == "CLOSE")
