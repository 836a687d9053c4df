"""Jobs that change many tickets: what they change, what they report, and who sees them."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.admin_mutations import JOB_FIELDS, refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.audit import audit
from support.jobs import build_worker, read_errors, read_job, read_rows, run_caller_jobs

from models.core import ids
from models.core.record_limits import RecordLimits
from models.core.time import now
from models.jobs.caller_job import CallerJob
from models.log import event
from models.log.event import Event, EventType
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.ticket import Ticket, TicketTag
from workers.caller_jobs import TICKETS_PER_TURN

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]


async def start(client: Client, tickets: list[dict[str, Any]], **input: Any) -> dict[str, Any]:
    ids = [ticket["id"] for ticket in tickets]
    return await run_mutation(client, "bulkUpdateTickets", ids=ids, **input)


async def raise_tickets(service: Service, world: World, count: int) -> list[dict[str, Any]]:
    cora = service.client(world.cora.token)
    return [await cora.raise_ticket(f"Ticket {number}") for number in range(count)]


async def values(ticket: dict[str, Any], *columns: str) -> list[Any]:
    stored = await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))
    return [getattr(stored, column) for column in columns]


async def test_a_job_changes_each_of_its_tickets(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    one, two, three = await raise_tickets(service, world, 3)
    await ada.do("assignTicket", ticketId=two["id"], assigneeId=world.ada.gid)
    head = await event.read_head()
    change = {"priority": "HIGH", "addTags": ["outage"], "assigneeId": world.ada.gid}
    job = await start(ada, [three, one, two, one], change=change)
    assert job == {
        "id": job["id"],
        "kind": "BULK_UPDATE_TICKETS",
        "status": "WAITING",
        "dryRun": False,
        "errorPolicy": "CONTINUE",
        "progress": 0,
        "total": 3,
        "succeeded": 0,
        "failed": 0,
        "createdBy": {"displayName": "Ada"},
        "cancelledBy": None,
        "startedAt": None,
        "finishedAt": None,
        "undoableUntil": None,
        "result": None,
    }
    assert await event.read_head() == head, "starting a job changes no ticket"
    await run_caller_jobs()
    job = await read_job(ada, job)
    assert (job["status"], job["progress"], job["succeeded"], job["failed"]) == (
        *("FINISHED", 1, 3, 0),
    )
    assert job["result"] == {"changed": 3, "unchanged": 0, "unprocessed": 0}
    rows = await read_rows(ada, job)
    assert [row["ref"] for row in rows] == [one["ref"], two["ref"], three["ref"]]
    assert [row["ticket"]["id"] for row in rows] == [one["id"], two["id"], three["id"]]
    for ticket in (one, two, three):
        assert await values(ticket, "priority", "assignee_id") == [3, world.ada.id]
    events = await Event.filter(position__gt=head).order_by("position")
    assert {each.actor_user_id for each in events} == {world.ada.id}
    updated = [each.ticket_id for each in events if each.type is EventType.TICKET_UPDATED]
    assert len(updated) == len(set(updated)) == 3
    await audit()


async def test_a_filter_fixes_the_tickets_at_the_start(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    one, two = await raise_tickets(service, world, 2)
    filter = {"subject": {"eq": "Ticket 0"}}
    job = await run_mutation(
        ada, "bulkUpdateTickets", filter=filter, change={"action": "START", "priority": "LOW"}
    )
    await service.client(world.cora.token).raise_ticket("Ticket 0")
    await run_caller_jobs()
    assert [row["ref"] for row in await read_rows(ada, job)] == [one["ref"]]
    assert (await values(one, "priority", "status")) == [Priority.LOW, Status.OPEN]
    assert (await values(two, "priority", "status")) == [Priority.NORMAL, Status.NEW]
    empty = await run_mutation(
        ada,
        "bulkUpdateTickets",
        filter={"subject": {"eq": "None"}},
        change={"action": "START"},
    )
    await run_caller_jobs()
    empty = await read_job(ada, empty)
    assert (empty["status"], empty["progress"], empty["total"]) == ("FINISHED", 1, 0)


@pytest.mark.parametrize(
    ("change", "status", "columns"),
    [
        ({"action": "AWAIT_CUSTOMER"}, Status.WAITING_ON_CUSTOMER, {}),
        ({"action": "HOLD", "until": "2999-01-01T00:00:00Z"}, Status.ON_HOLD, {}),
        (
            {"action": "RESOLVE", "resolution": " Fixed. "},
            Status.RESOLVED,
            {"resolution": " Fixed. "},
        ),
        (
            {"action": "CLOSE", "closeReason": "SPAM"},
            Status.CLOSED,
            {"close_reason": CloseReason.SPAM},
        ),
    ],
)
async def test_a_job_takes_an_action(
    service: Service,
    world: World,
    change: dict[str, Any],
    status: Status,
    columns: dict[str, Any],
) -> None:
    ada = service.client(world.ada.token)
    tickets = await raise_tickets(service, world, 1)
    await start(ada, tickets, change=change)
    await run_caller_jobs()
    assert await values(tickets[0], "status", *columns) == [status, *columns.values()]


async def test_resume_and_reopen_fail_where_the_status_forbids_them(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    held, resolved, new = tickets = await raise_tickets(service, world, 3)
    await ada.do("holdTicket", ticketId=held["id"])
    await ada.do("resolveTicket", ticketId=resolved["id"], resolution="Done.")
    resume = await start(ada, tickets, change={"action": "RESUME"})
    reopen = await start(ada, tickets, change={"action": "REOPEN", "reopenReason": "Not done."})
    await run_caller_jobs()
    refused = "TRANSITION_REFUSED"
    assert await read_errors(ada, resume) == [(resolved["ref"], refused), (new["ref"], refused)]
    assert await read_errors(ada, reopen) == [(held["ref"], refused), (new["ref"], refused)]
    assert [await values(ticket, "status") for ticket in tickets] == [
        *([Status.OPEN], [Status.OPEN], [Status.NEW])
    ]
    await audit()


async def test_the_policy_stop_ends_the_job_at_the_first_error(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    one, two, three = await raise_tickets(service, world, 3)
    await ada.do("startTicket", ticketId=two["id"])
    tickets = [one, two, three]
    job = await start(ada, tickets, change={"action": "START"}, errorPolicy="STOP")
    await run_caller_jobs()
    job = await read_job(ada, job)
    assert (job["status"], job["succeeded"], job["failed"]) == ("STOPPED", 1, 1)
    assert job["result"] == {"changed": 1, "unchanged": 0, "unprocessed": 1}
    assert await values(three, "status") == [Status.NEW]
    assert [row["outcome"] for row in await read_rows(ada, job)] == [
        *("CHANGED", "FAILED", "WAITING")
    ]


async def test_a_dry_run_reports_what_would_change_and_changes_nothing(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    one, two, three = tickets = await raise_tickets(service, world, 3)
    await ada.do("updateTicket", ticketId=two["id"], priority="HIGH", addTags=["a"])
    await ada.do("closeTicket", ticketId=three["id"], reason="SPAM")
    change = {"priority": "HIGH", "addTags": ["a"], "category": "billing"}
    job = await start(ada, tickets, change=change, dryRun=True)
    head, before = await event.read_head(), await Ticket.all().order_by("id").values()
    await run_caller_jobs()
    assert await event.read_head() == head
    assert await Ticket.all().order_by("id").values() == before
    rows = await read_rows(ada, job, outcomes=["CHANGED"])
    assert [row["ref"] for row in rows] == [one["ref"], two["ref"], three["ref"]]
    fields = [{each["field"] for each in row["changes"]} for row in rows]
    assert fields[0] == {"priority", "tags", "category", "team"}
    assert fields[1] == {"category", "team"}
    (tags,) = [each for each in rows[0]["changes"] if each["field"] == "tags"]
    assert (tags["from"], tags["to"]) == ("", "a")
    acting = await start(ada, tickets, change={"action": "START"}, dryRun=True)
    await run_caller_jobs()
    assert await read_errors(ada, acting) == [(three["ref"], "TRANSITION_REFUSED")]
    assert (await send_mutation(ada, "undoJob", jobId=job["id"]))["userErrors"], "nothing to undo"


async def test_an_undo_restores_what_nobody_has_changed_since(
    service: Service, world: World
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    tickets = await raise_tickets(service, world, 4)
    one, two, three, four = tickets
    await ada.do("updateTicket", ticketId=one["id"], addTags=["x", "y"])
    await ada.do("assignTicket", ticketId=one["id"], assigneeId=world.bill.gid)
    await ada.do("holdTicket", ticketId=two["id"], until="2999-01-01T00:00:00Z")
    columns = ("priority", "assignee_id", "status", "held_until", "team_id", "category_id")
    before = {ticket["id"]: await values(ticket, *columns) for ticket in tickets}
    change = {
        "priority": "URGENT",
        "category": "billing",
        "assigneeId": world.ada.gid,
        "addTags": ["z"],
        "removeTags": ["X"],
        "action": "AWAIT_CUSTOMER",
    }
    job = await start(ada, tickets, change=change)
    await run_caller_jobs()
    await bill.do("addNote", ticketId=two["id"], body="A note is a change, too.")
    await bill.do("updateTicket", ticketId=three["id"], priority="LOW")
    undo = await run_mutation(ada, "undoJob", jobId=job["id"])
    assert (undo["kind"], undo["total"]) == ("UNDO_JOB", 4)
    await run_caller_jobs()
    changed = [(two["ref"], "CHANGED_SINCE"), (three["ref"], "CHANGED_SINCE")]
    assert await read_errors(ada, undo) == changed
    assert await values(one, *columns) == before[one["id"]]
    assert await tags_of(one) == ["x", "y"]
    before[four["id"]][2] = Status.OPEN  # a NEW ticket does not become NEW again
    assert await values(four, *columns) == before[four["id"]]
    assert await values(three, "priority") == [Priority.LOW]
    assert await values(two, "status") == [Status.WAITING_ON_CUSTOMER]
    assert await refusal_of(ada, "undoJob", jobId=job["id"]) == "INVALID jobId"
    assert await refusal_of(ada, "undoJob", jobId=undo["id"]) == "INVALID jobId"
    await audit()


async def tags_of(ticket: dict[str, Any]) -> list[str]:
    key = ids.key_of(ids.TICKET, ticket["id"])
    return [tag.name for tag in await TicketTag.filter(ticket_id=key).order_by("name")]


async def test_an_undo_is_possible_for_a_day_and_only_of_reversible_changes(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    tickets = await raise_tickets(service, world, 1)
    job = await start(ada, tickets, change={"priority": "LOW"}, idempotencyKey="k")
    assert await refusal_of(ada, "undoJob", jobId=job["id"]) == "INVALID jobId"
    await run_caller_jobs()
    assert (await read_job(ada, job))["undoableUntil"] is not None
    service.clock.advance(hours=25)
    assert await refusal_of(ada, "undoJob", jobId=job["id"]) == "INVALID jobId"
    resolved = await start(ada, tickets, change={"action": "RESOLVE", "resolution": "Done."})
    await run_caller_jobs(service.clock())
    assert (await read_job(ada, resolved))["undoableUntil"] is None
    assert await refusal_of(ada, "undoJob", jobId=resolved["id"]) == "INVALID jobId"


async def test_an_undo_with_a_key_starts_once(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    job = await start(ada, await raise_tickets(service, world, 1), change={"priority": "LOW"})
    await run_caller_jobs()
    first = await send_mutation(ada, "undoJob", jobId=job["id"], idempotencyKey="k")
    again = await send_mutation(ada, "undoJob", jobId=job["id"], idempotencyKey="k")
    assert again == {**first, "replayed": True}
    assert await CallerJob.filter(undoes_id__not_isnull=True).count() == 1
    undone = await cancel(ada, first["job"])
    assert undone["status"] == "CANCELLED"
    await run_mutation(ada, "undoJob", jobId=job["id"])


async def cancel(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    query = f"""mutation($id: ID!) {{ cancelJob(input: {{jobId: $id}}) {{
      job {{ {JOB_FIELDS} }} userErrors {{ code field }} }} }}"""
    payload = (await client.run(query, id=job["id"]))["cancelJob"]
    assert payload["userErrors"] == []
    return dict(payload["job"])


async def test_a_cancelled_job_changes_no_further_ticket(service: Service, world: World) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    tickets = await raise_tickets(service, world, TICKETS_PER_TURN + 2)
    job = await start(ada, tickets, change={"priority": "LOW"})
    worker = build_worker()
    await worker.run_once(now(), 0)
    cancelled = await cancel(root, job)
    assert (cancelled["status"], cancelled["cancelledBy"]) == ("CANCELLED", {"displayName": "Root"})
    head = await event.read_head()
    await run_caller_jobs(worker=worker)
    assert await event.read_head() == head
    result = {"changed": TICKETS_PER_TURN, "unchanged": 0, "unprocessed": 2}
    assert (await read_job(ada, job))["result"] == result
    assert await cancel(ada, job) == cancelled, "a second call changes nothing"
    undo = await run_mutation(ada, "undoJob", jobId=job["id"])
    assert undo["total"] == TICKETS_PER_TURN


async def test_running_jobs_take_turns_and_others_wait(service: Service, world: World) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    tickets = await raise_tickets(service, world, TICKETS_PER_TURN + 1)
    jobs = [await start(ada, tickets, change={"addTags": [f"t{n}"]}) for n in range(3)]
    jobs.append(await start(bill, tickets, change={"addTags": ["t3"]}))
    worker = build_worker(limits=RecordLimits(max_running_jobs_per_caller=2))
    for _ in range(3):
        assert (await worker.run_once(now(), 0)).count == TICKETS_PER_TURN
    shown = [await read_job(ada, job) for job in jobs[:3]]
    assert [job["status"] for job in shown] == ["RUNNING", "RUNNING", "WAITING"]
    assert [job["succeeded"] for job in shown] == [TICKETS_PER_TURN, TICKETS_PER_TURN, 0]
    assert (await read_job(bill, jobs[3]))["succeeded"] == TICKETS_PER_TURN
    await run_caller_jobs(worker=worker)
    assert await tags_of(tickets[0]) == ["t0", "t1", "t2", "t3"]


async def test_callers_see_their_own_jobs_and_admins_all(service: Service, world: World) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    root = service.client(world.root.token)
    program = service.client(await api_client_token("Other", ["tickets:write"]))
    tickets = await raise_tickets(service, world, 1)
    of_ada, of_bill, of_program = [
        await start(each, tickets, change={"priority": "LOW"}) for each in (ada, bill, program)
    ]

    async def listed(client: Client, arguments: str = "") -> list[str]:
        found = await client.run(f"{{ jobs{arguments} {{ nodes {{ id }} }} }}")
        return [node["id"] for node in found["jobs"]["nodes"]]

    assert await listed(ada) == [of_ada["id"]]
    assert await listed(program) == [of_program["id"]]
    assert await listed(root) == [of_program["id"], of_bill["id"], of_ada["id"]]
    assert await listed(root, "(own: true)") == []
    assert await listed(root, "(statuses: [FINISHED])") == []
    assert await listed(root, "(kinds: [BULK_UPDATE_TICKETS], first: 1)") == [of_program["id"]]
    for query in ("job(id: $id) { id }", "node(id: $id) { id }"):
        text = f"query($id: ID!) {{ found: {query} }}"
        assert (await ada.run(text, id=of_bill["id"]))["found"] is None
        assert (await root.run(text, id=of_bill["id"]))["found"] is not None
    assert await refusal_of(ada, "undoJob", jobId=of_bill["id"]) == "NOT_FOUND jobId"
    await run_caller_jobs()
    row = (await read_rows(program, of_program))[0]
    assert (row["ref"], row["ticket"]) == (tickets[0]["ref"], None), "it may not read tickets"
    await audit()


async def test_a_token_that_only_writes_starts_no_dry_run(service: Service, world: World) -> None:
    program = service.client(await api_client_token("Other", ["tickets:write"]))
    tickets = await raise_tickets(service, world, 1)
    async with assert_nothing_stored():
        with pytest.raises(Refused, match="FORBIDDEN"):
            await start(program, tickets, change={"priority": "LOW"}, dryRun=True)
    job = await start(program, tickets, change={"priority": "LOW"})
    await run_caller_jobs()
    (row,) = await read_rows(program, job)
    assert (row["outcome"], row["changes"]) == ("CHANGED", [])


async def test_a_dry_run_stores_no_long_texts(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    tickets = await raise_tickets(service, world, 1)
    change = {"action": "RESOLVE", "resolution": "long " * 1000}
    job = await start(ada, tickets, change=change, dryRun=True)
    await run_caller_jobs()
    (row,) = await read_rows(ada, job)
    assert {each["field"] for each in row["changes"]} == {"status"}


async def test_a_job_of_many_tickets_costs_more(service: Service, world: World) -> None:
    tickets = await raise_tickets(service, world, 10)
    query = """mutation($input: BulkUpdateTicketsInput!) {
      bulkUpdateTickets(input: $input) { userErrors { message } } }"""
    costs: list[int] = []
    for count in (1, 10):
        ids_of_tickets = [ticket["id"] for ticket in tickets[:count]]
        input = {"ids": ids_of_tickets, "change": {"priority": "LOW"}}
        answer = await service.client(world.ada.token).answer(query, input=input)
        costs.append(answer["extensions"]["cost"]["requested"])
    assert costs[1] - costs[0] == 3  # 2 for the rows, 1 for the list of ids
