"""An agent works a day with views, macros, files, drafts and bulk changes, while a colleague edits
the same tickets. Then a secret is redacted and a customer erased, and the log still agrees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, Socket, World
from support.admin_mutations import run_mutation
from support.audit import audit
from support.custom_fields import define, read_values
from support.drafts import read_draft, save_draft
from support.erasure import erase, find_rows
from support.exports import build_exporter, read_export, run_exports, start_export
from support.files import announce, png, read_attachment, running_with_files, send
from support.jobs import read_errors, read_rows, run_caller_jobs
from support.live import head_cursor
from support.macros import apply_macro, create_macro, preview_macro
from support.s3 import build_s3_store, running_s3
from support.ticket_commands import run_notifier
from support.views import COUNTS, list_tickets, wait_for_count

from models.changes.sla_audit import verify_all_tickets
from models.files.store import FileStore, LocalFileStore
from models.people.team import Membership, Team
from models.people.user import User
from models.privacy.registry import FILES
from workers.file_cleanup import FileCleanup

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]

SECRET = "Zq9Xkw7Hunter"
TAIL = SECRET[3:]
REASON = {"reason": "A password."}
QUEUE: dict[str, Any] = {
    "name": "Queue",
    "filter": {"stage": {"in": ["CREATION", "RESOLUTION"]}, "inViewerTeams": True},
    "orderBy": [{"field": "NUMBER", "direction": "ASC"}],
    "columns": ["REF", "SUBJECT", "REQUESTER"],
}
EVENTS = """subscription($after: String) { ticketEvents(after: $after) { type
  ... on TicketMessageRedacted { message { body } } ... on TicketRedacted { ticket { subject } }
  ... on TicketUpdated { ticket { ref } } } }"""


@dataclass
class Day:
    """The people, and the storage of their files."""

    service: Service
    world: World
    store: FileStore
    cora: Client
    olga: Client
    ada: Client
    bill: Client
    root: Client
    url: str

    @classmethod
    def begin(cls, service: Service, world: World, store: FileStore, url: str) -> Day:
        people = (world.cora, world.olga, world.ada, world.bill, world.root)
        return cls(service, world, store, *(service.client(each.token) for each in people), url)

    async def run_jobs(self) -> None:
        await run_caller_jobs(self.service.clock())


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.node)])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """The settings of the storage; empty for a folder."""
    if request.param == "local":
        yield {}
        return
    async with running_s3(tmp_path / "s3") as settings:
        yield settings


@pytest.fixture
async def service(url: str, tmp_path: Path, storage: dict[str, Any]) -> AsyncIterator[Service]:
    async with running_with_files(url, tmp_path / "files", **storage) as found:
        yield found


@pytest.fixture
async def day(
    service: Service, world: World, storage: dict[str, Any], tmp_path: Path, url: str
) -> Day:
    store = build_s3_store(storage) if storage else LocalFileStore(tmp_path / "files")
    await Membership.create(team=await Team.get(slug="support"), user_id=world.bill.id)
    return Day.begin(service, world, store, url)


async def upload(client: Client, content: bytes, **input: Any) -> str:
    """Announce and upload a file to the storage of the service; return its id."""
    payload = await announce(client, content, **input)
    assert payload["userErrors"] == []
    assert (await send(client, "PUT", payload["uploadUrl"], content)).status_code == 200
    return str(payload["attachment"]["id"])


async def fetch(client: Client, attachment: str) -> bytes:
    """The content of a file, from the service or the storage to which it redirects."""
    found = await read_attachment(client, attachment)
    assert found is not None
    response = await send(client, "GET", found["url"])
    if response.status_code == 302:
        response = await send(client, "GET", response.headers["location"])
    assert response.status_code == 200
    return bytes(response.content)


async def test_a_day_of_an_agent(day: Day, storage: dict[str, Any]) -> None:
    await define(day.root, "cause", requiredAt="RESOLUTION", customerAccess="HIDDEN")
    view = await run_mutation(day.ada, "createSavedView", **QUEUE)
    start = await head_cursor()
    async with day.ada.socket() as counts, day.bill.socket() as events:
        await counts.subscribe(COUNTS)
        await events.subscribe(EVENTS, after=start)
        picture = await upload(day.cora, png(), filename="error.png", contentType="image/png")
        await day.cora.raise_ticket("VPN", attachmentIds=[picture])
        await day.cora.raise_ticket(f"My password is {SECRET}", description=f"It is {SECRET}.")
        personal = await upload(day.olga, b"Olga lives in Ulm", filename="olga.txt")
        await day.olga.raise_ticket("From Olga", attachmentIds=[personal])
        await wait_for_count(counts, "Queue", 3)
        vpn, leak, olgas = await list_tickets(day.ada, view)
        assert await fetch(day.ada, picture) == png()

        log = await send_a_draft_by_a_macro(day, vpn["id"])
        await wait_for_count(counts, "Queue", 2)
        await change_many(day, view, leak, olgas)
        await redact_a_secret(day, leak["id"], events)
    await erase_a_customer(day, olgas["id"], personal)
    assert await fetch(day.ada, log) == b"All fine"
    await audit()
    assert (await verify_all_tickets())[1] == []


async def send_a_draft_by_a_macro(day: Day, ticket: str) -> str:
    """Ada's macro is refused while she hasn't seen Bill's note; returns the file that she sends."""
    solve = await create_macro(
        day.ada,
        name="Solve",
        text="Hello {{requester.displayName}}, {{ticket.ref}} works again.",
        statusAction="RESOLVE",
        customFields=[{"key": "cause", "text": "Router"}],
    )
    file = await upload(day.ada, b"All fine", filename="log.txt")
    preview = await preview_macro(day.ada, solve, ticket)
    assert preview is not None
    assert [each["field"] for each in preview["changes"]] == ["customFields.cause", "status"]
    body = f"{preview['text']}\n\nSee the log."
    draft = await save_draft(day.ada, ticket, body=body, attachmentIds=[file])
    seen = await head_cursor()
    await day.bill.do("replyToTicket", ticketId=ticket, body="I look into it.")
    sent = {"body": body, "attachmentIds": [file], "draftVersion": draft["version"]}
    refused = await apply_macro(day.ada, solve, ticket, **sent, lastSeenCursor=seen)
    assert [each["code"] for each in refused["userErrors"]] == ["UNSEEN_MESSAGES"]
    assert await read_draft(day.ada, ticket) == draft
    key = {"lastSeenCursor": await head_cursor(), "idempotencyKey": "send"}
    for _ in range(2):  # the first response is lost
        payload = await apply_macro(day.ada, solve, ticket, **sent, **key)
        assert (payload["userErrors"], payload["reply"]) == ([], {"body": body})
    assert await read_draft(day.ada, ticket) is None
    assert await read_values(day.ada, ticket) == {"cause": "Router"}
    assert await read_values(day.cora, ticket) == {}
    assert await fetch(day.cora, file) == b"All fine"
    return file


async def change_many(
    day: Day, view: dict[str, Any], edited: dict[str, Any], other: dict[str, Any]
) -> None:
    """Ada changes all tickets of a view, and undoes it. What Bill has edited stays as it is."""
    change = {
        "priority": "HIGH",
        "addTags": ["outage"],
        "customFields": [{"key": "cause", "text": "Outage"}],
    }
    input = {"filter": view["filter"], "change": change}
    trial = await run_mutation(day.ada, "bulkUpdateTickets", **input, dryRun=True)
    job = await run_mutation(day.ada, "bulkUpdateTickets", **input, idempotencyKey="outage")
    await day.bill.do("updateTicket", ticketId=edited["id"], priority="HIGH", addTags=["vip"])
    await day.run_jobs()
    fields = [
        sorted(each["field"] for each in row["changes"]) for row in await read_rows(day.ada, trial)
    ]
    assert fields == [
        ["customFields.cause", "tags"],
        ["customFields.cause", "priority", "tags"],
    ]
    assert await read_errors(day.ada, job) == []
    await day.bill.do("addNote", ticketId=edited["id"], body="This is no outage.")
    undo = await run_mutation(day.ada, "undoJob", jobId=job["id"])
    await day.run_jobs()
    assert await read_errors(day.ada, undo) == [(edited["ref"], "CHANGED_SINCE")]
    values = [await read_values(day.ada, each["id"]) for each in (edited, other)]
    assert values == [{"cause": "Outage"}, {}]


async def redact_a_secret(day: Day, ticket: str, events: Socket) -> None:
    """The secret disappears from the ticket, a reply, a file of an export, and what Bill sees."""
    reply = await day.cora.do("replyToTicket", ticketId=ticket, body=f"Did you get {SECRET}?")
    await run_notifier()  # emails that wait are written when they are sent
    exporter = build_exporter(day.url, day.store)
    job = await start_export(day.ada)
    await run_exports(exporter, day.service.clock())
    url = (await read_export(day.ada, job))["export"]["url"]
    for field in ("SUBJECT", "DESCRIPTION"):
        input = {"ticketId": ticket, "field": field, "text": SECRET, **REASON}
        await day.root.do("redactTicket", **input)
    await day.root.do("redactMessage", messageId=reply["reply"]["id"], text=SECRET, **REASON)
    subject = {"subject": "My password is [redacted]"}
    expected = [
        *({"type": "TICKET_REDACTED", "ticket": subject},) * 2,
        {"type": "MESSAGE_REDACTED", "message": {"body": "Did you get [redacted]?"}},
    ]
    redactions: list[dict[str, Any]] = []
    while len(redactions) < len(expected):
        event = await events.next("ticketEvents")
        if event["type"] in ("TICKET_REDACTED", "MESSAGE_REDACTED"):
            redactions.append(event)
    assert redactions == expected
    assert (await send(day.ada, "GET", url)).status_code == 404
    day.service.clock.advance(minutes=1)
    await exporter.run_once(day.service.clock(), 0)
    assert await find_rows(TAIL) == []
    assert not await holds(day.store, SECRET)


async def erase_a_customer(day: Day, ticket: str, file: str) -> None:
    """Olga disappears from the tables and the storage; her ticket stays, without her texts."""
    await day.ada.do("replyToTicket", ticketId=ticket, body="Dear Olga, how may I help?")
    email = (await User.get(id=day.world.olga.id)).email
    report = (await erase(day.root, day.world.olga.gid))["erasure"]
    assert report["remaining"] == []
    await FileCleanup(day.store).run_once(day.service.clock(), 0)
    for text in (email, "Ulm", "From Olga"):
        assert await find_rows(text) == [], text
    assert not await holds(day.store, "Ulm")
    query = """query($id: ID!) { ticket(id: $id) { subject requester { displayName }
      messages(first: 1) { nodes { body } } attachments { filename } } }"""
    shown = (await day.ada.run(query, id=ticket))["ticket"]
    assert shown == {
        "subject": "[erased]",
        "requester": {"displayName": "Erased person"},
        "messages": {"nodes": [{"body": "Dear [erased], how may I help?"}]},
        "attachments": [{"filename": "[erased]"}],
    }
    found = await read_attachment(day.ada, file)
    assert found is not None
    assert found["url"] is None


async def holds(store: FileStore, text: str) -> bool:
    """Whether a file in the storage holds the text. Each file is of a kind in the registry."""
    for key in await store.list_keys(""):
        assert key.startswith(tuple(FILES))
        content = await (await store.objects.get_async(key)).bytes_async()
        if text.encode() in bytes(content):
            return True
    return False
