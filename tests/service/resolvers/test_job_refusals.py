"""Jobs: bad input and limits are refused and store nothing; the starter's rights are checked again
for each ticket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.audit import audit
from support.jobs import build_worker, read_errors, read_job, run_caller_jobs
from support.service import running

from engine.limit_refusals import COUNTS
from models.background_metrics import read_background_metrics
from models.core import ids
from models.core.record_limits import REACHED
from models.core.time import now
from models.jobs.caller_job import CallerJob, JobStatus, JobTicket
from models.log import event
from models.log.event import Event, EventType
from models.people.team import Category, Team
from models.people.token import Token
from models.people.user import ApiClient, Role, User
from models.tickets.ticket import Ticket
from workers.caller_jobs import TICKETS_PER_TURN
from workers.cleanup import Cleanup

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

LOW = {"priority": "LOW"}
MISSING_TICKET = "tkt_00000000-0000-7000-8000-000000000007"
MISSING_JOB = "job_00000000-0000-7000-8000-000000000007"
RESOLVE = {"action": "RESOLVE", "resolution": "Done."}


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    limits = {"max_tickets_per_job": TICKETS_PER_TURN + 2, "max_active_jobs_per_caller": 2}
    async with running(url, **limits) as found:
        yield found


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


async def raise_tickets(service: Service, world: World, count: int) -> list[str]:
    cora = service.client(world.cora.token)
    return [(await cora.raise_ticket())["id"] for _ in range(count)]


@pytest.mark.parametrize(
    ("input", "error"),
    [
        ({"change": LOW}, "INVALID ids"),
        ({"change": LOW, "ids": [MISSING_TICKET], "filter": {}}, "INVALID ids"),
        ({"change": LOW, "ids": []}, "REQUIRED ids"),
        ({"change": LOW, "ids": [MISSING_TICKET]}, "NOT_FOUND ids"),
        ({"change": LOW, "ids": ["tkt_1", "\0" * 900]}, "NOT_FOUND ids"),
        ({"change": {}}, "REQUIRED change"),
        ({"change": {"priority": None, "addTags": []}}, "REQUIRED change"),
        ({"change": {"assigneeId": MISSING_TICKET}}, "NOT_FOUND change.assigneeId"),
        ({"change": {"team": "nowhere"}}, "NOT_FOUND change.team"),
        ({"change": {"team": "old"}}, "INVALID change.team"),
        ({"change": {"category": "\0"}}, "NOT_FOUND change.category"),
        ({"change": {"category": "old"}}, "INVALID change.category"),
        ({"change": {"category": "sales", "team": "sales"}}, "INVALID change.team"),
        ({"change": {"addTags": ["x" * 51]}}, "TOO_LONG change.addTags"),
        ({"change": {"addTags": [f"t{n}" for n in range(21)]}}, "TOO_LONG change.addTags"),
        ({"change": {"removeTags": [" "]}}, "REQUIRED change.removeTags"),
        ({"change": {**LOW, "until": "2999-01-01T00:00:00Z"}}, "INVALID change.until"),
        ({"change": {"action": "HOLD", "until": "2001-01-01T00:00:00Z"}}, "INVALID change.until"),
        ({"change": {"action": "RESOLVE"}}, "REQUIRED change.resolution"),
        ({"change": {**RESOLVE, "resolution": "x" * 65_537}}, "TOO_LONG change.resolution"),
        ({"change": {"action": "REOPEN"}}, "REQUIRED change.reopenReason"),
        ({"change": {"action": "START", "resolution": "x"}}, "INVALID change.resolution"),
        ({"change": {**RESOLVE, "closeReason": "SPAM"}}, "INVALID change.closeReason"),
        ({"change": LOW, "idempotencyKey": ""}, "INVALID idempotencyKey"),
    ],
)
async def test_bad_input_is_refused(ada: Client, input: dict[str, Any], error: str) -> None:
    support = await Team.get(slug="support")
    await Team.create(slug="old", name="Old", active=False)
    await Category.create(slug="old", name="Old", team=support, active=False)
    ids = [(await ada.raise_ticket(requesterId=await cora_id()))["id"]]
    selection = {} if {"ids", "filter"} & set(input) or error == "INVALID ids" else {"ids": ids}
    assert await refusal_of(ada, "bulkUpdateTickets", **selection, **input) == error


async def cora_id() -> str:
    return ids.encode(ids.USER, (await User.get(email="cora@example.com")).id)


async def test_an_assignee_must_be_staff_and_an_assignment_starts(ada: Client) -> None:
    cora = await cora_id()
    error = "INVALID change.assigneeId"
    change: dict[str, Any] = {"assigneeId": cora}
    assert await refusal_of(ada, "bulkUpdateTickets", filter={}, change=change) == error
    change = {"assigneeId": ids.encode(ids.USER, (await User.get(role=Role.ADMIN)).id)}
    change["action"] = "START"
    error = "INVALID change.action"
    assert await refusal_of(ada, "bulkUpdateTickets", filter={}, change=change) == error


async def test_a_filter_needs_the_scope_to_read_tickets(service: Service, world: World) -> None:
    await raise_tickets(service, world, 1)
    program = service.client(await api_client_token("Writer", ["tickets:write"]))
    async with assert_nothing_stored():
        with pytest.raises(Refused) as refused:
            await send_mutation(program, "bulkUpdateTickets", filter={}, change=LOW)
    assert refused.value.code == "FORBIDDEN"


async def test_unknown_jobs_are_refused(service: Service, world: World, ada: Client) -> None:
    bill = service.client(world.bill.token)
    await raise_tickets(service, world, 1)
    of_bill = await run_mutation(bill, "bulkUpdateTickets", filter={}, change=LOW)
    for job_id in ("", "job_1", MISSING_JOB, MISSING_TICKET, of_bill["id"]):
        assert await refusal_of(ada, "undoJob", jobId=job_id) == "NOT_FOUND jobId"
        async with assert_nothing_stored():
            query = """mutation($id: ID!) { cancelJob(input: {jobId: $id}) {
              job { id } userErrors { code field } } }"""
            payload = (await ada.run(query, id=job_id))["cancelJob"]
        error = {"code": "NOT_FOUND", "field": ["input", "jobId"]}
        assert payload == {"job": None, "userErrors": [error]}


async def test_the_tickets_of_a_job_are_bounded(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, TICKETS_PER_TURN + 3)
    before = COUNTS["job_tickets"]
    for selection, error in (({"ids": tickets}, "INVALID ids"), ({"filter": {}}, "INVALID filter")):
        assert await refusal_of(ada, "bulkUpdateTickets", **selection, change=LOW) == error
    assert COUNTS["job_tickets"] == before + 2
    job = await run_mutation(ada, "bulkUpdateTickets", ids=tickets[1:], change=LOW)
    assert job["total"] == TICKETS_PER_TURN + 2


async def test_the_active_jobs_of_a_caller_are_bounded(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, 1)
    before = COUNTS["active_jobs"]
    payloads = await asyncio.gather(
        *(send_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW) for _ in range(5))
    )
    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["INVALID"] * 3
    assert COUNTS["active_jobs"] == before + 3
    assert await CallerJob.all().count() == 2
    bill = service.client(world.bill.token)
    await run_mutation(bill, "bulkUpdateTickets", ids=tickets, change=LOW)
    await run_caller_jobs()
    await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)


@pytest.mark.parametrize("loss", ["deactivated", "demoted", "token", "client"])
async def test_a_starter_who_loses_the_rights_changes_no_further_ticket(
    service: Service, world: World, loss: str
) -> None:
    tickets = await raise_tickets(service, world, TICKETS_PER_TURN + 2)
    ada = await User.get(id=world.ada.id)
    text = {
        "token": await token_of(ada, ["tickets:read", "tickets:write"]),
        "client": await api_client_token("Program"),
    }.get(loss, world.ada.token)
    job = await run_mutation(
        service.client(text), "bulkUpdateTickets", ids=tickets, change={"addTags": ["x"]}
    )
    worker = build_worker()
    await worker.run_once(now(), 0)
    if loss == "deactivated":
        await User.filter(id=ada.id).update(active=False)
    elif loss == "demoted":
        await User.filter(id=ada.id).update(role=Role.CUSTOMER)
    elif loss == "token":
        key = (await CallerJob.get()).token_id
        await Token.filter(id=key).update(revoked_at=now())
    else:
        await ApiClient.filter(display_name="Program").update(active=False)
    head = await event.read_head()
    await run_caller_jobs(worker=worker)
    assert await event.read_head() == head
    root = service.client(world.root.token)
    shown = await read_job(root, job)
    assert (shown["status"], shown["succeeded"], shown["failed"]) == (
        *("FINISHED", TICKETS_PER_TURN, 2),
    )
    assert [code for _, code in await read_errors(root, job)] == ["NOT_PERMITTED"] * 2


async def test_a_job_goes_on_after_its_starter_signs_out(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, 1)
    await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)
    await Token.filter(user_id=world.ada.id).update(revoked_at=now())
    await run_caller_jobs()
    assert [ticket.priority for ticket in await Ticket.all()] == [1]
    assert {each.actor_user_id for each in await Event.filter(type=EventType.TICKET_UPDATED)} == {
        world.ada.id
    }


async def test_an_assignee_who_left_fails_each_ticket(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, 1)
    change = {"assigneeId": world.bill.gid}
    job = await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=change)
    await User.filter(id=world.bill.id).update(active=False)
    await run_caller_jobs()
    assert [code for _, code in await read_errors(ada, job)] == ["INVALID"]
    await audit()


async def test_an_error_of_the_server_does_not_hold_up_the_job(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, 2)
    job = await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change={"team": "sales"})
    stored = await CallerJob.get()
    await CallerJob.filter(id=stored.id).update(
        parameters={**stored.parameters, "team_id": MISSING_JOB.removeprefix("job_")}
    )
    head = await event.read_head()
    await run_caller_jobs()
    assert await event.read_head() == head
    assert (await read_job(ada, job))["status"] == "FINISHED"
    assert [code for _, code in await read_errors(ada, job)] == ["INTERNAL"] * 2


async def test_ended_jobs_are_deleted_after_their_time(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, 3)
    await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)
    await run_caller_jobs()
    cancelled = await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)
    key = ids.key_of(ids.JOB, cancelled["id"])
    await CallerJob.filter(id=key).update(status=JobStatus.CANCELLED, finished_at=now())
    waiting = await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)
    await Cleanup().run_once(now(), 0)
    assert await JobTicket.filter(job_id=key).count() == 0, "no job will process them"
    assert await JobTicket.all().count() == 6
    await Cleanup().run_once(now() + timedelta(days=31), 0)
    assert [str(job.id) for job in await CallerJob.all()] == [waiting["id"].removeprefix("job_")]
    assert await JobTicket.all().count() == 3


async def test_only_the_newest_ended_jobs_of_a_caller_are_kept(
    service: Service, world: World, ada: Client
) -> None:
    tickets = await raise_tickets(service, world, 1)
    bill = service.client(world.bill.token)
    kept: list[str] = []
    for client in (bill, ada, ada, ada):
        job = await run_mutation(client, "bulkUpdateTickets", ids=tickets, change=LOW)
        await run_caller_jobs()
        kept.append(job["id"].removeprefix("job_"))
    waiting = await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)
    del kept[1]
    before, cleanup = REACHED["ended_jobs"], Cleanup(max_ended_jobs=2)
    while (await cleanup.run_once(now(), 0)).more:
        pass
    expected = [*kept, waiting["id"].removeprefix("job_")]
    assert [str(job.id) for job in await CallerJob.all().order_by("id")] == expected
    assert REACHED["ended_jobs"] == before + 1


async def test_a_metric_counts_the_jobs(service: Service, world: World, ada: Client) -> None:
    tickets = await raise_tickets(service, world, 1)
    await run_mutation(ada, "bulkUpdateTickets", ids=tickets, change=LOW)
    samples = await read_background_metrics(now(), now())
    counts = {
        each.labels["status"]: each.value
        for each in samples
        if each.name == "ticketwire_caller_jobs"
    }
    assert counts == {"waiting": 1, "running": 0}
