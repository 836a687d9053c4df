"""A ticket's promises from its creation to its closing by itself: real servers, real workers, real mail, one of them killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import World
from support.audit import audit
from support.client import TIMEOUT_SECONDS, Client
from support.live import until
from support.service import ROOT, start
from support.smtp_sink import Sink

from models import database
from models.changes import sla_audit
from models.core import ids
from models.log.consumer import LogConsumer
from models.log.event import Event
from models.notifications.email import Mail, MailStatus

pytestmark = [pytest.mark.stress, pytest.mark.never_retried]

CLOCKS = "query($id: ID!) { ticket(id: $id) { status escalationLevel clocks { metric status pausedFor breachedAt } } }"
NOTICES = "{ notifications(first: 50) { nodes { event { type } } } viewer { unreadNotifications } }"


class Workers:
    """Processes that do the duties, by their process ids."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.alive: dict[int, subprocess.Popen[bytes]] = {}

    def add(self) -> None:
        worker = subprocess.Popen(
            [sys.executable, "-m", "cli", "run-jobs"], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL
        )
        self.alive[worker.pid] = worker

    def kill(self, pid: int) -> None:
        """As a machine that loses its power would end it."""
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
def working(environment: dict[str, str], count: int) -> Iterator[Workers]:
    workers = Workers(environment)
    try:
        for _ in range(count):
            workers.add()
        yield workers
    finally:
        workers.stop()


class Journey:
    """One ticket, and what can be seen of it from outside."""

    def __init__(self, admin: Client, sink: Sink) -> None:
        self.admin = admin
        self.sink = sink
        self.id = ""

    async def entries(self) -> list[Event]:
        return await Event.filter(ticket_id=ids.key_of(ids.TICKET, self.id)).order_by("position")

    async def types(self) -> list[str]:
        return [entry.type.name for entry in await self.entries()]

    async def has(self, type: str, count: int = 1) -> None:
        async def there() -> bool:
            return (await self.types()).count(type) >= count

        await until(there)

    async def mailed(self, address: str, words: str) -> None:
        async def there() -> bool:
            return any(words in text for to, text in self.mails() if to == address)

        await until(there)

    def mails(self) -> list[tuple[str, str]]:
        """Who was sent what, as plain text with the subject before it."""
        found: list[tuple[str, str]] = []
        for mail in self.sink.received:
            body = mail.get_body(("plain",))
            assert body is not None
            found.append((str(mail["To"].addresses[0].addr_spec), f"{mail['Subject']}\n{body.get_content()}"))
        return found

    async def is_quiet(self) -> bool:
        """Whether everybody was notified of every entry, and every mail was sent."""
        readers = {reader.name: reader.position for reader in await LogConsumer.all()}
        done = readers["notifier"] >= (await self.entries())[-1].position
        return done and not await Mail.exclude(status=MailStatus.SENT).exists()

    async def pass_time(self, duration: str) -> None:
        query = "mutation($by: Duration!) { advanceClock(input: {by: $by}) { now userErrors { message } } }"
        assert (await self.admin.run(query, by=duration))["advanceClock"]["userErrors"] == []


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[World]:
    await database.connect(url)
    try:
        yield await World.make()
    finally:
        await database.disconnect()


async def holder(duty: str) -> int | None:
    """The process id of whoever has a duty."""
    reader = await LogConsumer.get_or_none(name=duty)
    return int(reader.holder.split(":")[1]) if reader is not None and reader.holder else None


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
    async with opened(url) as world:
        server = await start(url, None, **environment)
        try:
            with working(environment, 2) as workers:
                await lived(Journey(server.client(world.root.token), sink), world, server.client, workers)
        finally:
            server.stop()
            await sink.stop()
        await audit()
        assert (await sla_audit.verify_all_tickets())[1] == []


async def lived(journey: Journey, world: World, client: Any, workers: Workers) -> None:
    cora, ada = client(world.cora.token), client(world.ada.token)

    async def every_duty_is_held() -> bool:
        return all([await holder(duty) in workers.alive for duty in ("ticket_timers", "notifier", "escalator", "mailer")])

    await until(every_duty_is_held)
    ticket = await cora.raise_ticket(priority="URGENT")
    journey.id = ticket["id"]
    await journey.mailed("cora@example.com", ticket["ref"])
    await journey.mailed("ada@example.com", ticket["ref"])

    await journey.pass_time("PT46M")
    await journey.has("SLA_AT_RISK")
    await journey.pass_time("PT15M")
    await journey.has("SLA_BREACHED")
    await journey.has("ESCALATED")
    await journey.has("ESCALATION_STEP", 2)

    # The worker that sends mails dies now; the other one takes over when the lease ends. No mail is on its way, because a mail
    # that the server accepted is sent again if its sender dies before it notes that.
    await until(journey.is_quiet)
    dead = await holder("mailer")
    assert dead is not None
    workers.kill(dead)
    workers.add()

    await ada.do("replyToTicket", ticketId=ticket["id"], body="Which region is it?")
    await ada.do("awaitCustomer", ticketId=ticket["id"])
    await journey.mailed("cora@example.com", "Which region is it?")
    await journey.pass_time("PT2H")
    await cora.do("replyToTicket", ticketId=ticket["id"], body="It is Frankfurt.")
    await journey.mailed("ada@example.com", "It is Frankfurt.")
    seen = (await cora.run(CLOCKS, id=ticket["id"]))["ticket"]
    clocks = {clock["metric"]: clock for clock in seen["clocks"]}
    assert (seen["status"], seen["escalationLevel"]) == ("OPEN", 1)
    assert clocks["FIRST_RESPONSE"]["status"] == "ACHIEVED_LATE"
    assert clocks["RESOLUTION"]["pausedFor"].startswith("PT2H")
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="The tunnel was restarted.")
    await journey.mailed("cora@example.com", "The tunnel was restarted.")

    await journey.pass_time("P5DT1H")
    await journey.has("REMINDED")
    await journey.pass_time("P2D")
    await closed(journey)
    await told(journey, world, client)


async def closed(journey: Journey) -> None:
    async def over() -> bool:
        entries = await journey.entries()
        return any(entry.value("action") == "close" for entry in entries)

    await until(over)
    await until(journey.is_quiet)


async def told(journey: Journey, world: World, client: Any) -> None:
    """Every entry, mail and notice, at its time, once."""
    entries = await journey.entries()
    assert [entry.type.name for entry in entries if entry.type.name != "ESCALATION_STEP"] == [
        *("TICKET_CREATED", "SLA_AT_RISK", "SLA_BREACHED", "ESCALATED", "REPLY_ADDED", "STATUS_CHANGED", "SLA_ACHIEVED"),
        *("STATUS_CHANGED", "REPLY_ADDED", "STATUS_CHANGED", "STATUS_CHANGED", "SLA_ACHIEVED", "SLA_ACHIEVED"),
        *("REMINDED", "STATUS_CHANGED"),
    ]
    raised = entries[0].occurred_at
    instants = {entry.type.name: entry.occurred_at for entry in entries}
    assert instants["SLA_AT_RISK"] == raised + timedelta(minutes=45)
    assert instants["SLA_BREACHED"] == raised + timedelta(hours=1)
    resolved = next(entry.occurred_at for entry in entries if entry.value("action") == "resolve")
    closes = datetime.fromisoformat(str(entries[-2].value("closes_at")))
    assert closes == entries[-2].occurred_at + timedelta(days=2), "as much time to answer as was promised"
    assert entries[-1].occurred_at >= closes >= resolved + timedelta(days=7)

    mails = await Mail.all()
    assert len(journey.sink.received) == len(mails), "each mail once"
    received = [str(mail["Message-ID"]) for mail in journey.sink.received]
    assert sorted(received) == sorted(mail.message_id for mail in mails)
    customers = [mail.template for mail in await Mail.filter(user_id=world.cora.id).order_by("event_id")]
    assert customers == ["created", "replied", "resolved", "reminder_closing", "closed"]
    threads = {str(mail["References"]).split()[0] for mail in journey.sink.received if mail["References"]}
    assert len(threads) == 1, "one conversation"

    types = [node["event"]["type"] for node in (await client(world.cora.token).run(NOTICES))["notifications"]["nodes"]]
    assert types == ["STATUS_CHANGED", "REMINDED", "STATUS_CHANGED", "REPLY_ADDED"]
    team = [node["event"]["type"] for node in (await client(world.ada.token).run(NOTICES))["notifications"]["nodes"]]
    assert team.count("SLA_AT_RISK") == team.count("SLA_BREACHED") == 1
