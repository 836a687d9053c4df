"""Jobs that link, merge and unmerge tickets, and change their requesters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Client, Service, World
from support.admin_mutations import refusal_of, run_mutation
from support.audit import audit
from support.jobs import read_job, read_rows, run_caller_jobs

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.without_default_policies]

TICKET_FIELDS = """
  status closeReason requester { displayName } watchers { displayName }
  participants { displayName } mergedInto { ref } links { kind ticket { ref } }
"""
NO_TICKET = "tkt_00000000-0000-0000-0000-000000000000"
NO_USER = "usr_00000000-0000-0000-0000-000000000000"


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def root(service: Service, world: World) -> Client:
    return service.client(world.root.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


@pytest.fixture
def olga(service: Service, world: World) -> Client:
    return service.client(world.olga.token)


async def run(client: Client, tickets: list[dict[str, Any]], **change: Any) -> dict[str, Any]:
    """Run a job on the tickets to its end."""
    ids = [ticket["id"] for ticket in tickets]
    job = await run_mutation(client, "bulkUpdateTickets", ids=ids, change=change)
    await run_caller_jobs()
    return await read_job(client, job)


async def undo(client: Client, job: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Undo the job; the outcome and the code of each ticket."""
    undone = await run_mutation(client, "undoJob", jobId=job["id"])
    await run_caller_jobs()
    return await outcomes(client, undone)


async def outcomes(client: Client, job: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(row["outcome"], row["code"]) for row in await read_rows(client, job)]


async def messages(client: Client, job: dict[str, Any]) -> list[str | None]:
    return [row["message"] for row in await read_rows(client, job)]


async def read(client: Client, ticket: dict[str, Any]) -> dict[str, Any]:
    query = f"query($id: ID!) {{ ticket(id: $id) {{ {TICKET_FIELDS} }} }}"
    return dict((await client.run(query, id=ticket["id"]))["ticket"])


async def test_a_job_links_each_ticket_to_one_and_an_undo_unlinks_them(
    ada: Client, cora: Client
) -> None:
    first, second, parent = tickets = [await cora.raise_ticket() for _ in range(3)]
    job = await run(ada, tickets, link={"otherId": parent["id"], "kind": "CHILD_OF"})
    assert await outcomes(ada, job) == [("CHANGED", None), ("CHANGED", None), ("FAILED", "INVALID")]
    assert (await messages(ada, job))[2] == "otherId must be another ticket"
    child_link = {"kind": "CHILD_OF", "ticket": {"ref": parent["ref"]}}
    assert (await read(ada, first))["links"] == [child_link]
    found = {each["ticket"]["ref"] for each in (await read(ada, parent))["links"]}
    assert found == {first["ref"], second["ref"]}
    again = await run(ada, [first], link={"otherId": parent["id"], "kind": "CHILD_OF"})
    assert await outcomes(ada, again) == [("UNCHANGED", None)]
    await ada.do("addNote", ticketId=second["id"], body="Mine")
    assert await undo(ada, job) == [("CHANGED", None), ("FAILED", "CHANGED_SINCE")]
    assert (await read(ada, first))["links"] == []
    found = {each["ticket"]["ref"] for each in (await read(ada, parent))["links"]}
    assert found == {second["ref"]}
    await audit()


async def test_a_job_removes_links_and_an_undo_restores_them(ada: Client, cora: Client) -> None:
    first, second, other = [await cora.raise_ticket() for _ in range(3)]
    for kind in ("RELATED", "CHILD_OF"):
        await ada.do("linkTickets", ticketId=first["id"], otherId=other["id"], kind=kind)
    before = [await read(ada, each) for each in (first, other)]
    unlink = {"otherId": other["id"]}
    job = await run(ada, [first, second], unlink=unlink)
    assert await outcomes(ada, job) == [("CHANGED", None), ("UNCHANGED", None)]
    assert (await read(ada, other))["links"] == []
    assert await undo(ada, job) == [("CHANGED", None)]
    restored = [await read(ada, each) for each in (first, other)]
    for ticket in (*before, *restored):
        ticket["links"].sort(key=str)
    assert restored == before
    await run(ada, [first], unlink={**unlink, "kind": "RELATED"})
    assert [each["kind"] for each in (await read(ada, first))["links"]] == ["CHILD_OF"]


async def test_a_link_that_a_ticket_can_not_have_fails_for_this_ticket(
    ada: Client, cora: Client
) -> None:
    above, below = [await cora.raise_ticket() for _ in range(2)]
    await ada.do("linkTickets", ticketId=below["id"], otherId=above["id"], kind="CHILD_OF")
    job = await run(ada, [above], link={"otherId": below["id"], "kind": "DUPLICATE_OF"})
    assert await outcomes(ada, job) == [("FAILED", "INVALID")]
    assert await messages(ada, job) == [
        "kind contradicts the existing link PARENT_OF. Remove that one first."
    ]


async def test_a_job_merges_tickets_and_an_undo_separates_them(
    root: Client, cora: Client, olga: Client
) -> None:
    waiting = await cora.raise_ticket()
    tickets = [await cora.raise_ticket(), await olga.raise_ticket(), waiting]
    await root.do("awaitCustomer", ticketId=waiting["id"])
    into = await cora.raise_ticket()
    before = [await read(root, each) for each in tickets]
    job = await run(root, tickets, merge={"intoId": into["id"], "acrossRequesters": True})
    assert (job["succeeded"], job["failed"]) == (3, 0)
    for ticket in tickets:
        merged = await read(root, ticket)
        assert (merged["status"], merged["closeReason"]) == ("CLOSED", "DUPLICATE")
        assert merged["mergedInto"] == {"ref": into["ref"]}
    assert await undo(root, job) == [("CHANGED", None)] * 3
    after = [await read(root, each) for each in tickets]
    assert [each["status"] for each in after] == ["OPEN", "OPEN", "WAITING_ON_CUSTOMER"]
    for each in (*before, *after):
        del each["status"]
    assert after == before
    await audit()


async def test_only_a_ticket_that_is_still_merged_is_separated(ada: Client, cora: Client) -> None:
    first, second, into = [await cora.raise_ticket() for _ in range(3)]
    job = await run(ada, [first, second], merge={"intoId": into["id"]})
    await ada.do("unmergeTicket", ticketId=first["id"])
    await ada.do("addNote", ticketId=second["id"], body="A copy")
    assert await undo(ada, job) == [("FAILED", "CHANGED_SINCE"), ("CHANGED", None)]
    assert (await read(ada, second))["mergedInto"] is None


async def test_each_ticket_that_can_not_be_merged_tells_why(
    ada: Client, cora: Client, olga: Client
) -> None:
    into, mine = [await cora.raise_ticket() for _ in range(2)]
    theirs = await olga.raise_ticket()
    merged = await cora.raise_ticket()
    await ada.do("mergeTickets", ticketId=merged["id"], intoId=into["id"])
    tickets = [into, mine, theirs, merged]
    ids = [ticket["id"] for ticket in tickets]
    change = {"merge": {"intoId": into["id"]}}
    trial = await run_mutation(ada, "bulkUpdateTickets", ids=ids, change=change, dryRun=True)
    await run_caller_jobs()
    assert (await read(ada, mine))["mergedInto"] is None, "a dry run changes nothing"
    job = await run(ada, tickets, **change)
    for each in (trial, job):
        found = await read_rows(ada, each)
        shown = {row["ticketId"]: (row["outcome"], row["code"], row["message"]) for row in found}
        assert shown == {
            into["id"]: ("FAILED", "INVALID", "intoId must be another ticket"),
            mine["id"]: ("CHANGED", None, None),
            theirs["id"]: (
                "FAILED",
                "REQUIRED",
                "acrossRequesters is required to merge tickets of different requesters, "
                "because each of them will see both conversations",
            ),
            merged["id"]: shown[merged["id"]],
        }
        assert shown[merged["id"]][:2] == ("FAILED", "TRANSITION_REFUSED")
    await audit()


async def test_a_job_undoes_merges(ada: Client, cora: Client) -> None:
    merged, into = [await cora.raise_ticket() for _ in range(2)]
    await ada.do("mergeTickets", ticketId=merged["id"], intoId=into["id"])
    job = await run(ada, [merged, into], unmerge=True)
    assert await outcomes(ada, job) == [("CHANGED", None), ("FAILED", "INVALID")]
    assert (await messages(ada, job))[1] == "This ticket is not merged into another ticket."
    assert job["undoableUntil"] is None
    found = await read(ada, merged)
    assert (found["status"], found["mergedInto"]) == ("OPEN", None)
    await audit()


async def test_a_job_changes_the_requester_and_an_undo_changes_it_back(
    root: Client, cora: Client, world: World
) -> None:
    ticket = await cora.raise_ticket()
    await cora.do("watchTicket", ticketId=ticket["id"])
    before = await read(root, ticket)
    job = await run(root, [ticket], requesterId=world.olga.gid, addTags=["moved"])
    found = await read(root, ticket)
    assert (found["requester"], found["watchers"]) == ({"displayName": "Olga"}, [])
    assert await undo(root, job) == [("CHANGED", None)]
    assert await read(root, ticket) == before
    await audit()


async def test_a_requester_of_another_organization_fails_for_agents(
    ada: Client, cora: Client, world: World
) -> None:
    ticket = await cora.raise_ticket()
    job = await run(ada, [ticket], requesterId=world.olga.gid)
    assert await outcomes(ada, job) == [("FAILED", "INVALID")]
    assert await messages(ada, job) == [
        "requesterId must belong to the organization of the ticket and its requester; "
        "only admins can share a ticket with another organization"
    ]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"requesterId": NO_USER}, "NOT_FOUND change.requesterId"),
        ({"requesterId": "USER", "addWatcherId": "USER"}, "INVALID change.requesterId"),
        ({"link": {"otherId": NO_TICKET, "kind": "RELATED"}}, "NOT_FOUND change.link.otherId"),
        ({"unlink": {"otherId": "x"}}, "NOT_FOUND change.unlink.otherId"),
        ({"link": {"otherId": "TICKET", "kind": "RELATED"}, "unlink": {"otherId": "TICKET"}},
         "INVALID change.unlink"),
        ({"merge": {"intoId": NO_TICKET}}, "NOT_FOUND change.merge.intoId"),
        ({"merge": {"intoId": "TICKET"}, "note": "Copy"}, "INVALID change.merge"),
        ({"unmerge": True, "priority": "LOW"}, "INVALID change.unmerge"),
        ({"unmerge": False}, "REQUIRED change"),
    ],
)  # fmt: skip
async def test_a_wrong_change_is_refused_before_the_job_exists(
    change: dict[str, Any], refusal: str, ada: Client, cora: Client, world: World
) -> None:
    ticket, other = [await cora.raise_ticket() for _ in range(2)]

    text = json.dumps(change).replace("USER", world.bill.gid).replace("TICKET", other["id"])
    filled = json.loads(text)
    found = await refusal_of(ada, "bulkUpdateTickets", ids=[ticket["id"]], change=filled)
    assert found == refusal
