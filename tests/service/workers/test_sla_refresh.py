"""SLA refresh: open tickets get the targets of changed policies and calendars.

The spent time stays, and each change is logged once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import WEEK, WINDOW, clocks_by_metric, refresh_slas, run_mutation
from support.audit import audit
from support.live import until
from support.service import running

from models.changes import sla_audit
from models.core import ids
from models.log.event import Event, EventType
from models.people.team import Category, Team
from models.sla import defaults, policies
from models.sla.records import SlaClock, SlaPolicy
from models.tickets.lifecycle import OPEN_STATUSES, Priority
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from workers import runner, ticket_timers
from workers.sla_refresh import SlaRefresh

pytestmark = pytest.mark.usefixtures("without_jobs")

DAYS = TimerSettings(close_after=timedelta(days=7), reopen_window=WINDOW)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


async def create_only_policy(admin: Client, **values: Any) -> dict[str, Any]:
    """Create a policy around the clock, and deactivate all others."""
    await SlaPolicy.all().update(active=False)
    calendars = (await admin.run("{ slaCalendars { id name } }"))["slaCalendars"]
    always = next(each["id"] for each in calendars if each["name"] == defaults.AROUND_THE_CLOCK)
    default_values = {
        "name": "Ours",
        "calendarId": always,
        "firstResponse": "PT2H",
        "nextResponse": "PT4H",
        "resolution": "PT10H",
    }
    return await run_mutation(admin, "createSlaPolicy", **{**default_values, **values})


async def events_of(ticket: dict[str, Any], *types: EventType) -> list[Event]:
    found = await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by("position")
    return [event for event in found if not types or event.type in types]


async def check_consistency() -> None:
    """The log is complete, rebuilds the stored clocks, and no ticket is outdated."""
    await audit()
    assert await sla_audit.find_differences([ticket.id for ticket in await Ticket.all()]) == []
    assert await policies.find_outdated_tickets(1) == []


def without_seconds(spent: str) -> str:
    """Hours and minutes of a duration, because a test takes some seconds."""
    return spent.split("M")[0] + "M" if "M" in spent else spent.split("H")[0] + "H"


def summarize(clocks: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str, str, str]]:
    """Status, target, spent time and policy of each clock."""
    return {
        metric: (each["status"], each["target"], without_seconds(each["spent"]), each["policy"])
        for metric, each in clocks.items()
    }


async def test_a_changed_policy_retargets_running_clocks_and_keeps_spent_time(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=1)
    before = await clocks_by_metric(ada, ticket)
    await run_mutation(
        admin,
        "updateSlaPolicy",
        policyId=policy["id"],
        resolution="PT6H",
        firstResponse="PT3H",
        name="New",
    )
    assert await refresh_slas(service.clock()) == 1
    after = await clocks_by_metric(ada, ticket)
    assert summarize(after) == {
        "FIRST_RESPONSE": ("PENDING", "PT3H", "PT1H", "New"),
        "RESOLUTION": ("PENDING", "PT6H", "PT1H", "New"),
    }
    raised = (await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))).created_at
    stored = {clock.metric.name: clock.breaches_at for clock in await SlaClock.all()}
    assert stored == {
        "FIRST_RESPONSE": raised + timedelta(hours=3),
        "RESOLUTION": raised + timedelta(hours=6),
    }
    assert after["RESOLUTION"]["breachesAt"] != before["RESOLUTION"]["breachesAt"]
    (retargeted,) = await events_of(ticket, EventType.SLA_RETARGETED)
    query = """query($id: ID!) { ticket(id: $id) { version timeline { nodes {
      __typename actor { displayName }
      ... on SlaRetargeted { fromPolicy { name } toPolicy { name } } } } } }"""
    shown = (await cora.run(query, id=ticket["id"]))["ticket"]
    assert shown["timeline"]["nodes"][-1] == {
        "__typename": "SlaRetargeted",
        "actor": {"displayName": "Ticketwire"},
        "fromPolicy": {"name": "New"},
        "toPolicy": {"name": "New"},
    }
    assert shown["version"] == ticket["version"], (
        "the version stays, so no user's edit becomes stale"
    )
    assert retargeted.version == ticket["version"]
    assert await refresh_slas(service.clock()) == 0
    await check_consistency()


async def test_a_shorter_target_can_be_missed_at_once_and_a_longer_one_met_again(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin, firstResponse=None)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=3)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT2H")
    await refresh_slas(service.clock())
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "RESOLUTION": ("BREACHED", "PT2H", "PT3H", "Ours")
    }
    (breach,) = await events_of(ticket, EventType.SLA_BREACHED)
    (retargeted,) = await events_of(ticket, EventType.SLA_RETARGETED)
    assert breach.occurred_at == retargeted.occurred_at, (
        "it was missed when the target changed, and not before"
    )
    assert breach.position > retargeted.position
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    await refresh_slas(service.clock())
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "RESOLUTION": ("PENDING", "PT5H", "PT3H", "Ours")
    }
    service.clock.advance(hours=3)
    assert await ticket_timers.run_timers(service.clock(), DAYS) == 1
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "RESOLUTION": ("BREACHED", "PT5H", "PT6H", "Ours")
    }
    assert len(await events_of(ticket, EventType.SLA_BREACHED)) == 2
    await check_consistency()


async def test_risks_and_breaches_before_the_change_are_logged_first(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin, firstResponse=None)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=11)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT20H")
    await refresh_slas(service.clock())
    types = [event.type.name for event in await events_of(ticket)]
    assert types == ["TICKET_CREATED", "SLA_AT_RISK", "SLA_BREACHED", "SLA_RETARGETED"]
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "RESOLUTION": ("PENDING", "PT20H", "PT11H", "Ours")
    }
    await check_consistency()


async def test_a_paused_clock_stays_paused_under_new_terms(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=1)
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    service.clock.advance(hours=50)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    await refresh_slas(service.clock())
    found = await clocks_by_metric(ada, ticket)
    assert summarize(found)["RESOLUTION"] == ("PAUSED", "PT5H", "PT1H", "Ours")
    assert found["RESOLUTION"]["breachesAt"] is None
    service.clock.advance(hours=50)
    await ada.do("resumeTicket", ticketId=ticket["id"])
    service.clock.advance(hours=3)
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"] == (
        "PENDING",
        "PT5H",
        "PT4H",
        "Ours",
    )
    await check_consistency()


async def test_a_paused_clock_can_have_spent_more_than_the_new_target(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin, firstResponse=None)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=3)
    await ada.do("holdTicket", ticketId=ticket["id"])
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT2H")
    await refresh_slas(service.clock())
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "RESOLUTION": ("BREACHED", "PT2H", "PT3H", "Ours")
    }
    assert len(await events_of(ticket, EventType.SLA_BREACHED)) == 1
    await ada.do("resumeTicket", ticketId=ticket["id"])
    assert len(await events_of(ticket, EventType.SLA_BREACHED)) == 1
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
    assert (await clocks_by_metric(ada, ticket))["RESOLUTION"]["status"] == "ACHIEVED_LATE"
    await check_consistency()


async def test_a_new_priority_or_team_changes_the_target_at_once(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    base = await create_only_policy(admin)
    calendar = base["calendar"]["id"]
    high = {"name": "High", "priority": "HIGH", "position": 1, "calendarId": calendar}
    await run_mutation(admin, "createSlaPolicy", **high, firstResponse="PT1H", resolution="PT4H")
    await run_mutation(
        admin,
        "createSlaPolicy",
        name="Bills",
        team="billing",
        position=2,
        calendarId=calendar,
        resolution="PT8H",
    )
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=2)
    await ada.do("replyToTicket", ticketId=ticket["id"], body="soon")
    await ada.do("updateTicket", ticketId=ticket["id"], priority="HIGH")
    found = summarize(await clocks_by_metric(ada, ticket))
    assert found["RESOLUTION"] == ("PENDING", "PT4H", "PT2H", "High")
    assert found["FIRST_RESPONSE"][0].startswith("ACHIEVED"), "an achieved clock stays achieved"
    assert found["FIRST_RESPONSE"][3] == "Ours"
    service.clock.advance(hours=1)
    await ada.do("updateTicket", ticketId=ticket["id"], priority="NORMAL")
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"] == (
        "PENDING",
        "PT10H",
        "PT3H",
        "Ours",
    )
    await ada.do("transferTicket", ticketId=ticket["id"], team="billing")
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"] == (
        "PENDING",
        "PT8H",
        "PT3H",
        "Bills",
    )
    retargeted = await events_of(ticket, EventType.SLA_RETARGETED)
    assert len(retargeted) == 3
    assert {event.actor_user_id for event in retargeted} == {
        ids.key_of(ids.USER, (await viewer_id(ada)))
    }
    assert await refresh_slas(service.clock()) == 0
    await check_consistency()


async def viewer_id(client: Client) -> str:
    return str((await client.run("{ viewer { user { id } } }"))["viewer"]["user"]["id"])


async def test_clocks_without_a_policy_are_cancelled_and_later_continue(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    ticket = await cora.raise_ticket()
    held = await cora.raise_ticket()
    await ada.do("holdTicket", ticketId=held["id"])
    service.clock.advance(hours=1)
    await run_mutation(admin, "archiveSlaPolicy", policyId=policy["id"])
    assert await refresh_slas(service.clock()) == 2
    statuses = {
        metric: clock["status"] for metric, clock in (await clocks_by_metric(ada, ticket)).items()
    }
    assert statuses == {"FIRST_RESPONSE": "CANCELLED", "RESOLUTION": "CANCELLED"}
    assert await SlaClock.filter(due_at__isnull=False).count() == 0, (
        "no timer is due for cancelled clocks"
    )
    assert await Ticket.filter(sla_breaches_at__isnull=False).count() == 0
    service.clock.advance(days=3)
    assert await ticket_timers.run_timers(service.clock(), DAYS) == 0
    await check_consistency()
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], active=True)
    assert await refresh_slas(service.clock()) == 2
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "FIRST_RESPONSE": ("PENDING", "PT2H", "PT1H", "Ours"),
        "RESOLUTION": ("PENDING", "PT10H", "PT1H", "Ours"),
    }
    on_hold = await clocks_by_metric(ada, held)
    assert (on_hold["RESOLUTION"]["status"], on_hold["RESOLUTION"]["breachesAt"]) == (
        "PAUSED",
        None,
    )
    assert on_hold["FIRST_RESPONSE"]["status"] == "PENDING"
    await check_consistency()


async def test_removing_and_adding_a_target_does_not_affect_other_clocks(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=1)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution=None)
    await refresh_slas(service.clock())
    found = await clocks_by_metric(ada, ticket)
    assert {metric: clock["status"] for metric, clock in found.items()} == {
        "FIRST_RESPONSE": "PENDING",
        "RESOLUTION": "CANCELLED",
    }
    assert found["RESOLUTION"]["target"] == "PT10H", "the target before the change"
    service.clock.advance(hours=1)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT20H")
    await refresh_slas(service.clock())
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"] == (
        "PENDING",
        "PT20H",
        "PT1H",
        "Ours",
    )
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
    assert {clock["status"] for clock in (await clocks_by_metric(ada, ticket)).values()} <= {
        "ACHIEVED",
        "ACHIEVED_LATE",
    }
    await check_consistency()


async def test_a_next_response_clock_continues_when_its_target_returns(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    waiting, answered, asked_again = [await cora.raise_ticket() for _ in range(3)]
    for ticket in (waiting, answered, asked_again):
        await ada.do("replyToTicket", ticketId=ticket["id"], body="Since when?")
    await cora.do("replyToTicket", ticketId=waiting["id"], body="Noon.")
    await cora.do("replyToTicket", ticketId=answered["id"], body="Noon.")
    service.clock.advance(hours=1)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], nextResponse=None)
    await refresh_slas(service.clock())
    await ada.do("replyToTicket", ticketId=answered["id"], body="Thank you.")
    await cora.do("replyToTicket", ticketId=asked_again["id"], body="Noon.")
    service.clock.advance(hours=1)
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], nextResponse="PT4H")
    await refresh_slas(service.clock())
    assert summarize(await clocks_by_metric(ada, waiting))["NEXT_RESPONSE"] == (
        "PENDING",
        "PT4H",
        "PT1H",
        "Ours",
    )
    assert (await clocks_by_metric(ada, answered))["NEXT_RESPONSE"]["status"] == "CANCELLED"
    assert (await clocks_by_metric(ada, asked_again))["NEXT_RESPONSE"]["status"] == "PENDING"
    await check_consistency()


async def test_a_changed_calendar_applies_from_the_change_on(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    calendar = await run_mutation(
        admin,
        "createSlaCalendar",
        name="Ours",
        timeZone="UTC",
        week=[[{"start": "00:00", "end": "24:00"}]] * 7,
    )
    await create_only_policy(admin, calendarId=calendar["id"], firstResponse=None)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=1)
    free = [(service.clock() + timedelta(days=day)).date().isoformat() for day in range(-1, 20)]
    await run_mutation(admin, "updateSlaCalendar", calendarId=calendar["id"], holidays=free)
    await refresh_slas(service.clock())
    service.clock.advance(days=10)
    assert summarize(await clocks_by_metric(ada, ticket)) == {
        "RESOLUTION": ("PENDING", "PT10H", "PT1H", "Ours")
    }
    await run_mutation(
        admin, "updateSlaCalendar", calendarId=calendar["id"], holidays=[], week=WEEK
    )
    await refresh_slas(service.clock())
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"][2] == "PT1H"
    shown = (await clocks_by_metric(ada, ticket, "ledger { counted reason spent }"))["RESOLUTION"][
        "ledger"
    ]
    assert [(part["counted"], part["reason"]) for part in shown[:2]] == [
        (True, "WORKING"),
        (False, "HOLIDAY"),
    ]
    await check_consistency()


async def test_resolved_tickets_get_new_targets_when_they_are_reopened(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    ticket = await cora.raise_ticket()
    service.clock.advance(hours=1)
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    assert await refresh_slas(service.clock()) == 0
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"] == (
        "ACHIEVED",
        "PT10H",
        "PT1H",
        "Ours",
    )
    await cora.do("reopenTicket", ticketId=ticket["id"], reason="again")
    assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"] == (
        "PENDING",
        "PT5H",
        "PT1H",
        "Ours",
    )
    assert await refresh_slas(service.clock()) == 0
    await check_consistency()


async def test_concurrent_runs_refresh_each_ticket_once(
    service: Service, admin: Client, cora: Client
) -> None:
    policy = await create_only_policy(admin)
    tickets = [await cora.raise_ticket() for _ in range(12)]
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    worker = SlaRefresh(WINDOW)
    runs = await asyncio.gather(*(worker.run_once(service.clock(), 7) for _ in range(4)))
    assert sum(run.count for run in runs) == len(tickets)
    assert {run.position for run in runs} == {7}
    assert [len(await events_of(ticket, EventType.SLA_RETARGETED)) for ticket in tickets] == [
        1
    ] * len(tickets)
    await check_consistency()


async def test_concurrent_changes_by_users_are_kept(
    service: Service, admin: Client, cora: Client, ada: Client
) -> None:
    policy = await create_only_policy(admin)
    tickets = [await cora.raise_ticket() for _ in range(6)]
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    worker = SlaRefresh(WINDOW)
    await asyncio.gather(
        *(
            ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
            for ticket in tickets[:2]
        ),
        *(
            ada.do("updateTicket", ticketId=ticket["id"], priority="URGENT", expectedVersion=1)
            for ticket in tickets[2:4]
        ),
        *(ada.do("replyToTicket", ticketId=ticket["id"], body="soon") for ticket in tickets[4:]),
        *(worker.run_once(service.clock(), 0) for _ in range(2)),
    )
    await refresh_slas(service.clock())
    await check_consistency()
    for ticket in tickets[2:]:
        assert summarize(await clocks_by_metric(ada, ticket))["RESOLUTION"][1] == "PT5H"
        assert len(await events_of(ticket, EventType.SLA_RETARGETED)) == 1


async def test_it_repeats_until_older_transactions_have_ended_and_then_rests(
    service: Service, admin: Client, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = await create_only_policy(admin)
    worker = SlaRefresh(WINDOW)
    limits: list[int] = []
    find_outdated_tickets = policies.find_outdated_tickets

    async def record_call(limit: int) -> Any:
        limits.append(limit)
        return await find_outdated_tickets(limit)

    monkeypatch.setattr(policies, "find_outdated_tickets", record_call)
    at = (await policies.read_revision()).changed_at
    assert at is not None
    assert (await worker.run_once(at, 0)).count == 0
    ticket = await cora.raise_ticket()
    # the state that a transaction leaves which read the policies before they changed
    await Ticket.filter(id=ids.key_of(ids.TICKET, ticket["id"])).update(sla_terms=None)
    await SlaClock.all().delete()
    calls = len(limits)
    assert (await worker.run_once(at + timedelta(seconds=59), 0)).count == 0
    assert len(limits) == calls, "it waits for transactions that are still open"
    assert (await worker.run_once(at + timedelta(seconds=60), 0)).count == 1
    assert await SlaClock.all().count() == 2
    assert (await worker.run_once(at + timedelta(seconds=60), 0)).more is False
    calls = len(limits)
    for _ in range(3):
        assert (await worker.run_once(at + timedelta(seconds=61), 0)).count == 0
    assert len(limits) == calls, "no query runs between changes"
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    assert (await worker.run_once(service.clock(), 0)).count == 1


async def test_tickets_beyond_the_limit_wait_for_the_next_run(
    service: Service, admin: Client, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.sla_refresh.MAX_TICKETS_PER_RUN", 2)
    policy = await create_only_policy(admin)
    for _ in range(5):
        await cora.raise_ticket()
    await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")
    runs = [await SlaRefresh(WINDOW).run_once(service.clock(), 0) for _ in range(4)]
    assert [(run.count, run.more) for run in runs] == [
        (2, True),
        (2, True),
        (1, True),
        (0, False),
    ]


@pytest.mark.stress
async def test_the_query_for_outdated_tickets_agrees_with_the_rules(
    service: Service, world: World, cora: Client, ada: Client, random: Random
) -> None:
    tickets = [
        await cora.raise_ticket(priority=priority, category=category)
        for priority in ("LOW", "NORMAL", "HIGH", "URGENT")
        for category in ("technical", "billing")
    ]
    await ada.do("transferTicket", ticketId=tickets[0]["id"], team="sales")
    template = await SlaPolicy.all().first()
    teams, categories = await Team.all(), await Category.all()
    assert template is not None
    for _ in range(30):
        await SlaPolicy.all().delete()
        for n in range(random.randrange(6)):
            policy = template.clone(pk=ids.new_id())
            policy.terms, policy.active, policy.position = (
                f"terms {n}",
                random.random() < 0.8,
                random.randrange(3),
            )
            policy.priority = random.choice([None, *Priority])
            policy.team_id = random.choice([None, *teams[:2]]) and random.choice(teams).id
            policy.category_id = random.choice([None, None, random.choice(categories).id])
            await policy.save(force_create=True)
        stored = await Ticket.all().order_by("id")
        expected_terms = await policies.find_terms(stored)
        changed = [
            ticket.id
            for ticket, digest in zip(stored, expected_terms, strict=True)
            if ticket.sla_terms != digest
        ]
        assert {ticket.status for ticket in stored} <= OPEN_STATUSES
        assert await policies.find_outdated_tickets(100) == changed


async def test_the_service_refreshes_tickets(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.05)
    async with running(url, run_jobs=True) as service:
        world = await World.make()
        admin, cora = service.client(world.root.token), service.client(world.cora.token)
        policy = await create_only_policy(admin)
        ticket = await cora.raise_ticket()
        await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], resolution="PT5H")

        async def is_refreshed() -> bool:
            return (await clocks_by_metric(cora, ticket))["RESOLUTION"]["target"] == "PT5H"

        await until(is_refreshed)
        await until(lambda: is_logged_once(ticket))


async def is_logged_once(ticket: dict[str, Any]) -> bool:
    return len(await events_of(ticket, EventType.SLA_RETARGETED)) == 1
