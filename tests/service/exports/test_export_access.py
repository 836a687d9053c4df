"""Who gets which tickets in an export, and who may download its file."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import run_mutation
from support.exports import (
    download,
    export,
    parse_csv,
    parse_lines,
    read_export,
    run_exports,
    start_export,
)
from support.files import error_of, send

from models.core.time import now
from models.jobs.caller_job import JobTicket, JobTicketOutcome
from models.people.token import Token
from models.people.user import User
from resolvers.exports.documents import FIRST_MESSAGES
from workers.ticket_exports import TicketExports

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]

READER = ["tickets:read"]


async def raise_tickets(service: Service, world: World) -> dict[str, dict[str, Any]]:
    """A ticket of each customer, with a reply and a note of an agent."""
    tickets: dict[str, dict[str, Any]] = {}
    ada = service.client(world.ada.token)
    for name in ("cora", "carl", "olga", "otto"):
        client = service.client(getattr(world, name).token)
        tickets[name] = ticket = await client.raise_ticket(f"Ticket of {name}")
        await ada.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
        await ada.do("addNote", ticketId=ticket["id"], body="Secret note.")
    return tickets


async def organization_of(root: Client, user_id: str) -> str:
    query = "query($id: ID!) { node(id: $id) { ... on User { organization { id } } } }"
    return str((await root.run(query, id=user_id))["node"]["organization"]["id"])


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("cora", {"cora", "carl"}),  # a shared organization
        ("olga", {"olga"}),
        ("bill", {"cora", "carl", "olga", "otto"}),  # an agent of another team
    ],
)
async def test_an_export_has_what_its_starter_can_see(
    service: Service, world: World, worker: TicketExports, name: str, seen: set[str]
) -> None:
    tickets = await raise_tickets(service, world)
    client = service.client(getattr(world, name).token)
    content = await export(client, worker)
    lines = parse_lines(content)
    assert {line["ref"] for line in lines} == {tickets[each]["ref"] for each in seen}
    csv_content = await export(client, worker, "CSV")
    rows = parse_csv(csv_content)
    assert [row["ref"] for row in rows] == [line["ref"] for line in lines]
    if name == "bill":
        assert b"Secret note." in content
        assert b"Secret note." in csv_content
        assert {row["requesterEmail"] for row in rows} >= {"cora@example.com"}
        return
    own = f"{name}@example.com"
    assert {row["requesterEmail"] for row in rows} <= {own, ""}
    for each in (content, csv_content):
        assert b"note" not in each.lower()
        assert b"@example.com" not in each.replace(own.encode(), b"")


async def test_a_token_without_the_scope_for_notes_exports_none(
    service: Service, world: World, worker: TicketExports
) -> None:
    await raise_tickets(service, world)
    client = service.client(await api_client_token("Reader", READER))
    content, csv_content = [await export(client, worker, each) for each in ("JSONL", "CSV")]
    assert (len(parse_lines(content)), len(parse_csv(csv_content))) == (4, 4)
    for each in (content, csv_content):
        assert b"Secret note." not in each
        assert b"@example.com" not in each


async def test_tickets_that_the_starter_loses_are_left_out(
    service: Service, world: World, cora: Client, worker: TicketExports
) -> None:
    tickets = await raise_tickets(service, world)
    job = await start_export(cora)
    assert job["total"] == 2
    root = service.client(world.root.token)
    acme = await organization_of(root, world.cora.gid)
    await run_mutation(root, "updateOrganization", organizationId=acme, shared=False)
    await run_exports(worker)
    ended = await read_export(cora, job)
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("FINISHED", 1, 1)
    (error,) = ended["errors"]["nodes"]
    assert (error["ref"], error["code"]) == (tickets["carl"]["ref"], "NOT_FOUND")
    assert [line["ref"] for line in parse_lines(await download(cora, job))] == [
        tickets["cora"]["ref"]
    ]


@pytest.mark.parametrize("tickets_per_part", [1, 100])
async def test_a_ticket_that_is_lost_between_two_pages_is_left_out(
    service: Service,
    world: World,
    cora: Client,
    worker: TicketExports,
    monkeypatch: pytest.MonkeyPatch,
    tickets_per_part: int,
) -> None:
    """Its line would end in the middle."""
    monkeypatch.setattr("workers.ticket_exports.TICKETS_PER_TURN", tickets_per_part)
    lost, kept = await cora.raise_ticket("Long"), await cora.raise_ticket("Short")
    ada = service.client(world.ada.token)
    for number in range(FIRST_MESSAGES + 1):
        await ada.do("replyToTicket", ticketId=lost["id"], body=f"Reply {number}")
    job = await start_export(cora)
    source: Any = worker.source
    read_page = source.read_page

    async def move_first(*arguments: Any) -> Any:
        root = service.client(world.root.token)
        await root.do("changeRequester", ticketId=lost["id"], requesterId=world.olga.gid)
        return await read_page(*arguments)

    source.read_page = move_first
    await run_exports(worker)
    ended = await read_export(cora, job)
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("FINISHED", 1, 1)
    (error,) = ended["errors"]["nodes"]
    assert (error["ref"], error["code"]) == (lost["ref"], "NOT_FOUND")
    assert [line["ref"] for line in parse_lines(await download(cora, job))] == [kept["ref"]]


@pytest.mark.parametrize("loss", ["demoted", "deactivated", "token revoked"])
async def test_an_export_ends_without_a_file_if_its_starter_loses_rights(
    service: Service, world: World, worker: TicketExports, folder: Any, loss: str
) -> None:
    await raise_tickets(service, world)
    root = service.client(world.root.token)
    scopes = READER if loss == "token revoked" else None
    ada = service.client(await token_of(await User.get(id=world.ada.id), scopes))
    job = await start_export(ada)
    if loss == "demoted":
        await run_mutation(root, "updateUser", userId=world.ada.gid, role="CUSTOMER", teams=[])
    elif loss == "deactivated":
        await run_mutation(root, "deactivateUser", userId=world.ada.gid)
    else:
        await Token.filter(user_id=world.ada.id).update(revoked_at=now())
    await run_exports(worker)
    ended = await read_export(root, job)
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("STOPPED", 0, 1)
    assert [each["code"] for each in ended["errors"]["nodes"]] == ["NOT_PERMITTED"]
    assert ended["export"] is None
    assert not [each for each in folder.rglob("exports/*") if each.is_file()]


async def test_an_export_tells_why_it_ended_after_its_last_ticket(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    refs = [(await cora.raise_ticket(f"Ticket {number}"))["ref"] for number in range(2)]
    job, root = await start_export(ada), service.client(world.root.token)
    await worker.run_once(service.clock(), 0)
    assert (await read_export(ada, job))["succeeded"] == 2
    await run_mutation(root, "updateUser", userId=world.ada.gid, role="CUSTOMER", teams=[])
    await run_exports(worker)
    ended = await read_export(root, job)
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("STOPPED", 1, 1)
    (error,) = ended["errors"]["nodes"]
    assert (error["ref"], error["code"]) == (refs[1], "NOT_PERMITTED")


async def test_a_url_ends_with_the_rights_of_the_starter(
    service: Service, world: World, ada: Client, worker: TicketExports
) -> None:
    await raise_tickets(service, world)
    job = await start_export(ada)
    await run_exports(worker)
    url = (await read_export(ada, job))["export"]["url"]
    assert (await send(ada, "GET", url)).status_code == 200
    root = service.client(world.root.token)
    await run_mutation(root, "updateUser", userId=world.ada.gid, role="CUSTOMER", teams=[])
    assert error_of(await send(ada, "GET", url)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("loss", ["moved", "sharing ended", "requester changed"])
async def test_a_customer_who_loses_a_ticket_loses_the_file(
    service: Service, world: World, cora: Client, worker: TicketExports, loss: str
) -> None:
    tickets = await raise_tickets(service, world)
    job = await start_export(cora)
    await run_exports(worker)
    url = (await read_export(cora, job))["export"]["url"]
    assert (await send(cora, "GET", url)).status_code == 200
    root = service.client(world.root.token)
    if loss == "moved":
        other = await organization_of(root, world.olga.gid)
        await run_mutation(root, "updateUser", userId=world.cora.gid, organizationId=other)
    elif loss == "sharing ended":
        acme = await organization_of(root, world.cora.gid)
        await run_mutation(root, "updateOrganization", organizationId=acme, shared=False)
    else:
        ticket = tickets["cora"]["id"]
        await root.do("changeRequester", ticketId=ticket, requesterId=world.olga.gid)
    assert (await read_export(cora, job))["export"]["url"] is None
    assert error_of(await send(cora, "GET", url)) == (404, "NOT_FOUND")


async def test_a_customer_of_another_organization_loses_the_file_without_losing_a_ticket(
    service: Service, world: World, worker: TicketExports
) -> None:
    """Also a running export ends: the reach of its starter is another one."""
    await raise_tickets(service, world)
    olga, root = service.client(world.olga.token), service.client(world.root.token)
    job = await start_export(olga)
    await run_exports(worker)
    url = (await read_export(olga, job))["export"]["url"]
    running = await start_export(olga)
    acme = await organization_of(root, world.cora.gid)
    await run_mutation(root, "updateUser", userId=world.olga.gid, organizationId=acme)
    assert (await read_export(olga, job))["export"]["url"] is None
    assert error_of(await send(olga, "GET", url)) == (404, "NOT_FOUND")
    await run_exports(worker)
    ended = await read_export(olga, running)
    assert (ended["status"], ended["export"]) == ("STOPPED", None)
    assert [each["code"] for each in ended["errors"]["nodes"]] == ["NOT_PERMITTED"]


async def test_only_the_starter_with_all_scopes_gets_the_url(
    service: Service, world: World, ada: Client, worker: TicketExports
) -> None:
    await raise_tickets(service, world)
    job = await start_export(ada)
    await run_exports(worker)
    assert (await read_export(ada, job))["export"]["url"]
    weaker = service.client(await token_of(await User.get(id=world.ada.id), READER))
    assert (await read_export(weaker, job))["export"]["url"] is None
    root = service.client(world.root.token)
    assert (await read_export(root, job))["export"]["url"] is None
    for other in (world.bill, world.cora):
        query = "query($id: ID!) { job(id: $id) { id } }"
        assert await service.client(other.token).run(query, id=job["id"]) == {"job": None}


async def test_a_token_that_only_writes_does_not_learn_which_tickets_an_export_has(
    service: Service, world: World, ada: Client, worker: TicketExports
) -> None:
    await raise_tickets(service, world)
    job = await start_export(ada)
    await run_exports(worker)
    row = await JobTicket.all().order_by("id").first()
    assert row is not None
    await JobTicket.filter(id=row.id).update(outcome=JobTicketOutcome.FAILED)
    query = """query($id: ID!) { job(id: $id) { status tickets { totalCount nodes { ref } }
      exported: tickets(outcomes: [EXPORTED]) { nodes { ticketId } } errors { nodes { ref } } } }"""
    found = (await ada.run(query, id=job["id"]))["job"]
    counts = [len(found[each]["nodes"]) for each in ("tickets", "exported", "errors")]
    assert (counts, found["tickets"]["totalCount"]) == ([4, 3, 1], 4)
    writer = service.client(await token_of(await User.get(id=world.ada.id), ["tickets:write"]))
    assert (await writer.run(query, id=job["id"]))["job"] == {
        "status": "FINISHED",
        "tickets": {"totalCount": 0, "nodes": []},
        "exported": {"nodes": []},
        "errors": {"nodes": []},
    }


async def test_forged_and_expired_urls_are_refused(
    service: Service, ada: Client, worker: TicketExports
) -> None:
    job = await start_export(ada)
    await run_exports(worker)
    url = (await read_export(ada, job))["export"]["url"]
    forged = url.replace("/export?", "/content?")
    assert error_of(await send(ada, "GET", forged)) == (403, "FORBIDDEN")
    assert error_of(await send(ada, "GET", url[:-1] + "~")) == (403, "FORBIDDEN")
    response = await send(ada, "HEAD", url)
    assert (response.status_code, response.content) == (200, b"")
    headers = (await send(ada, "GET", url)).headers
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["content-disposition"].startswith('attachment; filename="tickets-')
    service.clock.advance(minutes=6)
    assert error_of(await send(ada, "GET", url)) == (403, "FORBIDDEN")
