"""Promises as callers see them: clocks with their ledgers, and how lists and figures sort, filter and count by them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Service, World
from support.loop_limits import count_pages

from models.changes import sla_audit
from models.core import ids
from models.log.event import Event
from models.tickets.ticket import Ticket
from workers.ticket_timers import TimerSettings, run_timers

pytestmark = pytest.mark.never_retried

DAYS = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
CLOCKS = """query($id: ID!) { ticket(id: $id) { clocks { metric ordinal status startedAt pausedAt pausedFor atRiskAt breachesAt
  achievedAt breachedAt target spent policy { name } ledger { start end counted reason spent } } } }"""


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service leaves the duties to the test."""
    monkeypatch.setenv("TICKETWIRE_RUN_JOBS", "false")


async def clocks(client: Any, ticket: dict[str, Any]) -> dict[str, Any]:
    found = (await client.run(CLOCKS, id=ticket["id"]))["ticket"]["clocks"]
    return {clock["metric"] + (str(clock["ordinal"]) if clock["metric"] == "NEXT_RESPONSE" else ""): clock for clock in found}


async def timed(service: Service) -> int:
    return await run_timers(service.clock(), DAYS)


async def test_a_customer_sees_the_sla_targets_and_the_progress_of_the_clocks(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    seen = await clocks(cora, ticket)
    assert {name: (each["status"], each["target"]) for name, each in seen.items()} == {
        "FIRST_RESPONSE": ("PENDING", "PT1H"),
        "RESOLUTION": ("PENDING", "PT8H"),
    }
    service.clock.advance(minutes=50)
    assert await timed(service) == 1
    assert (await clocks(cora, ticket))["FIRST_RESPONSE"]["status"] == "AT_RISK"
    service.clock.advance(minutes=20)
    await ada.do("replyToTicket", ticketId=ticket["id"], body="Which region?")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    service.clock.advance(hours=3)
    seen = await clocks(cora, ticket)
    assert seen["FIRST_RESPONSE"]["status"] == "ACHIEVED_LATE"
    assert seen["RESOLUTION"]["status"] == "PAUSED"
    assert seen["RESOLUTION"]["pausedFor"].startswith("PT3H")
    assert seen["RESOLUTION"]["breachesAt"] is None
    await cora.do("replyToTicket", ticketId=ticket["id"], body="Frankfurt.")
    seen = await clocks(cora, ticket)
    assert seen["RESOLUTION"]["status"] == "PENDING"
    assert seen["NEXT_RESPONSE1"]["target"] == "PT2H"
    told = [(part["reason"], part["counted"]) for part in seen["RESOLUTION"]["ledger"]]
    assert told[:2] == [("WORKING", True), ("WAITING_ON_CUSTOMER", False)]
    types = [entry.type.name for entry in await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by("position")]
    assert types == [
        *("TICKET_CREATED", "SLA_AT_RISK", "SLA_BREACHED", "REPLY_ADDED", "STATUS_CHANGED", "SLA_ACHIEVED"),
        *("STATUS_CHANGED", "REPLY_ADDED", "STATUS_CHANGED"),
    ]
    assert (await sla_audit.verify_all_tickets())[1] == []


async def test_sla_clocks_change_neither_the_version_nor_updated_at(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    before = await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))
    service.clock.advance(hours=9)
    assert await timed(service) == 1
    after = await Ticket.get(id=before.id)
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


async def test_a_new_priority_sets_new_targets_and_keeps_the_time_spent(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="HIGH")
    service.clock.advance(hours=3)
    payload = await ada.mutate("updateTicket", {"ticketId": ticket["id"], "priority": "URGENT"})
    assert payload["event"]["type"] == "TICKET_UPDATED"
    seen = await clocks(cora, ticket)
    assert seen["FIRST_RESPONSE"]["status"] == "BREACHED", "three hours are too many for one"
    assert seen["RESOLUTION"]["policy"] == {"name": "Urgent"}
    assert seen["RESOLUTION"]["spent"].startswith("PT3H")
    assert (await sla_audit.verify_all_tickets())[1] == []


async def test_lists_and_statistics_agree_on_sla_statuses(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    made: dict[str, Any] = {}
    for name, priority in (("urgent", "URGENT"), ("high", "HIGH"), ("done", "URGENT"), ("parked", "HIGH")):
        made[name] = await cora.raise_ticket(name, priority=priority)
    await ada.do("resolveTicket", ticketId=made["done"]["id"], resolution="ok")
    await ada.do("replyToTicket", ticketId=made["parked"]["id"], body="Wait.")
    await ada.do("holdTicket", ticketId=made["parked"]["id"])
    service.clock.advance(hours=3, minutes=1)
    await timed(service)
    query = """query($filter: TicketFilter, $direction: OrderDirection!, $first: Int, $after: String) {
      tickets(filter: $filter, orderBy: [{field: SLA_BREACHES_AT, direction: $direction}], first: $first, after: $after) {
        totalCount nodes { subject } pageInfo { endCursor hasNextPage } } ticketStats { open atRisk breached } }"""
    for status, names in (("AT_RISK", ["high"]), ("BREACHED", ["urgent"]), ("PAUSED", ["parked"])):
        answer = await ada.run(query, filter={"sla": {"eq": status}}, direction="ASC")
        assert [node["subject"] for node in answer["tickets"]["nodes"]] == names
    assert answer["ticketStats"] == {"open": 3, "atRisk": 1, "breached": 1}
    both = await ada.run(query, filter={"sla": {"in": ["AT_RISK", "BREACHED"]}}, direction="ASC")
    assert [node["subject"] for node in both["tickets"]["nodes"]] == ["urgent", "high"]
    neither = await ada.run(query, filter={"not": {"sla": {"in": ["AT_RISK", "BREACHED"]}}}, direction="ASC")
    assert {node["subject"] for node in neither["tickets"]["nodes"]} == {"done", "parked"}
    for direction, names in (("ASC", ["urgent", "high"]), ("DESC", ["high", "urgent"])):
        seen: list[str] = []
        after = None
        for _ in count_pages():
            page = (await ada.run(query, direction=direction, first=1, after=after))["tickets"]
            seen += [node["subject"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert seen[:2] == names
        assert set(seen[2:]) == {"done", "parked"}, "null sorts last, whichever way"


async def test_untouched_tickets_come_first_in_the_teams_queue(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    taken = await cora.raise_ticket("taken", priority="URGENT")
    await ada.do("assignTicket", ticketId=taken["id"], assigneeId=world.ada.gid)
    await cora.raise_ticket("low", priority="LOW")
    await cora.raise_ticket("high", priority="HIGH")
    await cora.raise_ticket("elsewhere", category="billing")
    query = """query($after: String) { teams { slug
      queue(first: 2, after: $after) { totalCount nodes { subject } pageInfo { endCursor } } } }"""
    support = next(team for team in (await ada.run(query))["teams"] if team["slug"] == "support")["queue"]
    assert (support["totalCount"], [node["subject"] for node in support["nodes"]]) == (3, ["high", "low"])
    rest = await ada.run(query, after=support["pageInfo"]["endCursor"])
    assert next(team for team in rest["teams"] if team["slug"] == "support")["queue"]["nodes"] == [{"subject": "taken"}]
    order = "{ tickets(orderBy: [{field: UNTOUCHED}, {field: NUMBER, direction: ASC}]) { nodes { subject } } }"
    assert (await ada.run(order))["tickets"]["nodes"][-1] == {"subject": "taken"}
    theirs = next(team for team in (await service.client(world.olga.token).run(query))["teams"] if team["slug"] == "support")
    assert theirs["queue"]["totalCount"] == 0
