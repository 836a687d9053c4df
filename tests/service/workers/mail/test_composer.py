"""Mails: threading by ticket, headers without injection, and no internal content."""

from __future__ import annotations

import email
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import World
from support.actors import Person
from support.mailing import FROM, TEMPLATES, mailer, newest_event, queue_mail, send_due_mails
from support.smtp_sink import Sink, body
from support.ticket_commands import (
    DOMAIN,
    WINDOW,
    add_note,
    append_worker_events,
    apply_commands,
    assign,
    create_ticket,
    reply,
    viewer,
    watch,
)
from support.ticket_factory import limit_examples
from tortoise import Tortoise

from models import database
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.changes.merges import merging
from models.changes.storage import lock_tickets, write
from models.core import time
from models.database.config import MODULES
from models.log.event import Event, EventType
from models.notifications.email import Mail, MailStatus, build_message_id, build_thread_id
from models.notifications.routing import RULES, TOPIC_BY_TEMPLATE
from models.people.team import Team
from models.people.user import User
from models.sla.records import SlaClock
from models.tickets.lifecycle import CloseReason
from models.tickets.ticket import Ticket, TicketParticipant
from workers.mail.address import is_plain_address, make_address, parse_mailbox, to_one_line
from workers.mail.composer import Composer
from workers.mail.outgoing_mail import (
    EVENT_TYPE_OF_TEMPLATE,
    MAX_REFERENCES,
    MailWithheld,
    OutgoingMail,
    read_mail,
    read_outgoing_mail,
)
from workers.mail.template_values import TOPIC_NAMES

DESK_URL = "https://help.example.com/desk"
COMPOSER = Composer(TEMPLATES, parse_mailbox(FROM), url=DESK_URL)


@pytest.fixture(scope="session", autouse=True)
def records() -> None:
    """Initialize the foreign keys of records, also for tests without a database."""
    Tortoise.init_models(MODULES, "models")


async def compose(mail: Mail, composer: Composer = COMPOSER) -> EmailMessage:
    return await composer.compose(await read_outgoing_mail(await read_mail(mail.id)))


# ---------------------------------------------------------------- one conversation


async def test_all_mails_about_a_ticket_are_one_conversation(people: World, inbox: Sink) -> None:
    ticket = await create_ticket(people.cora, subject="VPN is down")
    mails = [await queue_mail(ticket, people.cora)]
    await queue_mail(ticket, people.ada, "raised")
    for n in range(2):
        await reply(people.ada, ticket, f"Answer {n}")
        mails.append(
            await queue_mail(
                ticket, people.cora, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
            )
        )
    await apply_commands(
        people.ada,
        ticket,
        lambda change: commands.update(change, current_tags=[], subject="Another subject"),
    )
    await apply_commands(people.ada, ticket, lambda change: commands.resolve(change, "done"))
    mails.append(
        await queue_mail(
            ticket, people.cora, "resolved", await newest_event(ticket, EventType.STATUS_CHANGED)
        )
    )
    await send_due_mails(inbox)
    own = sorted(
        (m for m in inbox.received if "cora" in str(m["To"])),
        key=lambda m: len(str(m["References"])),
    )
    ids = [mail.message_id for mail in mails]
    assert [str(message["Message-ID"]) for message in own] == ids
    root = build_thread_id(ticket.id, DOMAIN)
    assert [str(message["References"]).split() for message in own] == [
        [root, *ids[:n]] for n in range(4)
    ]
    assert [str(message["In-Reply-To"]) for message in own] == [root, *ids[:3]]
    first_subject = f"[{ticket.ref}] VPN is down"
    assert [str(message["Subject"]) for message in own] == [
        first_subject,
        *[f"Re: {first_subject}"] * 3,
    ], "the subject of the thread stays when the ticket's subject changes"
    assert "Another subject" in body(own[-1])
    (other,) = [message for message in inbox.received if message not in own]
    assert str(other["References"]).split() == [root], "it refers to no other user's mails"


async def test_a_message_id_is_derived_from_the_event_and_the_user(people: World) -> None:
    ticket = await create_ticket(people.cora)
    position = (await newest_event(ticket)).position
    assert (
        build_message_id(position, people.cora.id, DOMAIN)
        == f"<evt-{position}.{people.cora.id.hex}@{DOMAIN}>"
    )
    assert build_thread_id(ticket.id, DOMAIN) == f"<tkt-{ticket.id.hex}@{DOMAIN}>"


@pytest.mark.parametrize("length", [12, 40, 68, 190])
async def test_threading_headers_are_valid_for_every_length_of_the_domain(
    people: World, inbox: Sink, length: int
) -> None:
    domain = ".".join(["d" * 60] * 4)[: length - 8] + ".example"
    ticket, ids = await create_ticket(people.cora), list[str]()
    for n in range(3):
        await reply(people.ada, ticket, f"Answer {n}")
        event = await newest_event(ticket, EventType.REPLY_ADDED)
        ids.append(build_message_id(event.position, people.cora.id, domain))
        await queue_mail(ticket, people.cora, "replied", event, message_id=ids[-1])
    await send_due_mails(mailer(inbox, mail_from=f"desk@{domain}"))
    raw = sorted(inbox.raw, key=len)[-1]
    unfolded = raw.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", " ").split("\r\n")
    root = build_thread_id(ticket.id, domain)
    for header in (
        f"Message-ID: {ids[2]}",
        f"In-Reply-To: {ids[1]}",
        f"References: {root} {ids[0]} {ids[1]}",
        f"List-Id: <tickets.{domain}>",
    ):
        assert header in unfolded, raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998


async def test_references_hold_the_root_and_the_latest_mails(people: World) -> None:
    ticket = await create_ticket(people.cora)
    mails: list[Mail] = []
    for n in range(25):
        await reply(people.cora, ticket, str(n))
        mails.append(
            await queue_mail(
                ticket, people.ada, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
            )
        )
    first_subject = str((await compose(mails[-1]))["References"]).split()
    assert len(first_subject) == MAX_REFERENCES
    assert first_subject == [
        build_thread_id(ticket.id, DOMAIN),
        *[mail.message_id for mail in mails[-20:-1]],
    ]


async def test_references_do_not_hold_mails_that_were_not_sent(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await queue_mail(ticket, people.cora, status=MailStatus.FAILED)
    await reply(people.ada, ticket)
    mail = await queue_mail(
        ticket, people.cora, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
    )
    assert str((await compose(mail))["References"]) == build_thread_id(ticket.id, DOMAIN)


async def test_headers_name_the_sender_and_mark_automatic_mail(people: World) -> None:
    mail = await queue_mail(await create_ticket(people.cora), people.cora)
    message = await compose(mail)
    assert str(message["From"]) == FROM
    assert message["Reply-To"] is None
    assert (str(message["Auto-Submitted"]), str(message["X-Auto-Response-Suppress"])) == (
        "auto-generated",
        "All",
    )
    assert str(message["List-Id"]) == f"<tickets.{DOMAIN}>"
    assert message["Date"].datetime == mail.created_at
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    answered = Composer(TEMPLATES, parse_mailbox(FROM), parse_mailbox("answers@example.com"))
    assert str((await compose(mail, answered))["Reply-To"]) == "answers@example.com"


async def test_mails_link_to_the_ticket_if_a_url_is_configured(people: World) -> None:
    ticket = await create_ticket(people.cora)
    mail = await queue_mail(ticket, people.cora)
    link = f"{DESK_URL}/tickets/{ticket.number}"
    for url in (DESK_URL, f"{DESK_URL}/"):
        message = await compose(mail, Composer(TEMPLATES, parse_mailbox(FROM), url=url))
        assert link in body(message)
        assert f'href="{link}"' in body(message, "html")
    bare = await compose(mail, Composer(TEMPLATES, parse_mailbox(FROM)))
    assert "http" not in body(bare)
    assert "href" not in body(bare, "html")


# ---------------------------------------------------------------- hostile input

HEADERS = {
    *(
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "List-Id",
        "Auto-Submitted",
    ),
    *("X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}
HOSTILE = [
    "a\r\nBcc: olga@example.com",
    "a\nBcc: olga@example.com\n\nbody",
    "=?utf-8?q?=0D=0ABcc:_olga@example.com?=",
    "=\u202e?utf-8?q?=0D=0ABcc:_olga@example.com?=",
    "=\n?utf-8?b?DQpCY2M6IG9sZ2E=?=",
    "\u2028Bcc: olga@example.com\u2029\x0b\x0c\x1c\x85",
    '"><script>alert(1)</script>, olga@example.com <x@y>; (c) \\',
    "\u202egnp.exe\u2066",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd 你好 🎉" * 6,
    "x" * 200,
    "é" * 200,
    ", ".join(["a b"] * 40),
]


def outgoing_mail(subject: str, name: str, spec: str = "cora@example.com") -> OutgoingMail:
    """A mail that is not stored."""
    at, ticket, who = (
        time.now(),
        Ticket(number=1001, subject=subject),
        User(email=spec, display_name=name),
    )
    mail = Mail(
        ticket_id=ticket.id, user_id=who.id, template="replied", address=spec, created_at=at
    )
    mail.message_id = build_message_id(1, who.id, DOMAIN)
    return OutgoingMail(mail, Event(type=EventType.REPLY_ADDED, position=1), ticket, who, subject)


def compose_and_check_headers(subject: str, name: str) -> EmailMessage:
    message = COMPOSER.build_headers(outgoing_mail(subject, name))
    message.set_content("x")
    raw = message.as_bytes(policy=SMTP)
    assert max(len(each) for each in raw.split(b"\r\n")) <= 998
    assert raw.count(b"\n") == raw.count(b"\r\n")
    found = cast("EmailMessage", email.message_from_bytes(raw, policy=SMTP))
    assert len(found.keys()) == len(set(found.keys())), found.keys()
    assert set(found.keys()) <= HEADERS
    assert [each.addr_spec for each in found["To"].addresses] == ["cora@example.com"]
    assert str(found["Subject"]) == to_one_line(f"Re: [TKT-1001] {to_one_line(subject, 200)}", 300)
    return found


@pytest.mark.parametrize("hostile", HOSTILE, ids=[f"hostile-{n}" for n in range(len(HOSTILE))])
async def test_hostile_text_adds_no_header(hostile: str) -> None:
    compose_and_check_headers(hostile, hostile)


WORDS_IN_MANY_SCRIPTS = (
    "Проблема с подключением к серверу Übersicht für Zoë – „500“ 接続が できません 🎉 x 1"
)


@pytest.mark.stress
async def test_encoded_subjects_keep_their_spaces(random: Random) -> None:
    for n in range(150):
        subject = " ".join(random.choices(WORDS_IN_MANY_SCRIPTS.split(), k=4 + n % 26))[
            :200
        ].strip()
        message = compose_and_check_headers(subject, "Cora")
        for part in message.as_bytes(policy=SMTP).split(b"\r\n"):
            assert len(part) <= 78
        (encoded,) = (
            email.message_from_bytes(message.as_bytes(policy=SMTP)).get_all("Subject") or []
        )
        assert str(make_header(decode_header(encoded))) == f"Re: [TKT-1001] {subject}"


@limit_examples(60)
@given(st.text(max_size=200), st.text(max_size=200))
def test_random_text_adds_no_header(subject: str, name: str) -> None:
    compose_and_check_headers(subject, name)


@limit_examples(60)
@given(st.text(alphabet=st.sampled_from('=?utf-8qbB_ \r\n0DA:\u202e<>@,"\\;('), max_size=80))
def test_encoded_words_add_no_header(text: str) -> None:
    compose_and_check_headers(text, text)


@limit_examples(60)
@given(st.text(max_size=320) | st.from_regex(r"[^@]{1,64}@[^@]{1,64}", fullmatch=True))
def test_an_address_is_plain_ascii_or_refused(spec: str) -> None:
    try:
        found = make_address("Cora", spec)
    except ValueError:
        return
    assert is_plain_address(found.addr_spec)
    assert found.addr_spec.isascii()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a\r\n b\t c ", "a b c"),
        ("a\u202eb\u2069c", "abc"),
        ("=?x?=", "= ?x?="),
        ("👩‍🚒 ok", "👩‍🚒 ok"),
        ("abcdef", "abcd…"),
    ],
    ids=["breaks", "turning", "encoded-word", "joined", "long"],
)
async def test_one_line_removes_breaks_and_direction_marks(text: str, shown: str) -> None:
    assert to_one_line(text, 5) == shown if text == "abcdef" else to_one_line(text, 200) == shown


async def test_user_text_is_escaped(people: World, inbox: Sink) -> None:
    await User.filter(id=people.ada.id).update(
        display_name="Ada <script>alert(1)</script> שלום\nBcc: x@y"
    )
    ticket = await create_ticket(
        people.cora, subject="Ça ne marche <b>pas</b> 🎉\r\nBcc: olga@example.com"
    )
    await reply(
        people.ada,
        ticket,
        "Voilà: **да** <img src=x onerror=alert(1)> [x](javascript:alert(1))\n\n" + "long " * 2000,
    )
    await queue_mail(
        ticket, people.cora, "replied", await newest_event(ticket, EventType.REPLY_ADDED)
    )
    await send_due_mails(inbox)
    (message,) = inbox.received
    assert message["Bcc"] is None
    assert inbox.recipients == ["cora@example.com"]
    assert (
        str(message["Subject"])
        == f"Re: [{ticket.ref}] Ça ne marche <b>pas</b> 🎉 Bcc: olga@example.com"
    )
    text, html = body(message), body(message, "html")
    assert "Ada <script>alert(1)</script> שלום Bcc: x@y replied:" in text
    assert "Voilà: **да**" in text
    assert "Voilà: <strong>да</strong>" in html
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:alert(1)" not in html.replace("[x](javascript:alert(1))", "")
    assert "&lt;b&gt;pas&lt;/b&gt;" in html


# ---------------------------------------------------------------- each kind


async def compose_every_kind(people: World) -> Mapping[str, str]:
    """Compose each kind of mail during the life of one ticket; returns the texts by template."""
    ticket = await create_ticket(people.cora, description="It **fails** since noon")
    found: dict[str, str] = {}

    async def add(name: str, who: Person, *expected: str) -> None:
        mail = await queue_mail(
            await Ticket.get(id=ticket.id),
            who,
            name,
            await newest_event(ticket, EVENT_TYPE_OF_TEMPLATE[name]),
        )
        message = await compose(mail)
        text, html = body(message), body(message, "html")
        assert [each for each in expected if each not in text] == [], text
        assert f"Hello {(await User.get(id=who.id)).display_name}," in text
        assert "\n-- \n" in text.replace("\r\n", "\n"), (
            "mail programs recognize a signature by this line (RFC 3676, section 4.3)"
        )
        topic = TOPIC_NAMES[TOPIC_BY_TEMPLATE[name]]
        for part in (text, html):
            assert f"emails about {topic}, turn them off in your notification preferences" in part
        assert html.startswith("<!doctype html>")
        found[name] = text + html
        await mail.delete()

    await add("created", people.cora, "It **fails**", "this is your request")
    await add("raised", people.ada, "Cora created", "Support", "your team's")
    await assign(people.root, ticket, people.ada)
    await add("assigned", people.ada, "Root assigned this ticket to you", "assigned to you")
    await reply(people.ada, ticket, "Try again")
    await add("replied", people.cora, "Ada replied", "Try again")
    await apply_commands(people.ada, ticket, commands.await_customer)
    await add("awaiting_customer", people.cora, "Ada is waiting for your answer", "Try again")
    await watch(people.carl, ticket)
    await apply_commands(
        people.ada, ticket, lambda change: commands.resolve(change, "Restarted **it**")
    )
    await add("resolved", people.carl, "Ada resolved", "Restarted", "you watch")
    closes = time.format_instant(time.now() + timedelta(days=2))
    await append_worker_events(ticket, EventType.REMINDED, status="resolved", closes_at=closes)
    await add("reminder_closing", people.cora, "closes automatically", "UTC")
    await apply_commands(people.cora, ticket, lambda change: rating.rate(change, 4, "Quick"))
    await add("rated", people.ada, "4 of 5", "Quick")
    await apply_commands(
        people.cora, ticket, lambda change: commands.reopen(change, "Broken again")
    )
    await add("reopened", people.ada, "Cora reopened", "Broken again")
    await apply_commands(
        people.cora, ticket, lambda change: commands.escalate(change, "Please hurry")
    )
    await add("escalated", people.ada, "Cora escalated", "Please hurry")
    billing = await Team.get(slug="billing")
    await apply_commands(people.ada, ticket, lambda change: commands.transfer(change, billing, []))
    await add("transferred", people.bill, "Ada transferred this ticket to", "Billing")
    await append_worker_events(
        ticket,
        EventType.ESCALATION_STEP,
        internal=True,
        path="The gecko",
        step=1,
        action="notify_team",
        notified=[],
    )
    await add("escalation_step", people.bill, "needs your attention", "escalation")
    clock = await SlaClock.filter(ticket_id=ticket.id).order_by("started_at").first()
    data: dict[str, Any] = {"metric": "resolution", "ordinal": 1, "terms": "x"}
    if clock is not None:
        data |= {"metric": clock.metric.value, "ordinal": clock.ordinal}
    await append_worker_events(ticket, EventType.SLA_AT_RISK, **data)
    await add("sla_at_risk", people.bill, "is at risk")
    await append_worker_events(ticket, EventType.SLA_BREACHED, **data)
    await add("sla_breached", people.bill, "was missed", "UTC")
    await append_worker_events(
        ticket, EventType.REMINDED, status="waiting_on_customer", closes_at=closes
    )
    await add("reminder_waiting", people.cora, "waiting for your reply", "UTC")
    await TicketParticipant.create(ticket_id=ticket.id, user_id=people.olga.id)
    shared = "this ticket is shared with you"
    await add("reminder_waiting", people.olga, "waiting for your reply", shared)
    await apply_commands(
        people.ada, ticket, lambda change: commands.close(change, CloseReason.SPAM)
    )
    await add("closed", people.cora, "Ada closed", "(spam)")
    return found


@pytest.mark.parametrize(("reader", "is_shown"), [("cora", True), ("olga", False), ("bill", True)])
async def test_a_merge_mail_names_the_target_only_to_users_with_access(
    people: World, reader: str, is_shown: bool
) -> None:
    """`olga` created the merged ticket, and is no participant of the other one."""
    who: Person = getattr(people, reader)
    ticket = await create_ticket(people.olga if reader == "olga" else people.cora)
    into = await create_ticket(people.carl, subject="The gecko")
    async with database.transaction():
        found = await lock_tickets([ticket.id, into.id])
        changes = [
            TicketChange(found[each.id], await viewer(people.root), time.now(), WINDOW)
            for each in (ticket, into)
        ]
        merging.merge(*changes, [], across_requesters=True)
        await write(*changes)
    await TicketParticipant.all().delete()
    message = await compose(
        await queue_mail(
            ticket, who, "closed", await newest_event(ticket, EventType.STATUS_CHANGED)
        )
    )
    for kind in ("plain", "html"):
        assert "(duplicate)" in body(message, kind)
        assert (into.ref in body(message, kind)) is is_shown
        assert "gecko" not in body(message, kind)


async def test_a_mail_about_waiting_quotes_only_a_reply_that_the_customer_has_not_answered(
    people: World,
) -> None:
    ticket = await create_ticket(people.cora)

    async def text_after(*steps: Callable[[], Awaitable[object]]) -> str:
        """The text of the mail if these steps come before the ticket waits."""
        for step in steps:
            await step()
        await apply_commands(people.ada, ticket, commands.await_customer)
        waiting = await newest_event(ticket, EventType.STATUS_CHANGED)
        await add_note(people.ada, ticket, "The gecko")
        await apply_commands(people.ada, ticket, commands.resume)
        await reply(people.ada, ticket, "A later reply")
        await reply(people.cora, ticket, "An answer")
        return body(
            await compose(await queue_mail(ticket, people.cora, "awaiting_customer", waiting))
        )

    unasked = await text_after()
    assert "can't continue without you" in unasked
    asked = await text_after(
        lambda: reply(people.ada, ticket, "First question"),
        lambda: reply(people.ada, ticket, "Which *version*?"),
        lambda: add_note(people.ada, ticket, "The gecko"),
    )
    assert "Which *version*?" in asked
    answered = await text_after(
        lambda: reply(people.ada, ticket, "Which *version*?"),
        lambda: reply(people.cora, ticket, "Two"),
    )
    assert "can't continue without you" in answered
    for text in (unasked, asked, answered):
        for hidden in ("First question", "gecko", "A later reply", "An answer"):
            assert hidden not in text


async def test_every_kind_of_mail_describes_its_event(people: World) -> None:
    found = await compose_every_kind(people)
    assert set(found) == set(EVENT_TYPE_OF_TEMPLATE)
    for name, text in found.items():
        assert "None" not in text, name
        assert "gecko" not in text, "internal data is in no mail"


async def test_a_template_is_refused_for_events_of_other_types(people: World) -> None:
    """Each template with each event: all other pairs are refused, and notes with every template."""
    await compose_every_kind(people)
    ticket = await Ticket.get()
    await add_note(people.ada, ticket, "The gecko")
    await append_worker_events(
        ticket, EventType.MAIL_FAILED, internal=True, user=str(people.cora.id), answer="The gecko"
    )
    for event in await Event.filter(ticket_id=ticket.id).order_by("position"):
        mail = await queue_mail(ticket, people.ada, "created", event)
        now = await read_outgoing_mail(await read_mail(mail.id))
        for name in (*EVENT_TYPE_OF_TEMPLATE, "note", ""):
            now.mail.template = name
            if EVENT_TYPE_OF_TEMPLATE.get(name) is event.type:
                assert event.type not in (EventType.NOTE_ADDED, EventType.MAIL_FAILED)
                continue
            with pytest.raises(MailWithheld):
                await COMPOSER.compose(now)


async def test_an_internal_event_of_any_type_is_refused(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await reply(people.ada, ticket, "The gecko")
    event = await newest_event(ticket, EventType.REPLY_ADDED)
    await Event.filter(position=event.position).update(internal=True)
    for who in (people.cora, people.bill):
        mail = await queue_mail(ticket, who, "replied", event)
        with pytest.raises(MailWithheld, match="internal"):
            await compose(mail)


async def test_a_note_is_refused_even_if_its_event_is_a_reply(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await add_note(people.ada, ticket, "The gecko")
    event = await newest_event(ticket, EventType.NOTE_ADDED)
    await Event.filter(position=event.position).update(type=EventType.REPLY_ADDED, internal=False)
    mail = await queue_mail(ticket, people.bill, "replied", event)
    with pytest.raises(MailWithheld, match="notes"):
        await compose(mail)


async def test_customers_get_no_mail_about_escalation_steps(people: World) -> None:
    ticket = await create_ticket(people.cora)
    await append_worker_events(
        ticket,
        EventType.ESCALATION_STEP,
        internal=True,
        path="x",
        step=1,
        action="notify_team",
        notified=[],
    )
    mail = await queue_mail(
        ticket,
        people.cora,
        "escalation_step",
        await newest_event(ticket, EventType.ESCALATION_STEP),
    )
    with pytest.raises(MailWithheld, match="may not see"):
        await compose(mail)


async def test_every_routing_rule_has_a_template() -> None:
    queued = {
        (row.template, type) for (type, _), rows in RULES.items() for row in rows if row.template
    }
    assert queued <= set(EVENT_TYPE_OF_TEMPLATE.items())
