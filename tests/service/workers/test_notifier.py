"""The notifier on a real log: who is told of what, by which channel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support import World
from support.actors import Person, person
from support.ticket_commands import (
    add_note,
    append_worker_events,
    apply_commands,
    assign,
    check_notifications,
    clear_notifications,
    create_ticket,
    list_mails,
    list_notifications,
    reply,
    run_notifier,
    set_preference,
    unique_notifications,
    viewer,
    watch,
)

from models import database
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core import time
from models.log.event import EventType
from models.notifications.notification import Channel, Topic
from models.people.team import Team
from models.people.user import Organization, Role, User
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.ticket import Ticket
from workers.notifier import QUIET_PERIOD


@pytest.fixture
async def people(database: str) -> World:
    """Everybody, in a database without a service."""
    return await World.make()


async def told() -> tuple[set[str], list[str]]:
    """What came of everything since the last look: notifications, and mails."""
    await run_notifier()
    await check_notifications()
    found = await unique_notifications(), await list_mails()
    await clear_notifications()
    return found


async def assigned(people: World, by: Person | None = None) -> Ticket:
    """A ticket of cora's that ada has, of which everybody has heard."""
    ticket = await create_ticket(by or people.cora)
    await assign(people.root, ticket, people.ada)
    await clear_notifications()
    return ticket


# ---------------------------------------------------------------- new tickets


async def test_of_a_new_ticket_the_team_hears_and_its_requester_gets_a_receipt(
    people: World,
) -> None:
    await create_ticket(people.cora)
    assert await told() == ({"ada TICKET_CREATED TEAM"}, ["ada raised", "cora created"])


async def test_who_raises_a_ticket_for_somebody_does_not_hear_of_it(people: World) -> None:
    await create_ticket(people.ada, people.cora)
    assert await told() == (set(), ["cora created"])
    await create_ticket(people.ada, people.ada)
    assert await told() == (set(), ["ada created"])
    await create_ticket(people.bill, people.ada)
    assert await told() == ({"ada TICKET_CREATED TEAM"}, ["ada created"])


async def test_where_nobody_works_in_a_team_the_admins_hear(people: World) -> None:
    await create_ticket(people.cora, category="sales")
    assert await told() == ({"root TICKET_CREATED TEAM"}, ["cora created", "root raised"])
    await User.filter(id=people.bill.id).update(active=False)
    await create_ticket(people.cora, category="billing")
    assert await told() == ({"root TICKET_CREATED TEAM"}, ["cora created", "root raised"])


# ---------------------------------------------------------------- replies and notes


async def test_a_reply_goes_to_the_requester_the_assignee_and_watchers(people: World) -> None:
    ticket = await assigned(people)
    for watcher in (people.bill, people.carl, people.ada):
        await watch(watcher, ticket)
    await reply(people.ada, ticket)
    mine = {"cora REPLY_ADDED REQUESTER", "bill REPLY_ADDED WATCHER", "carl REPLY_ADDED WATCHER"}
    assert await told() == (mine, ["bill replied", "carl replied", "cora replied"])
    await reply(people.cora, ticket)
    theirs = {"ada REPLY_ADDED ASSIGNEE", "bill REPLY_ADDED WATCHER", "carl REPLY_ADDED WATCHER"}
    assert await told() == (theirs, ["ada replied", "bill replied", "carl replied"])


async def test_a_reply_to_a_ticket_that_nobody_has_goes_to_the_team(people: World) -> None:
    await person("abel", Role.AGENT, team="support")
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await reply(people.cora, ticket)
    assert await told() == (
        {"abel REPLY_ADDED TEAM", "ada REPLY_ADDED TEAM"},
        ["abel replied", "ada replied"],
    )
    await reply(people.ada, ticket)
    assert await told() == (
        {"abel REPLY_ADDED TEAM", "cora REPLY_ADDED REQUESTER"},
        ["abel replied", "cora replied"],
    )


@pytest.mark.parametrize(
    "left", [{"active": False}, {"role": Role.CUSTOMER}], ids=["deactivated", "a-customer-now"]
)
async def test_an_assignee_who_has_left_is_nobody(people: World, left: dict[str, Any]) -> None:
    await person("abel", Role.AGENT, team="support")
    ticket = await assigned(people)
    await User.filter(id=people.ada.id).update(**left)
    await reply(people.cora, ticket)
    assert await told() == ({"abel REPLY_ADDED TEAM"}, ["abel replied"])
    await append_worker_events(ticket, EventType.SLA_BREACHED)
    assert await told() == ({"abel SLA_BREACHED TEAM"}, ["abel sla_breached"])


async def test_a_note_goes_to_whom_it_mentions_the_assignee_and_staff_and_never_by_mail(
    people: World,
) -> None:
    ticket = await assigned(people)
    for watcher in (people.bill, people.carl, people.cora):
        await watch(watcher, ticket)
    await add_note(people.root, ticket, "see `@bill`, @ADA@example.com and @cora")
    assert await told() == ({"ada NOTE_ADDED MENTIONED", "bill NOTE_ADDED WATCHER"}, [])
    await add_note(people.ada, ticket, "@root @ada @nobody a@bill")
    assert await told() == ({"root NOTE_ADDED MENTIONED", "bill NOTE_ADDED WATCHER"}, [])
    await add_note(people.bill, ticket, "nothing special")
    assert await told() == ({"ada NOTE_ADDED ASSIGNEE"}, [])


async def test_only_active_staff_with_a_name_of_their_own_is_mentioned(people: World) -> None:
    ticket = await create_ticket(people.cora)
    for local, domain in (
        ("dan", "example.org"),
        ("dan", "example.net"),
        ("eve", "example.org"),
        ("fay", "example.org"),
    ):
        await User.create(
            email=f"{local}@{domain}", display_name=f"{local}-{domain}", role=Role.AGENT
        )
    await User.filter(email="fay@example.org").update(active=False)
    await User.create(email="eve@example.com", display_name="customer")
    await clear_notifications()
    await add_note(people.ada, ticket, "@dan @eve @fay @fay@example.org @eve@example.com")
    assert await told() == ({"eve-example.org NOTE_ADDED MENTIONED"}, [])
    await add_note(people.ada, ticket, "@dan@example.net")
    assert await told() == ({"dan-example.net NOTE_ADDED MENTIONED"}, [])


# ---------------------------------------------------------------- the life cycle


def close(change: TicketChange) -> None:
    commands.close(change, CloseReason.SPAM)


STEPS: dict[str, tuple[list[Callable[[TicketChange], None]], str | None]] = {
    "start": ([commands.start], None),
    "await_customer": ([commands.await_customer], None),
    "hold": ([lambda change: commands.hold(change, None)], None),
    "resolve": ([lambda change: commands.resolve(change, "done")], "resolved"),
    "close": ([close], "closed"),
}


@pytest.mark.parametrize("step", list(STEPS))
async def test_steps_that_end_a_ticket_are_mailed_and_others_stay_in_the_app(
    people: World, step: str
) -> None:
    does, template = STEPS[step]
    ticket = await create_ticket(people.cora, assignee_id=people.ada.id)
    await watch(people.bill, ticket)
    await clear_notifications()
    await apply_commands(people.root, ticket, *does)
    team = {"ada STATUS_CHANGED ASSIGNEE", "bill STATUS_CHANGED WATCHER"}
    if template is None:
        assert await told() == (team, [])
    else:
        mails = [f"{who} {template}" for who in ("ada", "bill", "cora")]
        assert await told() == (team | {"cora STATUS_CHANGED REQUESTER"}, mails)


async def test_what_time_does_is_told_to_all(people: World) -> None:
    ticket = await assigned(people)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    assert await told() == ({"cora STATUS_CHANGED REQUESTER"}, ["cora resolved"])
    await apply_commands(
        None, ticket, lambda change: commands.remind(change, time.now() + timedelta(days=1))
    )
    assert await told() == ({"cora REMINDED REQUESTER"}, ["cora reminder_closing"])
    await apply_commands(None, ticket, lambda change: commands.close(change, CloseReason.RESOLVED))
    both = {"cora STATUS_CHANGED REQUESTER", "ada STATUS_CHANGED ASSIGNEE"}
    assert await told() == (both, ["ada closed", "cora closed"])
    await apply_commands(people.cora, ticket, lambda change: commands.rate(change, 5, None))
    assert await told() == ({"ada RATED ASSIGNEE"}, ["ada rated"])


async def test_a_customer_that_is_waited_for_is_reminded(people: World) -> None:
    ticket = await assigned(people)
    await apply_commands(people.ada, ticket, commands.await_customer)
    await clear_notifications()
    await apply_commands(
        None, ticket, lambda change: commands.remind(change, time.now() + timedelta(days=1))
    )
    assert await told() == ({"cora REMINDED REQUESTER"}, ["cora reminder_waiting"])


async def test_reopening_a_ticket_that_nobody_has_is_told_to_the_team(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.root, ticket, close)
    await clear_notifications()
    await apply_commands(people.cora, ticket, lambda change: commands.reopen(change, "again"))
    assert await told() == ({"ada STATUS_CHANGED TEAM"}, ["ada reopened"])


async def test_of_a_reply_that_reopens_each_hears_once(people: World) -> None:
    ticket = await assigned(people)
    await watch(people.carl, ticket)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    await clear_notifications()
    await reply(people.cora, ticket)
    assert (await Ticket.get(id=ticket.id)).status is Status.OPEN
    assert await told() == (
        {"ada REPLY_ADDED ASSIGNEE", "carl REPLY_ADDED WATCHER"},
        ["ada replied", "carl replied"],
    )


async def test_two_tickets_made_one_are_told_as_merged_and_mailed_as_closed(people: World) -> None:
    ticket, into = await assigned(people), await assigned(people, people.olga)
    async with database.transaction():
        found, who = await lock_tickets([ticket.id, into.id]), await viewer(people.bill)
        first, second = (
            TicketChange(found[each.id], who, time.now(), timedelta(days=14))
            for each in (ticket, into)
        )
        commands.merge(first, second, [])
        await write(first, second)
    await run_notifier()
    await check_notifications()
    assert await list_notifications() == ["cora MERGED REQUESTER", *["ada MERGED ASSIGNEE"] * 2], (
        "ada has both, and olga nothing to do with it"
    )
    assert await list_mails() == ["ada closed", "cora closed"]


# ---------------------------------------------------------------- the team's affairs


async def test_an_assignment_goes_to_whom_it_is_given_to_whoever_has_it_since(
    people: World,
) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await assign(people.root, ticket, people.ada)
    await assign(people.root, ticket, people.bill)
    await assign(people.bill, ticket, None)
    await assign(people.root, ticket, people.root)
    assert await told() == (
        {"ada ASSIGNED ASSIGNEE", "bill ASSIGNED ASSIGNEE"},
        ["ada assigned", "bill assigned"],
    )


async def test_a_transfer_goes_to_the_new_team(people: World) -> None:
    ticket = await assigned(people)
    billing = await Team.get(slug="billing")
    await apply_commands(
        people.ada, ticket, lambda change: commands.transfer(change, billing, [people.bill.id])
    )
    assert await told() == ({"bill TRANSFERRED TEAM"}, ["bill transferred"])


async def test_another_priority_is_told_to_the_assignee_in_the_app_and_other_fields_to_nobody(
    people: World,
) -> None:
    ticket = await assigned(people)
    await apply_commands(
        people.root,
        ticket,
        lambda change: commands.update(change, current_tags=[], priority=Priority.URGENT),
    )
    assert await told() == ({"ada TICKET_UPDATED ASSIGNEE"}, [])
    await apply_commands(
        people.root,
        ticket,
        lambda change: commands.update(change, current_tags=[], subject="other", add_tags=["x"]),
    )
    await watch(people.bill, ticket)
    assert await told() == (set(), [])


async def test_an_escalation_goes_to_the_assignee_and_the_team(people: World) -> None:
    await person("abel", Role.AGENT, team="support")
    ticket = await assigned(people)
    await apply_commands(people.cora, ticket, lambda change: commands.escalate(change, "too slow"))
    both = {"ada ESCALATED ASSIGNEE", "abel ESCALATED TEAM"}
    assert await told() == (both, ["abel escalated", "ada escalated"])
    await apply_commands(
        None, ticket, lambda change: commands.escalate(change, "a promise was broken")
    )
    assert await told() == (both, [])


async def test_a_step_goes_to_whom_it_names_and_mails_nobody_who_was_just_alarmed(
    people: World,
) -> None:
    ticket = await assigned(people)
    other = await assigned(people)
    at = time.now()
    named = {"notified": [str(people.ada.id), str(people.root.id), str(people.cora.id)]}

    async def mails_of_a_step(minutes: float) -> list[str]:
        await append_worker_events(ticket, EventType.ESCALATION_STEP, internal=True, **named)
        await run_notifier(at + timedelta(minutes=minutes))
        return await list_mails()

    await append_worker_events(ticket, EventType.SLA_BREACHED)
    await append_worker_events(other, EventType.ESCALATION_STEP, internal=True, **named)
    assert await mails_of_a_step(0) == [
        "ada escalation_step",
        "ada sla_breached",
        "root escalation_step",
        "root escalation_step",
    ]
    assert len(await mails_of_a_step(QUIET_PERIOD.total_seconds() / 60 - 1)) == 4
    assert len(await mails_of_a_step(QUIET_PERIOD.total_seconds() / 60)) == 6
    assert len(await mails_of_a_step(QUIET_PERIOD.total_seconds() / 60 + 1)) == 6
    await check_notifications()
    lines = await list_notifications()
    assert (
        lines.count("ada ESCALATION_STEP ESCALATION")
        == lines.count("root ESCALATION_STEP ESCALATION")
        == 5
    )
    assert not [line for line in lines if line.startswith("cora")]


@pytest.mark.parametrize(
    "type", [EventType.SLA_AT_RISK, EventType.SLA_BREACHED], ids=lambda kind: kind.name
)
async def test_promises_are_told_to_the_assignee_else_to_the_team_and_never_to_customers(
    people: World, type: EventType
) -> None:
    ticket = await create_ticket(people.cora)
    await watch(people.carl, ticket)
    await clear_notifications()
    await append_worker_events(ticket, type)
    template = type.value
    assert await told() == ({f"ada {type.name} TEAM"}, [f"ada {template}"])
    await assign(people.root, ticket, people.bill)
    await clear_notifications()
    await append_worker_events(ticket, type)
    await append_worker_events(ticket, EventType.SLA_ACHIEVED)
    assert await told() == ({f"bill {type.name} ASSIGNEE"}, [f"bill {template}"])


async def test_a_promise_that_was_at_risk_and_broken_while_nobody_looked_is_one_mail(
    people: World,
) -> None:
    ticket = await assigned(people)
    await append_worker_events(
        ticket, EventType.SLA_AT_RISK, EventType.SLA_BREACHED, recorded_at="2026-01-01T00:00:00Z"
    )
    assert await told() == ({"ada SLA_BREACHED ASSIGNEE"}, ["ada sla_breached"])


async def test_a_mail_that_failed_is_told_in_the_app(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await append_worker_events(
        ticket, EventType.MAIL_FAILED, internal=True, user=str(people.cora.id), answer="550"
    )
    assert await told() == ({"ada MAIL_FAILED TEAM"}, [])


# ---------------------------------------------------------------- rights and wishes


@pytest.mark.never_retried
async def test_who_may_not_see_a_ticket_hears_nothing_of_it(people: World) -> None:
    ticket = await assigned(people)
    await watch(people.carl, ticket)
    await clear_notifications()
    await Organization.filter(name="Acme").update(shared=False)
    await reply(people.ada, ticket)
    assert await told() == ({"cora REPLY_ADDED REQUESTER"}, ["cora replied"])
    await Organization.filter(name="Acme").update(shared=True)
    await User.filter(id=people.carl.id).update(organization_id=None)
    await reply(people.ada, ticket)
    assert await told() == ({"cora REPLY_ADDED REQUESTER"}, ["cora replied"])
    await User.filter(id=people.cora.id).update(organization_id=None)
    await reply(people.ada, ticket)
    assert await told() == ({"cora REPLY_ADDED REQUESTER"}, ["cora replied"])


@pytest.mark.never_retried
async def test_an_agent_who_became_a_customer_hears_no_more_of_what_agents_see(
    people: World,
) -> None:
    ticket = await assigned(people)
    await watch(people.bill, ticket)
    await clear_notifications()
    await User.filter(id=people.bill.id).update(role=Role.CUSTOMER)
    await add_note(people.root, ticket, "@bill")
    await reply(people.root, ticket)
    assert await told() == (
        {"ada NOTE_ADDED ASSIGNEE", "ada REPLY_ADDED ASSIGNEE", "cora REPLY_ADDED REQUESTER"},
        ["ada replied", "cora replied"],
    )


async def test_who_is_deactivated_hears_nothing(people: World) -> None:
    ticket = await assigned(people)
    await watch(people.bill, ticket)
    await clear_notifications()
    await User.filter(id__in=[people.cora.id, people.bill.id]).update(active=False)
    await reply(people.root, ticket)
    await add_note(people.root, ticket, "@bill")
    assert await told() == (
        {"ada REPLY_ADDED ASSIGNEE", "ada NOTE_ADDED ASSIGNEE"},
        ["ada replied"],
    )


async def test_who_has_no_address_gets_no_mail(people: World) -> None:
    await User.filter(id=people.cora.id).update(email="")
    ticket = await create_ticket(people.cora)
    await reply(people.ada, ticket)
    lines, mails = await told()
    assert "cora REPLY_ADDED REQUESTER" in lines
    assert mails == ["ada raised"]


async def test_preferences_hold_for_one_person_topic_and_channel(people: World) -> None:
    ticket = await assigned(people)
    await watch(people.carl, ticket)
    await clear_notifications()
    await set_preference(people.cora, Topic.REPLIES, Channel.EMAIL, False)
    await set_preference(people.carl, Topic.REPLIES, Channel.IN_APP, False)
    await set_preference(people.ada, Topic.NOTES, Channel.EMAIL, True)
    await set_preference(people.ada, Topic.MENTIONS, Channel.IN_APP, False)
    await reply(people.ada, ticket)
    assert await told() == ({"cora REPLY_ADDED REQUESTER"}, ["carl replied"])
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    assert await told() == (
        {"cora STATUS_CHANGED REQUESTER", "carl STATUS_CHANGED WATCHER"},
        ["carl resolved", "cora resolved"],
    )
    await add_note(people.root, ticket, "@ada")
    assert await told() == ({"ada NOTE_ADDED ASSIGNEE"}, []), (
        "told as the assignee, for mentions are not wanted"
    )
    await set_preference(people.ada, Topic.NOTES, Channel.IN_APP, False)
    await add_note(people.root, ticket, "@ada")
    assert await told() == (set(), [])


async def test_a_receipt_can_be_refused(people: World) -> None:
    await set_preference(people.cora, Topic.RAISED, Channel.EMAIL, False)
    await create_ticket(people.cora)
    assert await told() == ({"ada TICKET_CREATED TEAM"}, ["ada raised"])


async def test_a_made_up_past_is_no_news(people: World) -> None:
    ticket = await assigned(people)
    await append_worker_events(ticket, EventType.SLA_BREACHED, EventType.REPLY_ADDED, history=True)
    assert await told() == (set(), [])
