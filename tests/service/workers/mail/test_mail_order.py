"""The emails about one ticket reach a recipient in the order of their events."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from support import World
from support.mailing import expire_claim, reload_mail, send_due_mails
from support.smtp_sink import Sink
from support.ticket_commands import apply_commands, create_ticket, reply, run_notifier

from models import database
from models.changes import commands
from models.core import time
from models.log.event import Event, EventType
from models.notifications.email import Mail, MailStatus
from models.tickets.ticket import Ticket
from workers.mail import attempts
from workers.mail.delivery_result import GIVE_UP_AFTER, MIN_ATTEMPTS

GREYLISTED = "451 4.7.1 Greylisted, come back later"


async def queue_conversation(people: World, ticket: Ticket) -> list[Mail]:
    """Queue Cora's emails about the ticket's creation, a reply, the resolution and the closure,
    oldest first."""
    await reply(people.ada, ticket, "Try again.")
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "Fixed."))
    await apply_commands(people.ada, ticket, lambda change: commands.close(change, None))
    await run_notifier()
    mails = await Mail.filter(ticket_id=ticket.id, user_id=people.cora.id).order_by("event_id")
    assert [mail.template for mail in mails] == ["created", "replied", "resolved", "closed"]
    return mails


async def test_several_mailers_send_a_tickets_mails_in_order(people: World, inbox: Sink) -> None:
    conversations = [
        await queue_conversation(people, await create_ticket(people.cora)) for _ in range(4)
    ]
    await asyncio.gather(*(send_due_mails(inbox) for _ in range(3)))
    while await Mail.exclude(status=MailStatus.SENT).exists():
        await send_due_mails(inbox)
    for mails in conversations:
        expected = [mail.message_id for mail in mails]
        assert [id for id in inbox.ids if id in expected] == expected


async def test_a_claim_includes_only_the_oldest_mail_of_a_ticket_and_recipient(
    people: World,
) -> None:
    first = await queue_conversation(people, await create_ticket(people.cora))
    second = await queue_conversation(people, await create_ticket(people.cora))
    oldest: dict[tuple[UUID | None, UUID | None], UUID] = {}
    for mail in await Mail.all().order_by("event_id"):
        oldest.setdefault((mail.ticket_id, mail.user_id), mail.id)
    expected = set(oldest.values())
    assert {first[0].id, second[0].id} < expected, "agents get emails, too"
    for is_repeated in (False, True):
        claimed = await attempts.claim_mails(time.now(), timedelta(seconds=60), 100)
        assert {claim.mail_id for claim in claimed} == expected
        assert not await attempts.has_due_mails(time.now()), "later emails wait"
        if not is_repeated:
            for claim in claimed:
                await expire_claim(await Mail.get(id=claim.mail_id))


async def test_later_mails_wait_while_an_earlier_one_is_retried(people: World, inbox: Sink) -> None:
    await create_ticket(people.olga)
    ticket = await create_ticket(people.cora)
    mails = await queue_conversation(people, ticket)
    other = await Mail.get(user_id=people.olga.id)
    inbox.recipient_replies["cora@example.com"] = GREYLISTED
    at = time.now()
    await send_due_mails(inbox, at)
    found = [await reload_mail(mail) for mail in mails]
    assert [mail.attempts for mail in found] == [1, 0, 0, 0]
    assert (found[0].status, found[1].status) == (MailStatus.DEFERRED, MailStatus.QUEUED)
    next_attempt_at = found[0].next_attempt_at
    assert next_attempt_at is not None
    assert {mail.next_attempt_at for mail in found} == {next_attempt_at}
    assert (await reload_mail(other)).status is MailStatus.SENT, "other recipients do not wait"
    # An email that is queued after the attempt waits, too.
    await apply_commands(people.ada, ticket, lambda change: commands.reopen(change, "Not fixed"))
    await run_notifier(at)
    reopened = await Mail.get(ticket_id=ticket.id, user_id=people.cora.id, template="reopened")
    assert await send_due_mails(inbox, next_attempt_at - timedelta(milliseconds=1)) == 0
    inbox.recipient_replies.clear()
    await send_due_mails(inbox, next_attempt_at)
    ids = [mail.message_id for mail in [*mails, reopened]]
    assert [id for id in inbox.ids if id in ids] == ids


async def test_a_mail_that_fails_for_good_does_not_hold_back_later_ones(
    people: World, inbox: Sink
) -> None:
    ticket = await create_ticket(people.cora)
    mismatched, given_up, *later = await queue_conversation(people, ticket)
    await Mail.filter(id=mismatched.id).update(template="rated")  # of another event
    await Mail.filter(id=given_up.id).update(attempts=MIN_ATTEMPTS - 1)
    inbox.recipient_replies["cora@example.com"] = GREYLISTED
    at = given_up.created_at + GIVE_UP_AFTER + timedelta(seconds=1)
    await send_due_mails(inbox, at)
    found = [await reload_mail(mail) for mail in [mismatched, given_up, *later]]
    assert [mail.status for mail in found] == [
        MailStatus.FAILED,
        MailStatus.FAILED,
        MailStatus.DEFERRED,
        MailStatus.QUEUED,
    ]
    assert [mail.attempts for mail in found] == [1, MIN_ATTEMPTS, 1, 0]
    inbox.recipient_replies.clear()
    assert found[2].next_attempt_at is not None
    await send_due_mails(inbox, found[2].next_attempt_at)
    assert [id for id in inbox.ids if id in [mail.message_id for mail in later]] == [
        mail.message_id for mail in later
    ]


async def test_a_refused_address_fails_each_mail_in_order(people: World, inbox: Sink) -> None:
    ticket = await create_ticket(people.cora)
    mails = await queue_conversation(people, ticket)
    inbox.recipient_replies["cora@example.com"] = "550 5.1.1 no such user"
    await send_due_mails(inbox)
    events = Event.filter(ticket_id=ticket.id, type=EventType.MAIL_FAILED)
    failures = [each.value("mail") for each in await events.order_by("position")]
    assert failures == [str(mail.id) for mail in mails]


async def test_a_claim_keeps_its_limit_even_with_a_nested_loop(people: World) -> None:
    for _ in range(7):
        await create_ticket(people.cora)
    await run_notifier()
    async with database.transaction():
        if database.dialect() == "postgres":
            for other in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
                await database.connection().execute_script(f"SET LOCAL enable_{other} = off")
        claimed = await attempts.claim_mails(time.now(), timedelta(seconds=60), 5)
    assert len(claimed) == 5
