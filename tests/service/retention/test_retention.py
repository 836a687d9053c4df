"""Retention policies erase the texts of closed tickets, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Client, Service, World
from support.audit import audit
from support.custom_fields import define, set_values
from support.databases import IS_SQLITE
from support.drafts import save_draft
from support.erasure import find_in_file, find_rows
from support.files import stored_files, upload
from support.retention import (
    build_retention,
    create_policy,
    let_time_pass,
    preview,
    raise_closed,
    read_policy,
    run_retention,
)
from support.ticket_commands import run_notifier

from models.changes.sla_audit import verify_all_tickets
from models.core import ids
from models.files.store import LocalFileStore
from models.log.event import Event, EventType
from workers.file_cleanup import FileCleanup

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]

SECRET = "Zq9Xkw7Hunter"
TICKET = """query($id: ID!) { ticket(id: $id) { subject description resolution tags externalId
  status allowedActions reopenableUntil textsErasedAt version satisfaction { score comment }
  customFields { text } attachments { filename url } resources { name }
  requester { displayName } messages(first: 50) { nodes { body author {
    ... on User { displayName } } attachments { filename url } } } } }"""


async def raise_full_ticket(ada: Client, cora: Client) -> str:
    """A closed ticket with a text in each place that a customer or an agent can write to."""
    file = await upload(cora, f"File {SECRET}".encode(), filename=f"{SECRET}.txt")
    ticket = await cora.raise_ticket(
        f"Subject {SECRET}",
        description=f"Description {SECRET}",
        externalId="shop-17",
        resources=[{"kind": "invoice", "externalId": SECRET, "name": f"Invoice {SECRET}"}],
        attachmentIds=[await upload(cora, b"Hello", filename=f"Log {SECRET}.txt")],
    )
    id = str(ticket["id"])
    await cora.do("replyToTicket", ticketId=id, body=f"Reply {SECRET}", attachmentIds=[file])
    await ada.do("updateTicket", ticketId=id, subject=f"Renamed {SECRET}", addTags=["vpn"])
    await ada.do("escalateTicket", ticketId=id, reason=f"Escalated {SECRET}")
    await ada.do("addNote", ticketId=id, body=f"Note {SECRET}")
    await set_values(cora, id, {"key": "note", "text": f"Value {SECRET}"})
    await ada.do("resolveTicket", ticketId=id, resolution=f"Solved {SECRET}")
    await cora.do("reopenTicket", ticketId=id, reason=f"Reopened {SECRET}")
    await ada.do("resolveTicket", ticketId=id, resolution=f"Solved again {SECRET}")
    await cora.do("rateTicket", ticketId=id, score=4, comment=f"Comment {SECRET}")
    await save_draft(ada, id, kind="NOTE", body=f"Draft {SECRET}")
    await ada.do("closeTicket", ticketId=id, reason="RESOLVED")
    await run_notifier()
    return id


async def read_ticket(client: Client, id: str) -> dict[str, Any]:
    return dict((await client.run(TICKET, id=id))["ticket"])


async def test_a_due_ticket_loses_all_texts_and_the_log_still_replays(
    service: Service, world: World, root: Client, ada: Client, cora: Client, folder: Path, url: str
) -> None:
    await define(root, "note")
    id = await raise_full_ticket(ada, cora)
    assert "messages.body" in await find_rows("Hunter")
    policy = await create_policy(root)
    at = let_time_pass(service)
    await run_retention(at)
    await FileCleanup(LocalFileStore(folder)).run_once(at, 0)
    assert await find_rows("Hunter") == []
    assert stored_files(folder) == []
    if IS_SQLITE:
        assert find_in_file(url, SECRET) == [], "the file keeps it in unused space"
    shown = await read_ticket(ada, id)
    assert shown["subject"] == shown["description"] == shown["resolution"] == "[erased]"
    assert shown["satisfaction"] == {"score": 4, "comment": "[erased]"}
    assert (shown["tags"], shown["externalId"], shown["resources"]) == (["vpn"], "shop-17", [])
    assert [each["text"] for each in shown["customFields"]] == ["[erased]"]
    assert shown["requester"]["displayName"] == "Cora"
    messages = shown["messages"]["nodes"]
    assert {each["body"] for each in messages} == {"[erased]"}
    files = shown["attachments"] + [each for node in messages for each in node["attachments"]]
    assert files == [{"filename": "[erased]", "url": None}] * 2
    event = await Event.get(type=EventType.TICKET_REDACTED)
    assert (event.internal, event.actor_user_id) == (False, None)
    assert event.value("retention_policy_id") == str(ids.key_of("rtp", policy["id"]))
    await audit()
    assert (await verify_all_tickets())[1] == []


async def test_the_preview_equals_what_the_run_changes(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    for number in range(3):
        await raise_closed(cora, ada, f"Ticket {number}")
    await cora.raise_ticket("Still open")
    policy = await create_policy(root, filter={"subject": {"in": ["Ticket 0", "Ticket 2"]}})
    assert await preview(root) == {"tickets": 0, "messages": 0, "files": 0}
    at = let_time_pass(service)
    assert await preview(root) == {"tickets": 3, "messages": 3, "files": 0}
    planned = (await read_policy(root, policy))["preview"]
    assert (planned["tickets"], planned["messages"], planned["files"]) == (2, 2, 0)
    head = await Event.all().count()
    await run_retention(at)
    done = await read_policy(root, policy)
    assert (done["erasedTickets"], done["erasedMessages"], done["erasedFiles"]) == (2, 2, 0)
    assert done["lastErasedAt"] is not None
    assert (done["preview"]["tickets"], await preview(root)) == (
        0,
        {"tickets": 1, "messages": 1, "files": 0},
    )
    assert await Event.all().count() == head + 2
    await run_retention(at + timedelta(hours=1))
    assert await Event.all().count() == head + 2, "an erased ticket is skipped"


async def test_an_erased_ticket_can_not_be_reopened(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    id = await raise_closed(cora, ada)
    await create_policy(root)
    at = let_time_pass(service)
    await run_retention(at)
    service.clock.advance(days=-20)  # the time to reopen it has not passed
    shown = await read_ticket(ada, id)
    assert (shown["reopenableUntil"], shown["allowedActions"]) == (None, [])
    assert await cora.refusal_codes("reopenTicket", ticketId=id, reason="Again") == [
        "REOPEN_WINDOW_PASSED"
    ]


async def test_texts_that_are_added_later_are_erased_when_they_are_old(
    service: Service, root: Client, ada: Client, cora: Client
) -> None:
    id = await raise_closed(cora, ada)
    await create_policy(root)
    worker = build_retention()
    await run_retention(let_time_pass(service), worker)
    await ada.do("addNote", ticketId=id, body="A late note")
    await run_retention(let_time_pass(service, 1), worker)
    bodies = [each["body"] for each in (await read_ticket(ada, id))["messages"]["nodes"]]
    assert bodies == ["[erased]", "A late note"]
    await run_retention(let_time_pass(service), worker)
    bodies = [each["body"] for each in (await read_ticket(ada, id))["messages"]["nodes"]]
    assert bodies == ["[erased]", "[erased]"]
    await run_retention(let_time_pass(service), worker)
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 2
    await audit()
