"""The entries about attention, as callers read them, and which of them customers see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Service, World
from support.loop_limits import count_runs

from models.core import time
from models.log import consumer
from models.log.event import Event
from models.people.team import Team
from workers.assigner import Assigner
from workers.escalator import EscalationSteps, Escalator
from workers.job import LogJob
from workers.ticket_timers import TimerSettings, run_timers

WINDOW = timedelta(days=14)
DAYS = TimerSettings(timedelta(days=7), WINDOW, timedelta(days=2), timedelta(days=3), timedelta(days=7))
TIMELINE = """query($id: ID!) { ticket(id: $id) { timeline(first: 50) { nodes { __typename occurredAt
  ... on SlaAtRisk { metric recordedAt policy { name } } ... on SlaBreached { metric recordedAt policy { name } }
  ... on SlaAchieved { metric late } ... on SlaRetargeted { fromPolicy { name } toPolicy { name } }
  ... on TicketEscalated { level reason } ... on TicketReminded { status closesAt }
  ... on TicketEscalationStep { path step stepAction outcome notified { displayName } }
  ... on TicketAssigned { toAssignee { displayName } candidates { openTickets user { displayName } } } } } } }"""


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service leaves the duties to the test."""
    monkeypatch.setenv("TICKETWIRE_RUN_JOBS", "false")


async def timeline(client: Any, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await client.run(TIMELINE, id=ticket["id"]))["ticket"]["timeline"]["nodes"])


def of(entries: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["__typename"] == name]


async def follow(service: Service, *duties: LogJob[Any]) -> None:
    for duty in duties:
        position = await consumer.acquire_lease(duty.name, "test", time.now(), timedelta(seconds=60))
        assert position is not None
        for _ in count_runs():
            turn = await duty.run_once(service.clock(), position)
            if not turn.more:
                break
            position = turn.position


async def test_the_timeline_shows_a_breach_and_the_events_that_follow(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    service.clock.advance(hours=1, minutes=1)
    await run_timers(service.clock(), DAYS)
    await follow(service, Escalator(WINDOW))
    await EscalationSteps(WINDOW).run_once(service.clock(), 0)
    await ada.do("updateTicket", ticketId=ticket["id"], priority="LOW")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    service.clock.advance(days=3)
    await run_timers(service.clock(), DAYS)
    seen = await timeline(ada, ticket)
    # the other terms may come at risk later, by office hours
    risk, breach = of(seen, "SlaAtRisk")[0], of(seen, "SlaBreached")[0]
    assert (risk["metric"], risk["policy"], breach["metric"]) == ("FIRST_RESPONSE", {"name": "Urgent"}, "FIRST_RESPONSE")
    assert risk["occurredAt"] < breach["occurredAt"] < breach["recordedAt"] == risk["recordedAt"]
    (escalated,) = of(seen, "TicketEscalated")
    assert (escalated["level"], escalated["reason"]) == (1, "The SLA target for the first response was missed.")
    assert [(step["step"], step["stepAction"], step["outcome"]) for step in of(seen, "TicketEscalationStep")] == [
        (1, "NOTIFY_ASSIGNEE", "There is nobody to notify."),
    ]
    (retargeted,) = of(seen, "SlaRetargeted")
    assert (retargeted["fromPolicy"], retargeted["toPolicy"]) == ({"name": "Urgent"}, {"name": "Low"})
    (reminded,) = of(seen, "TicketReminded")
    assert reminded["status"] == "WAITING_ON_CUSTOMER"
    assert reminded["closesAt"] > reminded["occurredAt"]
    customers = {entry["__typename"] for entry in await timeline(cora, ticket)}
    assert customers == {entry["__typename"] for entry in seen} - {"TicketEscalationStep"}


async def test_only_staff_see_the_candidates_of_an_automatic_assignment(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await Team.filter(slug="support").update(assigns_by_load=True)
    ticket = await cora.raise_ticket()
    await follow(service, Assigner(WINDOW))
    (assigned,) = of(await timeline(ada, ticket), "TicketAssigned")
    assert assigned["toAssignee"] == {"displayName": "Ada"}
    assert assigned["candidates"] == [{"openTickets": 0, "user": {"displayName": "Ada"}}]
    assert of(await timeline(cora, ticket), "TicketAssigned")[0]["candidates"] is None
    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.bill.gid)
    assert of(await timeline(ada, ticket), "TicketAssigned")[1]["candidates"] is None, "somebody decided"


async def test_events_without_work_cost_no_transaction_and_are_scanned_once(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    duty = Assigner(WINDOW)
    position = await consumer.acquire_lease(duty.name, "test", time.now(), timedelta(seconds=60))
    assert position is not None
    await cora.raise_ticket()
    turn = await duty.run_once(service.clock(), position)
    assert (turn.count, turn.position, turn.more) == (0, position, True), "no team has its tickets given out"
    assert not (await duty.run_once(service.clock(), position)).more
    head = (await Event.all().order_by("-position").first()).position  # type: ignore[union-attr]
    assert (await consumer.LogConsumer.get(name=duty.name)).position == position < head
    length = timedelta(seconds=60)
    assert await consumer.acquire_lease(duty.name, "test", time.now(), length, read_position=position, scanned_position=duty.seen_position) == head
    assert await consumer.acquire_lease(duty.name, "test", time.now(), length, read_position=position, scanned_position=head + 5) == head, "it moved on"
