"""A mutation does not wait for the lock of a hidden ticket, and checks again after waiting."""

from __future__ import annotations

import asyncio
from contextvars import Context

import pytest
from support import Service, World
from support.databases import IS_SQLITE
from support.live import until

from models import database
from models.changes.storage import lock_tickets
from models.core import ids
from models.people.user import Organization
from models.tickets.message import Message
from models.tickets.ticket import TicketWatcher

pytestmark = [
    pytest.mark.without_default_policies,
    pytest.mark.usefixtures("without_jobs"),  # a job that waits for a lock would be counted
    pytest.mark.never_retried,
    pytest.mark.skipif(IS_SQLITE, reason="SQLite has no row locks: every writer waits for all"),
]

WAITERS_SQL = (
    "SELECT COUNT(*) AS n FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
CUSTOMER_MUTATIONS = {
    "closeTicket": {},
    "reopenTicket": {"reason": "x"},
    "escalateTicket": {"reason": "x"},
    "rateTicket": {"score": 3},
    "watchTicket": {},
    "unwatchTicket": {},
    "replyToTicket": {"body": "x"},
}


async def test_a_mutation_does_not_wait_for_the_lock_of_a_hidden_ticket(
    service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    olga = service.client(world.olga.token)
    async with database.transaction():
        assert key in await lock_tickets([key])
        for mutation, fields in CUSTOMER_MUTATIONS.items():
            codes = await olga.refusal_codes(mutation, ticketId=ticket["id"], **fields)
            assert codes == ["NOT_FOUND"], mutation
        new = {"subject": "s", "description": "d", "category": "sales"}
        codes = await olga.refusal_codes("createTicket", **new, followUpOf=ticket["id"])
        assert codes == ["NOT_FOUND"]


async def test_a_ticket_that_is_hidden_while_a_mutation_waits_is_not_changed(
    service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    cora = service.client(world.cora.token)

    async with database.transaction():
        await lock_tickets([key])
        close_request = asyncio.create_task(
            cora.refusal_codes("closeTicket", ticketId=ticket["id"])
        )
        await wait_for_waiters(1)
        await database.fetch(
            "UPDATE tickets SET requester_id = ?, organization_id = NULL WHERE id = ?",
            [world.olga.id, key],
        )
    assert await close_request == ["NOT_FOUND"]
    olga = service.client(world.olga.token)
    found = await olga.run("query($id: ID!) { ticket(id: $id) { status } }", id=ticket["id"])
    assert found["ticket"]["status"] == "NEW"


async def test_a_participant_whose_reply_waits_for_an_unmerge_is_refused(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = [(await client.raise_ticket())["id"] for client in (olga, otto)]
    key = ids.key_of(ids.TICKET, kept)
    assert key is not None
    for mutation, fields in {"replyToTicket": {"body": "x"}, "watchTicket": {}}.items():
        await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
        async with database.transaction():
            await lock_tickets([key])
            unmerging = asyncio.create_task(ada.do("unmergeTicket", ticketId=gone))
            await wait_for_waiters(1)
            changing = asyncio.create_task(olga.refusal_codes(mutation, ticketId=kept, **fields))
            await wait_for_waiters(2)
        await unmerging
        assert await changing == ["NOT_FOUND"], mutation
    assert await Message.all().count() == 0
    assert await TicketWatcher.all().count() == 0


async def test_a_colleague_whose_reply_waits_while_the_organization_stops_sharing_is_refused(
    service: Service, world: World
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    carl = service.client(world.carl.token)
    async with database.transaction():
        await lock_tickets([key])
        replying = asyncio.create_task(
            carl.refusal_codes("replyToTicket", ticketId=ticket["id"], body="x")
        )
        await wait_for_waiters(1)
        await Organization.all().update(shared=False)
    assert await replying == ["NOT_FOUND"]


async def wait_for_waiters(count: int) -> None:
    """Wait until so many statements wait for a lock."""

    async def are_waiting() -> bool:
        # An empty context, so that it does not read in this test's transaction.
        return await asyncio.create_task(count_waiters(), context=Context()) >= count

    await until(are_waiting)


async def count_waiters() -> int:
    rows = await database.fetch_dicts(WAITERS_SQL)
    return int(str(rows[0]["n"]))
