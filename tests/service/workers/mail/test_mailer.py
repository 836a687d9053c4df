"""The mailer sends each due mail once, retries temporary failures and reports permanent ones."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from support import World
from support.actors import Person
from support.live import until
from support.mailing import (
    expire_claim,
    mailer,
    newest_event,
    queue_mail,
    reload_mail,
    send_due_mails,
)
from support.smtp_sink import Sink, body
from support.ticket_commands import (
    add_note,
    append_worker_events,
    apply_commands,
    clear_notifications,
    create_ticket,
    list_mails,
    list_notifications,
    reply,
    run_notifier,
    set_preference,
)
from tortoise.exceptions import OperationalError

from models.changes import commands
from models.core import time
from models.log.event import Event, EventType
from models.notifications.email import Mail, MailStatus
from models.notifications.notification import Channel, Topic
from models.notifications.routing import CUSTOMER_TEMPLATES
from models.people.user import Organization, Role, User
from models.tickets.ticket import Ticket
from workers import mailer as mailer_module
from workers import runner
from workers.job import Progress
from workers.mail import attempts
from workers.mail.delivery_result import GIVE_UP_AFTER, MIN_ATTEMPTS
from workers.mail.outgoing_mail import (
    EVENT_TYPE_OF_TEMPLATE,
    read_mail,
    read_outgoing_mail,
)


async def queue_mails(people: World, count: int) -> list[Mail]:
    return [
        await queue_mail(await create_ticket(people.cora, subject=f"Ticket {n}"), people.cora)
        for n in range(count)
    ]


async def failure_events(ticket: Ticket) -> list[Event]:
    return await Event.filter(ticket_id=ticket.id, type=EventType.MAIL_FAILED)


# ---------------------------------------------------------------- sent


async def test_a_mail_is_sent_and_the_servers_answer_is_stored(people: World, inbox: Sink) -> None:
    ticket = await create_ticket(people.cora)
    mail = await queue_mail(ticket, people.cora)
    at = time.now()
    progress = await mailer(inbox).run_once(at, 7)
    assert (progress.count, progress.position, progress.more, progress.changed) == (
        1,
        7,
        True,
        False,
    )
    found = await reload_mail(mail)
    assert (found.status, found.answer, found.attempts) == (MailStatus.SENT, "250 taken as 1", 1)
    assert (found.sent_at, found.next_attempt_at, found.claimed_by, found.claimed_until) == (
        at,
        None,
        None,
        None,
    )
    (message,) = inbox.received
    assert inbox.recipients == ["cora@example.com"]
    assert "since noon" in body(message)
    assert "<p>since noon</p>" in body(message, "html")
    assert (await mailer(inbox).run_once(time.now(), 7)).more is False
    assert len(inbox.received) == 1


async def test_a_mail_is_not_sent_before_it_is_due(people: World, inbox: Sink) -> None:
    mail = await queue_mail(
        await create_ticket(people.cora),
        people.cora,
        next_attempt_at=time.now() + timedelta(hours=1),
    )
    assert await send_due_mails(inbox) == 0
    assert (await reload_mail(mail)).attempts == 0
    assert await send_due_mails(inbox, time.now() + timedelta(hours=2)) == 1


async def test_the_mailer_sends_the_mails_that_the_notifier_queues(
    people: World, inbox: Sink
) -> None:
    ticket = await create_ticket(people.cora)
    await reply(people.ada, ticket, "Have you *tried* it again?")
    await run_notifier()
    await send_due_mails(inbox)
    assert await list_mails() == ["ada raised", "cora created", "cora replied"]
    assert sorted(inbox.recipients) == ["ada@example.com", "cora@example.com", "cora@example.com"]
    replied = next(
        message
        for message in inbox.received
        if str(message["Subject"]).startswith("Re:") and "Have" in body(message)
    )
    assert "<em>tried</em>" in body(replied, "html")


async def test_concurrent_mailers_send_each_mail_once(people: World, inbox: Sink) -> None:
    mails = await queue_mails(people, 24)
    assert sum(await asyncio.gather(*(send_due_mails(inbox) for _ in range(3)))) == 24
    assert sorted(inbox.ids) == sorted(mail.message_id for mail in mails)
    assert {(mail.status, mail.attempts) for mail in await Mail.all()} == {(MailStatus.SENT, 1)}


async def test_only_an_expired_claim_is_taken_over(people: World, inbox: Sink) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    assert len(await attempts.claim_mails(time.now(), timedelta(seconds=60), 2)) == 1
    assert await send_due_mails(inbox) == 0
    await expire_claim(mail)
    assert await send_due_mails(inbox) == 1
    found = await reload_mail(mail)
    assert (found.status, found.attempts) == (MailStatus.SENT, 2)


async def test_a_result_after_the_claim_expired_is_not_recorded(people: World, inbox: Sink) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    (late,) = await attempts.claim_mails(time.now(), timedelta(seconds=60), 1)
    await expire_claim(mail)
    assert await send_due_mails(inbox) == 1
    outgoing = await read_outgoing_mail(await read_mail(mail.id))
    refused = mailer_module.delivery_result.build_failed(mail, "550 no")
    assert (
        await attempts.record_results([attempts.Attempt(late, outgoing.mail, refused)], time.now())
        is False
    )
    assert (await reload_mail(mail)).status is MailStatus.SENT
    assert await failure_events(outgoing.ticket) == []


# ---------------------------------------------------------------- interruptions


@pytest.mark.never_retried
async def test_a_mail_is_sent_again_if_its_result_was_not_recorded(
    people: World, inbox: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    reached = asyncio.Event()

    async def block_forever(*_: Any) -> bool:
        reached.set()
        await asyncio.Event().wait()
        return False

    with monkeypatch.context() as dying:
        dying.setattr(attempts, "record_results", block_forever)
        run = asyncio.create_task(mailer(inbox, finish_seconds=0).run_once(time.now(), 0))
        await reached.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert (await reload_mail(mail)).status is MailStatus.QUEUED
    assert await send_due_mails(inbox) == 0, "the claim has not expired"
    await expire_claim(mail)
    assert await send_due_mails(inbox) == 1
    assert inbox.ids == [mail.message_id, mail.message_id], (
        "servers and mail programs can recognize the duplicate"
    )
    for name in ("Date", "Subject", "References", "To"):
        assert inbox.received[0][name] == inbox.received[1][name]
    assert (await reload_mail(mail)).status is MailStatus.SENT


async def test_a_stopped_mailer_finishes_current_mails_and_starts_no_others(
    people: World, inbox: Sink
) -> None:
    mails = await queue_mails(people, mailer_module.MAX_CONCURRENT_MAILS + 2)
    inbox.open.clear()
    run = asyncio.create_task(mailer(inbox, finish_seconds=60).run_once(time.now(), 0))

    async def all_slots_are_busy() -> bool:
        return len(inbox.requested_recipients) == mailer_module.MAX_CONCURRENT_MAILS

    await until(all_slots_are_busy)
    run.cancel()
    await asyncio.sleep(0)
    inbox.open.set()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert len(inbox.received) == mailer_module.MAX_CONCURRENT_MAILS
    found = await Mail.filter(status=MailStatus.SENT)
    assert len(found) == mailer_module.MAX_CONCURRENT_MAILS
    assert await send_due_mails(inbox) == 2, "the others were never claimed"
    assert sorted(inbox.ids) == sorted(mail.message_id for mail in mails)


@pytest.mark.never_retried
async def test_a_short_database_outage_sends_no_second_mail(
    people: World, inbox: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    calls: list[int] = []
    record_results = attempts.record_results

    async def fail_twice(*args: Any) -> bool:
        calls.append(1)
        if len(calls) < 3:
            raise OperationalError("the database is unavailable")
        return await record_results(*args)

    monkeypatch.setattr(attempts, "record_results", fail_twice)
    monkeypatch.setattr(mailer_module, "RECORD_RETRY_SECONDS", 0.0)
    assert await send_due_mails(inbox) == 1
    assert len(inbox.received) == 1
    assert (await reload_mail(mail)).status is MailStatus.SENT


async def test_a_mail_keeps_its_id_when_retried_after_a_lost_connection(
    people: World, inbox: Sink
) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    inbox.mails_to_drop = 1
    at = time.now()
    await send_due_mails(inbox, at)
    found = await reload_mail(mail)
    assert (found.status, found.sent_at) == (MailStatus.DEFERRED, None)
    assert found.answer
    await send_due_mails(inbox, at + timedelta(minutes=2))
    assert inbox.ids == [mail.message_id, mail.message_id]
    assert (await reload_mail(mail)).status is MailStatus.SENT


# ---------------------------------------------------------------- temporary failures


async def test_a_temporary_failure_is_retried_after_growing_delays(
    people: World, inbox: Sink
) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    inbox.recipient_replies["cora@example.com"] = "451 4.7.1 Greylisted, come back later"
    at, waits = time.now(), list[timedelta]()
    for attempt in range(1, 5):
        assert await send_due_mails(inbox, at) == 1
        found = await reload_mail(mail)
        assert (found.status, found.attempts) == (MailStatus.DEFERRED, attempt)
        assert found.answer == "451 4.7.1 Greylisted, come back later"
        assert found.next_attempt_at is not None
        waits.append(found.next_attempt_at - at)
        assert await send_due_mails(inbox, found.next_attempt_at - timedelta(milliseconds=1)) == 0
        at = found.next_attempt_at
    for expected, wait in zip([1, 2, 4, 8], waits, strict=True):
        assert timedelta(minutes=expected) * 0.9 <= wait <= timedelta(minutes=expected) * 1.1
    inbox.recipient_replies.clear()
    assert await send_due_mails(inbox, at) == 1
    assert (await reload_mail(mail)).status is MailStatus.SENT
    assert len(inbox.received) == 1


async def test_after_three_days_the_mail_fails_and_the_ticket_reports_it(
    people: World, inbox: Sink
) -> None:
    ticket = await create_ticket(people.cora)
    mail = await queue_mail(ticket, people.cora, attempts=MIN_ATTEMPTS - 1)
    inbox.recipient_replies["cora@example.com"] = "452 cora@example.com's mailbox is full"
    limit = mail.created_at + GIVE_UP_AFTER
    await send_due_mails(inbox, limit)
    assert (await reload_mail(mail)).status is MailStatus.DEFERRED
    after = limit + timedelta(hours=5)
    progress = await mailer(inbox).run_once(after, 0)
    assert progress.changed, "the log has a new event"
    found = await reload_mail(mail)
    assert (found.status, found.next_attempt_at) == (MailStatus.FAILED, None)
    assert found.answer == "given up after 3 days: 452 …'s mailbox is full"
    (reported,) = await failure_events(ticket)
    assert (reported.value("answer"), reported.occurred_at, reported.internal) == (
        found.answer,
        after,
        True,
    )


async def test_an_old_mail_is_retried_before_it_fails(people: World, inbox: Sink) -> None:
    ticket = await create_ticket(people.cora)
    mail = await queue_mail(ticket, people.cora)
    inbox.recipient_replies["cora@example.com"] = "451 4.7.1 Greylisted, come back later"
    at = mail.created_at + GIVE_UP_AFTER * 2
    for _ in range(MIN_ATTEMPTS - 1):
        await send_due_mails(inbox, at)
        found = await reload_mail(mail)
        assert found.status is MailStatus.DEFERRED
        assert found.next_attempt_at is not None
        at = found.next_attempt_at
    assert await failure_events(ticket) == []
    inbox.recipient_replies.clear()
    await send_due_mails(inbox, at)
    assert (await reload_mail(mail)).status is MailStatus.SENT


@pytest.mark.never_retried
async def test_an_unavailable_server_delays_mails_and_loses_none(
    people: World, inbox: Sink
) -> None:
    mails = await queue_mails(people, 7)
    await inbox.stop()
    at = time.now()
    await send_due_mails(inbox, at)
    assert {mail.status for mail in await Mail.all()} == {MailStatus.DEFERRED}
    assert all("Error connecting" in str(mail.answer) for mail in await Mail.all())
    await inbox.start()
    await send_due_mails(inbox, at + timedelta(minutes=2))
    assert sorted(inbox.ids) == sorted(mail.message_id for mail in mails)


async def test_a_server_that_does_not_answer_times_out(people: World, inbox: Sink) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    inbox.open.clear()
    await send_due_mails(mailer(inbox, seconds=0.5))
    found = await reload_mail(mail)
    assert (found.status, found.answer) == (MailStatus.DEFERRED, "no answer within 0.5 s")


async def test_a_server_that_does_not_answer_blocks_no_other_job(
    people: World, inbox: Sink
) -> None:
    await queue_mail(await create_ticket(people.cora), people.cora)
    inbox.open.clear()

    class OtherJob:
        name = "other"
        runs = 0

        async def run_once(self, at: datetime, position: int) -> Progress:
            if inbox.requested_recipients:
                self.runs += 1
                await create_ticket(people.olga)
            return Progress(1, position)

    other = OtherJob()
    running = asyncio.create_task(runner.run([mailer(inbox, seconds=60, finish_seconds=0), other]))
    try:

        async def other_job_continues() -> bool:
            return other.runs >= 20

        await until(other_job_continues)
        assert inbox.received == []
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


# ---------------------------------------------------------------- permanent failures


@pytest.mark.parametrize("when", ["recipient", "content"])
async def test_a_permanent_failure_is_reported_on_the_ticket(
    people: World, inbox: Sink, when: str
) -> None:
    ticket = await create_ticket(people.cora)
    await clear_notifications()
    mail = await queue_mail(ticket, people.cora)
    if when == "recipient":
        inbox.recipient_replies["cora@example.com"] = "550 5.1.1 <cora@example.com>: no such user"
    else:
        inbox.data_reply = "554 5.6.0 <Cora@example.com> This looks like spam"
    before = await Ticket.get(id=ticket.id)
    at = time.now()
    assert (await mailer(inbox).run_once(at, 0)).changed
    found = await reload_mail(mail)
    assert (found.status, found.next_attempt_at, found.attempts, found.sent_at) == (
        MailStatus.FAILED,
        None,
        1,
        None,
    )
    assert (
        found.answer
        == {
            "recipient": "550 5.1.1 <…>: no such user",
            "content": "554 5.6.0 <…> This looks like spam",
        }[when]
    )
    (reported,) = await failure_events(ticket)
    assert (
        reported.internal,
        reported.actor_user_id,
        reported.actor_client_id,
        reported.occurred_at,
    ) == (
        True,
        None,
        None,
        at,
    )
    assert reported.data == {
        "changes": {},
        "user": str(people.cora.id),
        "answer": found.answer,
        "mail": str(mail.id),
    }
    after = await Ticket.get(id=ticket.id)
    assert (after.version, after.updated_at) == (before.version, before.updated_at), (
        "the ticket did not change"
    )
    assert await send_due_mails(inbox, at + timedelta(days=30)) == 0
    await run_notifier()
    assert [line for line in await list_notifications() if "MAIL_FAILED" in line], (
        "the team is notified"
    )


async def test_an_answer_that_cannot_be_stored_is_cleaned_first(people: World, inbox: Sink) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    inbox.recipient_replies["cora@example.com"] = "550 no\x00\ttrès " + "x" * 400
    await send_due_mails(inbox)
    found = await reload_mail(mail)
    assert found.status is MailStatus.FAILED
    assert str(found.answer).startswith("550 no")


async def deactivate(_: World, who: Person) -> None:
    await User.filter(id=who.id).update(active=False)


async def leave_the_account(_: World, who: Person) -> None:
    await User.filter(id=who.id).update(
        organization_id=(await Organization.create(name="Elsewhere")).id
    )


async def become_a_customer(_: World, who: Person) -> None:
    await User.filter(id=who.id).update(role=Role.CUSTOMER)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("cora", deactivate, "deactivated"),
        ("ada", deactivate, "deactivated"),
        ("carl", leave_the_account, "may not see"),
        ("olga", None, "may not see"),
        ("bill", become_a_customer, "may not see"),
    ],
    ids=[
        "customer-deactivated",
        "agent-deactivated",
        "left-the-account",
        "stranger",
        "no-longer-staff",
    ],
)
async def test_inactive_users_and_users_without_access_get_no_mail(
    people: World, inbox: Sink, name: str, change: Any, reason: str
) -> None:
    ticket, who = await create_ticket(people.cora), getattr(people, name)
    mail = await queue_mail(ticket, who, "raised")
    if change is not None:
        await change(people, who)
    assert (await mailer(inbox).run_once(time.now(), 0)).changed is False
    found = await reload_mail(mail)
    assert (found.status, found.next_attempt_at) == (MailStatus.FAILED, None)
    assert found.answer is not None
    assert found.answer.startswith("not sent: ")
    assert reason in found.answer
    assert inbox.requested_recipients == []
    assert await failure_events(ticket) == [], "no failure is reported"


async def test_queued_mails_are_not_sent_after_the_user_turns_them_off(
    people: World, inbox: Sink
) -> None:
    ticket = await create_ticket(people.cora)
    receipt = await queue_mail(ticket, people.cora)
    await reply(people.ada, ticket)
    mail = await queue_mail(
        ticket, people.cora, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
    )
    other = await queue_mail(
        ticket, people.carl, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
    )
    inbox.recipient_replies = dict.fromkeys(["cora@example.com", "carl@example.com"], "451 not now")
    at = time.now()
    await send_due_mails(inbox, at)
    inbox.recipient_replies.clear()
    await set_preference(people.cora, Topic.REPLIES, Channel.EMAIL, False)
    await send_due_mails(inbox, at + timedelta(minutes=2))
    found = await reload_mail(mail)
    assert (found.status, found.answer, found.next_attempt_at) == (
        MailStatus.FAILED,
        "not sent: the recipient has turned such emails off",
        None,
    )
    assert sorted(inbox.ids) == sorted([receipt.message_id, other.message_id]), (
        "mails on other topics and to other users are sent"
    )
    assert await failure_events(ticket) == [], "no failure is reported"


async def test_a_queued_mail_about_a_moved_reply_is_withheld_without_a_warning(
    people: World, inbox: Sink
) -> None:
    ticket = await create_ticket(people.cora)
    await reply(people.ada, ticket)
    mail = await queue_mail(ticket, people.cora, "replied")
    await Event.filter(position=mail.event_id).update(type=EventType.REPLY_MOVED, message_id=None)
    with capture_logs() as logs:
        await send_due_mails(inbox)
    assert (await reload_mail(mail)).answer == "not sent: the reply was moved to another ticket"
    levels = [each["log_level"] for each in logs if each["event"].startswith("mail.")]
    assert levels == ["info"]


@pytest.mark.parametrize("template_name", sorted(set(EVENT_TYPE_OF_TEMPLATE) - CUSTOMER_TEMPLATES))
async def test_mails_for_the_team_are_not_sent_to_a_former_agent(
    people: World, inbox: Sink, template_name: str
) -> None:
    ticket = await create_ticket(people.cora)
    account = (await User.get(id=people.cora.id)).organization_id
    await append_worker_events(
        ticket, EVENT_TYPE_OF_TEMPLATE[template_name], metric="resolution", ordinal=1
    )
    mail = await queue_mail(ticket, people.bill, template_name)
    await User.filter(id=people.bill.id).update(role=Role.CUSTOMER, organization_id=account)
    await send_due_mails(inbox)
    found = await reload_mail(mail)
    assert (found.status, found.answer) == (
        MailStatus.FAILED,
        "not sent: the recipient may not see it",
    )
    assert inbox.requested_recipients == []


@pytest.mark.parametrize("template_name", ["replied", "created", "escalation_step"])
async def test_a_note_is_never_mailed_to_any_user(
    people: World, inbox: Sink, template_name: str
) -> None:
    ticket = await create_ticket(people.cora)
    await add_note(people.ada, ticket, "The gecko")
    for who in (people.cora, people.bill, people.root):
        await queue_mail(ticket, who, template_name)
    await send_due_mails(inbox)
    assert {mail.status for mail in await Mail.all()} == {MailStatus.FAILED}
    assert inbox.requested_recipients == []
    assert await failure_events(ticket) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "cora",
        "a@b\r\nBcc: olga@example.com",
        "a b@example.com",
        "<a@example.com>",
        "a@b.example, c@d.example",
        "é@example.com",
    ],
    ids=["empty", "no-domain", "line-break", "space", "angles", "two", "unicode"],
)
async def test_an_invalid_address_is_recorded_and_nothing_is_sent(
    people: World, inbox: Sink, address: str
) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora, address=address)
    await send_due_mails(inbox)
    found = await reload_mail(mail)
    assert (found.status, found.answer) == (
        MailStatus.FAILED,
        "not sent: the address can't be used",
    )
    assert inbox.requested_recipients == []


async def test_an_internationalized_domain_is_encoded(people: World, inbox: Sink) -> None:
    await queue_mail(await create_ticket(people.cora), people.cora, address="cora@bücher.example")
    await send_due_mails(inbox)
    assert inbox.recipients == ["cora@xn--bcher-kva.example"]


async def test_a_mail_that_cannot_be_composed_does_not_stop_others(
    people: World, inbox: Sink
) -> None:
    first = await queue_mail(await create_ticket(people.cora), people.cora, "no_such_template")
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    second = await queue_mail(
        ticket, people.cora, "resolved", await newest_event(ticket, EventType.STATUS_CHANGED)
    )
    await send_due_mails(inbox)
    assert (await reload_mail(first)).status is MailStatus.FAILED
    assert (await reload_mail(second)).status is MailStatus.SENT
