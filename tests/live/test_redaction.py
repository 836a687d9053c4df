"""Open subscriptions while a secret is removed from a message."""

from __future__ import annotations

import pytest
from support import Service, World
from support.live import head_cursor

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

REDACTIONS = """subscription($ticketId: ID, $after: String) {
  ticketEvents(ticketId: $ticketId, after: $after) { type
  ... on TicketNoted { note { body } } ... on TicketReplied { reply { body } }
  ... on TicketMessageRedacted { reason message { body bodyHtml } } } }"""
SENTINEL = {"type": "TICKET_UPDATED"}


async def test_open_subscriptions_get_the_redaction_and_the_new_text(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with cora.socket() as customer, ada.socket() as agent:
        head = await head_cursor()
        for socket in (customer, agent):
            await socket.subscribe(REDACTIONS, ticketId=ticket, after=head)
        await ada.do("updateTicket", ticketId=ticket, addTags=["first"])
        for socket in (customer, agent):
            while await socket.next("ticketEvents") != SENTINEL:
                pass
        reply = (await ada.do("replyToTicket", ticketId=ticket, body="Use hunter2."))["reply"]
        note = (await ada.do("addNote", ticketId=ticket, body="It was hunter2."))["note"]
        for message in (reply, note):
            await ada.do("redactMessage", messageId=message["id"], text="hunter2", reason="Leak")
        await ada.do("updateTicket", ticketId=ticket, addTags=["last"])
        received = []
        for socket in (customer, agent):
            steps = [await socket.next("ticketEvents")]
            while steps[-1] != SENTINEL:
                steps.append(await socket.next("ticketEvents"))
            received.append([each for each in steps if each["type"] == "MESSAGE_REDACTED"])
    public = {
        "type": "MESSAGE_REDACTED",
        "reason": "Leak",
        "message": {"body": "Use [redacted].", "bodyHtml": "<p>Use [redacted].</p>\n"},
    }
    body = {"body": "It was [redacted].", "bodyHtml": "<p>It was [redacted].</p>\n"}
    assert received == [[public], [public, {**public, "message": body}]]
