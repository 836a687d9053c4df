"""Who can be erased, refusals, repetitions, agents, and erasures that are interrupted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support import Refused, Service, World
from support.actors import api_client_token
from support.admin_mutations import run_mutation
from support.assert_unchanged import assert_nothing_stored, format_error
from support.audit import audit
from support.custom_fields import define, set_values
from support.erasure import erase, find_rows, read_erasure, send_erasure, start_erasure
from support.jobs import build_worker, run_caller_jobs

from models.audit.directory_event import DirectoryEvent
from models.core import ids
from models.core.time import now
from models.erasure import ticket_erasure
from models.jobs.caller_job import CallerJob
from models.log.event import Event, EventType
from models.people.token import Token
from models.people.user import User
from models.tickets.message import Message
from workers.cleanup import Cleanup

pytestmark = [
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.without_default_policies,
    pytest.mark.never_retried,
]

ADDRESS = "cora@example.com"


async def test_refused_erasures(service: Service, world: World) -> None:
    root = service.client(world.root.token)
    for user_id, changes, error in (
        (world.ada.gid, {}, "INVALID userId"),
        (world.root.gid, {}, "INVALID userId"),
        (ids.encode(ids.USER, ids.new_id()), {}, "NOT_FOUND userId"),
        (ids.encode(ids.TICKET, ids.new_id()), {}, "NOT_FOUND userId"),
        ("", {}, "NOT_FOUND userId"),
        (world.cora.gid, {"reason": " "}, "REQUIRED reason"),
        (world.cora.gid, {"reason": "r" * 1001}, "TOO_LONG reason"),
        (world.cora.gid, {"reason": "Cora has asked"}, "INVALID reason"),
        (world.cora.gid, {"reason": f"Mail of {ADDRESS.upper()}"}, "INVALID reason"),
        (world.cora.gid, {"idempotencyKey": ""}, "INVALID idempotencyKey"),
    ):
        async with assert_nothing_stored():
            payload = await send_erasure(root, user_id, **changes)
        assert payload["job"] is None
        assert [format_error(each) for each in payload["userErrors"]] == [error]
    limited = await api_client_token("Limited", ["tickets:read", "tickets:write", "users:write"])
    for token in (world.ada.token, world.cora.token, limited):
        async with assert_nothing_stored():
            with pytest.raises(Refused) as refused:
                await send_erasure(service.client(token), world.carl.gid)
        assert refused.value.code == "FORBIDDEN"


async def test_the_account_ends_with_the_mutation(service: Service, world: World) -> None:
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    job = await start_erasure(root, world.cora.gid, idempotencyKey="k")
    assert (job["status"], job["erasure"]["verifiedAt"]) == ("WAITING", None)
    with pytest.raises(Refused) as refused:
        await cora.run("{ viewer { __typename } }")
    assert refused.value.code == "UNAUTHENTICATED"
    token = await Token.get(user_id=world.cora.id)
    assert (token.name, token.address, token.user_agent) == ("[erased]", None, None)
    assert (await send_erasure(root, world.cora.gid, idempotencyKey="k"))["replayed"]
    payload = await send_erasure(root, world.cora.gid)
    assert [format_error(each) for each in payload["userErrors"]] == ["INVALID userId"]
    cancelled = await root.run(
        """mutation($id: ID!) { cancelJob(input: {jobId: $id}) {
          userErrors { code field } } }""",
        id=job["id"],
    )
    assert cancelled["cancelJob"]["userErrors"] == [
        {"code": "INVALID", "field": ["input", "jobId"]}
    ]


async def test_an_erased_person_stays_erased(service: Service, world: World) -> None:
    root = service.client(world.root.token)
    await service.client(world.cora.token).raise_ticket()
    await erase(root, world.cora.gid)
    head = await Event.all().count()
    again = await erase(root, world.cora.gid)
    assert (again["status"], again["erasure"]["erased"], again["failed"]) == ("FINISHED", [], 0)
    assert again["erasure"]["verifiedAt"] is None, "the job knew no address to look for"
    assert await Event.all().count() == head, "the tickets had no text of the person any more"
    for name, changes in (("reactivateUser", {}), ("updateUser", {"displayName": "Cora"})):
        query = f"""mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{
          userErrors {{ code field }} }} }}"""
        found = await root.run(query, input={"userId": world.cora.gid, **changes})
        assert found[name]["userErrors"] == [{"code": "INVALID", "field": ["input", "userId"]}]
    row = {"email": (await User.get(id=world.cora.id)).email, "displayName": "Cora"}
    query = """mutation($rows: [UserRowInput!]!) { upsertUsers(input: {users: $rows}) {
      results { userErrors { code field } } } }"""
    results = (await root.run(query, rows=[row]))["upsertUsers"]["results"]
    assert [each["code"] for each in results[0]["userErrors"]] == ["INVALID"]
    assert results[0]["userErrors"][0]["field"][-1] == "email"
    assert (await User.get(id=world.cora.id)).display_name == "Erased person"


async def test_what_an_agent_wrote_stays_without_the_name(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    ticket = (await cora.raise_ticket())["id"]
    await ada.do("replyToTicket", ticketId=ticket, body="Restart it. Ada, ada@example.com")
    await run_mutation(root, "deactivateUser", userId=world.ada.gid)
    job = await erase(root, world.ada.gid)
    assert (job["failed"], job["erasure"]["remaining"]) == (0, [])
    query = """query($id: ID!) { ticket(id: $id) { subject messages { nodes { body
      author { ... on User { displayName } } } } } }"""
    shown = (await cora.run(query, id=ticket))["ticket"]
    assert shown["subject"] != "[erased]"
    assert shown["messages"]["nodes"] == [
        {"body": "Restart it. [erased], [erased]", "author": {"displayName": "Erased person"}}
    ]
    assert await find_rows("ada@example.com") == []
    await audit()


@pytest.mark.parametrize("has_events", [True, False])
async def test_what_a_former_agent_wrote_stays_too(
    service: Service, world: World, *, has_events: bool
) -> None:
    """Also without directory events of the former role, on a ticket with a note of theirs."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    ticket = (await cora.raise_ticket())["id"]
    await ada.do("replyToTicket", ticketId=ticket, body="Restart it.")
    await ada.do("addNote", ticketId=ticket, body="It is the usual defect.")
    await run_mutation(root, "updateUser", userId=world.ada.gid, role="CUSTOMER")
    if not has_events:
        await DirectoryEvent.filter(record_id=world.ada.id).delete()
    job = await erase(root, world.ada.gid)
    assert (job["failed"], job["erasure"]["remaining"]) == (0, [])
    bodies = await Message.all().order_by("id").values_list("body", flat=True)
    assert bodies == ["Restart it.", "It is the usual defect."]


async def test_a_customer_does_not_see_that_a_note_has_changed(
    service: Service, world: World
) -> None:
    """Only a note and a hidden field of a colleague's ticket mention the person."""
    carl, ada = service.client(world.carl.token), service.client(world.ada.token)
    ticket = (await carl.raise_ticket())["id"]
    await define(service.client(world.root.token), "source", customerAccess="HIDDEN")
    await set_values(ada, ticket, {"key": "source", "text": f"By {ADDRESS}"})
    await ada.do("addNote", ticketId=ticket, body=f"Ask {ADDRESS}.")
    before = await carl.run("query($id: ID!) { ticket(id: $id) { version } }", id=ticket)
    await erase(service.client(world.root.token), world.cora.gid)
    event = await Event.get(type=EventType.TICKET_REDACTED)
    assert event.internal
    after = await carl.run("query($id: ID!) { ticket(id: $id) { version } }", id=ticket)
    assert after == before
    assert await find_rows(ADDRESS) == []
    await audit()


async def test_an_interrupted_erasure_goes_on_where_it_was(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new worker after each step, and one ticket that fails at first. The cleanup runs later."""
    ada = service.client(world.ada.token)
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    for number in range(12):
        ticket = (await cora.raise_ticket(f"Ticket {number}"))["id"]
        await ada.do("addNote", ticketId=ticket, body=f"Of {ADDRESS}")
    job = await start_erasure(root, world.cora.gid)
    erase_files, calls = ticket_erasure.erase_files, list[int]()

    def fail_once(*arguments: object) -> bool:
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("a defect")
        return erase_files(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(ticket_erasure, "erase_files", fail_once)
        while (await build_worker().run_once(now(), 0)).more:
            pass
    shown = await read_erasure(root, job)
    assert (shown["status"], shown["total"], shown["failed"]) == ("FINISHED", 12, 1)
    assert {"name": "tickets", "count": 11} in shown["erasure"]["erased"]
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 11
    cleanup = Cleanup(token_retention=timedelta(days=999), max_ended_jobs=0)
    while (await cleanup.run_once(now() + timedelta(days=60), 0)).count:
        pass
    again = await start_erasure(root, world.cora.gid)
    await run_caller_jobs()
    again = await read_erasure(root, again)
    assert (again["failed"], again["erasure"]["remaining"]) == (0, [])
    assert {"name": "tickets", "count": 1} in again["erasure"]["erased"]
    assert await Event.filter(type=EventType.TICKET_REDACTED).count() == 12
    assert await find_rows(ADDRESS) == []
    assert {str(each.parameters["address"]) for each in await CallerJob.all()} == {""}
    await audit()
