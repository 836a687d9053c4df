"""Another requester of a ticket: visibility, organization, people, SLA policy, notifications."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.ticket_commands import run_notifier
from support.ticket_mutations import read_timeline

from models.core import ids
from models.people.user import Organization, User
from models.sla.records import SlaClock

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

TICKET = """query($id: ID!) { ticket(id: $id) { version viewerHasUnread requester { id }
  organization { name } watchers { id } participants { id } satisfaction { score } } }"""


async def read(client: Client, key: str) -> dict[str, Any] | None:
    ticket = (await client.run(TICKET, id=key))["ticket"]
    return None if ticket is None else dict(ticket)


async def test_the_new_requester_gets_the_ticket_and_the_earlier_one_loses_it(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    ticket = (await olga.raise_ticket())["id"]
    await olga.do("replyToTicket", ticketId=ticket, body="Hello?")
    await olga.do("watchTicket", ticketId=ticket)
    await ada.do("watchTicket", ticketId=ticket)
    await ada.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    await ada.do("resolveTicket", ticketId=ticket, resolution="Done.")
    await olga.do("rateTicket", ticketId=ticket, score=4)
    before = await read(ada, ticket)
    await ada.do("changeRequester", ticketId=ticket, requesterId=world.otto.gid)
    assert await read(olga, ticket) is None
    after, seen = await read(ada, ticket), await read(otto, ticket)
    assert before is not None
    assert after is not None
    assert seen is not None
    assert after["version"] == before["version"] + 1
    assert (seen["requester"], seen["organization"]) == ({"id": world.otto.gid}, {"name": "Other"})
    assert (seen["participants"], seen["satisfaction"]) == ([], {"score": 4})
    assert seen["viewerHasUnread"]
    assert {each["id"] for each in after["watchers"]} == {world.ada.gid, world.otto.gid}
    assert seen["watchers"] == [{"id": world.otto.gid}]
    changes = (await read_timeline(otto, ticket))[-1]["changes"]
    assert {each["field"]: (each["from"], each["to"]) for each in changes} == {
        "requester": (world.olga.gid, world.otto.gid),
        "participants": (world.otto.gid, ""),
        "watchers": (f"{world.olga.gid}, {world.otto.gid}", world.otto.gid),
    }
    await otto.do("reopenTicket", ticketId=ticket, reason="It is mine.")
    assert await olga.refusal_codes("reopenTicket", ticketId=ticket, reason="x") == ["NOT_FOUND"]
    payload = await ada.do("changeRequester", ticketId=ticket, requesterId=world.otto.gid)
    assert payload["event"] is None
    await audit()


async def test_another_organization_takes_the_ticket_from_the_earlier_one(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    root, olga = service.client(world.root.token), service.client(world.olga.token)
    ticket = (await cora.raise_ticket())["id"]
    await carl.do("watchTicket", ticketId=ticket)
    await root.do("addWatcher", ticketId=ticket, userId=world.otto.gid)
    kept = await User.create(email="kept@example.com", display_name="Kept")
    await root.do("addWatcher", ticketId=ticket, userId=ids.encode(ids.USER, kept.id))
    await root.do("changeRequester", ticketId=ticket, requesterId=world.olga.gid)
    for client in (cora, carl):
        assert await read(client, ticket) is None
    seen = await read(olga, ticket)
    assert seen is not None
    assert seen["organization"] == {"name": "Other"}
    assert seen["participants"] == seen["watchers"] == [{"id": world.otto.gid}]
    await audit()


async def test_the_sla_policy_of_the_new_organization_applies(
    service: Service, world: World
) -> None:
    root = service.client(world.root.token)
    week = [[{"start": "00:00", "end": "24:00"}]] * 7
    calendar = await run_mutation(root, "createSlaCalendar", name="All", timeZone="UTC", week=week)
    organizations = {each.name: each.id for each in await Organization.all()}
    for name, hours in (("Acme", 8), ("Other", 2)):
        await run_mutation(
            root,
            "createSlaPolicy",
            name=name,
            organizationId=ids.encode(ids.ORGANIZATION, organizations[name]),
            calendarId=calendar["id"],
            firstResponse=f"PT{hours}H",
        )
    ticket = (await service.client(world.cora.token).raise_ticket())["id"]
    before = await SlaClock.get(ticket_id=ids.key_of(ids.TICKET, ticket))
    await root.do("changeRequester", ticketId=ticket, requesterId=world.olga.gid)
    after = await SlaClock.get(ticket_id=ids.key_of(ids.TICKET, ticket))
    assert before.breaches_at is not None
    assert after.breaches_at is not None
    assert (before.breaches_at - after.breaches_at).total_seconds() == 6 * 3600
    types = [each["type"] for each in await read_timeline(root, ticket)]
    assert types == ["TICKET_CREATED", "TICKET_UPDATED", "SLA_RETARGETED"]


async def test_only_the_new_requester_is_notified(service: Service, world: World) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    ticket = (await olga.raise_ticket())["id"]
    await ada.do("changeRequester", ticketId=ticket, requesterId=world.otto.gid)
    await run_notifier()
    query = "{ notifications { nodes { reason event { __typename } } } }"
    for name, expected in {"olga": [], "otto": ["REQUESTER TicketUpdated"], "ada": []}.items():
        data = await service.client(getattr(world, name).token).run(query)
        nodes = data["notifications"]["nodes"]
        updates = [f"{node['reason']} {node['event']['__typename']}" for node in nodes]
        assert [each for each in updates if each.endswith("TicketUpdated")] == expected, name


async def test_refused_changes_of_the_requester(service: Service, world: World) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    ticket, merged, into = [(await olga.raise_ticket())["id"] for _ in range(3)]
    await ada.do("mergeTickets", ticketId=merged, intoId=into)
    writer = service.client(await api_client_token("Writer", ["tickets:write", "admin"]))
    async with assert_nothing_stored():
        for gid in (ids.encode(ids.USER, ids.new_id()), ticket, ""):
            errors = await refusals(ada, "changeRequester", ticketId=ticket, requesterId=gid)
            assert errors == ["NOT_FOUND requesterId"]
        change = {"ticketId": ticket, "requesterId": world.cora.gid}
        assert await refusals(ada, "changeRequester", **change) == ["INVALID requesterId"]
        change = {"ticketId": ticket, "requesterId": world.otto.gid}
        assert await refusals(writer, "changeRequester", **change) == ["INVALID requesterId"]
        stale = {**change, "expectedVersion": 7}
        assert await refusals(ada, "changeRequester", **stale) == ["STALE_VERSION expectedVersion"]
        for key in (merged, into):
            errors = await refusals(ada, "changeRequester", **{**change, "ticketId": key})
            assert errors == ["INVALID ticketId"]
    await User.filter(id=world.otto.id).update(active=False)
    assert await refusals(ada, "changeRequester", **change) == ["INVALID requesterId"]
