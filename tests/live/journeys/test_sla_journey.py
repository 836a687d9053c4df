"""A ticket's SLA clocks, escalation and mail until it closes automatically.

The journey uses a real server, real workers, one of which is killed, and a real mail server.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import World
from support.audit import audit
from support.client import TIMEOUT_SECONDS, Client
from support.commands import Command, start_command
from support.live import until
from support.service import start
from support.smtp_sink import Sink

from models import database
from models.changes import sla_audit
from models.core import ids
from models.log.consumer import LogConsumer
from models.log.event import Event
from models.notifications.email import Mail, MailStatus

pytestmark = [pytest.mark.stress, pytest.mark.never_retried]

CLOCKS = """
  query($id: ID!) {
    ticket(id: $id) { status escalationLevel clocks { metric status pausedFor breachedAt } }
  }
"""
ADVANCE_CLOCK = """
  mutation($by: Duration!) { advanceClock(input: {by: $by}) { now userErrors { message } } }
"""
NOTIFICATIONS = (
    "{ notifications(first: 50) { nodes { event { type } } } viewer { unreadNotifications } }"
)


class Workers:
    """Processes that run the background jobs, by process id."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.alive: dict[int, Command] = {}

    def add(self) -> None:
        worker = start_command(["run-jobs"], self.environment)
        self.alive[worker.pid] = worker

    def kill(self, pid: int) -> None:
        """End it without a chance to clean up, like a power failure."""
        worker = self.alive.pop(pid)
        worker.send_signal(signal.SIGKILL)
        worker.wait(TIMEOUT_SECONDS)

    def stop(self) -> None:
        for worker in self.alive.values():
            worker.terminate()
        for worker in self.alive.values():
            worker.wait(TIMEOUT_SECONDS)
        self.alive.clear()


@contextlib.contextmanager
def running_workers(environment: dict[str, str], count: int) -> Iterator[Workers]:
    workers = Workers(environment)
    try:
        for _ in range(count):
            workers.add()
        yield workers
    finally:
        workers.stop()


class Journey:
    """One ticket, with its events and mails as they are visible from outside."""

    def __init__(self, admin: Client, sink: Sink) -> None:
        self.admin = admin
        self.sink = sink
        self.id = ""

    async def events(self) -> list[Event]:
        return await Event.filter(ticket_id=ids.key_of(ids.TICKET, self.id)).order_by("position")

    async def types(self) -> list[str]:
        return [event.type.name for event in await self.events()]

    async def wait_for_event(self, type: str, count: int = 1) -> None:
        async def has_event() -> bool:
            return (await self.types()).count(type) >= count

        await until(has_event)

    async def wait_for_mail(self, address: str, part: str) -> None:
        async def has_mail() -> bool:
            return any(part in text for to, text in self.mails() if to == address)

        await until(has_mail)

    def mails(self) -> list[tuple[str, str]]:
        """The recipient and the plain text of each mail, with the subject as the first line."""
        mails: list[tuple[str, str]] = []
        for mail in self.sink.received:
            body = mail.get_body(("plain",))
            assert body is not None
            mails.append(
                (str(mail["To"].addresses[0].addr_spec), f"{mail['Subject']}\n{body.get_content()}")
            )
        return mails

    async def is_quiet(self) -> bool:
        """Whether the notifier has processed every event and every mail was sent."""
        positions = {consumer.name: consumer.position for consumer in await LogConsumer.all()}
        is_notified = positions["notifier"] >= (await self.events())[-1].position
        return is_notified and not await Mail.exclude(status=MailStatus.SENT).exists()

    async def pass_time(self, duration: str) -> None:
        assert (await self.admin.run(ADVANCE_CLOCK, by=duration))["advanceClock"][
            "userErrors"
        ] == []


@contextlib.asynccontextmanager
async def open_world(url: str) -> AsyncIterator[World]:
    await database.connect(url)
    try:
        yield await World.make()
    finally:
        await database.disconnect()


async def holder_of(job: str) -> int | None:
    """The id of the process that holds the lease of the job, if any."""
    consumer = await LogConsumer.get_or_none(name=job)
    return int(consumer.holder.split(":")[1]) if consumer is not None and consumer.holder else None


async def test_sla_clocks_escalation_and_mail_over_the_life_of_a_ticket(url: str) -> None:
    sink = Sink()
    await sink.start()
    environment = {
        "TICKETWIRE_DATABASE_URL": url,
        "TICKETWIRE_MODE": "demo",
        "TICKETWIRE_RUN_JOBS": "false",
        "TICKETWIRE_JOB_LEASE_SECONDS": "2",
        "TICKETWIRE_SMTP_URL": f"{sink.url}?starttls=never",
        "TICKETWIRE_MAIL_FROM": "Help <help@desk.example>",
        "TICKETWIRE_LOG_LEVEL": "error",
    }
    async with open_world(url) as world:
        server = await start(url, None, **environment)
        try:
            with running_workers(environment, 2) as workers:
                await run_journey(
                    Journey(server.client(world.root.token), sink), world, server.client, workers
                )
        finally:
            server.stop()
            await sink.stop()
        await audit()
        assert (await sla_audit.verify_all_tickets())[1] == []


async def run_journey(journey: Journey, world: World, client: Any, workers: Workers) -> None:
    cora, ada = client(world.cora.token), client(world.ada.token)

    async def all_jobs_are_held() -> bool:
        return all(
            [
                await holder_of(job) in workers.alive
                for job in ("ticket_timers", "notifier", "escalator", "mailer")
            ]
        )

    await until(all_jobs_are_held)
    ticket = await cora.raise_ticket(priority="URGENT")
    journey.id = ticket["id"]
    await journey.wait_for_mail("cora@example.com", ticket["ref"])
    await journey.wait_for_mail("ada@example.com", ticket["ref"])

    await journey.pass_time("PT46M")
    await journey.wait_for_event("SLA_AT_RISK")
    await journey.pass_time("PT15M")
    await journey.wait_for_event("SLA_BREACHED")
    await journey.wait_for_event("ESCALATED")
    await journey.wait_for_event("ESCALATION_STEP", 2)

    # Kill the worker that sends mails; the other one takes over when the lease ends. No mail may be
    # in flight: a mail is sent again if its sender dies before it records the acceptance.
    await until(journey.is_quiet)
    mailer_pid = await holder_of("mailer")
    assert mailer_pid is not None
    workers.kill(mailer_pid)
    workers.add()

    await ada.do("replyToTicket", ticketId=ticket["id"], body="Which region is it?")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    await journey.wait_for_mail("cora@example.com", "Which region is it?")
    await journey.pass_time("PT2H")
    await cora.do("replyToTicket", ticketId=ticket["id"], body="It is Frankfurt.")
    await journey.wait_for_mail("ada@example.com", "It is Frankfurt.")
    state = (await cora.run(CLOCKS, id=ticket["id"]))["ticket"]
    clocks = {clock["metric"]: clock for clock in state["clocks"]}
    assert (state["status"], state["escalationLevel"]) == ("OPEN", 1)
    assert clocks["FIRST_RESPONSE"]["status"] == "ACHIEVED_LATE"
    assert clocks["RESOLUTION"]["pausedFor"].startswith("PT2H")
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="The tunnel was restarted.")
    await journey.wait_for_mail("cora@example.com", "The tunnel was restarted.")

    await journey.pass_time("P5DT1H")
    await journey.wait_for_event("REMINDED")
    await journey.pass_time("P2D")
    await wait_until_closed(journey)
    await check_results(journey, world, client)


async def wait_until_closed(journey: Journey) -> None:
    async def has_closed() -> bool:
        events = await journey.events()
        return any(event.value("action") == "close" for event in events)

    await until(has_closed)
    await until(journey.is_quiet)


async def check_results(journey: Journey, world: World, client: Any) -> None:
    """Check that each event, mail and notification exists once, with the right time."""
    events = await journey.events()
    assert [event.type.name for event in events if event.type.name != "ESCALATION_STEP"] == [
        *(
            "TICKET_CREATED",
            "SLA_AT_RISK",
            "SLA_BREACHED",
            "ESCALATED",
            "REPLY_ADDED",
            "STATUS_CHANGED",
            "SLA_ACHIEVED",
        ),
        *(
            "STATUS_CHANGED",
            "REPLY_ADDED",
            "STATUS_CHANGED",
            "STATUS_CHANGED",
            "SLA_ACHIEVED",
            "SLA_ACHIEVED",
        ),
        *("REMINDED", "STATUS_CHANGED"),
    ]
    created_at = events[0].occurred_at
    instants = {event.type.name: event.occurred_at for event in events}
    assert instants["SLA_AT_RISK"] == created_at + timedelta(minutes=45)
    assert instants["SLA_BREACHED"] == created_at + timedelta(hours=1)
    resolved = next(event.occurred_at for event in events if event.value("action") == "resolve")
    closes = datetime.fromisoformat(str(events[-2].value("closes_at")))
    assert closes == events[-2].occurred_at + timedelta(days=2), (
        "two days to respond after the reminder"
    )
    assert events[-1].occurred_at >= closes >= resolved + timedelta(days=7)

    mails = await Mail.all()
    assert len(journey.sink.received) == len(mails), "each mail arrives once"
    received = [str(mail["Message-ID"]) for mail in journey.sink.received]
    assert sorted(received) == sorted(mail.message_id for mail in mails)
    templates = [
        mail.template for mail in await Mail.filter(user_id=world.cora.id).order_by("event_id")
    ]
    assert templates == [
        "created",
        "replied",
        "awaiting_customer",
        "resolved",
        "reminder_closing",
        "closed",
    ]
    threads = {
        str(mail["References"]).split()[0] for mail in journey.sink.received if mail["References"]
    }
    assert len(threads) == 1, "all mails belong to one thread"

    types = [
        node["event"]["type"]
        for node in (await client(world.cora.token).run(NOTIFICATIONS))["notifications"]["nodes"]
    ]
    assert types == [
        *("STATUS_CHANGED", "REMINDED", "STATUS_CHANGED"),
        "STATUS_CHANGED",  # the team waits for the customer
        "REPLY_ADDED",
    ]
    agent_types = [
        node["event"]["type"]
        for node in (await client(world.ada.token).run(NOTIFICATIONS))["notifications"]["nodes"]
    ]
    assert agent_types.count("SLA_AT_RISK") == agent_types.count("SLA_BREACHED") == 1
