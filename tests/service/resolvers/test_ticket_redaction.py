"""Secrets that are removed from the subject, the description and the resolution of a ticket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.erasure import find_rows
from support.jobs import run_caller_jobs
from support.ticket_commands import run_notifier

from models.core import ids
from models.log.event import Event, EventType
from models.tickets.ticket import Ticket

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

SECRET = "Zq9Xkw7Hunter"
TAIL = SECRET[3:]
"""The index of SQLite stores words without the beginning that they share with others."""
TEXT = f"My password is {SECRET}, again: {SECRET}."
REDACTED = "My password is [redacted], again: [redacted]."
REASON = {"reason": "A password."}
TICKET = """query($id: ID!) { ticket(id: $id) { subject description descriptionHtml resolution
  timeline(first: 50) { nodes { type ... on TicketRedacted { reason }
    ... on TicketUpdated { changes { field from to } } } } } }"""


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def read(client: Client, ticket: str) -> dict[str, Any]:
    return dict((await client.run(TICKET, id=ticket))["ticket"])


async def redact(client: Client, ticket: str, field: str, **more: Any) -> dict[str, Any]:
    input = {"ticketId": ticket, "field": field, **REASON, **more}
    return await client.do("redactTicket", **input)


async def count_found(client: Client, words: str) -> int:
    query = "query($words: String) { tickets(filter: {search: $words}) { totalCount } }"
    return int((await client.run(query, words=words))["tickets"]["totalCount"])


async def test_a_secret_is_removed_from_the_ticket_the_log_and_the_search(
    root: Client, ada: Client, cora: Client
) -> None:
    await cora.raise_ticket("Zq9 is not secret. Neither is Zq9X.")
    ticket = (await cora.raise_ticket(TEXT, description=TEXT))["id"]
    await ada.do("updateTicket", ticketId=ticket, subject=f"Later: {SECRET}")
    await run_notifier()  # emails about the ticket wait to be sent
    assert await count_found(ada, SECRET) == 1
    payload = await redact(root, ticket, "SUBJECT", text=SECRET)
    assert payload["event"]["type"] == "TICKET_REDACTED"
    assert await count_found(ada, SECRET) == 1, "the description still has it"
    await redact(root, ticket, "DESCRIPTION", text=SECRET)
    assert await find_rows(TAIL) == []
    assert (await count_found(ada, SECRET), await count_found(ada, "password again")) == (0, 1)
    shown = await read(cora, ticket)
    assert (shown["subject"], shown["description"]) == ("Later: [redacted]", REDACTED)
    assert SECRET not in shown["descriptionHtml"]
    nodes = shown["timeline"]["nodes"]
    change = {"field": "subject", "from": REDACTED, "to": "Later: [redacted]"}
    assert {"type": "TICKET_UPDATED", "changes": [change]} in nodes
    assert [each for each in nodes if each["type"] == "TICKET_REDACTED"] == [
        *({"type": "TICKET_REDACTED", **REASON},) * 2,
    ]
    await audit()


async def test_a_text_of_an_earlier_subject_is_removed_from_the_log(
    root: Client, ada: Client, cora: Client
) -> None:
    ticket = (await cora.raise_ticket(TEXT))["id"]
    await ada.do("updateTicket", ticketId=ticket, subject="VPN")
    await redact(root, ticket, "SUBJECT", text=SECRET)
    assert await find_rows(TAIL) == []
    assert (await read(cora, ticket))["subject"] == "VPN"
    await audit()


async def test_a_whole_field_is_redacted_once(root: Client, cora: Client) -> None:
    ticket = (await cora.raise_ticket(TEXT, description=TEXT))["id"]
    for field in ("SUBJECT", "DESCRIPTION") * 2:
        await redact(root, ticket, field)
    assert await find_rows(TAIL) == []
    shown = await read(cora, ticket)
    assert (shown["subject"], shown["description"]) == ("[redacted]", "[redacted]")
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 2
    await audit()


async def test_a_resolution_is_redacted_in_the_log_and_in_the_job_that_gave_it(
    ada: Client, cora: Client
) -> None:
    own, by_job = [(await cora.raise_ticket())["id"] for _ in range(2)]
    for resolution in (TEXT, f"Later: {SECRET}"):
        await ada.do("resolveTicket", ticketId=own, resolution=resolution)
        await cora.do("reopenTicket", ticketId=own, reason="Not yet.")
    change = {"action": "RESOLVE", "resolution": TEXT}
    await run_mutation(ada, "bulkUpdateTickets", ids=[by_job], change=change)
    await run_caller_jobs()
    assert await find_rows(TAIL) == ["caller_jobs.parameters", "events.data", "tickets.resolution"]
    await redact(ada, own, "RESOLUTION", text=SECRET)
    await redact(ada, by_job, "RESOLUTION", text=SECRET)
    assert await find_rows(TAIL) == []
    assert (await read(cora, by_job))["resolution"] == REDACTED
    await audit()


async def test_a_resolution_that_repeats_a_reply_is_redacted_with_the_reply(
    ada: Client, cora: Client
) -> None:
    ticket = (await cora.raise_ticket())["id"]
    reply = await ada.do("replyToTicket", ticketId=ticket, body=TEXT, then="RESOLVE")
    input = {"ticketId": ticket, "field": "RESOLUTION", "text": SECRET, **REASON}
    assert await refusals(ada, "redactTicket", **input) == ["INVALID field"]
    await ada.do("redactMessage", messageId=reply["reply"]["id"], text=SECRET, **REASON)
    assert await find_rows(TAIL) == []
    assert await refusals(ada, "redactTicket", **input) == ["NOT_FOUND text"]


async def test_a_subject_stays_short_enough(root: Client, cora: Client) -> None:
    ticket = (await cora.raise_ticket("ab" * 100))["id"]
    await redact(root, ticket, "SUBJECT", text="b")
    subject = (await read(root, ticket))["subject"]
    assert subject == ("a[redacted]" * 100)[:200]
    await audit()


async def test_concurrent_redactions_happen_once(root: Client, cora: Client) -> None:
    ticket = (await cora.raise_ticket(TEXT))["id"]
    input = {"ticketId": ticket, "field": "SUBJECT", "text": SECRET, **REASON}
    sent = [root.mutate("redactTicket", input) for _ in range(4)]
    errors = [len(each["userErrors"]) for each in await asyncio.gather(*sent)]
    assert sorted(errors) == [0, 1, 1, 1]
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 1


async def test_agents_redact_only_what_they_have_written(
    service: Service, world: World, ada: Client, cora: Client
) -> None:
    of_cora = (await cora.raise_ticket(TEXT, description=TEXT))["id"]
    of_ada = (await ada.raise_ticket(TEXT, requesterId=world.cora.gid))["id"]
    bill = service.client(world.bill.token)
    for client, ticket in ((ada, of_cora), (bill, of_ada)):
        for field in ("SUBJECT", "DESCRIPTION"):
            input = {"ticketId": ticket, "field": field, **REASON}
            assert await refusals(client, "redactTicket", **input) == ["INVALID field"]
    await redact(ada, of_ada, "SUBJECT", text=SECRET)
    await bill.do("updateTicket", ticketId=of_ada, subject=TEXT)
    input = {"ticketId": of_ada, "field": "SUBJECT", **REASON}
    assert await refusals(ada, "redactTicket", **input) == ["INVALID field"], "Bill's, too"
    admin = service.client(
        await api_client_token("Admin", ["tickets:read", "tickets:write", "admin"])
    )
    await redact(admin, of_ada, "SUBJECT", text=SECRET)
    assert (await Ticket.get(id=ids.key_of(ids.TICKET, of_ada))).subject == REDACTED


async def test_refused_redactions(root: Client, ada: Client, cora: Client) -> None:
    ticket = (await cora.raise_ticket(TEXT))["id"]
    missing = {"ticketId": ticket, "field": "RESOLUTION", **REASON}
    assert await refusals(ada, "redactTicket", **missing) == ["NOT_FOUND field"]
    for changes, error in (
        ({"ticketId": "tkt_1"}, "NOT_FOUND ticketId"),
        ({"ticketId": ids.encode(ids.TICKET, ids.new_id())}, "NOT_FOUND ticketId"),
        ({"field": "RESOLUTION"}, "NOT_FOUND field"),
        ({"text": SECRET.lower()}, "NOT_FOUND text"),
        ({"text": ""}, "REQUIRED text"),
        ({"text": "x" * 65_537}, "TOO_LONG text"),
        ({"text": "\0"}, "INVALID text"),
        ({"text": SECRET, "reason": f"It was {SECRET}."}, "INVALID reason"),
        ({"reason": " "}, "REQUIRED reason"),
        ({"reason": "r" * 1001}, "TOO_LONG reason"),
        ({"expectedVersion": 7}, "STALE_VERSION expectedVersion"),
        ({"expectedVersion": 0}, "INVALID expectedVersion"),
    ):
        input = {"ticketId": ticket, "field": "SUBJECT", **REASON, **changes}
        assert await refusals(root, "redactTicket", **input) == [error], changes
    input = {"ticketId": ticket, "field": "SUBJECT", **REASON}
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refused:
            await cora.mutate("redactTicket", input)
    assert refused.value.code == "FORBIDDEN"
