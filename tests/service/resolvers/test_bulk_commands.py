"""Jobs that write replies and notes, escalate, and change watchers and resources."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import refusal_of, run_mutation
from support.erasure import erase
from support.jobs import read_errors, read_job, read_rows, run_caller_jobs

from models.core import ids
from models.jobs.caller_job import CallerJob

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

TICKET_FIELDS = """
  status escalationLevel assignee { displayName } resources { kind externalId name }
  watchers { displayName }
  messages(first: 9) { nodes { __typename body author { displayName } } }
"""
SERVER = {"kind": "server", "externalId": "srv-1", "name": "Web 1"}
DISK = {"kind": "disk", "externalId": "dsk-7"}


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


async def start(client: Client, tickets: list[dict[str, Any]], **change: Any) -> dict[str, Any]:
    ids = [ticket["id"] for ticket in tickets]
    return await run_mutation(client, "bulkUpdateTickets", ids=ids, change=change)


async def read(client: Client, ticket: dict[str, Any]) -> dict[str, Any]:
    query = f"query($id: ID!) {{ ticket(id: $id) {{ {TICKET_FIELDS} }} }}"
    return dict((await client.run(query, id=ticket["id"]))["ticket"])


async def test_a_job_replies_and_notes_on_each_ticket(ada: Client, cora: Client) -> None:
    new, waiting = tickets = [await cora.raise_ticket() for _ in range(2)]
    await ada.do("awaitCustomer", ticketId=waiting["id"])
    job = await start(ada, tickets, reply="The outage is over.", note="Incident 17")
    await run_caller_jobs()
    job = await read_job(ada, job)
    assert (job["succeeded"], job["failed"], job["undoableUntil"]) == (2, 0, None)
    for ticket, status in ((new, "OPEN"), (waiting, "WAITING_ON_CUSTOMER")):
        found = await read(ada, ticket)
        assert found["status"] == status
        assert [(each["__typename"], each["body"]) for each in found["messages"]["nodes"]] == [
            ("Reply", "The outage is over."),
            ("Note", "Incident 17"),
        ]
        assert found["messages"]["nodes"][0]["author"] == {"displayName": "Ada"}
        seen = await read(cora, ticket)
        assert [each["body"] for each in seen["messages"]["nodes"]] == ["The outage is over."]


async def test_a_reply_and_an_action_make_one_change_of_the_status(
    ada: Client, cora: Client
) -> None:
    new, closed = tickets = [await cora.raise_ticket() for _ in range(2)]
    await ada.do("closeTicket", ticketId=closed["id"], reason="DUPLICATE")
    job = await start(ada, tickets, reply="Which version?", action="AWAIT_CUSTOMER")
    await run_caller_jobs()
    assert (await read(ada, new))["status"] == "WAITING_ON_CUSTOMER"
    errors = await read_errors(ada, await read_job(ada, job))
    assert errors == [(closed["ref"], "TRANSITION_REFUSED")]
    assert (await read(ada, closed))["messages"]["nodes"] == []


async def test_a_job_escalates_each_open_ticket(ada: Client, cora: Client) -> None:
    tickets = [await cora.raise_ticket() for _ in range(2)]
    job = await start(ada, tickets, escalationReason="A large customer is affected")
    await run_caller_jobs()
    assert [(await read(ada, each))["escalationLevel"] for each in tickets] == [1, 1]
    assert (await read_job(ada, job))["undoableUntil"] is None


async def test_watchers_and_resources_are_changed_and_an_undo_restores_them(
    ada: Client, cora: Client, world: World
) -> None:
    without, same = tickets = [await cora.raise_ticket() for _ in range(2)]
    await ada.do("updateTicket", ticketId=same["id"], addResources=[DISK])
    await ada.do("addWatcher", ticketId=same["id"], userId=world.bill.gid)
    before = [await read(ada, each) for each in tickets]
    change = {"addResources": [SERVER], "removeResources": [DISK], "addWatcherId": world.bill.gid}
    job = await start(ada, tickets, **change)
    await run_caller_jobs()
    for ticket in tickets:
        found = await read(ada, ticket)
        assert found["resources"] == [SERVER]
        assert [each["displayName"] for each in found["watchers"]] == ["Bill"]
    await run_mutation(ada, "undoJob", jobId=job["id"])
    await run_caller_jobs()
    assert [await read(ada, each) for each in tickets] == before
    removal = await start(ada, tickets, removeWatcherId=world.bill.gid)
    await run_caller_jobs()
    assert [row["outcome"] for row in await read_rows(ada, removal)] == ["UNCHANGED", "CHANGED"]
    await run_mutation(ada, "undoJob", jobId=removal["id"])
    await run_caller_jobs()
    assert (await read(ada, same))["watchers"] == before[1]["watchers"]
    assert (await read(ada, without))["watchers"] == before[0]["watchers"]


async def test_a_dry_run_of_messages_changes_nothing(ada: Client, cora: Client) -> None:
    ticket = await cora.raise_ticket()
    before = await read(ada, ticket)
    selected = {"ids": [ticket["id"]], "dryRun": True}
    job = await run_mutation(ada, "bulkUpdateTickets", **selected, change={"reply": "Hello"})
    await run_caller_jobs()
    (row,) = await read_rows(ada, job)
    assert row["outcome"] == "CHANGED"
    assert await read(ada, ticket) == before


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"reply": " "}, "REQUIRED", "reply"),
        ({"reply": "x" * 65_537}, "TOO_LONG", "reply"),
        ({"note": ""}, "REQUIRED", "note"),
        ({"escalationReason": " "}, "REQUIRED", "escalationReason"),
        ({"addWatcherId": "usr_00000000-0000-0000-0000-000000000000"}, "NOT_FOUND", "addWatcherId"),
        ({"removeWatcherId": "nobody"}, "NOT_FOUND", "removeWatcherId"),
        ({"addResources": [{"kind": " ", "externalId": "1"}]}, "REQUIRED", "addResources"),
        ({"addResources": [{"kind": "a", "externalId": str(i)} for i in range(51)]}, "INVALID",
         "addResources"),
    ],
)  # fmt: skip
async def test_a_wrong_value_is_refused_before_the_job_exists(
    change: dict[str, Any], code: str, field: str, ada: Client, cora: Client
) -> None:
    ticket = await cora.raise_ticket()
    refusal = await refusal_of(ada, "bulkUpdateTickets", ids=[ticket["id"]], change=change)
    assert refusal.startswith(f"{code} change.{field}")


async def test_one_job_adds_or_removes_a_watcher(ada: Client, cora: Client, world: World) -> None:
    ticket = await cora.raise_ticket()
    change = {"addWatcherId": world.bill.gid, "removeWatcherId": world.ada.gid}
    refusal = await refusal_of(ada, "bulkUpdateTickets", ids=[ticket["id"]], change=change)
    assert refusal == "INVALID change.removeWatcherId"


async def test_a_redacted_message_is_redacted_in_the_job_that_wrote_it(
    ada: Client, cora: Client
) -> None:
    tickets = [await cora.raise_ticket() for _ in range(2)]
    change = {"reply": "Your password is hunter2", "note": "Sent hunter2"}
    job = await start(ada, tickets, **change)
    await run_caller_jobs()
    query = "query($id: ID!) { ticket(id: $id) { messages(first: 9) { nodes { id } } } }"
    found = (await ada.run(query, id=tickets[0]["id"]))["ticket"]["messages"]["nodes"]
    for message in found:
        await ada.do("redactMessage", messageId=message["id"], text="hunter2", reason="Leak")
    stored = await CallerJob.get(id=ids.key_of(ids.JOB, job["id"]))
    assert "hunter2" not in str(stored.parameters)
    assert stored.parameters["reply"] == "Your password is [redacted]"


async def test_an_erased_person_disappears_from_the_texts_of_a_job(
    ada: Client, cora: Client, world: World, service: Service
) -> None:
    ticket = await cora.raise_ticket()
    job = await start(ada, [ticket], reply="Dear cora@example.com, it works")
    await run_caller_jobs()
    await erase(service.client(world.root.token), world.cora.gid)
    stored = await CallerJob.get(id=ids.key_of(ids.JOB, job["id"]))
    assert "cora@example.com" not in str(stored.parameters)
