"""Live lists step by step: what each kind of step tells, to whom, from where on, and where a list is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Service, Socket, World
from support.actors import machine
from support.live import head_cursor, operation_error
from support.live_list_client import CHANGES, LiveList, query_tickets
from support.service import running
from support.statements import statements
from support.ticket_commands import create_ticket

from models.core import ids
from models.log.event import Event, decode_cursor, encode_cursor
from models.people.user import Organization
from models.tickets.ticket import Ticket
from resolvers.subscriptions import live_list_source
from schema import root
from schema.types.live_list import changed_fields

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come soon."""
    monkeypatch.setattr(live_list_source, "HEARTBEAT_SECONDS", 0.1)


async def step(socket: Socket) -> dict[str, Any]:
    """The next step that is no heartbeat."""
    while (came := await socket.next("ticketChanges"))["kind"] == "HEARTBEAT":
        pass
    return came


def shape(came: dict[str, Any]) -> tuple[str, str | None, str | None]:
    return came["kind"], came["ticketId"], came["event"] and came["event"]["type"]


async def test_a_list_begins_with_a_snapshot_at_one_position(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    keys = [(await cora.raise_ticket(str(n)))["id"] for n in range(3)]
    kept = LiveList()
    async with ada.socket() as socket:
        await kept.subscribe(socket)
    assert kept.kinds() == ["SNAPSHOT"] * 3 + ["SNAPSHOT_END"]
    assert [each["ticketId"] for each in kept.steps] == [*keys, None]
    assert {each["cursor"] for each in kept.steps} == {await head_cursor()}
    assert kept.rows == await query_tickets(ada, None)


async def test_an_empty_list_has_an_empty_snapshot(service: Service, world: World) -> None:
    kept = LiveList({"or": []})
    async with service.client(world.ada.token).socket() as socket:
        await kept.subscribe(socket)
    assert (kept.kinds(), kept.rows) == (["SNAPSHOT_END"], {})


async def test_a_ticket_is_added_updated_and_removed(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    kept = LiveList({"priority": {"eq": "HIGH"}})
    async with ada.socket() as socket:
        await kept.subscribe(socket)
        ticket = (await cora.raise_ticket())["id"]
        entered = await ada.do("updateTicket", ticketId=ticket, priority="HIGH")
        came = await step(socket)
        assert shape(came) == ("ADDED", ticket, "TICKET_UPDATED")
        assert (came["cursor"], came["ticket"]["priority"]) == (entered["cursor"], "HIGH")
        await ada.do("updateTicket", ticketId=ticket, addTags=["vpn"], subject="Now")
        came = await step(socket)
        assert shape(came) == ("UPDATED", ticket, "TICKET_UPDATED")
        assert came["changedFields"] == ["subject", "tags", "timeline", "updatedAt", "version"]
        await ada.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
        told = [await step(socket), await step(socket)]
        assert [each["changedFields"] for each in told] == [
            ["assignee", "timeline", "updatedAt", "version"],
            ["allowedActions", "clocks", "stage", "status", "timeline", "updatedAt", "version"],
        ]
        await ada.do("replyToTicket", ticketId=ticket, body="hello")
        assert (await step(socket))["changedFields"] == [
            *("clocks", "firstRespondedAt", "messages", "timeline", "updatedAt", "version")
        ]
        left = await ada.do("updateTicket", ticketId=ticket, priority="LOW")
        came = await step(socket)
        assert (*shape(came), came["ticket"], came["cursor"]) == ("REMOVED", ticket, None, None, left["cursor"])
        await ada.do("startTicket", ticketId=(await cora.raise_ticket())["id"])
        await ada.do("addNote", ticketId=ticket, body="nothing is told of this")
        await ada.do("updateTicket", ticketId=ticket, priority="HIGH")
        assert shape(await step(socket)) == ("ADDED", ticket, "TICKET_UPDATED")


async def test_each_changed_field_is_a_field_of_a_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = (await cora.raise_ticket())["id"], (await cora.raise_ticket())["id"]
    for name, given in (
        ("assignTicket", {"assigneeId": world.ada.gid}),
        ("holdTicket", {"until": "2999-01-01T00:00:00Z"}),
        ("resumeTicket", {}),
        ("escalateTicket", {"reason": "x"}),
        ("transferTicket", {"team": "billing"}),
        ("updateTicket", {"externalId": "key", "category": "sales"}),
        ("addNote", {"body": "x"}),
        ("linkTickets", {"otherId": other, "kind": "RELATED"}),
        ("resolveTicket", {"resolution": "x"}),
        ("rateTicket", {"score": 5, "comment": "fine"}),
        ("watchTicket", {}),
        ("mergeTickets", {"intoId": other}),
    ):
        await ada.do(name, ticketId=ticket, **given)
    fields = set(root.build()._schema.type_map["Ticket"].fields)  # type: ignore[attr-defined]
    told = {name for entry in await Event.all() for name in changed_fields(entry, hidden=False)}
    assert told <= fields
    assert {"satisfaction", "links", "mergedInto", "watchers", "externalId", "heldUntil", "messages", "clocks"} <= told


async def test_a_note_updates_a_customers_list_without_its_event(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    lean = service.client(await machine("Lean", ["tickets:read"]))
    ticket = (await cora.raise_ticket())["id"]
    for client in (cora, lean):
        kept = LiveList()
        async with client.socket() as socket:
            await kept.subscribe(socket)
            await ada.do("addNote", ticketId=ticket, body="for us")
            came = await step(socket)
            assert (*shape(came), came["changedFields"]) == ("UPDATED", ticket, None, ["updatedAt", "version"])
            assert came["ticket"]["messages"]["totalCount"] == 0


async def test_no_step_reports_a_ticket_that_is_not_visible(service: Service, world: World) -> None:
    olga, cora, ada = (service.client(person.token) for person in (world.olga, world.cora, world.ada))
    async with olga.socket() as socket:
        await LiveList().subscribe(socket)
        ticket = (await cora.raise_ticket())["id"]
        for _ in range(3):
            await ada.do("escalateTicket", ticketId=ticket, reason="x")
        own = (await olga.raise_ticket())["id"]
        assert shape(await step(socket)) == ("ADDED", own, "TICKET_CREATED")


@pytest.mark.usefixtures("restless")
async def test_a_heartbeat_carries_the_head_of_the_log(service: Service, world: World) -> None:
    olga = service.client(world.olga.token)
    kept = LiveList()
    async with olga.socket() as socket:
        await kept.subscribe(socket)
        await service.client(world.cora.token).raise_ticket()
        came = await kept.read_until(socket, "HEARTBEAT", await head_cursor())
        assert (came["ticketId"], came["ticket"], came["event"], came["cursor"]) == (None, None, None, await head_cursor())
        await kept.read_until(socket, "HEARTBEAT")
    assert set(kept.kinds("SNAPSHOT_END")) == {"HEARTBEAT"}


async def test_a_list_without_a_snapshot_begins_with_the_next_change(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, snapshot=False, filter={"status": {"eq": "NEW"}})
        other = await socket.subscribe(CHANGES, filter={"or": []})
        while (await socket.receive())["id"] != other:  # it was asked for later, so the first one has begun
            pass
        await ada.do("startTicket", ticketId=ticket)
        assert shape(await step(socket)) == ("REMOVED", ticket, None)


async def test_a_list_with_a_cursor_reports_the_changes_since_then(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    old, left, still = [(await cora.raise_ticket())["id"] for _ in range(3)]
    since = await head_cursor()
    new = (await cora.raise_ticket())["id"]
    await ada.do("updateTicket", ticketId=old, priority="LOW")
    await ada.do("resolveTicket", ticketId=left, resolution="done")
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, after=since, filter={"stage": {"in": ["CREATION", "RESOLUTION"]}})
        came = [shape(await step(socket)) for _ in range(3)]
        assert came == [("ADDED", new, "TICKET_CREATED"), ("UPDATED", old, "TICKET_UPDATED"), ("REMOVED", left, None)]
        await ada.do("resolveTicket", ticketId=still, resolution="done")
        assert shape(await step(socket)) == ("REMOVED", still, None)


async def test_a_long_absence_is_replayed_in_pages(service: Service, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_list_source, "MAX_BATCH_EVENTS", 3)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    since = await head_cursor()
    keys = [(await cora.raise_ticket())["id"] for _ in range(10)]
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, after=since)
        assert [shape(await step(socket)) for _ in keys] == [("ADDED", key, "TICKET_CREATED") for key in keys]


@pytest.mark.parametrize("why", ["cut", "sight", "timed", "too far behind"])
async def test_a_replay_that_is_not_possible_sends_a_gap_and_a_snapshot(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(4):
        await cora.raise_ticket()
    given: dict[str, Any] = {"after": encode_cursor(1)}
    if why == "cut":
        await Event.filter(position__lte=2).delete()
    elif why == "timed":
        given["filter"] = {"createdAt": {"within": "P1D"}}
    elif why == "sight":
        await Organization.filter(name="Acme").update(shared=False)
    elif why == "too far behind":
        monkeypatch.setattr(live_list_source, "MAX_REPLAY_EVENTS", 2)
    kept = LiveList()
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, **given)
        await kept.read_until(socket, "SNAPSHOT_END")
        assert kept.kinds() == ["GAP", *["SNAPSHOT"] * 4, "SNAPSHOT_END"]
        assert {each["cursor"] for each in kept.steps} == {await head_cursor()}
        ticket = (await cora.raise_ticket())["id"]
        assert shape(await step(socket)) == ("ADDED", ticket, "TICKET_CREATED")


async def test_a_customer_resumes_with_a_gap_and_a_new_snapshot(
    service: Service, world: World
) -> None:
    """What left the list can't be told apart from what they never saw."""
    olga, cora, ada = (service.client(person.token) for person in (world.olga, world.cora, world.ada))
    own = (await olga.raise_ticket())["id"]
    since = await head_cursor()
    await ada.do("startTicket", ticketId=(await cora.raise_ticket())["id"])
    kept = LiveList()
    async with olga.socket() as socket:
        await kept.subscribe(socket, since)
        await kept.read_until(socket, "SNAPSHOT_END")
    assert kept.kinds() == ["GAP", "SNAPSHOT", "SNAPSHOT_END"]
    assert [each["ticketId"] for each in kept.steps] == [None, own, None]


async def test_a_resumed_list_does_not_join_one_that_reads_its_snapshot(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    since = await head_cursor()
    tickets = [(await cora.raise_ticket())["id"] for _ in range(3)]
    whole, reading, told = live_list_source.live_list.read_members, asyncio.Event(), asyncio.Event()

    async def slow_at_first(*given: Any) -> Any:
        found = await whole(*given)
        if not reading.is_set():
            reading.set()
            await told.wait()
        return found

    monkeypatch.setattr(live_list_source.live_list, "read_members", slow_at_first)
    async with ada.socket() as first, ada.socket() as other:
        await first.subscribe(CHANGES)
        await reading.wait()
        await other.subscribe(CHANGES, after=since)
        assert [shape(await step(other)) for _ in tickets] == [("ADDED", key, "TICKET_CREATED") for key in tickets]
        told.set()
        assert [(await step(first))["kind"] for _ in range(5)] == ["SNAPSHOT"] * 4 + ["SNAPSHOT_END"]


async def test_a_list_that_falls_too_far_behind_sends_a_new_snapshot(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_list_source, "MAX_REPLAY_EVENTS", 3)
    async with running(url) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        kept = LiveList()
        touched = live_list_source.live_list.read_memberships_since

        async def late(*given: Any) -> Any:
            for _ in range(4):
                await cora.raise_ticket()
            return await touched(*given)

        async with ada.socket() as socket:
            await kept.subscribe(socket)
            with monkeypatch.context() as patch:
                patch.setattr(live_list_source.live_list, "read_memberships_since", late)
                await cora.raise_ticket()
                await kept.read_until(socket, "GAP")
            await kept.read_until(socket, "SNAPSHOT_END")
            assert kept.rows == await query_tickets(ada, None)


@pytest.mark.usefixtures("restless")
async def test_a_visibility_change_is_reported_without_an_event(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket, own = (await cora.raise_ticket())["id"], (await carl.raise_ticket())["id"]
    kept = LiveList()
    async with carl.socket() as socket:
        await kept.subscribe(socket)
        assert kept.rows.keys() == {ticket, own}
        await Organization.filter(name="Acme").update(shared=False)
        await kept.read_until(socket, "REMOVED")
        assert kept.rows == await query_tickets(carl, None)
        await cora.do("replyToTicket", ticketId=ticket, body="not for carl")
        await kept.read_until(socket, "HEARTBEAT", await head_cursor())
        assert kept.kinds()[-1] == "REMOVED"
        await Organization.filter(name="Acme").update(shared=True)
        assert (await kept.read_until(socket, "ADDED"))["event"] is None
        assert kept.rows == await query_tickets(carl, None)


async def test_a_ticket_moved_to_another_account_is_removed(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = (await cora.raise_ticket())["id"]
    async with carl.socket() as socket:
        await LiveList().subscribe(socket)
        other = await Organization.get(name="Other")
        await Ticket.filter(id=ids.key_of(ids.TICKET, ticket)).update(organization_id=other.id)
        await cora.do("replyToTicket", ticketId=ticket, body="not for carl any more")
        assert shape(await step(socket)) == ("REMOVED", ticket, None)


async def test_a_list_changes_when_time_passes(service: Service, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_list_source, "TIMED_REFRESH_SECONDS", 0.1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with ada.socket() as socket:
        young, old = LiveList({"createdAt": {"within": "PT1H"}}), LiveList({"createdAt": {"olderThan": "PT1H"}})
        await young.subscribe(socket)
        assert young.rows.keys() == {ticket}
        service.clock.advance(hours=2)
        assert shape(await step(socket)) == ("REMOVED", ticket, None)
    async with ada.socket() as socket:
        service.clock.advance(hours=-2)
        await old.subscribe(socket)
        assert old.rows == {}
        await ada.do("startTicket", ticketId=ticket)
        service.clock.advance(hours=2)
        came = await step(socket)
        # its start may be told of together with the time that passed
        assert (*shape(came)[:2], came["cursor"], came["ticket"]["status"]) == ("ADDED", ticket, await head_cursor(), "OPEN")


async def test_a_list_over_the_ticket_limit_is_refused_or_ends(url: str) -> None:
    async with running(url, max_live_list_tickets=3) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        for _ in range(3):
            await cora.raise_ticket()
        async with ada.socket() as socket:
            await LiveList().subscribe(socket)
            await cora.raise_ticket()
            for _ in range(2):  # the list that grew, and then one that begins so large
                message = await socket.receive()
                assert (message["type"], message["id"]) == ("error", str(socket.last_id))
                assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
                assert "narrow the filter" in message["payload"][0]["message"]
                if socket.last_id == 1:
                    await socket.subscribe(CHANGES)
            await LiveList({"number": {"lt": 1003}}).subscribe(socket)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"after": "garbage"}, "CURSOR_INVALID"),
        ({"after": encode_cursor(10**17)}, "CURSOR_INVALID"),
        ({"filter": {"or": [{"number": {"eq": number}} for number in range(101)]}}, "BAD_REQUEST"),
        ({"filter": {"subject": {"eq": "\x00"}}}, "BAD_REQUEST"),
        ({"filter": {"tags": {"every": [str(n) for n in range(1001)]}}}, "BAD_REQUEST"),
        ({"filter": {"createdAt": {"within": "P9999999D"}}}, "BAD_REQUEST"),
    ],
)
async def test_invalid_arguments_are_refused(service: Service, world: World, given: dict[str, Any], code: str) -> None:
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(CHANGES, **given)
        assert await operation_error(socket) == code
        await LiveList().subscribe(socket)


async def test_the_cost_of_a_change_does_not_grow_with_the_tickets(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_list_source, "HEARTBEAT_SECONDS", 3600.0)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    counts: list[int] = []
    for more in (5, 150):
        for _ in range(more):
            await create_ticket(world.cora)
        async with ada.socket() as socket:
            await LiveList({"or": [{"search": "vpn"}, {"tags": {"some": ["x"]}}]}).subscribe(socket)
            with statements() as collected:
                await ada.do("updateTicket", ticketId=ticket, addTags=[f"t{more}"])
                assert shape(await step(socket)) == ("UPDATED", ticket, "TICKET_UPDATED")
            # Permissions are read once for all who ask at the same time, so who reads them differs from run to run.
            counts.append(len([text for text in collected.texts if " FROM rights" not in text and " FROM tokens" not in text]))
            assert len([text for text in collected.texts if "GROUP BY p.ticket_id" in text]) == 1
    assert counts[0] == counts[1]


async def test_the_cursor_of_a_step_is_the_cursor_of_its_event(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with ada.socket() as socket:
        await LiveList().subscribe(socket)
        done = await ada.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
        came = [await step(socket), await step(socket)]
        assert [each["cursor"] for each in came] == [each["event"]["cursor"] for each in came]
        assert decode_cursor(came[-1]["cursor"]) == decode_cursor(done["cursor"])


@pytest.mark.parametrize("reading", ["read_members", "read_memberships_since"])
async def test_a_database_error_delays_a_list_and_loses_no_change(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    real, failed = getattr(live_list_source.live_list, reading), list[bool]()

    async def failing_once(*given: Any) -> Any:
        if not failed:
            failed.append(True)
            raise ConnectionResetError("the database went away")
        return await real(*given)

    monkeypatch.setattr(live_list_source.live_list, reading, failing_once)
    async with ada.socket() as socket:
        await LiveList().subscribe(socket)
        ticket = (await cora.raise_ticket())["id"]
        assert shape(await step(socket)) == ("ADDED", ticket, "TICKET_CREATED")
    assert failed
