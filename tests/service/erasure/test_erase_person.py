"""People who are erased: their account, their tickets, the log, and what others wrote."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.audit import audit
from support.erasure import REASON, erase, find_rows
from support.ticket_commands import run_notifier

from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.changes.sla_audit import verify_all_tickets
from models.core import ids
from models.log.event import Event, EventType
from models.people.user import User

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]

SECRET = "Zq9Xkw7Hunter and nothing but it"
ADDRESS = "cora@example.com"
TICKET = """query($id: ID!) { ticket(id: $id) { subject description resolution tags externalId
  satisfaction { score comment } requester { displayName } messages(first: 50) { nodes {
  body author { ... on User { displayName } } } } } }"""


async def raise_full_ticket(service: Service, world: World) -> str:
    """A ticket of Cora with a text of hers in each place that a customer can write to."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.do(
        "createTicket",
        subject=f"Subject {SECRET}",
        description=f"Description {SECRET}",
        category="technical",
        tags=[SECRET],
    )
    id = str(ticket["ticket"]["id"])
    await cora.do("replyToTicket", ticketId=id, body=f"Reply {SECRET}")
    body = f"Dear Cora, we wrote to {ADDRESS.upper()}. Coral is another word."
    await ada.do("replyToTicket", ticketId=id, body=body)
    await ada.do("addNote", ticketId=id, body=f"She wrote: Reply {SECRET}!")
    await ada.do("resolveTicket", ticketId=id, resolution=f"Solved for Cora: {SECRET}")
    await cora.do("rateTicket", ticketId=id, score=5, comment=f"Comment {SECRET}")
    await cora.do("reopenTicket", ticketId=id, reason=f"Reopened: {SECRET}")
    return id


async def test_a_customer_is_erased_and_the_log_still_replays(
    service: Service, world: World
) -> None:
    root, ada = service.client(world.root.token), service.client(world.ada.token)
    ticket = await raise_full_ticket(service, world)
    await run_notifier()
    assert "messages.body" in await find_rows("Hunter")
    job = await erase(root, world.cora.gid)
    assert (job["status"], job["failed"]) == ("FINISHED", 0)
    report = job["erasure"]
    assert (report["remaining"], report["userId"]) == ([], world.cora.gid)
    assert report["verifiedAt"] is not None
    assert {each["name"] for each in report["erased"]} >= {"tickets", "messages", "events"}
    for text in ("Hunter", ADDRESS):
        assert await find_rows(text) == [], text
    shown = (await ada.run(TICKET, id=ticket))["ticket"]
    assert shown["subject"] == shown["description"] == "[erased]"
    assert (shown["tags"], shown["satisfaction"]) == ([], {"score": 5, "comment": "[erased]"})
    assert shown["requester"]["displayName"] == "Erased person"
    bodies = [node["body"] for node in shown["messages"]["nodes"]]
    assert bodies == [
        "[erased]",
        "Dear [erased], we wrote to [erased]. Coral is another word.",
        "She wrote: [erased]!",
    ]
    await audit()
    assert (await verify_all_tickets())[1] == []


async def test_events_tell_copies_to_forget_the_person(service: Service, world: World) -> None:
    ticket = await raise_full_ticket(service, world)
    await erase(service.client(world.root.token), world.cora.gid)
    event = await Event.get(type=EventType.TICKET_REDACTED)
    assert (event.ticket_id, event.internal) == (ids.key_of(ids.TICKET, ticket), False)
    assert (event.actor_user_id, event.value("reason")) == (world.root.id, REASON)
    erased = await DirectoryEvent.get(type=DirectoryEventType.ERASED)
    assert (erased.record_id, erased.data) == (world.cora.id, {"changes": {}})
    user = await User.get(id=world.cora.id)
    assert (user.active, user.display_name, user.external_id) == (False, "Erased person", None)
    assert user.email.endswith("@erased.invalid")


async def test_a_dry_run_counts_and_changes_nothing(service: Service, world: World) -> None:
    root = service.client(world.root.token)
    await raise_full_ticket(service, world)
    head = await Event.all().count()
    planned = (await erase(root, world.cora.gid, dryRun=True))["erasure"]
    assert (planned["verifiedAt"], planned["remaining"]) == (None, [])
    assert await Event.all().count() == head
    assert (await User.get(id=world.cora.id)).email == ADDRESS
    done = (await erase(root, world.cora.gid))["erasure"]
    assert counts(done)["messages"] == counts(planned)["messages"] == 3


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["count"] for each in report["erased"]}


async def test_the_texts_of_others_stay(service: Service, world: World) -> None:
    carl, cora = service.client(world.carl.token), service.client(world.cora.token)
    other = str((await carl.raise_ticket("Another ticket"))["id"])
    await cora.raise_ticket("Cora's")
    before = await read_ticket(carl, other)
    await erase(service.client(world.root.token), world.cora.gid)
    assert await read_ticket(carl, other) == before


async def read_ticket(client: Client, id: str) -> dict[str, Any]:
    return dict((await client.run(TICKET, id=id))["ticket"])
