"""Single tickets that are shared with all customers of their organization."""

from __future__ import annotations

import pytest
from support import Client, Service, World
from support.actors import api_client_token, person
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.ticket_mutations import read_timeline

from models.access import revision
from models.log import event
from models.log.event import Event
from models.people.user import Organization, User
from models.tickets.ticket import Ticket, TicketWatcher

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

READ = """query($id: ID!) { ticket(id: $id) {
  sharedWithOrganization allowedActions participants { id } watchers { id } } }"""
LIST = "{ tickets { totalCount nodes { id } } }"


async def read_ticket(client: Client, key: str) -> dict[str, object] | None:
    return (await client.run(READ, id=key))["ticket"]


async def share(client: Client, key: str, *, shared: bool = True) -> dict[str, object]:
    return await client.do("updateTicket", ticketId=key, sharedWithOrganization=shared)


async def test_colleagues_see_a_shared_ticket_and_reply_but_do_not_change_it(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    cora = service.client(world.cora.token)
    ticket = str((await olga.raise_ticket())["id"])
    own = str((await otto.raise_ticket())["id"])
    assert (await read_ticket(olga, ticket) or {})["sharedWithOrganization"] is False
    assert await read_ticket(otto, ticket) is None
    payload = await share(olga, ticket)
    assert payload["event"]["type"] == "TICKET_UPDATED"  # type: ignore[index]
    found = await read_ticket(otto, ticket) or {}
    assert found["sharedWithOrganization"] is True
    assert (found["allowedActions"], found["participants"], found["watchers"]) == ([], [], [])
    tickets = (await otto.run(LIST))["tickets"]
    assert tickets["totalCount"] == 2
    assert {each["id"] for each in tickets["nodes"]} == {ticket, own}
    await otto.do("replyToTicket", ticketId=ticket, body="I have it too.")
    await otto.do("watchTicket", ticketId=ticket)
    async with assert_nothing_stored():
        assert await refusals(otto, "closeTicket", ticketId=ticket) == ["INVALID ticketId"]
        unshare = {"ticketId": ticket, "sharedWithOrganization": False}
        assert await refusals(otto, "updateTicket", **unshare) == ["INVALID ticketId"]
        assert await refusals(cora, "updateTicket", **unshare) == ["NOT_FOUND ticketId"]
    assert await read_ticket(cora, ticket) is None
    assert (await share(olga, ticket))["event"] is None  # it is shared already
    await audit()


async def test_the_end_of_sharing_removes_the_watchers_who_lose_the_ticket(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ticket = str((await olga.raise_ticket())["id"])
    third = (await person("third", organization=await Organization.get(name="Other"))).token
    await share(olga, ticket)
    for client in (olga, otto, service.client(third)):
        await client.do("watchTicket", ticketId=ticket)
    await service.client(world.ada.token).do("watchTicket", ticketId=ticket)
    root = service.client(world.root.token)
    await root.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    before = await TicketWatcher.all().count()
    await share(olga, ticket, shared=False)
    assert await TicketWatcher.all().count() == before - 2
    for client in (otto, service.client(third)):
        assert await read_ticket(client, ticket) is None
    change = (await Event.filter(type="ticket_updated").order_by("-position"))[0].changes
    assert change["shared_with_organization"] == [True, False]
    assert len(change["watchers"][0]) - len(change["watchers"][1]) == 2
    shown = [each["type"] for each in await read_timeline(olga, ticket)]
    assert shown[-1] == "TICKET_UPDATED"
    await audit()


async def test_a_participant_keeps_the_ticket_when_the_sharing_ends(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ticket = str((await olga.raise_ticket())["id"])
    await olga.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    await share(olga, ticket)
    await share(olga, ticket, shared=False)
    found = await read_ticket(otto, ticket) or {}
    assert [each["id"] for each in found["watchers"]] == [world.otto.gid]  # type: ignore[index]


async def test_another_organization_ends_the_sharing(service: Service, world: World) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    root = service.client(world.root.token)
    ticket = str((await olga.raise_ticket())["id"])
    await share(olga, ticket)
    await otto.do("watchTicket", ticketId=ticket)
    await root.do("changeRequester", ticketId=ticket, requesterId=world.otto.gid)
    assert (await read_ticket(olga, ticket) or {})["sharedWithOrganization"] is True
    lone = await person("lone")
    await root.do("changeRequester", ticketId=ticket, requesterId=lone.gid)
    assert await read_ticket(olga, ticket) is None
    assert (await read_ticket(root, ticket) or {})["sharedWithOrganization"] is False
    assert await TicketWatcher.all().count() == 0
    await audit()


async def test_only_tickets_of_an_organization_can_be_shared(
    service: Service, world: World
) -> None:
    lone = service.client((await person("lone")).token)
    ticket = str((await lone.raise_ticket())["id"])
    writer = service.client(await api_client_token("Writer", ["tickets:write"]))
    other = str((await service.client(world.olga.token).raise_ticket())["id"])
    error = ["INVALID sharedWithOrganization"]
    async with assert_nothing_stored():
        fields = {"ticketId": ticket, "sharedWithOrganization": True}
        assert await refusals(lone, "updateTicket", **fields) == error
        # The token can't read tickets, so it shows none to others.
        fields = {"ticketId": other, "sharedWithOrganization": True}
        assert await refusals(writer, "updateTicket", **fields) == error
        assert (await lone.do("updateTicket", ticketId=ticket))["event"] is None
    await share(service.client(world.ada.token), other)
    await share(writer, other, shared=False)
    assert await Ticket.filter(shared_with_organization=True).count() == 0


async def test_only_admins_share_a_ticket_whose_requester_has_left_the_organization(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    ticket = str((await olga.raise_ticket())["id"])
    other = await Organization.create(name="Competitor")
    await User.filter(id=world.olga.id).update(organization_id=other.id)
    fields = {"ticketId": ticket, "sharedWithOrganization": True}
    async with assert_nothing_stored():
        for client in (olga, ada):
            assert await refusals(client, "updateTicket", **fields) == [
                "INVALID sharedWithOrganization"
            ]
    await share(root, ticket)
    assert await read_ticket(otto, ticket) is not None
    await share(olga, ticket, shared=False)
    assert await read_ticket(otto, ticket) is None


async def test_after_a_merge_colleagues_see_only_the_messages_of_tickets_that_are_shared(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    merged, into = [str((await olga.raise_ticket())["id"]) for _ in range(2)]
    await olga.do("replyToTicket", ticketId=merged, body="Before.")
    ada = service.client(world.ada.token)
    await ada.do("mergeTickets", ticketId=merged, intoId=into)
    await olga.do("replyToTicket", ticketId=into, body="After.")

    async def read_messages(client: Client) -> list[str]:
        query = "query($id: ID!) { ticket(id: $id) { messages { nodes { body } } } }"
        found = (await client.run(query, id=into))["ticket"]["messages"]["nodes"]
        return [each["body"] for each in found]

    await share(olga, into)
    assert await read_messages(olga) == ["Before.", "After."]
    assert await read_messages(otto) == ["After."]
    await share(olga, merged)
    assert await read_messages(otto) == ["Before.", "After."]
    await audit()


async def test_customers_may_still_not_change_other_fields(service: Service, world: World) -> None:
    olga = service.client(world.olga.token)
    ticket = str((await olga.raise_ticket())["id"])
    fields = {"ticketId": ticket, "sharedWithOrganization": True, "subject": "Other"}
    async with assert_nothing_stored():
        response = await olga.answer(
            "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticketId } }",
            input=fields,
        )
    assert response["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_sharing_counts_as_a_change_of_visibility_from_its_own_event_on(
    service: Service, world: World
) -> None:
    olga = service.client(world.olga.token)
    ticket = str((await olga.raise_ticket())["id"])
    for shared in (True, False):
        await olga.do("replyToTicket", ticketId=ticket, body="One more.")
        await share(olga, ticket, shared=shared)
        assert await revision.visibility_changed_since(await event.read_head())


async def test_only_the_requester_and_the_team_share_a_ticket(
    service: Service, world: World
) -> None:
    """Otherwise a colleague could keep what a shared organization shows only for now."""
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = str((await cora.raise_ticket())["id"])
    error = ["INVALID sharedWithOrganization"]
    async with assert_nothing_stored():
        fields = {"ticketId": ticket, "sharedWithOrganization": True}
        assert await refusals(carl, "updateTicket", **fields) == error
    await share(cora, ticket)
    async with assert_nothing_stored():
        fields = {"ticketId": ticket, "sharedWithOrganization": False}
        assert await refusals(carl, "updateTicket", **fields) == error
