"""`ticketwire follow` in this process, against the service: what each kind of change does to the
rows of a mirror."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Service, World
from support.actors import api_client_token
from support.admin_mutations import run_mutation
from support.custom_fields import define_all
from support.databases import IS_SQLITE
from support.erasure import erase
from support.mirrors import SCOPES, check_mirror, follow_once, read_rows
from support.retention import AGE_DAYS, create_policy, run_retention

from models.core import time

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]

TARGETS = ["sqlite", "jsonl"] if IS_SQLITE else ["postgres"]
"""Each kind of target is tested with the database that it is like."""
REASON = {"reason": "A password."}


@pytest.fixture(params=TARGETS)
def to(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> str:
    """An empty target. That of Postgres is a schema beside the service's own."""
    return {
        "sqlite": f"sqlite:///{tmp_path}/mirror.db",
        "jsonl": f"jsonl:{tmp_path}/mirror.jsonl",
        "postgres": url,
    }[request.param]


class Mirrored:
    """A service with a mirror."""

    def __init__(self, service: Service, token: str, to: str, folder: Path) -> None:
        self.server, self.token = f"http://127.0.0.1:{service.port}", token
        self.to, self.folder = to, folder

    async def update(self) -> dict[str, Any]:
        """Bring the mirror up to date, and check all rows; return them."""
        await follow_once(self.server, self.token, self.to)
        return await check_mirror(self.server, self.token, self.to, self.folder)

    def content(self) -> bytes:
        """All bytes of the files of the target."""
        return b"".join(
            path.read_bytes()
            for path in sorted(self.folder.glob("mirror.*"))
            if path.suffix != ".lock"
        )


@pytest.fixture
async def mirror(service: Service, world: World, to: str, tmp_path: Path) -> Mirrored:
    return Mirrored(service, await api_client_token("mirror", SCOPES), to, tmp_path)


async def test_rows_follow_all_kinds_of_changes(
    mirror: Mirrored, service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    first = (await cora.raise_ticket("first", tags=["vpn"]))["id"]
    await cora.do("replyToTicket", ticketId=first, body="It happens on WiFi.")
    rows = await mirror.update()
    assert rows["tickets"][first]["subject"] == "first"
    assert rows["tickets"][first]["requester_id"] == world.cora.gid
    assert rows["people"][world.ada.gid]["email"] == "ada@example.com"

    second = (await cora.raise_ticket("second", externalId="x-2"))["id"]
    await ada.do("assignTicket", ticketId=first, assigneeId=world.ada.gid)
    await ada.do("addNote", ticketId=first, body="A note.")
    await ada.do("replyToTicket", ticketId=first, body="We look.", then="AWAIT_CUSTOMER")
    await ada.do("updateTicket", ticketId=first, addTags=["b"], priority="HIGH")
    await ada.do("transferTicket", ticketId=first, team="sales")
    await ada.do("escalateTicket", ticketId=first, reason="slow")
    await ada.do("linkTickets", ticketId=first, otherId=second, kind="RELATED")
    await ada.do("watchTicket", ticketId=second)
    await ada.do("resolveTicket", ticketId=first, resolution="Restarted.")
    await cora.do("rateTicket", ticketId=first, score=4, comment="Good.")
    await root.run(
        """mutation($id: ID!) { updateUser(input: {userId: $id, displayName: "Ada B"}) {
             userErrors { message } } }""",
        id=world.ada.gid,
    )
    rows = await mirror.update()
    ticket = rows["tickets"][first]
    assert (ticket["status"], ticket["team"], ticket["resolution"]) == (
        *("RESOLVED", "sales", "Restarted."),
    )
    assert (ticket["satisfaction_score"], ticket["satisfaction_comment"]) == (4, "Good.")
    assert ticket["links"] == [{"kind": "RELATED", "ticketId": second}]
    assert rows["tickets"][second]["watcher_ids"] == [world.ada.gid]
    assert rows["people"][world.ada.gid]["display_name"] == "Ada B"
    assert {each["kind"] for each in rows["messages"].values()} == {"REPLY", "NOTE"}
    changes = [
        (change["field"], change["from"], change["to"])
        for each in rows["events"].values()
        for change in each["data"].get("changes", ())
    ]
    assert ("priority", "NORMAL", "HIGH") in changes


async def test_a_merge_and_its_undoing_reach_the_mirror(
    mirror: Mirrored, service: Service, world: World
) -> None:
    """The reply moves to another ticket, and its former event changes its type."""
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    kept = (await service.client(world.cora.token).raise_ticket("kept"))["id"]
    merged = (await olga.raise_ticket("merged"))["id"]
    third = (await olga.raise_ticket("third"))["id"]
    await root.do("mergeTickets", ticketId=third, intoId=merged)
    merge = {"ticketId": merged, "intoId": kept, "acrossRequesters": True}
    await root.do("mergeTickets", **merge)
    reply = await olga.do("replyToTicket", ticketId=kept, body="Mine.")
    rows = await mirror.update()
    message = reply["reply"]["id"]
    assert rows["tickets"][third]["merged_into_id"] == kept
    assert rows["messages"][message]["ticket_id"] == kept
    await ada.do("unmergeTicket", ticketId=merged)
    rows = await mirror.update()
    assert rows["tickets"][third]["merged_into_id"] == merged
    assert rows["messages"][message]["ticket_id"] == merged
    assert "REPLY_MOVED" in {each["type"] for each in rows["events"].values()}


async def test_a_redaction_removes_the_text_from_the_target(
    mirror: Mirrored, service: Service, world: World
) -> None:
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    ticket = (await cora.raise_ticket("My hunter2 fails"))["id"]
    await root.do("updateTicket", ticketId=ticket, subject="hunter2 fails")
    reply = await cora.do("replyToTicket", ticketId=ticket, body="It is hunter2.")
    rows = await mirror.update()
    assert "hunter2" in str(rows)
    where = {"ticketId": ticket, "field": "SUBJECT"}
    await root.do("redactTicket", **where, text="hunter2", **REASON)
    await root.do("redactMessage", messageId=reply["reply"]["id"], text="hunter2", **REASON)
    await cora.do("replyToTicket", ticketId=ticket, body="Thanks.")
    rows = await mirror.update()
    assert "hunter2" not in str(rows)
    assert rows["tickets"][ticket]["subject"] == "[redacted] fails"
    assert rows["messages"][reply["reply"]["id"]]["body"] == "It is [redacted]."
    assert b"hunter2" not in mirror.content()


async def test_an_erasure_removes_the_person_from_the_target(
    mirror: Mirrored, service: Service, world: World
) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    root = service.client(world.root.token)
    ticket = (await olga.raise_ticket("Olga needs help", tags=["olga-tag"]))["id"]
    await olga.do("replyToTicket", ticketId=ticket, body="Write to olga@example.com.")
    await ada.do("replyToTicket", ticketId=ticket, body="Dear Olga, we will.")
    await root.run(
        """mutation($id: ID!) { updateUser(input: {userId: $id, displayName: "Olga Olgasson"}) {
             userErrors { message } } }""",
        id=world.olga.gid,
    )
    rows = await mirror.update()
    assert rows["people"][world.olga.gid]["email"] == "olga@example.com"
    await erase(root, world.olga.gid)
    rows = await mirror.update()
    assert rows["people"][world.olga.gid]["display_name"] == "Erased person"
    assert rows["tickets"][ticket]["subject"] == "[erased]"
    for text in ("olga@example.com", "Olgasson", "needs help", "olga-tag"):
        assert text not in str(rows)
        assert text.encode() not in mirror.content()


async def test_changes_of_people_and_teams_reach_the_mirror(
    mirror: Mirrored, service: Service, world: World
) -> None:
    root = service.client(world.root.token)
    await mirror.update()
    organization = await run_mutation(root, "createOrganization", name="New", domains=["b.example"])
    person = await run_mutation(
        *(root, "createUser"),
        email="new@example.com",
        displayName="New",
        organizationId=organization["id"],
        externalId="crm-1",
        locale="de-CH",
        timeZone="Europe/Zurich",
    )
    await run_mutation(root, "createTeam", slug="night", name="Night")
    await run_mutation(root, "createCategory", slug="alarm", name="Alarm", team="night")
    await run_mutation(root, "addTeamMember", team="night", userId=world.ada.gid)
    rows = await mirror.update()
    assert rows["organizations"][organization["id"]]["domains"] == ["b.example"]
    assert rows["people"][person["id"]]["time_zone"] == "Europe/Zurich"
    assert rows["people"][world.ada.gid]["teams"] == ["night", "support"]
    assert {each["team"] for each in rows["categories"].values()} >= {"night"}

    ticket = (await service.client(world.olga.token).raise_ticket("hers"))["id"]
    await root.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
    await root.do("changeRequester", ticketId=ticket, requesterId=world.cora.gid)
    await root.do("addWatcher", ticketId=ticket, userId=world.bill.gid)
    await root.do("addWatcher", ticketId=ticket, userId=world.olga.gid)
    await run_mutation(root, "removeTeamMember", team="night", userId=world.ada.gid)
    await run_mutation(root, "updateCategory", category="alarm", team="support", parent="technical")
    await run_mutation(root, "updateTeam", team="night", active=False, assignsByLoad=True)
    fields = {"name": "Newer", "shared": True, "domains": ["c.example", "a.example"]}
    await run_mutation(root, "updateOrganization", organizationId=organization["id"], **fields)
    await run_mutation(root, "updateUser", userId=world.ada.gid, email="ada@b.example")
    await run_mutation(root, "deactivateUser", userId=world.ada.gid, reassignTo=world.bill.gid)
    await run_mutation(root, "archiveOrganization", organizationId=organization["id"])
    rows = await mirror.update()
    assert rows["people"][world.ada.gid]["active"] is False
    assert rows["tickets"][ticket]["participant_ids"] == [world.olga.gid]


async def test_custom_fields_and_retention_reach_the_mirror(
    mirror: Mirrored, service: Service, world: World
) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    fields = await define_all(root)
    values = [
        {"key": "note", "text": "Call Olga Olgasson"},
        {"key": "seats", "number": 2.5},
        {"key": "urgent", "boolean": True},
        {"key": "due", "date": "2026-01-31"},
        {"key": "region", "options": ["us"]},
        {"key": "products", "options": ["vpn", "dns"]},
    ]
    ticket = (await service.client(world.olga.token).raise_ticket("old"))["id"]
    await ada.do("updateTicket", ticketId=ticket, customFields=values)
    await ada.do("closeTicket", ticketId=ticket, reason="SPAM")
    rows = await mirror.update()
    assert rows["tickets"][ticket]["custom_fields"] == {
        "note": "Call Olga Olgasson",
        "seats": 2.5,
        "urgent": True,
        "due": "2026-01-31",
        "region": "us",
        "products": ["dns", "vpn"],
    }
    await run_mutation(root, "archiveCustomField", fieldId=fields["seats"])
    await create_policy(root)
    await run_retention(time.now() + timedelta(days=AGE_DAYS + 2))
    rows = await mirror.update()
    assert rows["tickets"][ticket]["texts_erased_at"] is not None
    assert "Olgasson" not in str(rows)
    assert b"Olgasson" not in mirror.content()


async def test_a_repeated_run_changes_nothing(
    mirror: Mirrored, service: Service, world: World
) -> None:
    await service.client(world.cora.token).raise_ticket("first")
    await mirror.update()
    before = await read_rows(mirror.to, with_as_of=True)
    (line,) = await follow_once(mirror.server, mirror.token, mirror.to)
    assert line.endswith("0 rows written")
    assert await read_rows(mirror.to, with_as_of=True) == before


async def test_an_erased_name_of_a_team_or_a_category_leaves_the_mirror(
    mirror: Mirrored, service: Service, world: World
) -> None:
    root, address = service.client(world.root.token), "olga@example.com"
    await run_mutation(root, "createTeam", slug="vip", name=f"For {address}")
    await run_mutation(root, "createCategory", slug="alarm", name=f"Mail {address}", team="vip")
    rows = await mirror.update()
    assert any(address in row["name"] for row in rows["teams"].values())
    await erase(root, world.olga.gid)
    rows = await mirror.update()
    for table in ("teams", "categories"):
        assert not any(address in row["name"] for row in rows[table].values())
    if "postgres" not in mirror.to:
        assert address.encode() not in mirror.content()
