"""The steps of live lists: kinds, visibility, resumption and refusals."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from support import Service, Socket, World
from support.actors import api_client_token
from support.live import head_cursor, operation_error, wait_until_log_is_read
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
from schema.types.tickets.live_list import list_changed_fields

ONLY_TARGET = {"subject": {"eq": "target"}}

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


@pytest.fixture
def short_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come every 0.1 seconds."""
    monkeypatch.setattr(live_list_source, "HEARTBEAT_SECONDS", 0.1)


async def next_step(socket: Socket) -> dict[str, Any]:
    """The next step that is not a heartbeat."""
    while (step := await socket.next("ticketChanges"))["kind"] == "HEARTBEAT":
        pass
    return step


def summary(step: dict[str, Any]) -> tuple[str, str | None, str | None]:
    return step["kind"], step["ticketId"], step["event"] and step["event"]["type"]


async def test_a_list_begins_with_a_snapshot_at_one_position(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    keys = [(await cora.raise_ticket(str(n)))["id"] for n in range(3)]
    live_list = LiveList()
    async with ada.socket() as socket:
        await live_list.subscribe(socket)
    assert live_list.kinds() == ["SNAPSHOT"] * 3 + ["SNAPSHOT_END"]
    assert [each["ticketId"] for each in live_list.steps] == [*keys, None]
    assert {each["cursor"] for each in live_list.steps} == {await head_cursor()}
    assert live_list.rows == await query_tickets(ada, None)


async def test_an_empty_list_has_an_empty_snapshot(service: Service, world: World) -> None:
    live_list = LiveList({"or": []})
    async with service.client(world.ada.token).socket() as socket:
        await live_list.subscribe(socket)
    assert (live_list.kinds(), live_list.rows) == (["SNAPSHOT_END"], {})


async def test_a_ticket_is_added_updated_and_removed(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    live_list = LiveList({"priority": {"eq": "HIGH"}})
    member = (await cora.raise_ticket(priority="HIGH"))["id"]
    async with ada.socket() as socket:
        await live_list.subscribe(socket)

        async def fence() -> None:
            """Return when the list has decided about all events so far, by the current state."""
            await ada.do("addNote", ticketId=member, body="a fence")
            assert summary(await next_step(socket)) == ("UPDATED", member, "NOTE_ADDED")

        ticket = (await cora.raise_ticket())["id"]
        await fence()
        entered = await ada.do("updateTicket", ticketId=ticket, priority="HIGH")
        step = await next_step(socket)
        assert summary(step) == ("ADDED", ticket, "TICKET_UPDATED")
        assert (step["cursor"], step["ticket"]["priority"]) == (entered["cursor"], "HIGH")
        await ada.do("updateTicket", ticketId=ticket, addTags=["vpn"], subject="Now")
        step = await next_step(socket)
        assert summary(step) == ("UPDATED", ticket, "TICKET_UPDATED")
        assert step["changedFields"] == ["subject", "tags", "timeline", "updatedAt", "version"]
        await ada.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
        steps = [await next_step(socket), await next_step(socket)]
        assert [each["changedFields"] for each in steps] == [
            ["assignee", "timeline", "updatedAt", "version"],
            ["allowedActions", "clocks", "stage", "status", "timeline", "updatedAt", "version"],
        ]
        await ada.do("replyToTicket", ticketId=ticket, body="hello")
        assert (await next_step(socket))["changedFields"] == [
            *("clocks", "firstRespondedAt", "messages", "timeline", "updatedAt", "version")
        ]
        left = await ada.do("updateTicket", ticketId=ticket, priority="LOW")
        step = await next_step(socket)
        assert (*summary(step), step["ticket"], step["cursor"]) == (
            "REMOVED",
            ticket,
            None,
            None,
            left["cursor"],
        )
        await ada.do("startTicket", ticketId=(await cora.raise_ticket())["id"])
        await ada.do("addNote", ticketId=ticket, body="not reported")
        await fence()
        await ada.do("updateTicket", ticketId=ticket, priority="HIGH")
        assert summary(await next_step(socket)) == ("ADDED", ticket, "TICKET_UPDATED")


async def test_each_changed_field_is_a_field_of_a_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket, other = (await cora.raise_ticket())["id"], (await cora.raise_ticket())["id"]
    for name, arguments in (
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
        await (cora if name == "rateTicket" else ada).do(name, ticketId=ticket, **arguments)
    fields = set(root.build()._schema.type_map["Ticket"].fields)  # type: ignore[attr-defined]
    changed = {
        name for event in await Event.all() for name in list_changed_fields(event, hidden=False)
    }
    assert changed <= fields
    assert {
        "satisfaction",
        "links",
        "mergedInto",
        "watchers",
        "externalId",
        "heldUntil",
        "messages",
        "clocks",
    } <= changed


async def test_a_note_updates_only_lists_of_those_who_see_its_version(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    api_client = service.client(await api_client_token("Lean", ["tickets:read"]))
    ticket = (await cora.raise_ticket())["id"]
    updated = ("UPDATED", ticket, None, ["updatedAt", "version"])
    for client, expected in ((cora, []), (api_client, [updated])):
        live_list = LiveList()
        async with client.socket() as socket:
            await live_list.subscribe(socket)
            await ada.do("addNote", ticketId=ticket, body="for us")
            await cora.do("replyToTicket", ticketId=ticket, body="for all")
            steps: list[tuple[Any, ...]] = []
            while "REPLY_ADDED" not in [step[2] for step in steps]:
                step = await next_step(socket)
                steps.append((*summary(step), step["changedFields"]))
            assert [step for step in steps if step[2] is None] == expected


async def test_a_note_on_a_merged_ticket_updates_its_target(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    target, merged = [(await cora.raise_ticket(name))["id"] for name in ("target", "merged")]
    await ada.do("mergeTickets", ticketId=merged, intoId=target)
    both, only_target, without_notes = LiveList(), LiveList(ONLY_TARGET), LiveList()
    lean = service.client(await api_client_token("Lean", ["tickets:read"]))
    lists = [(ada, both), (ada, only_target), (lean, without_notes), (cora, LiveList())]
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client.socket()) for client, _ in lists]
        for socket, (_, live_list) in zip(sockets, lists, strict=True):
            await live_list.subscribe(socket)
        note = await ada.do("addNote", ticketId=merged, body="internal")
        end = await ada.do("updateTicket", ticketId=target, priority="HIGH")
        for socket, (client, live_list) in zip(sockets, lists, strict=True):
            await live_list.read_until(socket, "UPDATED", end["cursor"])
            assert live_list.rows == await query_tickets(client, live_list.filter)
    for live_list in (both, only_target):
        [update] = [step for step in live_list.steps if is_update(step, target, note["cursor"])]
        assert update["changedFields"] == ["messages", "timeline"]
        assert update["event"]["cursor"] == note["cursor"]
    for _, live_list in lists[2:]:
        assert not [step for step in live_list.steps if is_update(step, target, note["cursor"])]


def is_update(step: dict[str, Any], ticket_id: str, cursor: str) -> bool:
    return (step["kind"], step["ticketId"], step["cursor"]) == ("UPDATED", ticket_id, cursor)


async def test_a_list_that_resumes_updates_the_target_of_a_merged_ticket(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    target, merged = [(await cora.raise_ticket(name))["id"] for name in ("target", "merged")]
    await ada.do("mergeTickets", ticketId=merged, intoId=target)
    live_list = LiveList(ONLY_TARGET)
    async with ada.socket() as socket:
        await live_list.subscribe(socket)
    note = await ada.do("addNote", ticketId=merged, body="internal")
    async with ada.socket() as socket:
        await live_list.subscribe(socket, live_list.cursor)
        await live_list.read_until(socket, "UPDATED", note["cursor"])
    assert is_update(live_list.steps[-1], target, note["cursor"])
    assert live_list.rows == await query_tickets(ada, ONLY_TARGET)


async def test_no_step_reports_a_ticket_that_is_not_visible(service: Service, world: World) -> None:
    olga, cora, ada = (
        service.client(person.token) for person in (world.olga, world.cora, world.ada)
    )
    async with olga.socket() as socket:
        await LiveList().subscribe(socket)
        ticket = (await cora.raise_ticket())["id"]
        for _ in range(3):
            await ada.do("escalateTicket", ticketId=ticket, reason="x")
        own = (await olga.raise_ticket())["id"]
        assert summary(await next_step(socket)) == ("ADDED", own, "TICKET_CREATED")


@pytest.mark.usefixtures("short_heartbeats")
async def test_a_heartbeat_carries_the_head_of_the_log(service: Service, world: World) -> None:
    olga = service.client(world.olga.token)
    live_list = LiveList()
    async with olga.socket() as socket:
        await live_list.subscribe(socket)
        await service.client(world.cora.token).raise_ticket()
        step = await live_list.read_until(socket, "HEARTBEAT", await head_cursor())
        assert (step["ticketId"], step["ticket"], step["event"], step["cursor"]) == (
            None,
            None,
            None,
            await head_cursor(),
        )
        await live_list.read_until(socket, "HEARTBEAT")
    assert set(live_list.kinds("SNAPSHOT_END")) == {"HEARTBEAT"}


async def test_a_list_without_a_snapshot_begins_with_the_next_change(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, snapshot=False, filter={"status": {"eq": "NEW"}})
        other = await socket.subscribe(CHANGES, filter={"or": []})
        while (await socket.receive())[
            "id"
        ] != other:  # it was requested later, so the first one has started
            pass
        await ada.do("startTicket", ticketId=ticket)
        assert summary(await next_step(socket)) == ("REMOVED", ticket, None)


async def test_a_list_with_a_cursor_reports_the_changes_since_then(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    old, left, still = [(await cora.raise_ticket())["id"] for _ in range(3)]
    since = await head_cursor()
    new = (await cora.raise_ticket())["id"]
    await ada.do("updateTicket", ticketId=old, priority="LOW")
    await ada.do("resolveTicket", ticketId=left, resolution="done")
    async with ada.socket() as socket:
        await socket.subscribe(
            CHANGES, after=since, filter={"stage": {"in": ["CREATION", "RESOLUTION"]}}
        )
        steps = [summary(await next_step(socket)) for _ in range(3)]
        assert steps == [
            ("ADDED", new, "TICKET_CREATED"),
            ("UPDATED", old, "TICKET_UPDATED"),
            ("REMOVED", left, None),
        ]
        await ada.do("resolveTicket", ticketId=still, resolution="done")
        assert summary(await next_step(socket)) == ("REMOVED", still, None)


async def test_a_long_absence_is_replayed_in_pages(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_list_source, "MAX_BATCH_EVENTS", 3)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    since = await head_cursor()
    keys = [(await cora.raise_ticket())["id"] for _ in range(10)]
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, after=since)
        assert [summary(await next_step(socket)) for _ in keys] == [
            ("ADDED", key, "TICKET_CREATED") for key in keys
        ]


@pytest.mark.parametrize("reason", ["cut", "visibility", "timed", "too far behind"])
async def test_a_replay_that_is_not_possible_sends_a_gap_and_a_snapshot(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(4):
        await cora.raise_ticket()
    arguments: dict[str, Any] = {"after": encode_cursor(1)}
    if reason == "cut":
        await wait_until_log_is_read(ada)
        await Event.filter(position__lte=2).delete()
    elif reason == "timed":
        arguments["filter"] = {"createdAt": {"within": "P1D"}}
    elif reason == "visibility":
        await Organization.filter(name="Acme").update(shared=False)
    elif reason == "too far behind":
        monkeypatch.setattr(live_list_source, "MAX_REPLAY_EVENTS", 2)
    live_list = LiveList()
    async with ada.socket() as socket:
        await socket.subscribe(CHANGES, **arguments)
        await live_list.read_until(socket, "SNAPSHOT_END")
        assert live_list.kinds() == ["GAP", *["SNAPSHOT"] * 4, "SNAPSHOT_END"]
        assert {each["cursor"] for each in live_list.steps} == {await head_cursor()}
        ticket = (await cora.raise_ticket())["id"]
        assert summary(await next_step(socket)) == ("ADDED", ticket, "TICKET_CREATED")


async def test_a_customer_resumes_with_a_gap_and_a_new_snapshot(
    service: Service, world: World
) -> None:
    """The server cannot distinguish tickets that left the list from tickets that were never
    visible."""
    olga, cora, ada = (
        service.client(person.token) for person in (world.olga, world.cora, world.ada)
    )
    own = (await olga.raise_ticket())["id"]
    since = await head_cursor()
    await ada.do("startTicket", ticketId=(await cora.raise_ticket())["id"])
    live_list = LiveList()
    async with olga.socket() as socket:
        await live_list.subscribe(socket, since)
        await live_list.read_until(socket, "SNAPSHOT_END")
    assert live_list.kinds() == ["GAP", "SNAPSHOT", "SNAPSHOT_END"]
    assert [each["ticketId"] for each in live_list.steps] == [None, own, None]


async def test_a_resumed_list_does_not_join_one_that_reads_its_snapshot(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    since = await head_cursor()
    tickets = [(await cora.raise_ticket())["id"] for _ in range(3)]
    read_members, reading, resumed = (
        live_list_source.live_list.read_members,
        asyncio.Event(),
        asyncio.Event(),
    )

    async def slow_at_first(*arguments: Any) -> Any:
        members = await read_members(*arguments)
        if not reading.is_set():
            reading.set()
            await resumed.wait()
        return members

    monkeypatch.setattr(live_list_source.live_list, "read_members", slow_at_first)
    async with ada.socket() as first, ada.socket() as other:
        await first.subscribe(CHANGES)
        await reading.wait()
        await other.subscribe(CHANGES, after=since)
        assert [summary(await next_step(other)) for _ in tickets] == [
            ("ADDED", key, "TICKET_CREATED") for key in tickets
        ]
        resumed.set()
        assert [(await next_step(first))["kind"] for _ in range(5)] == ["SNAPSHOT"] * 4 + [
            "SNAPSHOT_END"
        ]


async def test_a_list_that_falls_too_far_behind_sends_a_new_snapshot(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_list_source, "MAX_REPLAY_EVENTS", 3)
    async with running(url) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        live_list = LiveList()
        read_memberships = live_list_source.live_list.read_memberships_since

        async def read_late(*arguments: Any) -> Any:
            for _ in range(4):
                await cora.raise_ticket()
            return await read_memberships(*arguments)

        async with ada.socket() as socket:
            await live_list.subscribe(socket)
            with monkeypatch.context() as patch:
                patch.setattr(live_list_source.live_list, "read_memberships_since", read_late)
                await cora.raise_ticket()
                await live_list.read_until(socket, "GAP")
            await live_list.read_until(socket, "SNAPSHOT_END")
            assert live_list.rows == await query_tickets(ada, None)


@pytest.mark.usefixtures("short_heartbeats")
async def test_a_visibility_change_is_reported_without_an_event(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket, own = (await cora.raise_ticket())["id"], (await carl.raise_ticket())["id"]
    live_list = LiveList()
    async with carl.socket() as socket:
        await live_list.subscribe(socket)
        assert live_list.rows.keys() == {ticket, own}
        await Organization.filter(name="Acme").update(shared=False)
        await live_list.read_until(socket, "REMOVED")
        assert live_list.rows == await query_tickets(carl, None)
        await cora.do("replyToTicket", ticketId=ticket, body="not for carl")
        await live_list.read_until(socket, "HEARTBEAT", await head_cursor())
        assert live_list.kinds()[-1] == "REMOVED"
        await Organization.filter(name="Acme").update(shared=True)
        assert (await live_list.read_until(socket, "ADDED"))["event"] is None
        assert live_list.rows == await query_tickets(carl, None)


async def test_a_ticket_moved_to_another_account_is_removed(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = (await cora.raise_ticket())["id"]
    async with carl.socket() as socket:
        await LiveList().subscribe(socket)
        other = await Organization.get(name="Other")
        await Ticket.filter(id=ids.key_of(ids.TICKET, ticket)).update(organization_id=other.id)
        await cora.do("replyToTicket", ticketId=ticket, body="not for carl any more")
        assert summary(await next_step(socket)) == ("REMOVED", ticket, None)


async def test_a_list_changes_when_time_passes(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_list_source, "TIMED_REFRESH_SECONDS", 0.1)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with ada.socket() as socket:
        recent, old = (
            LiveList({"createdAt": {"within": "PT1H"}}),
            LiveList({"createdAt": {"olderThan": "PT1H"}}),
        )
        await recent.subscribe(socket)
        assert recent.rows.keys() == {ticket}
        service.clock.advance(hours=2)
        assert summary(await next_step(socket)) == ("REMOVED", ticket, None)
    async with ada.socket() as socket:
        service.clock.advance(hours=-2)
        await old.subscribe(socket)
        assert old.rows == {}
        await ada.do("startTicket", ticketId=ticket)
        service.clock.advance(hours=2)
        step = await next_step(socket)
        # the start and the passed time may arrive as one step
        assert (*summary(step)[:2], step["cursor"], step["ticket"]["status"]) == (
            "ADDED",
            ticket,
            await head_cursor(),
            "OPEN",
        )


async def test_a_list_over_the_ticket_limit_is_refused_or_ends(url: str) -> None:
    async with running(url, max_live_list_tickets=3) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        for _ in range(3):
            await cora.raise_ticket()
        async with ada.socket() as socket:
            await LiveList().subscribe(socket)
            await cora.raise_ticket()
            for _ in range(2):  # the list that grew over the limit, then one that starts over it
                message = await socket.receive()
                assert (message["type"], message["id"]) == ("error", str(socket.last_id))
                assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
                assert "narrow the filter" in message["payload"][0]["message"]
                if socket.last_id == 1:
                    await socket.subscribe(CHANGES)
            await LiveList({"number": {"lt": 1003}}).subscribe(socket)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"after": "garbage"}, "CURSOR_INVALID"),
        ({"after": encode_cursor(10**17)}, "CURSOR_INVALID"),
        ({"filter": {"or": [{"number": {"eq": number}} for number in range(101)]}}, "BAD_REQUEST"),
        ({"filter": {"subject": {"eq": "\x00"}}}, "BAD_REQUEST"),
        ({"filter": {"tags": {"every": [str(n) for n in range(1001)]}}}, "BAD_REQUEST"),
        ({"filter": {"createdAt": {"within": "P9999999D"}}}, "BAD_REQUEST"),
    ],
)
async def test_invalid_arguments_are_refused(
    service: Service, world: World, arguments: dict[str, Any], code: str
) -> None:
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(CHANGES, **arguments)
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
                assert summary(await next_step(socket)) == ("UPDATED", ticket, "TICKET_UPDATED")
            # Concurrent requests share one read of the permissions, so the reader varies.
            counts.append(
                len(
                    [
                        text
                        for text in collected.texts
                        if " FROM rights" not in text and " FROM tokens" not in text
                    ]
                )
            )
            assert len([text for text in collected.texts if "GROUP BY p.ticket_id" in text]) == 1
    assert counts[0] == counts[1]


async def test_the_cursor_of_a_step_is_the_cursor_of_its_event(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = (await cora.raise_ticket())["id"]
    async with ada.socket() as socket:
        await LiveList().subscribe(socket)
        done = await ada.do("assignTicket", ticketId=ticket, assigneeId=world.ada.gid)
        steps = [await next_step(socket), await next_step(socket)]
        assert [each["cursor"] for each in steps] == [each["event"]["cursor"] for each in steps]
        assert decode_cursor(steps[-1]["cursor"]) == decode_cursor(done["cursor"])


@pytest.mark.parametrize("function_name", ["read_members", "read_memberships_since"])
async def test_a_database_error_delays_a_list_and_loses_no_change(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch, function_name: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    function, failed = getattr(live_list_source.live_list, function_name), list[bool]()

    async def failing_once(*arguments: Any) -> Any:
        if not failed:
            failed.append(True)
            raise ConnectionResetError("the database went away")
        return await function(*arguments)

    monkeypatch.setattr(live_list_source.live_list, function_name, failing_once)
    async with ada.socket() as socket:
        await LiveList().subscribe(socket)
        ticket = (await cora.raise_ticket())["id"]
        assert summary(await next_step(socket)) == ("ADDED", ticket, "TICKET_CREATED")
    assert failed
