"""SLA, escalation and assignment events on the timeline, for staff and for customers."""

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
from models.tickets.timers import TimerSettings
from workers.assigner import Assigner
from workers.escalation.paths import Escalator
from workers.escalation.steps import EscalationSteps
from workers.job import LogJob
from workers.ticket_timers import run_timers

pytestmark = pytest.mark.usefixtures("without_jobs")

REOPEN_WINDOW = timedelta(days=14)
TIMER_SETTINGS = TimerSettings(
    timedelta(days=7), REOPEN_WINDOW, timedelta(days=2), timedelta(days=3), timedelta(days=7)
)
TIMELINE = """query($id: ID!) { ticket(id: $id) { timeline(first: 50) { nodes {
  __typename occurredAt
  ... on SlaAtRisk { metric recordedAt policy { name } }
  ... on SlaBreached { metric recordedAt policy { name } }
  ... on SlaAchieved { metric late } ... on SlaRetargeted { fromPolicy { name } toPolicy { name } }
  ... on TicketEscalated { level reason } ... on TicketReminded { status closesAt }
  ... on TicketEscalationStep { path step stepAction outcome notified { displayName } }
  ... on TicketAssigned { toAssignee { displayName }
    candidates { openTickets user { displayName } } } } } } }"""


async def read_timeline(client: Any, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await client.run(TIMELINE, id=ticket["id"]))["ticket"]["timeline"]["nodes"])


def select_type(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["__typename"] == name]


async def run_jobs(service: Service, *jobs: LogJob[Any]) -> None:
    """Run jobs until they have read the whole log."""
    for job in jobs:
        position = await consumer.acquire_lease(job.name, "test", time.now(), timedelta(seconds=60))
        assert position is not None
        for _ in count_runs():
            progress = await job.run_once(service.clock(), position)
            if not progress.more:
                break
            position = progress.position


async def test_the_timeline_shows_a_breach_and_the_events_that_follow(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(priority="URGENT")
    service.clock.advance(hours=1, minutes=1)
    await run_timers(service.clock(), TIMER_SETTINGS)
    await run_jobs(service, Escalator(REOPEN_WINDOW))
    await EscalationSteps(REOPEN_WINDOW).run_once(service.clock(), 0)
    await ada.do("updateTicket", ticketId=ticket["id"], priority="LOW")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    service.clock.advance(days=3)
    await run_timers(service.clock(), TIMER_SETTINGS)
    seen = await read_timeline(ada, ticket)
    # other clocks may be at risk later, depending on office hours
    risk, breach = select_type(seen, "SlaAtRisk")[0], select_type(seen, "SlaBreached")[0]
    assert (risk["metric"], risk["policy"], breach["metric"]) == (
        "FIRST_RESPONSE",
        {"name": "Urgent"},
        "FIRST_RESPONSE",
    )
    assert risk["occurredAt"] < breach["occurredAt"] < breach["recordedAt"] == risk["recordedAt"]
    (escalated,) = select_type(seen, "TicketEscalated")
    assert (escalated["level"], escalated["reason"]) == (
        1,
        "The SLA target for the first response was missed.",
    )
    assert [
        (step["step"], step["stepAction"], step["outcome"])
        for step in select_type(seen, "TicketEscalationStep")
    ] == [
        (1, "NOTIFY_ASSIGNEE", "There is nobody to notify."),
    ]
    (retargeted,) = select_type(seen, "SlaRetargeted")
    assert (retargeted["fromPolicy"], retargeted["toPolicy"]) == (
        {"name": "Urgent"},
        {"name": "Low"},
    )
    (reminded,) = select_type(seen, "TicketReminded")
    assert reminded["status"] == "WAITING_ON_CUSTOMER"
    assert reminded["closesAt"] > reminded["occurredAt"]
    customer_types = {event["__typename"] for event in await read_timeline(cora, ticket)}
    assert customer_types == {event["__typename"] for event in seen} - {"TicketEscalationStep"}


async def test_only_staff_see_the_candidates_of_an_automatic_assignment(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await Team.filter(slug="support").update(assigns_by_load=True)
    ticket = await cora.raise_ticket()
    await run_jobs(service, Assigner(REOPEN_WINDOW))
    (assigned,) = select_type(await read_timeline(ada, ticket), "TicketAssigned")
    assert assigned["toAssignee"] == {"displayName": "Ada"}
    assert assigned["candidates"] == [{"openTickets": 0, "user": {"displayName": "Ada"}}]
    assert select_type(await read_timeline(cora, ticket), "TicketAssigned")[0]["candidates"] is None
    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.bill.gid)
    assert (
        select_type(await read_timeline(ada, ticket), "TicketAssigned")[1]["candidates"] is None
    ), "a person chose the assignee"


async def test_events_without_work_cost_no_transaction_and_are_scanned_once(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    job = Assigner(REOPEN_WINDOW)
    position = await consumer.acquire_lease(job.name, "test", time.now(), timedelta(seconds=60))
    assert position is not None
    await cora.raise_ticket()
    progress = await job.run_once(service.clock(), position)
    assert (progress.count, progress.position, progress.more) == (0, position, True), (
        "no team assigns by load"
    )
    assert not (await job.run_once(service.clock(), position)).more
    head = (await Event.all().order_by("-position").first()).position  # type: ignore[union-attr]
    assert (await consumer.LogConsumer.get(name=job.name)).position == position < head
    length = timedelta(seconds=60)
    assert (
        await consumer.acquire_lease(
            job.name,
            "test",
            time.now(),
            length,
            read_position=position,
            scanned_position=job.seen_position,
        )
        == head
    )
    assert (
        await consumer.acquire_lease(
            job.name, "test", time.now(), length, read_position=position, scanned_position=head + 5
        )
        == head
    ), "the stored position is no longer the given one"
