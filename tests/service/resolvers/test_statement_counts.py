"""The number of statements does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.service import running
from support.statements import Statements, statements

from models import database
from models.tickets.attachment import Attachment
from models.tickets.message import Message

pytestmark = pytest.mark.without_default_policies

SPREAD = 5


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """One that lets everything be asked for at once."""
    async with running(url, max_operation_cost=1_000_000, cost_bucket_size=0) as found:
        yield found


USER = "{ id displayName email organization { name } teams { slug } }"
WHOLE = f"""
  id number ref tags category {{ slug team {{ slug members {{ id }} }} }} team {{ slug }} requester {USER} organization {{ name }}
  assignee {USER} watchers {USER} resources {{ kind externalId }} links {{ kind ticket {{ id subject requester {{ id }} }} }}
  mergedInto {{ id tags }} attachments {{ id }} satisfaction {{ score }} allowedActions
  messages(first: 5) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }}
    nodes {{ __typename bodyHtml author {{ displayName }} attachments {{ id filename }} ticket {{ id }} }} }}
  timeline(last: 5) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }} nodes {{ __typename cursor
    actor {{ displayName ... on ApiClient {{ scopes }} }} ticket {{ id }}
    ... on TicketReplied {{ reply {{ body author {{ displayName }} }} }}
    ... on TicketNoted {{ note {{ body attachments {{ id }} }} }}
    ... on TicketLinked {{ other {{ id }} }} ... on TicketMerged {{ fromTicket {{ id }} into {{ id }} }}
    ... on TicketAssigned {{ toAssignee {{ displayName }} }} ... on TicketTransferred {{ toTeam {{ slug }} }} }} }}
"""

ENTRY = f"""
  __typename id actor {{ displayName }}
  ticket {{ id subject tags requester {USER} assignee {USER} team {{ slug }} watchers {USER} }}
  ... on TicketReplied {{ reply {{ bodyHtml author {{ displayName }} attachments {{ id }} }} }}
  ... on TicketNoted {{ note {{ body author {{ displayName }} }} }} ... on TicketAssigned {{ toAssignee {USER} }}
  ... on TicketTransferred {{ toTeam {{ slug }} }}
"""


async def fill(service: Service, world: World, count: int) -> list[str]:
    """Tickets, each with one of everything."""
    cora, ada, sync = (service.client(token) for token in (world.cora.token, world.ada.token, world.machine))
    carl = service.client(world.carl.token)
    hub = (await cora.raise_ticket("Hub"))["id"]
    keys: list[str] = []
    for n in range(count):
        resources = [{"kind": "server", "externalId": str(n)}]
        key = (await (cora, carl)[n % 2].raise_ticket(f"Ticket {n}", tags=["a", f"t{n}"], resources=resources))["id"]
        await ada.do("assignTicket", ticketId=key, assigneeId=(world.ada, world.bill)[n % 2].gid)
        await ada.do("transferTicket", ticketId=key, team=("billing", "sales")[n % 2])
        await carl.do("watchTicket", ticketId=key)
        await ada.do("linkTickets", ticketId=key, otherId=hub, kind="RELATED")
        await sync.do("replyToTicket", ticketId=key, body="x")
        await ada.do("addNote", ticketId=key, body="x")
        for message in await Message.filter(ticket_id=UUID(key.removeprefix("tkt_"))):
            common = {
                "ticket_id": message.ticket_id,
                "filename": "f",
                "content_type": "text/plain",
                "size": 1,
                "sha256": "0" * 64,
            }
            await Attachment.create(message_id=message.id, **common)
            await Attachment.create(**common)
        if n % 3 == 0:
            other = (await cora.raise_ticket(f"Merged {n}"))["id"]
            await ada.do("mergeTickets", ticketId=other, intoId=key)
        keys.append(key)
    return keys


async def sent(client: Client, query: str, **variables: Any) -> Statements:
    with statements() as collected:
        await client.run(query, **variables)
    assert collected.texts
    return collected


def expect_as_many(few: Statements, many: Statements) -> None:
    """Give or take some: what is asked for falls into other batches as answers arrive. A statement a row would be dozens more."""
    assert abs(len(many) - len(few)) <= SPREAD, "\n".join(many.texts)


async def test_thirty_tickets_take_as_many_statements_as_three(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    await fill(service, world, 3)
    queries = [
        (ada, f"{{ tickets(first: 100) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }} nodes {{ {WHOLE} }} }} }}"),
        (cora, f"{{ tickets(first: 100) {{ totalCount nodes {{ {WHOLE} }} }} }}"),
        (ada, f"{{ events(last: 100) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }} nodes {{ {ENTRY} }} }} }}"),
        (ada, "{ ticketStats(groupBy: ASSIGNEE) { total groups { key } } }"),
        (ada, "{ users { totalCount nodes { organization { name } teams { members { email } } } } }"),
    ]
    few = [await sent(client, query) for client, query in queries]
    keys = await fill(service, world, 30)
    for (client, query), before in zip(queries, few, strict=True):
        expect_as_many(before, await sent(client, query))
    by_id = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Ticket {{ {WHOLE} }} }} }}"
    expect_as_many(await sent(ada, by_id, ids=keys[:3]), await sent(ada, by_id, ids=keys))


async def test_many_messages_take_as_many_statements_as_few(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    (key,) = await fill(service, world, 1)
    detail = WHOLE.replace("first: 5", "first: 100").replace("last: 5", "last: 100")
    query = f"query($id: ID!) {{ ticket(id: $id) {{ {detail} }} }}"
    few = await sent(ada, query, id=key)
    for n in range(20):
        await cora.do("replyToTicket", ticketId=key, body=str(n))
        await ada.do("addNote", ticketId=key, body=str(n))
    expect_as_many(few, await sent(ada, query, id=key))


async def test_fields_that_are_not_selected_cost_no_statements(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    (key,) = await fill(service, world, 1)
    for lean, counting in (
        ("tickets { nodes { id } pageInfo { hasNextPage endCursor } }", "tickets { totalCount }"),
        ("events { nodes { id } pageInfo { hasNextPage } }", "events { totalCount }"),
        ("users { nodes { id } }", "users { totalCount }"),
        (f'ticket(id: "{key}") {{ messages {{ nodes {{ body }} }} }}', f'ticket(id: "{key}") {{ messages {{ totalCount }} }}'),
        (f'ticket(id: "{key}") {{ timeline {{ nodes {{ id }} }} }}', f'ticket(id: "{key}") {{ timeline {{ totalCount }} }}'),
    ):
        assert not [text for text in (await sent(ada, f"{{ {lean} }}")).texts if "COUNT(" in text.upper()], lean
        assert [text for text in (await sent(ada, f"{{ {counting} }}")).texts if "COUNT(" in text.upper()], counting
    least = await sent(ada, "query($id: ID!) { ticket(id: $id) { subject status allowedActions } }", id=key)
    assert len(least) == 2, "one for the rights, one for the ticket"


async def test_a_create_and_a_reply_use_as_few_statements_as_possible(service: Service, world: World) -> None:
    """On Postgres each statement is a wait; on SQLite those that write are one visit to its thread."""
    ada = service.client(world.ada.token)
    payload = "{ ticket { id subject team { slug } requester { displayName } } userErrors { message } }"
    create = f"mutation($input: CreateTicketInput!) {{ createTicket(input: $input) {payload} }}"
    reply = f"mutation($input: ReplyToTicketInput!) {{ replyToTicket(input: $input) {payload} }}"
    new = {"subject": "VPN is down", "description": "x", "category": "technical"}
    key = (await ada.run(create, input=new))["createTicket"]["ticket"]["id"]
    await ada.run(reply, input={"ticketId": key, "body": "x"})
    created = await sent(ada, create, input=new)
    keyed = await sent(ada, create, input={**new, "idempotencyKey": "k"})
    replied = await sent(ada, reply, input={"ticketId": key, "body": "y"})
    if database.dialect() == "postgres":
        assert firsts(created) == ["SELECT revision", "SELECT c.id,", "WITH s0", "SELECT x.id,"]
        assert firsts(keyed) == [
            *("SELECT revision", "BEGIN", "SELECT pg_try_advisory_xact_lock(hashtextextended($1,", "SELECT k.id,"),
            *("SELECT c.id,", "WITH s0", "COMMIT", "SELECT x.id,"),
        ]
        assert firsts(replied) == ["SELECT revision", "BEGIN", "SELECT t.id,", "WITH s0", "COMMIT", "SELECT x.id,"]
    else:
        writes = ['INSERT INTO "events"', "UPDATE log_head"]
        assert firsts(created) == ["SELECT revision", "SELECT c.id,", 'INSERT INTO "tickets"', *writes[::-1], "SELECT x.id,"]


def firsts(sent: Statements) -> list[str]:
    """How the statements begin."""
    return [" ".join(text.split()[: 3 if text.startswith("INSERT") else 2]) for text in sent.texts]
