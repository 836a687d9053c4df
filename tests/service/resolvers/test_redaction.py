"""Secrets that are removed from messages, and from everything that is made of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.databases import IS_SQLITE
from support.ticket_commands import run_notifier

from models import database
from models.core import ids
from models.log.event import Event
from models.tickets.message import Message

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

SECRET = "Zq9Xkw7Hunter"
BODY = f"My password is {SECRET}, again: {SECRET}."
REASON = {"reason": "A password."}
TIMELINE = """query($id: ID!) { ticket(id: $id) { timeline(first: 50) { nodes { type
  ... on TicketMessageRedacted { reason message { id body } } } } } }"""


async def reply(client: Client, ticket: str, body: str = BODY) -> str:
    return str((await client.do("replyToTicket", ticketId=ticket, body=body))["reply"]["id"])


async def redacted_events(client: Client, ticket: str) -> list[dict[str, Any]]:
    nodes = (await client.run(TIMELINE, id=ticket))["ticket"]["timeline"]["nodes"]
    return [node for node in nodes if node["type"] == "MESSAGE_REDACTED"]


async def count_found(client: Client, words: str) -> int:
    query = "query($words: String) { tickets(filter: {search: $words}) { totalCount } }"
    return int((await client.run(query, words=words))["tickets"]["totalCount"])


async def find_text(text: str) -> list[str]:
    """The tables with a row that holds the text anywhere, in any case."""
    if IS_SQLITE:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
    else:
        sql = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    found: list[str] = []
    for table in [row["name"] for row in await database.fetch_dicts(sql)]:
        for row in await database.fetch_dicts(f'SELECT * FROM "{table}"'):
            values = [v.hex() if isinstance(v, bytes) else str(v).lower() for v in row.values()]
            wanted = (text.lower(), text.lower().encode().hex())
            if any(each in value for value in values for each in wanted):
                found.append(str(table))
                break
    return sorted(found)


async def test_a_secret_is_removed_from_everything_that_is_stored(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    ticket = (await cora.raise_ticket())["id"]
    await reply(cora, ticket, "Zq9 is not secret. Neither is Zq9X.")
    message = await reply(cora, ticket)
    note = (await ada.do("addNote", ticketId=ticket, body=f"Note: {SECRET}"))["note"]["id"]
    await run_notifier()  # emails about the messages wait to be sent
    tail = SECRET[3:]  # the index stores words without the beginning that they share with others
    assert "messages" in await find_text(tail)
    assert ("message_search_data" in await find_text(tail)) is IS_SQLITE
    assert await count_found(ada, SECRET) == 1
    for key in (message, note):
        await root.do("redactMessage", messageId=key, text=SECRET, **REASON)
    assert await find_text(tail) == []
    assert await count_found(ada, SECRET) == 0
    assert await count_found(ada, "password again redacted") == 1
    body = (await Message.get(id=ids.key_of(ids.MESSAGE, message))).body
    assert body == "My password is [redacted], again: [redacted]."
    await audit()


async def test_the_timeline_shows_the_redaction_without_the_text(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root, ticket = service.client(world.root.token), (await cora.raise_ticket())["id"]
    message = await reply(cora, ticket)
    note = (await ada.do("addNote", ticketId=ticket, body=BODY))["note"]["id"]
    payload = await root.do("redactMessage", messageId=message, **REASON)
    assert payload["event"]["type"] == "MESSAGE_REDACTED"
    await ada.do("redactMessage", messageId=note, text=SECRET, **REASON)  # its author
    whole = {"type": "MESSAGE_REDACTED", **REASON, "message": {"id": message, "body": "[redacted]"}}
    assert await redacted_events(cora, ticket) == [whole]
    assert len(await redacted_events(ada, ticket)) == 2
    query = "query($id: ID!) { node(id: $id) { ... on Message { body bodyHtml } } }"
    shown = (await cora.run(query, id=message))["node"]
    assert shown == {"body": "[redacted]", "bodyHtml": "<p>[redacted]</p>\n"}


async def test_redactions_that_are_repeated_or_concurrent(service: Service, world: World) -> None:
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    ticket = (await cora.raise_ticket())["id"]
    part, whole = await reply(cora, ticket), await reply(cora, ticket)
    sent = [
        root.mutate("redactMessage", {"messageId": part, "text": SECRET, **REASON})
        for _ in range(4)
    ]
    errors = [payload["userErrors"] for payload in await asyncio.gather(*sent)]
    assert sorted(len(each) for each in errors) == [0, 1, 1, 1]
    for _ in range(3):
        await root.do("redactMessage", messageId=whole, **REASON)
    assert await Event.filter(type="message_redacted").count() == 2
    keyed = {"messageId": part, "text": "again", **REASON, "idempotencyKey": "k"}
    assert not (await root.do("redactMessage", **keyed))["replayed"]
    assert (await root.do("redactMessage", **keyed))["replayed"]


async def test_refused_redactions(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root, ticket = service.client(world.root.token), (await cora.raise_ticket())["id"]
    message = await reply(cora, ticket)
    note = (await ada.do("addNote", ticketId=ticket, body=BODY))["note"]["id"]
    errors = await refusals(ada, "redactMessage", messageId=message, **REASON)
    assert errors == ["INVALID messageId"]
    errors = await refusals(
        service.client(world.bill.token), "redactMessage", messageId=note, **REASON
    )
    assert errors == ["INVALID messageId"]
    blind = service.client(
        await api_client_token("Blind", ["tickets:read", "tickets:write", "admin"])
    )
    errors = await refusals(blind, "redactMessage", messageId=note, **REASON)
    assert errors == ["NOT_FOUND messageId"]
    for changes, error in (
        ({"messageId": ticket}, "NOT_FOUND messageId"),
        ({"messageId": ids.encode(ids.MESSAGE, ids.new_id())}, "NOT_FOUND messageId"),
        ({"text": SECRET.lower()}, "NOT_FOUND text"),
        ({"text": ""}, "REQUIRED text"),
        ({"text": "x" * 65_537}, "TOO_LONG text"),
        ({"text": "\0"}, "INVALID text"),
        ({"text": SECRET, "reason": f"It was {SECRET}."}, "INVALID reason"),
        ({"reason": " "}, "REQUIRED reason"),
        ({"reason": "r" * 1001}, "TOO_LONG reason"),
        ({"expectedVersion": 1}, "STALE_VERSION expectedVersion"),
    ):
        input = {"messageId": message, **REASON, **changes}
        assert await refusals(root, "redactMessage", **input) == [error], changes
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refused:
            await cora.mutate("redactMessage", {"messageId": message, **REASON})
    assert refused.value.code == "FORBIDDEN"


async def test_a_resolution_that_repeats_the_reply_is_redacted_too(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    ticket = (await cora.raise_ticket())["id"]
    payload = await ada.do("replyToTicket", ticketId=ticket, body=BODY, then="RESOLVE")
    assert await find_text(SECRET) != []
    await ada.do("redactMessage", messageId=payload["reply"]["id"], text=SECRET, **REASON)
    assert await find_text(SECRET) == []
    data = await cora.run("query($id: ID!) { ticket(id: $id) { resolution } }", id=ticket)
    assert data["ticket"]["resolution"] == BODY.replace(SECRET, "[redacted]")
    await audit()


async def test_repeated_redactions_leave_earlier_ones_as_they_are(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = (await service.client(world.cora.token).raise_ticket())["id"]
    message = await reply(ada, ticket, "eXeXe, and aXaXa")
    await ada.do("redactMessage", messageId=message, text="eXe", reason="Typo")
    assert (await Message.get(body__contains="and")).body == "[redacted], and aXaXa"
    before = await refusals(ada, "redactMessage", messageId=message, text="redacted", reason="Typo")
    assert before == ["NOT_FOUND text"]
    await ada.do("redactMessage", messageId=message, text="a", reason="Typo")
    stored = (await Message.get(body__contains="nd")).body
    assert stored == "[redacted], [redacted]nd [redacted]X[redacted]X[redacted]"
