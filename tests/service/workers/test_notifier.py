"""The notifier on a real log: which users each event notifies, and by which channel."""

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
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.changes.merges import merging
from models.changes.merges.merge_records import read_last_replies, read_participants
from models.changes.merges.merging import MovedReply
from models.changes.storage import lock_tickets, write
from models.core import time
from models.log.event import Event, EventType
from models.notifications.notification import Channel, Notification, Topic
from models.people.team import Team
from models.people.user import Organization, Role, User
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.ticket import Ticket
from workers.notifier import QUIET_PERIOD, Notifier


async def run_and_collect() -> tuple[set[str], list[str]]:
    """Run the notifier, and return the new notifications and the new mails."""
    await run_notifier()
    await check_notifications()
    collected = await unique_notifications(), await list_mails()
    await clear_notifications()
    return collected


async def create_assigned_ticket(people: World, by: Person | None = None) -> Ticket:
    """A ticket of cora that is assigned to ada; its notifications so far are deleted."""
    ticket = await create_ticket(by or people.cora)
    await assign(people.root, ticket, people.ada)
    await clear_notifications()
    return ticket


# ---------------------------------------------------------------- new tickets


async def test_a_new_ticket_notifies_its_team_and_confirms_to_its_requester(
    people: World,
) -> None:
    await create_ticket(people.cora)
    assert await run_and_collect() == ({"ada TICKET_CREATED TEAM"}, ["ada raised", "cora created"])


async def test_creators_are_not_notified_of_tickets_for_others(people: World) -> None:
    await create_ticket(people.ada, people.cora)
    assert await run_and_collect() == (set(), ["cora created"])
    await create_ticket(people.ada, people.ada)
    assert await run_and_collect() == (set(), ["ada created"])
    await create_ticket(people.bill, people.ada)
    assert await run_and_collect() == ({"ada TICKET_CREATED TEAM"}, ["ada created"])


async def test_admins_are_notified_if_the_team_has_no_active_agent(people: World) -> None:
    await create_ticket(people.cora, category="sales")
    assert await run_and_collect() == (
        {"root TICKET_CREATED TEAM"},
        ["cora created", "root raised"],
    )
    await User.filter(id=people.bill.id).update(active=False)
    await create_ticket(people.cora, category="billing")
    assert await run_and_collect() == (
        {"root TICKET_CREATED TEAM"},
        ["cora created", "root raised"],
    )


# ---------------------------------------------------------------- replies and notes


async def test_a_reply_notifies_requester_assignee_and_watchers(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    for watcher in (people.bill, people.carl, people.ada):
        await watch(watcher, ticket)
    await reply(people.ada, ticket)
    expected_after_agent = {
        "cora REPLY_ADDED REQUESTER",
        "bill REPLY_ADDED WATCHER",
        "carl REPLY_ADDED WATCHER",
    }
    assert await run_and_collect() == (
        expected_after_agent,
        ["bill replied", "carl replied", "cora replied"],
    )
    await reply(people.cora, ticket)
    expected_after_customer = {
        "ada REPLY_ADDED ASSIGNEE",
        "bill REPLY_ADDED WATCHER",
        "carl REPLY_ADDED WATCHER",
    }
    assert await run_and_collect() == (
        expected_after_customer,
        ["ada replied", "bill replied", "carl replied"],
    )


async def test_a_reply_to_an_unassigned_ticket_notifies_the_team(people: World) -> None:
    await person("abel", Role.AGENT, team="support")
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await reply(people.cora, ticket)
    assert await run_and_collect() == (
        {"abel REPLY_ADDED TEAM", "ada REPLY_ADDED TEAM"},
        ["abel replied", "ada replied"],
    )
    await reply(people.ada, ticket)
    assert await run_and_collect() == (
        {"abel REPLY_ADDED TEAM", "cora REPLY_ADDED REQUESTER"},
        ["abel replied", "cora replied"],
    )


@pytest.mark.parametrize(
    "left", [{"active": False}, {"role": Role.CUSTOMER}], ids=["deactivated", "a-customer-now"]
)
async def test_the_team_is_notified_instead_of_an_inactive_assignee(
    people: World, left: dict[str, Any]
) -> None:
    await person("abel", Role.AGENT, team="support")
    ticket = await create_assigned_ticket(people)
    await User.filter(id=people.ada.id).update(**left)
    await reply(people.cora, ticket)
    assert await run_and_collect() == ({"abel REPLY_ADDED TEAM"}, ["abel replied"])
    await append_worker_events(ticket, EventType.SLA_BREACHED)
    assert await run_and_collect() == ({"abel SLA_BREACHED TEAM"}, ["abel sla_breached"])


async def test_a_note_notifies_mentioned_users_and_staff_in_the_app_only(
    people: World,
) -> None:
    ticket = await create_assigned_ticket(people)
    for watcher in (people.bill, people.carl, people.cora):
        await watch(watcher, ticket)
    await add_note(people.root, ticket, "see `@bill`, @ADA@example.com and @cora")
    assert await run_and_collect() == ({"ada NOTE_ADDED MENTIONED", "bill NOTE_ADDED WATCHER"}, [])
    await add_note(people.ada, ticket, "@root @ada @nobody a@bill")
    assert await run_and_collect() == ({"root NOTE_ADDED MENTIONED", "bill NOTE_ADDED WATCHER"}, [])
    await add_note(people.bill, ticket, "nothing special")
    assert await run_and_collect() == ({"ada NOTE_ADDED ASSIGNEE"}, [])


async def test_only_active_staff_with_a_unique_name_can_be_mentioned(people: World) -> None:
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
    assert await run_and_collect() == ({"eve-example.org NOTE_ADDED MENTIONED"}, [])
    await add_note(people.ada, ticket, "@dan@example.net")
    assert await run_and_collect() == ({"dan-example.net NOTE_ADDED MENTIONED"}, [])


# ---------------------------------------------------------------- status changes


def close_as_spam(change: TicketChange) -> None:
    commands.close(change, CloseReason.SPAM)


STATUS_COMMANDS: dict[str, tuple[list[Callable[[TicketChange], None]], str | None]] = {
    "start": ([commands.start], None),
    "hold": ([lambda change: commands.hold(change, None)], None),
    "resolve": ([lambda change: commands.resolve(change, "done")], "resolved"),
    "close": ([close_as_spam], "closed"),
}


@pytest.mark.parametrize("step", list(STATUS_COMMANDS))
async def test_final_status_changes_are_mailed_and_others_stay_in_the_app(
    people: World, step: str
) -> None:
    does, template = STATUS_COMMANDS[step]
    ticket = await create_ticket(people.cora, assignee_id=people.ada.id)
    await watch(people.bill, ticket)
    await clear_notifications()
    await apply_commands(people.root, ticket, *does)
    team = {"ada STATUS_CHANGED ASSIGNEE", "bill STATUS_CHANGED WATCHER"}
    if template is None:
        assert await run_and_collect() == (team, [])
    else:
        mails = [f"{who} {template}" for who in ("ada", "bill", "cora")]
        assert await run_and_collect() == (team | {"cora STATUS_CHANGED REQUESTER"}, mails)


async def test_waiting_for_the_customer_notifies_the_requester_also_by_email(
    people: World,
) -> None:
    ticket = await create_ticket(people.cora, assignee_id=people.ada.id)
    for watcher in (people.bill, people.carl):
        await watch(watcher, ticket)
    await clear_notifications()
    await apply_commands(people.ada, ticket, commands.await_customer)
    in_app = {
        "cora STATUS_CHANGED REQUESTER",
        "bill STATUS_CHANGED WATCHER",
        "carl STATUS_CHANGED WATCHER",
    }
    assert await run_and_collect() == (in_app, ["cora awaiting_customer"])


async def test_status_changes_by_timers_notify_requester_and_assignee(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    assert await run_and_collect() == ({"cora STATUS_CHANGED REQUESTER"}, ["cora resolved"])
    await apply_commands(
        None, ticket, lambda change: commands.remind(change, time.now() + timedelta(days=1))
    )
    assert await run_and_collect() == ({"cora REMINDED REQUESTER"}, ["cora reminder_closing"])
    await apply_commands(None, ticket, lambda change: commands.close(change, CloseReason.RESOLVED))
    both = {"cora STATUS_CHANGED REQUESTER", "ada STATUS_CHANGED ASSIGNEE"}
    assert await run_and_collect() == (both, ["ada closed", "cora closed"])
    await apply_commands(people.cora, ticket, lambda change: rating.rate(change, 5, None))
    assert await run_and_collect() == ({"ada RATED ASSIGNEE"}, ["ada rated"])


async def test_a_customer_is_reminded_of_a_waiting_ticket(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await apply_commands(people.ada, ticket, commands.await_customer)
    await clear_notifications()
    await apply_commands(
        None, ticket, lambda change: commands.remind(change, time.now() + timedelta(days=1))
    )
    assert await run_and_collect() == ({"cora REMINDED REQUESTER"}, ["cora reminder_waiting"])


async def test_reopening_an_unassigned_ticket_notifies_the_team(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.root, ticket, close_as_spam)
    await clear_notifications()
    await apply_commands(people.cora, ticket, lambda change: commands.reopen(change, "again"))
    assert await run_and_collect() == ({"ada STATUS_CHANGED TEAM"}, ["ada reopened"])


async def test_a_reply_that_reopens_a_ticket_notifies_each_user_once(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await watch(people.carl, ticket)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    await clear_notifications()
    await reply(people.cora, ticket)
    assert (await Ticket.get(id=ticket.id)).status is Status.OPEN
    assert await run_and_collect() == (
        {"ada REPLY_ADDED ASSIGNEE", "carl REPLY_ADDED WATCHER"},
        ["ada replied", "carl replied"],
    )


async def test_a_merge_is_shown_as_merged_and_mailed_as_closed(people: World) -> None:
    ticket, into = (
        await create_assigned_ticket(people),
        await create_assigned_ticket(people, people.olga),
    )
    await merge(people, ticket, into)
    await run_notifier()
    await check_notifications()
    assert sorted(await list_notifications()) == [
        "ada MERGED ASSIGNEE",
        "cora MERGED REQUESTER",
        "olga MERGED REQUESTER",
    ], "once each: ada is assigned to both; cora participates in olga's ticket"
    about = Notification.filter(event__ticket_id=into.id).values_list("user_id", flat=True)
    assert await about == [people.olga.id], "the others were notified about the merged ticket"
    assert await list_mails() == ["ada closed", "cora closed"]


async def test_an_undone_merge_notifies_once_and_not_about_moved_replies(people: World) -> None:
    ticket, into = (
        await create_assigned_ticket(people),
        await create_assigned_ticket(people, people.olga),
    )
    await merge(people, ticket, into)
    await reply(people.cora, into)
    assert "ada REPLY_ADDED ASSIGNEE" in (await run_and_collect())[0]
    merged = await Event.get(ticket_id=ticket.id, type=EventType.MERGED)
    said = await Event.get(ticket_id=into.id, type=EventType.REPLY_ADDED).select_related("message")
    assert said.message is not None
    moved = [MovedReply(said, said.message)]
    async with database.transaction():
        found, who = await lock_tickets([ticket.id, into.id]), await viewer(people.root)
        first, second = (
            TicketChange(found[each.id], who, time.now(), timedelta(days=14))
            for each in (ticket, into)
        )
        participants = await read_participants([first, second])
        last_replies = await read_last_replies(moved)
        merging.unmerge(first, merged, [], [second], moved, last_replies, participants)
        await write(first, second)
    await run_notifier()
    await check_notifications()
    assert sorted(await list_notifications()) == [
        "ada UNMERGED ASSIGNEE",
        "cora UNMERGED REQUESTER",
        "olga UNMERGED REQUESTER",
    ]
    assert await list_mails() == ["ada reopened", "cora reopened"]


async def test_a_merge_notifies_once_if_its_events_are_read_one_by_one(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, into = await create_assigned_ticket(people), await create_assigned_ticket(people)
    await merge(people, ticket, into)
    monkeypatch.setattr(Notifier, "batch_size", 1)
    assert await run_and_collect() == (
        {"ada MERGED ASSIGNEE", "cora MERGED REQUESTER"},
        ["ada closed", "cora closed"],
    )


async def merge(people: World, ticket: Ticket, into: Ticket) -> None:
    async with database.transaction():
        found, who = await lock_tickets([ticket.id, into.id]), await viewer(people.root)
        first, second = (
            TicketChange(found[each.id], who, time.now(), timedelta(days=14))
            for each in (ticket, into)
        )
        merging.merge(first, second, [], across_requesters=True)
        await write(first, second)


# ---------------------------------------------------------------- events for the team


async def test_an_assignment_notifies_its_assignee_even_if_reassigned_since(
    people: World,
) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await assign(people.root, ticket, people.ada)
    await assign(people.root, ticket, people.bill)
    await assign(people.bill, ticket, None)
    await assign(people.root, ticket, people.root)
    assert await run_and_collect() == (
        {"ada ASSIGNED ASSIGNEE", "bill ASSIGNED ASSIGNEE"},
        ["ada assigned", "bill assigned"],
    )


async def test_a_transfer_notifies_the_new_team(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    billing = await Team.get(slug="billing")
    await apply_commands(
        people.ada, ticket, lambda change: commands.transfer(change, billing, [people.bill.id])
    )
    assert await run_and_collect() == ({"bill TRANSFERRED TEAM"}, ["bill transferred"])


async def test_only_a_new_priority_notifies_the_assignee_not_other_fields(
    people: World,
) -> None:
    ticket = await create_assigned_ticket(people)
    await apply_commands(
        people.root,
        ticket,
        lambda change: commands.update(change, current_tags=[], priority=Priority.URGENT),
    )
    assert await run_and_collect() == ({"ada TICKET_UPDATED ASSIGNEE"}, [])
    await apply_commands(
        people.root,
        ticket,
        lambda change: commands.update(change, current_tags=[], subject="other", add_tags=["x"]),
    )
    await watch(people.bill, ticket)
    assert await run_and_collect() == (set(), [])


async def test_an_escalation_notifies_the_assignee_and_the_team(people: World) -> None:
    await person("abel", Role.AGENT, team="support")
    ticket = await create_assigned_ticket(people)
    await apply_commands(people.cora, ticket, lambda change: commands.escalate(change, "too slow"))
    both = {"ada ESCALATED ASSIGNEE", "abel ESCALATED TEAM"}
    assert await run_and_collect() == (both, ["abel escalated", "ada escalated"])
    await apply_commands(
        None, ticket, lambda change: commands.escalate(change, "a target was missed")
    )
    assert await run_and_collect() == (both, [])


async def test_a_step_notifies_its_recipients_and_mails_none_alerted_recently(
    people: World,
) -> None:
    ticket = await create_assigned_ticket(people)
    other = await create_assigned_ticket(people)
    at = time.now()
    named = {"notified": [str(people.ada.id), str(people.root.id), str(people.cora.id)]}

    async def mails_after_step(minutes: float) -> list[str]:
        await append_worker_events(ticket, EventType.ESCALATION_STEP, internal=True, **named)
        await run_notifier(at + timedelta(minutes=minutes))
        return await list_mails()

    await append_worker_events(ticket, EventType.SLA_BREACHED)
    await append_worker_events(other, EventType.ESCALATION_STEP, internal=True, **named)
    assert await mails_after_step(0) == [
        "ada escalation_step",
        "ada sla_breached",
        "root escalation_step",
        "root escalation_step",
    ]
    assert len(await mails_after_step(QUIET_PERIOD.total_seconds() / 60 - 1)) == 4
    assert len(await mails_after_step(QUIET_PERIOD.total_seconds() / 60)) == 6
    assert len(await mails_after_step(QUIET_PERIOD.total_seconds() / 60 + 1)) == 6
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
async def test_sla_events_notify_the_assignee_or_the_team_but_no_customers(
    people: World, type: EventType
) -> None:
    ticket = await create_ticket(people.cora)
    await watch(people.carl, ticket)
    await clear_notifications()
    await append_worker_events(ticket, type)
    template = type.value
    assert await run_and_collect() == ({f"ada {type.name} TEAM"}, [f"ada {template}"])
    await assign(people.root, ticket, people.bill)
    await clear_notifications()
    await append_worker_events(ticket, type)
    await append_worker_events(ticket, EventType.SLA_ACHIEVED)
    assert await run_and_collect() == ({f"bill {type.name} ASSIGNEE"}, [f"bill {template}"])


async def test_one_mail_covers_a_target_at_risk_and_then_missed(
    people: World,
) -> None:
    ticket = await create_assigned_ticket(people)
    await append_worker_events(
        ticket, EventType.SLA_AT_RISK, EventType.SLA_BREACHED, recorded_at="2026-01-01T00:00:00Z"
    )
    assert await run_and_collect() == ({"ada SLA_BREACHED ASSIGNEE"}, ["ada sla_breached"])


async def test_a_failed_mail_is_reported_in_the_app(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    await append_worker_events(
        ticket, EventType.MAIL_FAILED, internal=True, user=str(people.cora.id), answer="550"
    )
    assert await run_and_collect() == ({"ada MAIL_FAILED TEAM"}, [])


# ---------------------------------------------------------------- visibility and preferences


@pytest.mark.never_retried
async def test_users_without_access_to_a_ticket_are_not_notified(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await watch(people.carl, ticket)
    await clear_notifications()
    await Organization.filter(name="Acme").update(shared=False)
    await reply(people.ada, ticket)
    assert await run_and_collect() == ({"cora REPLY_ADDED REQUESTER"}, ["cora replied"])
    await Organization.filter(name="Acme").update(shared=True)
    await User.filter(id=people.carl.id).update(organization_id=None)
    await reply(people.ada, ticket)
    assert await run_and_collect() == ({"cora REPLY_ADDED REQUESTER"}, ["cora replied"])
    await User.filter(id=people.cora.id).update(organization_id=None)
    await reply(people.ada, ticket)
    assert await run_and_collect() == ({"cora REPLY_ADDED REQUESTER"}, ["cora replied"])


@pytest.mark.never_retried
async def test_a_former_agent_is_not_notified_of_events_visible_to_agents(
    people: World,
) -> None:
    ticket = await create_assigned_ticket(people)
    await watch(people.bill, ticket)
    await clear_notifications()
    await User.filter(id=people.bill.id).update(role=Role.CUSTOMER)
    await add_note(people.root, ticket, "@bill")
    await reply(people.root, ticket)
    assert await run_and_collect() == (
        {"ada NOTE_ADDED ASSIGNEE", "ada REPLY_ADDED ASSIGNEE", "cora REPLY_ADDED REQUESTER"},
        ["ada replied", "cora replied"],
    )


async def test_deactivated_users_are_not_notified(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await watch(people.bill, ticket)
    await clear_notifications()
    await User.filter(id__in=[people.cora.id, people.bill.id]).update(active=False)
    await reply(people.root, ticket)
    await add_note(people.root, ticket, "@bill")
    assert await run_and_collect() == (
        {"ada REPLY_ADDED ASSIGNEE", "ada NOTE_ADDED ASSIGNEE"},
        ["ada replied"],
    )


async def test_users_without_an_address_get_no_mail(people: World) -> None:
    await User.filter(id=people.cora.id).update(email="")
    ticket = await create_ticket(people.cora)
    await reply(people.ada, ticket)
    lines, mails = await run_and_collect()
    assert "cora REPLY_ADDED REQUESTER" in lines
    assert mails == ["ada raised"]


async def test_a_preference_applies_to_one_user_topic_and_channel(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await watch(people.carl, ticket)
    await clear_notifications()
    await set_preference(people.cora, Topic.REPLIES, Channel.EMAIL, False)
    await set_preference(people.carl, Topic.REPLIES, Channel.IN_APP, False)
    await set_preference(people.ada, Topic.NOTES, Channel.EMAIL, True)
    await set_preference(people.ada, Topic.MENTIONS, Channel.IN_APP, False)
    await reply(people.ada, ticket)
    assert await run_and_collect() == ({"cora REPLY_ADDED REQUESTER"}, ["carl replied"])
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    assert await run_and_collect() == (
        {"cora STATUS_CHANGED REQUESTER", "carl STATUS_CHANGED WATCHER"},
        ["carl resolved", "cora resolved"],
    )
    await add_note(people.root, ticket, "@ada")
    assert await run_and_collect() == ({"ada NOTE_ADDED ASSIGNEE"}, []), (
        "notified as the assignee, because she turned mentions off"
    )
    await set_preference(people.ada, Topic.NOTES, Channel.IN_APP, False)
    await add_note(people.root, ticket, "@ada")
    assert await run_and_collect() == (set(), [])


async def test_a_requester_can_turn_off_the_confirmation(people: World) -> None:
    await set_preference(people.cora, Topic.RAISED, Channel.EMAIL, False)
    await create_ticket(people.cora)
    assert await run_and_collect() == ({"ada TICKET_CREATED TEAM"}, ["ada raised"])


async def test_seeded_history_sends_no_notifications(people: World) -> None:
    ticket = await create_assigned_ticket(people)
    await append_worker_events(ticket, EventType.SLA_BREACHED, EventType.REPLY_ADDED, history=True)
    assert await run_and_collect() == (set(), [])
