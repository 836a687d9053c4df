"""Email deliveries on the timeline: staff see the result of each mail, customers see none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from support import Service, World
from support.actors import api_client_token
from support.mailing import newest_event, queue_mail
from support.service import running
from support.statements import statements

from models.core import time
from models.log.event import EventType
from models.notifications.email import MailStatus
from models.tickets.ticket import Ticket
from workers.mail.attempts import Attempt, claim_mails, record_results
from workers.mail.delivery_result import build_failed
from workers.mail.outgoing_mail import read_mail, read_outgoing_mail

TIMELINE = """query($id: ID!) { ticket(id: $id) { timeline { nodes { type
  deliveries { recipient { displayName } address status attempts answer
    nextAttemptAt sentAt createdAt } } } } }"""


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """A service without jobs: only the test queues mails."""
    async with running(url, run_jobs=False) as service:
        yield service


async def raise_ticket(service: Service, world: World) -> Ticket:
    data = await service.client(world.cora.token).raise_ticket()
    return await Ticket.get(id=UUID(data["id"].removeprefix("tkt_")))


async def test_staff_see_the_result_of_each_mail(service: Service, world: World) -> None:
    ticket = await raise_ticket(service, world)
    created, at = await newest_event(ticket, EventType.TICKET_CREATED), time.now()
    await queue_mail(
        ticket,
        world.cora,
        "created",
        created,
        status=MailStatus.SENT,
        answer="250 ok",
        attempts=1,
        sent_at=at,
    )
    later = at + timedelta(minutes=1)
    await queue_mail(
        ticket,
        world.ada,
        "raised",
        created,
        status=MailStatus.DEFERRED,
        answer="451 busy",
        next_attempt_at=later,
    )
    data = await service.client(world.bill.token).run(TIMELINE, id=f"tkt_{ticket.id}")
    nodes = data["ticket"]["timeline"]["nodes"]
    deliveries = {each["recipient"]["displayName"]: each for each in nodes[0]["deliveries"]}
    assert [len(node["deliveries"]) for node in nodes] == [2, *[0] * (len(nodes) - 1)]
    assert set(deliveries) == {"Cora", "Ada"}
    cora, ada = deliveries["Cora"], deliveries["Ada"]
    assert (cora["status"], cora["answer"], cora["attempts"], cora["address"]) == (
        "SENT",
        "250 ok",
        1,
        "cora@example.com",
    )
    assert (cora["sentAt"], ada["sentAt"]) == (time.format_instant(at), None)
    assert (ada["status"], ada["nextAttemptAt"]) == ("DEFERRED", time.format_instant(later))


@pytest.mark.parametrize(
    ("caller", "count"),
    [
        ("cora", 0),
        ("carl", 0),
        ("without-notes", 0),
        ("without-people", 1),
        ("root", 1),
        ("machine", 1),
    ],
    ids=["requester", "colleague", "without-notes", "without-people", "admin", "machine"],
)
@pytest.mark.never_retried
async def test_deliveries_need_notes_read_and_addresses_need_users_read(
    service: Service, world: World, caller: str, count: int
) -> None:
    ticket = await raise_ticket(service, world)
    await queue_mail(
        ticket, world.cora, "created", await newest_event(ticket, EventType.TICKET_CREATED)
    )
    tokens = {
        "without-notes": await api_client_token("A", ["tickets:read", "events:read", "users:read"]),
        "without-people": await api_client_token(
            "B", ["tickets:read", "events:read", "notes:read"]
        ),
        "machine": world.api_client_token,
    }
    client = service.client(tokens[caller] if caller in tokens else getattr(world, caller).token)
    nodes = (await client.run(TIMELINE, id=f"tkt_{ticket.id}"))["ticket"]["timeline"]["nodes"]
    assert len(nodes[0]["deliveries"]) == count
    for each in nodes[0]["deliveries"]:
        assert each["address"] == (None if caller == "without-people" else "cora@example.com")


@pytest.mark.never_retried
async def test_answers_of_mail_servers_are_masked_without_users_read(
    service: Service, world: World
) -> None:
    """On the delivery and on the event of its failure."""
    ticket = await raise_ticket(service, world)
    answer = "550 5.1.1 <boss@example.org>: user unknown"
    created = await newest_event(ticket, EventType.TICKET_CREATED)
    mail = await queue_mail(ticket, world.cora, "created", created)
    outgoing = await read_outgoing_mail(await read_mail(mail.id))
    claim = (await claim_mails(time.now(), timedelta(hours=1), 1))[0]
    attempt = Attempt(claim, outgoing.mail, build_failed(outgoing.mail, answer))
    assert await record_results([attempt], time.now())
    scopes = ["tickets:read", "events:read", "notes:read"]
    tokens = {
        answer: await api_client_token("A", [*scopes, "users:read"]),
        "550 5.1.1 … user unknown": await api_client_token("B", scopes),
    }
    query = """query($id: ID!) { ticket(id: $id) { timeline { nodes {
      deliveries { answer } ... on TicketMailFailed { answer } } } } }"""
    for expected, token in tokens.items():
        data = await service.client(token).run(query, id=f"tkt_{ticket.id}")
        nodes = data["ticket"]["timeline"]["nodes"]
        assert nodes[0]["deliveries"] == [{"answer": expected}]
        assert [node["answer"] for node in nodes if "answer" in node] == [expected]


async def test_many_events_take_as_many_statements_as_few(service: Service, world: World) -> None:
    ticket, ada = await raise_ticket(service, world), service.client(world.ada.token)

    async def count_statements(replies: int) -> int:
        for n in range(replies):
            await ada.do("replyToTicket", ticketId=f"tkt_{ticket.id}", body=str(n))
            await queue_mail(
                ticket, world.cora, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
            )
        with statements() as sent:
            await ada.run(TIMELINE, id=f"tkt_{ticket.id}")
        return len([text for text in sent.texts if "FROM mails d" in text])

    assert (await count_statements(2), await count_statements(8)) == (1, 1)
