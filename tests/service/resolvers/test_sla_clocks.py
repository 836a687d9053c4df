"""SLA clocks over the API: their ledgers, and lists and statistics by SLA status."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Service, World
from support.audit import audit
from support.loop_limits import count_pages

from models.changes import sla_audit
from models.core import ids
from models.log.event import Event
from models.sla.records import SlaClock
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from workers.ticket_timers import run_timers

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]

TIMER_SETTINGS = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
CLOCKS = """query($id: ID!) { ticket(id: $id) { clocks {
  metric ordinal status startedAt pausedAt pausedFor atRiskAt breachesAt achievedAt breachedAt
  target spent policy { name } ledger { start end counted reason spent } } } }"""


async def read_clocks(client: Any, ticket: dict[str, Any]) -> dict[str, Any]:
    """The clocks of a ticket by metric; those of the next response have their ordinal appended."""
    clocks: dict[str, Any] = {}
    for clock in (await client.run(CLOCKS, id=ticket["id"]))["ticket"]["clocks"]:
        is_next_response = clock["metric"] == "NEXT_RESPONSE"
        ordinal = str(clock["ordinal"]) if is_next_response else ""
        clocks[clock["metric"] + ordinal] = clock
    return clocks


async def run_due_timers(service: Service) -> int:
    return await run_timers(service.clock(), TIMER_SETTINGS)


async def test_a_customer_sees_the_sla_targets_and_the_progress_of_the_clocks(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    clocks = await read_clocks(cora, ticket)
    assert {name: (clock["status"], clock["target"]) for name, clock in clocks.items()} == {
        "FIRST_RESPONSE": ("PENDING", "PT1H"),
        "RESOLUTION": ("PENDING", "PT8H"),
    }
    service.clock.advance(minutes=50)
    assert await run_due_timers(service) == 1
    assert (await read_clocks(cora, ticket))["FIRST_RESPONSE"]["status"] == "AT_RISK"
    service.clock.advance(minutes=20)
    await ada.do("replyToTicket", ticketId=ticket["id"], body="Which region?")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    service.clock.advance(hours=3)
    clocks = await read_clocks(cora, ticket)
    assert clocks["FIRST_RESPONSE"]["status"] == "ACHIEVED_LATE"
    assert clocks["RESOLUTION"]["status"] == "PAUSED"
    assert clocks["RESOLUTION"]["pausedFor"].startswith("PT3H")
    assert clocks["RESOLUTION"]["breachesAt"] is None
    await cora.do("replyToTicket", ticketId=ticket["id"], body="Frankfurt.")
    clocks = await read_clocks(cora, ticket)
    assert clocks["RESOLUTION"]["status"] == "PENDING"
    assert clocks["NEXT_RESPONSE1"]["target"] == "PT2H"
    ledger = [(part["reason"], part["counted"]) for part in clocks["RESOLUTION"]["ledger"]]
    assert ledger[:2] == [("WORKING", True), ("WAITING_ON_CUSTOMER", False)]
    types = [
        event.type.name
        for event in await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by(
            "position"
        )
    ]
    assert types == [
        *(
            "TICKET_CREATED",
            "SLA_AT_RISK",
            "SLA_BREACHED",
            "REPLY_ADDED",
            "STATUS_CHANGED",
            "SLA_ACHIEVED",
        ),
        *("STATUS_CHANGED", "REPLY_ADDED", "STATUS_CHANGED"),
    ]
    assert (await sla_audit.verify_all_tickets())[1] == []


async def test_sla_clocks_change_neither_the_version_nor_updated_at(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    before = await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))
    service.clock.advance(hours=9)
    assert await run_due_timers(service) == 1
    after = await Ticket.get(id=before.id)
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


async def test_a_new_priority_sets_new_targets_and_keeps_the_time_spent(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="HIGH")
    service.clock.advance(hours=3)
    payload = await ada.mutate("updateTicket", {"ticketId": ticket["id"], "priority": "URGENT"})
    assert payload["event"]["type"] == "TICKET_UPDATED"
    clocks = await read_clocks(cora, ticket)
    assert clocks["FIRST_RESPONSE"]["status"] == "BREACHED", (
        "three hours exceed the new target of one hour"
    )
    assert clocks["RESOLUTION"]["policy"] == {"name": "Urgent"}
    assert clocks["RESOLUTION"]["spent"].startswith("PT3H")
    assert (await sla_audit.verify_all_tickets())[1] == []


async def test_lists_and_statistics_agree_on_sla_statuses(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets: dict[str, Any] = {}
    for name, priority in (
        ("urgent", "URGENT"),
        ("high", "HIGH"),
        ("done", "URGENT"),
        ("parked", "HIGH"),
    ):
        tickets[name] = await cora.raise_ticket(name, priority=priority)
    await ada.do("resolveTicket", ticketId=tickets["done"]["id"], resolution="ok")
    await ada.do("replyToTicket", ticketId=tickets["parked"]["id"], body="Wait.")
    await ada.do("holdTicket", ticketId=tickets["parked"]["id"])
    service.clock.advance(hours=3, minutes=1)
    await run_due_timers(service)
    query = """
    query($filter: TicketFilter, $direction: OrderDirection!, $first: Int, $after: String) {
      tickets(filter: $filter, orderBy: [{field: SLA_BREACHES_AT, direction: $direction}],
          first: $first, after: $after) {
        totalCount nodes { subject } pageInfo { endCursor hasNextPage } }
      ticketStats { open atRisk breached } }"""
    for status, subjects in (
        ("AT_RISK", ["high"]),
        ("BREACHED", ["urgent"]),
        ("PAUSED", ["parked"]),
    ):
        answer = await ada.run(query, filter={"sla": {"eq": status}}, direction="ASC")
        assert [node["subject"] for node in answer["tickets"]["nodes"]] == subjects
    assert answer["ticketStats"] == {"open": 3, "atRisk": 1, "breached": 1}
    both = await ada.run(query, filter={"sla": {"in": ["AT_RISK", "BREACHED"]}}, direction="ASC")
    assert [node["subject"] for node in both["tickets"]["nodes"]] == ["urgent", "high"]
    neither = await ada.run(
        query, filter={"not": {"sla": {"in": ["AT_RISK", "BREACHED"]}}}, direction="ASC"
    )
    assert {node["subject"] for node in neither["tickets"]["nodes"]} == {"done", "parked"}
    for direction, subjects in (("ASC", ["urgent", "high"]), ("DESC", ["high", "urgent"])):
        all_subjects: list[str] = []
        after = None
        for _ in count_pages():
            page = (await ada.run(query, direction=direction, first=1, after=after))["tickets"]
            all_subjects += [node["subject"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert all_subjects[:2] == subjects
        assert set(all_subjects[2:]) == {"done", "parked"}, "null sorts last in both directions"


async def test_untouched_tickets_come_first_in_the_teams_queue(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    assigned = await cora.raise_ticket("assigned", priority="URGENT")
    await ada.do("assignTicket", ticketId=assigned["id"], assigneeId=world.ada.gid)
    await cora.raise_ticket("low", priority="LOW")
    await cora.raise_ticket("high", priority="HIGH")
    await cora.raise_ticket("elsewhere", category="billing")
    query = """query($after: String) { teams { slug
      queue(first: 2, after: $after) { totalCount nodes { subject } pageInfo { endCursor } } } }"""

    async def read_queue(client: Any, after: str | None = None) -> dict[str, Any]:
        teams = (await client.run(query, after=after))["teams"]
        return next(team["queue"] for team in teams if team["slug"] == "support")

    queue = await read_queue(ada)
    assert queue["totalCount"] == 3
    assert queue["nodes"] == [{"subject": "high"}, {"subject": "low"}]
    rest = await read_queue(ada, queue["pageInfo"]["endCursor"])
    assert rest["nodes"] == [{"subject": "assigned"}]
    order = """{ tickets(orderBy: [{field: UNTOUCHED}, {field: NUMBER, direction: ASC}]) {
      nodes { subject } } }"""
    assert (await ada.run(order))["tickets"]["nodes"][-1] == {"subject": "assigned"}
    assert (await read_queue(service.client(world.olga.token)))["totalCount"] == 0


RESPONSE = """query($id: ID!) { ticket(id: $id) { firstRespondedAt resolvedAt heldUntil
  clocks { metric status achievedAt } } }"""


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("resolveTicket", {"resolution": "Done."}), ("closeTicket", {"reason": "RESOLVED"})],
)
async def test_a_resolution_without_a_reply_is_the_first_response(
    service: Service, world: World, name: str, arguments: dict[str, Any]
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    service.clock.advance(minutes=5)
    await ada.do(name, ticketId=ticket["id"], **arguments)
    found = (await cora.run(RESPONSE, id=ticket["id"]))["ticket"]
    at = found["resolvedAt"]
    assert at is not None
    assert found["firstRespondedAt"] == at
    assert {(clock["status"], clock["achievedAt"]) for clock in found["clocks"]} == {
        ("ACHIEVED", at)
    }
    service.clock.advance(minutes=5)
    await cora.do("reopenTicket", ticketId=ticket["id"], reason="Again.")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="We look at it.")
    found = (await cora.run(RESPONSE, id=ticket["id"]))["ticket"]
    assert (found["firstRespondedAt"], found["resolvedAt"]) == (at, None)
    statuses = {clock["metric"]: clock["status"] for clock in found["clocks"]}
    assert (statuses["FIRST_RESPONSE"], statuses["RESOLUTION"]) == ("ACHIEVED", "PENDING")
    await audit()
    assert (await sla_audit.verify_all_tickets())[1] == []


@pytest.mark.parametrize("name", ["closeTicket", "mergeTickets"])
async def test_a_closure_without_a_resolution_is_no_response(
    service: Service, world: World, name: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = await cora.raise_ticket(), await cora.raise_ticket()
    arguments = {"reason": "SPAM"} if name == "closeTicket" else {"intoId": other["id"]}
    await ada.do(name, ticketId=ticket["id"], **arguments)
    found = (await cora.run(RESPONSE, id=ticket["id"]))["ticket"]
    assert (found["firstRespondedAt"], found["resolvedAt"]) == (None, None)
    assert {clock["status"] for clock in found["clocks"]} == {"CANCELLED"}
    await audit()


async def test_moving_the_end_of_a_hold_leaves_the_clocks_alone(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    key = ticket["id"]
    service.clock.advance(minutes=10)
    first, later = (service.clock() + timedelta(hours=hours) for hours in (1, 3))
    await ada.do("holdTicket", ticketId=key, until=first.isoformat())
    held = (await Ticket.get(id=ids.key_of(ids.TICKET, key))).status_since
    service.clock.advance(minutes=10)
    before = await SlaClock.all().order_by("id").values()
    moved = await ada.do("holdTicket", ticketId=key, until=later.isoformat())
    assert moved["event"]["type"] == "STATUS_CHANGED"
    assert await SlaClock.all().order_by("id").values() == before
    assert (await read_clocks(ada, ticket))["RESOLUTION"]["status"] == "PAUSED"
    assert (await Ticket.get(id=ids.key_of(ids.TICKET, key))).status_since == held
    service.clock.advance(hours=2)
    assert await run_due_timers(service) == 1, "FIRST_RESPONSE breaches; the hold has not ended"
    assert (await read_clocks(ada, ticket))["RESOLUTION"]["status"] == "PAUSED"
    service.clock.advance(hours=2)
    await run_due_timers(service)
    assert (await read_clocks(ada, ticket))["RESOLUTION"]["status"] == "PENDING"
    assert (await sla_audit.verify_all_tickets())[1] == []
