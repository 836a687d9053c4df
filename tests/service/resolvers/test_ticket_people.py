"""Watchers that others add and remove, and the participants that this makes."""

from __future__ import annotations

import asyncio

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, person
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.ticket_commands import run_notifier
from support.ticket_mutations import read_timeline

from models.core import ids
from models.log.event import Event
from models.people.user import Organization, User
from models.tickets.ticket import TicketParticipant, TicketWatcher

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

PEOPLE = "query($id: ID!) { ticket(id: $id) { version watchers { id } participants { id } } }"
NOTIFICATIONS = "{ notifications { nodes { reason event { __typename ticket { id } } } } }"


async def read_people(client: Client, key: str) -> tuple[set[str], set[str]] | None:
    """The ids of the watchers and of the participants; None if the client can't see the ticket."""
    ticket = (await client.run(PEOPLE, id=key))["ticket"]
    if ticket is None:
        return None
    watchers, participants = ticket["watchers"], ticket["participants"]
    return {each["id"] for each in watchers}, {each["id"] for each in participants}


async def test_staff_add_and_remove_watchers_that_customers_do_not_see(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    ticket = (await cora.raise_ticket())["id"]
    version = (await cora.run(PEOPLE, id=ticket))["ticket"]["version"]
    payload = await ada.do("addWatcher", ticketId=ticket, userId=world.bill.gid)
    assert payload["event"]["type"] == "TICKET_UPDATED"
    assert (await ada.do("addWatcher", ticketId=ticket, userId=world.bill.gid))["event"] is None
    assert await read_people(ada, ticket) == ({world.bill.gid}, set())
    assert await read_people(cora, ticket) == (set(), set())
    assert (await cora.run(PEOPLE, id=ticket))["ticket"]["version"] == version
    assert [each["type"] for each in await read_timeline(cora, ticket)] == ["TICKET_CREATED"]
    for _ in range(2):
        await ada.do("removeWatcher", ticketId=ticket, userId=world.bill.gid)
    assert await read_people(ada, ticket) == (set(), set())
    assert [event.internal for event in await audit()] == [False, True, True]


async def test_a_customer_shares_a_ticket_with_a_colleague(service: Service, world: World) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ticket = (await olga.raise_ticket())["id"]
    assert await read_people(otto, ticket) is None
    await olga.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    assert await read_people(otto, ticket) == ({world.otto.gid}, {world.otto.gid})
    await otto.do("replyToTicket", ticketId=ticket, body="I have it too.")
    (event,) = await Event.filter(type="ticket_updated")
    assert set(event.changes) == {"watchers", "participants"}
    async with assert_nothing_stored():  # a participant can't share it further
        codes = await refusals(otto, "addWatcher", ticketId=ticket, userId=world.otto.gid)
    assert codes == ["INVALID ticketId"]
    await olga.do("removeWatcher", ticketId=ticket, userId=world.otto.gid)
    assert await read_people(otto, ticket) is None
    assert await read_people(olga, ticket) == (set(), set())
    await audit()


async def test_a_colleague_who_sees_the_ticket_already_only_watches_it(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = (await cora.raise_ticket())["id"]
    await cora.do("addWatcher", ticketId=ticket, userId=world.carl.gid)
    assert await read_people(carl, ticket) == ({world.carl.gid}, set())
    await carl.do("removeWatcher", ticketId=ticket, userId=world.carl.gid)
    assert await read_people(carl, ticket) == (set(), set())


async def test_customers_name_only_colleagues(service: Service, world: World) -> None:
    olga, lone = service.client(world.olga.token), await person("lone")
    ticket = (await olga.raise_ticket())["id"]
    own = (await service.client(lone.token).raise_ticket())["id"]
    nobody = ids.encode(ids.USER, ids.new_id())
    for mutation in ("addWatcher", "removeWatcher"):
        for gid in (world.cora.gid, world.ada.gid, lone.gid, nobody, ticket, ""):
            errors = await refusals(olga, mutation, ticketId=ticket, userId=gid)
            assert errors == ["NOT_FOUND userId"], (mutation, gid)
        errors = await refusals(service.client(lone.token), mutation, ticketId=own, userId=nobody)
        assert errors == ["NOT_FOUND userId"]
        errors = await refusals(olga, mutation, ticketId=own, userId=world.otto.gid)
        assert errors == ["NOT_FOUND ticketId"]
    await User.filter(id=world.otto.id).update(active=False)
    errors = await refusals(olga, "addWatcher", ticketId=ticket, userId=world.otto.gid)
    assert errors == ["INVALID userId"]


async def test_a_ticket_is_shared_within_the_organization_except_by_admins(
    service: Service, world: World
) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    ticket = (await service.client(world.olga.token).raise_ticket())["id"]
    writer = service.client(await api_client_token("Writer", ["tickets:write", "admin"]))
    async with assert_nothing_stored():
        for client in (ada, writer):
            errors = await refusals(client, "addWatcher", ticketId=ticket, userId=world.cora.gid)
            assert errors == ["INVALID userId"]
        errors = await refusals(writer, "addWatcher", ticketId=ticket, userId=world.otto.gid)
        assert errors == ["INVALID userId"]
    await ada.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    await root.do("addWatcher", ticketId=ticket, userId=world.cora.gid)
    cora = service.client(world.cora.token)
    assert await read_people(cora, ticket) is not None
    acme = await Organization.get(name="Acme")
    await User.filter(id=world.olga.id).update(organization_id=acme.id)
    await ada.do("removeWatcher", ticketId=ticket, userId=world.otto.gid)
    # The requester has left the ticket's organization, so it is no longer shared within it.
    errors = await refusals(ada, "addWatcher", ticketId=ticket, userId=world.otto.gid)
    assert errors == ["INVALID userId"]


async def test_the_added_person_is_notified_and_nobody_else(service: Service, world: World) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    ticket = (await olga.raise_ticket())["id"]
    await olga.do("watchTicket", ticketId=ticket)
    await ada.do("addWatcher", ticketId=ticket, userId=world.bill.gid)
    await olga.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    await olga.do("removeWatcher", ticketId=ticket, userId=world.otto.gid)
    await olga.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    await run_notifier()
    event = {"__typename": "TicketUpdated", "ticket": {"id": ticket}}
    expected = {"reason": "WATCHER", "event": event}
    for name, count in {"bill": 1, "otto": 2, "olga": 0, "root": 0}.items():
        client = service.client(getattr(world, name).token)
        nodes = (await client.run(NOTIFICATIONS))["notifications"]["nodes"]
        watching = [node for node in nodes if node["reason"] == "WATCHER"]
        assert watching == [expected] * count, name


async def test_merges_and_their_undoing_keep_participants_whom_people_added(
    service: Service, world: World
) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    one, two = [(await client.raise_ticket())["id"] for client in (olga, otto)]
    await root.do("addWatcher", ticketId=two, userId=world.cora.gid)
    await ada.do("mergeTickets", ticketId=one, intoId=two, acrossRequesters=True)
    assert await read_people(ada, two) == ({world.cora.gid}, {world.cora.gid, world.olga.gid})
    await root.do("removeWatcher", ticketId=two, userId=world.olga.gid)
    assert await read_people(olga, two) is not None  # the merge made olga a participant
    await ada.do("unmergeTicket", ticketId=one)
    assert await read_people(ada, two) == ({world.cora.gid}, {world.cora.gid})
    assert await read_people(olga, two) is None
    assert await TicketParticipant.all().count() == await TicketWatcher.all().count() == 1
    await audit()


async def test_concurrent_additions_store_each_person_once(service: Service, world: World) -> None:
    olga = service.client(world.olga.token)
    ticket = (await olga.raise_ticket())["id"]
    added = [olga.do("addWatcher", ticketId=ticket, userId=world.otto.gid) for _ in range(5)]
    await asyncio.gather(*added)
    assert await read_people(olga, ticket) == ({world.otto.gid}, {world.otto.gid})
    assert await Event.filter(type="ticket_updated").count() == 1


async def test_an_anonymous_caller_adds_nobody(service: Service, world: World) -> None:
    ticket = (await service.client(world.olga.token).raise_ticket())["id"]
    for mutation in ("addWatcher", "removeWatcher"):
        async with assert_nothing_stored():
            with pytest.raises(Refused) as refused:
                await service.client().mutate(
                    mutation, {"ticketId": ticket, "userId": world.otto.gid}
                )
        assert refused.value.code == "UNAUTHENTICATED"
