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

MAX_DIFFERENCE = 5


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """A service whose cost limits allow the largest operations."""
    async with running(url, max_operation_cost=1_000_000, cost_bucket_size=0) as service:
        yield service


USER = "{ id displayName email organization { name } teams { slug } }"
TICKET_FIELDS = f"""
  id number ref tags category {{ slug team {{ slug members {{ id }} }} }} team {{ slug }}
  requester {USER} organization {{ name }} assignee {USER} watchers {USER}
  resources {{ kind externalId }} links {{ kind ticket {{ id subject requester {{ id }} }} }}
  mergedInto {{ id tags viewerHasUnread }} attachments {{ id }} satisfaction {{ score }}
  allowedActions viewerIsWatching viewerHasUnread lastReplyAt lastReplyBy {{ displayName }} closesAt
  messages(first: 5) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }}
    nodes {{ __typename bodyHtml
      author {{ displayName }} attachments {{ id filename }} ticket {{ id }} }} }}
  timeline(last: 5) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }}
    nodes {{ __typename cursor
    actor {{ displayName ... on ApiClient {{ scopes }} }} ticket {{ id }}
    ... on TicketReplied {{ reply {{ body author {{ displayName }} }} }}
    ... on TicketNoted {{ note {{ body attachments {{ id }} }} }}
    ... on TicketLinked {{ other {{ id }} }}
    ... on TicketMerged {{ fromTicket {{ id }} into {{ id }} }}
    ... on TicketAssigned {{ toAssignee {{ displayName }} }}
    ... on TicketTransferred {{ toTeam {{ slug }} }} }} }}
"""

EVENT_FIELDS = f"""
  __typename id actor {{ displayName }}
  ticket {{ id subject tags requester {USER} assignee {USER} team {{ slug }} watchers {USER} }}
  ... on TicketReplied {{ reply {{ bodyHtml author {{ displayName }} attachments {{ id }} }} }}
  ... on TicketNoted {{ note {{ body author {{ displayName }} }} }}
  ... on TicketAssigned {{ toAssignee {USER} }}
  ... on TicketTransferred {{ toTeam {{ slug }} }}
"""


async def fill(service: Service, world: World, count: int) -> list[str]:
    """Raise tickets with a value in every field. Returns their ids."""
    cora, ada, sync = (
        service.client(token)
        for token in (world.cora.token, world.ada.token, world.api_client_token)
    )
    carl = service.client(world.carl.token)
    hub = (await cora.raise_ticket("Hub"))["id"]
    keys: list[str] = []
    for n in range(count):
        resources = [{"kind": "server", "externalId": str(n)}]
        payload = await (cora, carl)[n % 2].raise_ticket(
            f"Ticket {n}", tags=["a", f"t{n}"], resources=resources
        )
        key = payload["id"]
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
            await ada.do("mergeTickets", ticketId=other, intoId=key, acrossRequesters=True)
        keys.append(key)
    return keys


async def run_counted(client: Client, query: str, **variables: Any) -> Statements:
    with statements() as collected:
        await client.run(query, **variables)
    assert collected.texts
    return collected


def assert_similar_counts(few: Statements, many: Statements) -> None:
    """The counts may differ a little, because timing changes the batches.

    A statement per row would add dozens.
    """
    assert abs(len(many) - len(few)) <= MAX_DIFFERENCE, "\n".join(many.texts)


async def test_thirty_tickets_take_as_many_statements_as_three(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    await fill(service, world, 3)
    queries = [
        (
            ada,
            f"""{{ tickets(first: 100) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }}
              nodes {{ {TICKET_FIELDS} }} }} }}""",
        ),
        (cora, f"{{ tickets(first: 100) {{ totalCount nodes {{ {TICKET_FIELDS} }} }} }}"),
        (
            ada,
            f"""{{ events(last: 100) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }}
              nodes {{ {EVENT_FIELDS} }} }} }}""",
        ),
        (ada, "{ ticketStats(groupBy: ASSIGNEE) { total groups { key } } }"),
        (
            ada,
            "{ users { totalCount nodes { organization { name } teams { members { email } } } } }",
        ),
    ]
    few = [await run_counted(client, query) for client, query in queries]
    keys = await fill(service, world, 30)
    for (client, query), before in zip(queries, few, strict=True):
        assert_similar_counts(before, await run_counted(client, query))
    by_id = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Ticket {{ {TICKET_FIELDS} }} }} }}"
    assert_similar_counts(
        await run_counted(ada, by_id, ids=keys[:3]), await run_counted(ada, by_id, ids=keys)
    )


async def test_many_messages_take_as_many_statements_as_few(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    (key,) = await fill(service, world, 1)
    detail = TICKET_FIELDS.replace("first: 5", "first: 100").replace("last: 5", "last: 100")
    query = f"query($id: ID!) {{ ticket(id: $id) {{ {detail} }} }}"
    few = await run_counted(ada, query, id=key)
    for n in range(20):
        await cora.do("replyToTicket", ticketId=key, body=str(n))
        await ada.do("addNote", ticketId=key, body=str(n))
    assert_similar_counts(few, await run_counted(ada, query, id=key))


async def test_fields_that_are_not_selected_cost_no_statements(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    (key,) = await fill(service, world, 1)
    for lean, counting in (
        ("tickets { nodes { id } pageInfo { hasNextPage endCursor } }", "tickets { totalCount }"),
        ("events { nodes { id } pageInfo { hasNextPage } }", "events { totalCount }"),
        ("users { nodes { id } }", "users { totalCount }"),
        (
            f'ticket(id: "{key}") {{ messages {{ nodes {{ body }} }} }}',
            f'ticket(id: "{key}") {{ messages {{ totalCount }} }}',
        ),
        (
            f'ticket(id: "{key}") {{ timeline {{ nodes {{ id }} }} }}',
            f'ticket(id: "{key}") {{ timeline {{ totalCount }} }}',
        ),
    ):
        assert not [
            text
            for text in (await run_counted(ada, f"{{ {lean} }}")).texts
            if "COUNT(" in text.upper()
        ], lean
        assert [
            text
            for text in (await run_counted(ada, f"{{ {counting} }}")).texts
            if "COUNT(" in text.upper()
        ], counting
    minimal = await run_counted(
        ada, "query($id: ID!) { ticket(id: $id) { subject status allowedActions } }", id=key
    )
    assert len(minimal) == 1, "the same statement reads the ticket and the permission revision"


async def test_a_create_and_a_reply_use_as_few_statements_as_possible(
    service: Service, world: World
) -> None:
    """On Postgres each statement is a round trip; on SQLite all writes share one."""
    ada = service.client(world.ada.token)
    payload = (
        "{ ticket { id subject team { slug } requester { displayName } } userErrors { message } }"
    )
    create = f"mutation($input: CreateTicketInput!) {{ createTicket(input: $input) {payload} }}"
    reply = f"mutation($input: ReplyToTicketInput!) {{ replyToTicket(input: $input) {payload} }}"
    new = {"subject": "VPN is down", "description": "x", "category": "technical"}
    key = (await ada.run(create, input=new))["createTicket"]["ticket"]["id"]
    await ada.run(reply, input={"ticketId": key, "body": "x"})
    created = await run_counted(ada, create, input=new)
    keyed = await run_counted(ada, create, input={**new, "idempotencyKey": "k"})
    replied = await run_counted(ada, reply, input={"ticketId": key, "body": "y"})
    if database.dialect() == "postgres":
        assert beginnings(created) == ["SELECT revision", "SELECT c.id,", "WITH s0", "SELECT x.id,"]
        assert beginnings(keyed) == beginnings(created), "the key needs no statement of its own"
        assert beginnings(replied) == [
            "SELECT revision",
            "BEGIN",
            "SELECT t.id,",
            "WITH s0",
            "COMMIT",
            "SELECT x.id,",
        ]
    else:
        writes = ['INSERT INTO "events"', "UPDATE log_head"]
        assert beginnings(created) == [
            "SELECT revision",
            "SELECT c.id,",
            'INSERT INTO "tickets"',
            *writes[::-1],
            "SELECT x.id,",
        ]
        key_insert = 'INSERT INTO "idempotency_keys"'
        assert beginnings(keyed) == [
            *beginnings(created)[:-1],
            key_insert,
            *beginnings(created)[-1:],
        ]


def beginnings(statements: Statements) -> list[str]:
    """The first words of each statement."""
    return [
        " ".join(text.split()[: 3 if text.startswith("INSERT") else 2]) for text in statements.texts
    ]
