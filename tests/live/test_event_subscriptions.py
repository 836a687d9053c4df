"""Event subscriptions over real sockets: cursors, selection of events, visibility, ticket state."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from support import Service, World
from support.actors import api_client_token, token_of
from support.client import EVENTS, Client, Socket
from support.live import head_cursor, log_positions, operation_error, positions_of
from support.service import running

from engine.bus.log_tail import LogTail
from models.core import ids
from models.log.event import Event, decode_cursor, encode_cursor
from models.people.user import Organization, User
from models.tickets.ticket import Ticket
from resolvers.subscriptions import events

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

STATUS_CHANGES = """
  subscription($after: String, $ticketId: ID, $filter: TicketFilter) {
    ticketStatusChanged(after: $after, ticketId: $ticketId, filter: $filter) {
      type cursor action from to ticket { id }
    }
  }
"""
TICKET_STATE = """
  subscription($after: String) {
    ticketEvents(after: $after) {
      type cursor
      ticket {
        status version priority tags assignee { displayName } watchers { displayName } subject
      }
    }
  }
"""


async def create_history(service: Service, world: World) -> dict[str, Any]:
    """Create a ticket of cora's with events of many types, including notes."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
    await ada.do("addNote", ticketId=ticket["id"], body="for us")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="for you")
    await ada.do("transferTicket", ticketId=ticket["id"], team="billing")
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
    await cora.do("rateTicket", ticketId=ticket["id"], score=5)
    return ticket


async def create_fence(client: Client) -> str:
    """Create a ticket whose event marks the end of what a test reads; return its id."""
    return str((await client.raise_ticket("fence"))["id"])


async def read_until_ticket(
    socket: Socket, ticket_id: str, field: str = "ticketEvents"
) -> list[dict[str, Any]]:
    """The values received before the first event of the ticket, which must arrive."""
    received: list[dict[str, Any]] = []
    while (value := await socket.next(field))["ticket"]["id"] != ticket_id:
        received.append(value)
    return received


# ---------------------------------------------------------------- cursors


async def test_a_subscription_without_a_cursor_starts_at_the_head(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await create_history(service, world)
    before = decode_cursor(await head_cursor())
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS)
        first = asyncio.create_task(socket.next("ticketEvents"))
        while (
            not first.done()
        ):  # nothing reports when a subscription has started, so write until it delivers
            await ada.do("addNote", ticketId=ticket["id"], body="tick")
        seen = [await first]
        missed = len(await log_positions(position__gt=before, position__lt=positions_of(seen)[0]))
        expected = (await log_positions(position__gt=before))[missed:]
        seen += await socket.take("ticketEvents", len(expected) - 1)
        assert positions_of(seen)[0] > before
        assert positions_of(seen) == expected


@pytest.mark.parametrize("position", [0, 1, 3])
async def test_a_cursor_replays_the_events_after_it_and_continues_live(
    service: Service, world: World, position: int
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    ticket = await create_history(service, world)

    async def write(client: Client, verb: str) -> None:
        for _ in range(10):
            await client.do(verb, ticketId=ticket["id"], body="more")

    async with ada.socket() as socket:
        writing = [
            asyncio.create_task(write(ada, "addNote")),
            asyncio.create_task(write(cora, "replyToTicket")),
        ]
        await socket.subscribe(EVENTS, after=encode_cursor(position))
        early = await socket.take("ticketEvents", 6)
        await asyncio.gather(*writing)
        await create_fence(cora)
        expected = await log_positions(position__gt=position)
        assert len(expected) >= 25
        assert (
            positions_of(early + await socket.take("ticketEvents", len(expected) - 6)) == expected
        )


async def test_a_subscription_can_start_from_every_cursor_of_the_api(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    payload = await ada.do("startTicket", ticketId=ticket["id"])
    answer = await ada.run(
        """query($id: ID!) {
          events(last: 1) { edges { cursor node { cursor } } pageInfo { endCursor } }
          ticket(id: $id) {
            timeline(last: 1) { edges { cursor node { cursor } } pageInfo { endCursor } }
          }
        }""",
        id=ticket["id"],
    )
    pages = [answer["events"], answer["ticket"]["timeline"]]
    cursors = [payload["cursor"], payload["event"]["cursor"]]
    cursors += [edge["cursor"] for page in pages for edge in page["edges"]]
    cursors += [edge["node"]["cursor"] for page in pages for edge in page["edges"]]
    cursors += [page["pageInfo"]["endCursor"] for page in pages]
    assert len(cursors) == 8
    note = await ada.do("addNote", ticketId=ticket["id"], body="next")
    async with ada.socket() as socket:
        for cursor in cursors:
            operation = await socket.subscribe(EVENTS, after=cursor)
            assert (await socket.next("ticketEvents"))["cursor"] == note["cursor"]
            await socket.send({"type": "complete", "id": operation})


async def test_a_long_replay_pages_from_the_database_without_gaps(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LogTail.__init__.__kwdefaults__, "max_recent", 8)
    monkeypatch.setattr(events, "MAX_BATCH_EVENTS", 5)
    async with running(url) as service:
        world = await World.make()
        ada = service.client(world.ada.token)
        ticket = await create_history(service, world)
        for _ in range(30):
            await ada.do("addNote", ticketId=ticket["id"], body="long")
        async with ada.socket() as socket:
            await socket.subscribe(EVENTS, after=encode_cursor(0))
            early = await socket.take("ticketEvents", 3)
            for _ in range(20):
                await ada.do("addNote", ticketId=ticket["id"], body="live")
            expected = await log_positions()
            assert (
                positions_of(early + await socket.take("ticketEvents", len(expected) - 3))
                == expected
            )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        base64.b64encode(b"log:7").decode(),
        encode_cursor(1)[1:],
        "0" + encode_cursor(1),
        "ffffffffffffffff",
        "\u0000",
        "log:1",
        "9" * 5000,
    ],
)
async def test_an_invalid_cursor_is_refused_and_keeps_the_socket(
    service: Service, world: World, text: str
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=text)
        assert await operation_error(socket) == "CURSOR_INVALID"
        await socket.subscribe(EVENTS, after=await head_cursor())
        ticket_id = await create_fence(service.client(world.cora.token))
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket_id


async def test_a_cursor_beyond_the_log_is_refused(service: Service, world: World) -> None:
    await create_history(service, world)
    async with service.client(world.ada.token).socket() as socket:
        for query in (EVENTS, STATUS_CHANGES):
            await socket.subscribe(
                query, after=encode_cursor(decode_cursor(await head_cursor()) + 1)
            )
            assert await operation_error(socket) == "CURSOR_INVALID"
        await socket.subscribe(EVENTS, after=encode_cursor(10**17))
        assert await operation_error(socket) == "CURSOR_INVALID"


async def test_a_cursor_older_than_the_log_has_expired(service: Service, world: World) -> None:
    await create_history(service, world)
    await Event.filter(position__lte=3).delete()
    async with service.client(world.ada.token).socket() as socket:
        for old in (0, 1, 2):
            await socket.subscribe(EVENTS, after=encode_cursor(old))
            assert await operation_error(socket) == "CURSOR_EXPIRED"
        await socket.subscribe(EVENTS, after=encode_cursor(3))
        expected = await log_positions()
        assert positions_of(await socket.take("ticketEvents", len(expected))) == expected


async def test_deleted_events_end_a_reader_that_is_behind_them(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LogTail.__init__.__kwdefaults__, "max_recent", 2)
    monkeypatch.setattr(events, "MAX_BATCH_EVENTS", 2)
    read_page = events.read_events_page
    async with running(url) as service:
        world = await World.make()
        await create_history(service, world)

        async def delete_then_read(position: int) -> list[Event]:
            await Event.filter(position__lte=4).delete()
            return await read_page(position)

        monkeypatch.setattr(events, "read_events_page", delete_then_read)
        async with service.client(world.ada.token).socket() as socket:
            await socket.subscribe(EVENTS, after=encode_cursor(1))
            assert await operation_error(socket) == "CURSOR_EXPIRED"


# ---------------------------------------------------------------- selection of events


async def test_types_select_events(service: Service, world: World) -> None:
    await create_history(service, world)
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(
            EVENTS, after=encode_cursor(0), types=["REPLY_ADDED", "TRANSFERRED", "TICKET_CREATED"]
        )
        ticket_id = await create_fence(service.client(world.cora.token))
        received = await read_until_ticket(socket, ticket_id)
        assert [event["type"] for event in received] == [
            "TICKET_CREATED",
            "REPLY_ADDED",
            "TRANSFERRED",
        ]


async def test_an_empty_list_of_types_selects_no_events(service: Service, world: World) -> None:
    ticket = await create_history(service, world)
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0), types=[])
        other = await socket.subscribe(EVENTS, after=encode_cursor(0))
        note = await ada.do("addNote", ticketId=ticket["id"], body="last")
        while (message := await socket.receive())["payload"]["data"]["ticketEvents"][
            "cursor"
        ] != note["cursor"]:
            assert message["id"] == other


async def test_a_ticket_id_selects_its_events_only(service: Service, world: World) -> None:
    ticket = await create_history(service, world)
    await create_history(service, world)
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0), ticketId=ticket["id"])
        await create_fence(ada)
        note = await ada.do("addNote", ticketId=ticket["id"], body="last")
        expected = await log_positions(ticket_id=ids.key_of(ids.TICKET, ticket["id"]))
        assert positions_of(await socket.take("ticketEvents", len(expected))) == expected
        assert expected[-1] == decode_cursor(note["cursor"])


@pytest.mark.parametrize(
    "unknown", ["tkt_0198b3a0-0000-7000-8000-000000000000", "usr_1", "", "nonsense"]
)
@pytest.mark.parametrize("query", [EVENTS, STATUS_CHANGES])
async def test_a_subscription_to_an_unknown_ticket_ends_with_not_found(
    service: Service, world: World, unknown: str, query: str
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        for cursor in (None, encode_cursor(0)):
            await socket.subscribe(query, after=cursor, ticketId=unknown)
            assert await operation_error(socket) == "NOT_FOUND"
        await socket.subscribe(EVENTS, after=encode_cursor(0))
        ticket_id = await create_fence(service.client(world.cora.token))
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket_id


@pytest.mark.parametrize("query", [EVENTS, STATUS_CHANGES])
async def test_a_hidden_ticket_is_as_unknown_as_one_that_does_not_exist(
    service: Service, world: World, query: str
) -> None:
    hidden = (await service.client(world.olga.token).raise_ticket())["id"]
    only_events = await api_client_token("events", ["events:read"])
    errors: list[Any] = []
    for token in (world.cora.token, only_events):
        async with service.client(token).socket() as socket:
            for ticket_id in (hidden, "tkt_0198b3a0-0000-7000-8000-000000000000"):
                await socket.subscribe(query, after=encode_cursor(0), ticketId=ticket_id)
                message = await socket.receive()
                assert message["type"] == "error"
                errors.append(message["payload"])
    assert [error[0]["extensions"]["code"] for error in errors] == ["NOT_FOUND"] * 4
    assert len({error[0]["message"] for error in errors}) == 1


async def test_a_filter_applies_to_the_current_state_of_the_ticket(
    service: Service, world: World
) -> None:
    """The state at delivery decides, so each change waits until the one before it is decided."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    matching = await cora.raise_ticket(tags=["vpn"])
    await ada.do("updateTicket", ticketId=matching["id"], priority="URGENT")
    ticket = await cora.raise_ticket(tags=["vpn"])
    other = await cora.raise_ticket()
    async with ada.socket() as socket:

        async def expect(ticket_id: str, cursor: str) -> None:
            event = await socket.next("ticketEvents")
            assert (event["ticket"]["id"], event["cursor"]) == (ticket_id, cursor)

        async def fence() -> None:
            """Return when the subscription has decided about all events so far."""
            note = await ada.do("addNote", ticketId=matching["id"], body="delivered")
            await expect(matching["id"], note["cursor"])

        wanted = {"priority": {"eq": "URGENT"}, "tags": {"some": ["vpn"]}}
        await socket.subscribe(EVENTS, after=await head_cursor(), filter=wanted)
        await ada.do("startTicket", ticketId=ticket["id"])
        await ada.do("updateTicket", ticketId=other["id"], priority="URGENT")
        await fence()
        entered = await ada.do("updateTicket", ticketId=ticket["id"], priority="URGENT")
        await expect(ticket["id"], entered["cursor"])
        await ada.do("updateTicket", ticketId=ticket["id"], priority="LOW")
        await ada.do("addNote", ticketId=ticket["id"], body="not delivered")
        await fence()
        entered = await ada.do("updateTicket", ticketId=ticket["id"], priority="URGENT")
        await expect(ticket["id"], entered["cursor"])


async def test_a_filter_that_is_too_large_is_refused(service: Service, world: World) -> None:
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(
            EVENTS, filter={"or": [{"number": {"eq": number}} for number in range(101)]}
        )
        assert await operation_error(socket) == "BAD_REQUEST"


async def test_status_changes_deliver_lifecycle_events_only(service: Service, world: World) -> None:
    ticket = await create_history(service, world)
    await create_history(service, world)
    async with service.client(world.cora.token).socket() as socket:
        await socket.subscribe(STATUS_CHANGES, after=encode_cursor(0), ticketId=ticket["id"])
        received = await socket.take("ticketStatusChanged", 3)
        changes = [(each["type"], each["action"], each["from"], each["to"]) for each in received]
        assert changes == [
            ("TICKET_CREATED", None, None, "NEW"),
            ("STATUS_CHANGED", "START", "NEW", "OPEN"),
            ("STATUS_CHANGED", "RESOLVE", "OPEN", "RESOLVED"),
        ]
        assert positions_of(received) == sorted(positions_of(received))
        closed = await service.client(world.cora.token).do("closeTicket", ticketId=ticket["id"])
        last = await socket.next("ticketStatusChanged")
        assert (last["cursor"], last["from"], last["to"]) == (
            closed["cursor"],
            "RESOLVED",
            "CLOSED",
        )


async def test_a_filter_selects_status_changes(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(
            STATUS_CHANGES, after=await head_cursor(), filter={"category": {"eq": "sales"}}
        )
        await cora.raise_ticket()
        ticket = await cora.raise_ticket(category="sales")
        assert (await socket.next("ticketStatusChanged"))["ticket"]["id"] == ticket["id"]


async def test_two_subscriptions_of_a_socket_end_independently(
    service: Service, world: World
) -> None:
    ticket = await create_history(service, world)
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        notes = await socket.subscribe(EVENTS, after=encode_cursor(0), types=["NOTE_ADDED"])
        steps = await socket.subscribe(STATUS_CHANGES, after=encode_cursor(0))
        received = [await socket.receive() for _ in range(4)]
        assert sorted(message["id"] for message in received) == sorted([notes, steps, steps, steps])
        await socket.send({"type": "complete", "id": notes})
        await socket.send({"type": "ping"})
        assert (await socket.receive())["type"] == "pong"
        await ada.do("addNote", ticketId=ticket["id"], body="for nobody")
        await ada.do("reopenTicket", ticketId=ticket["id"], reason="again")
        message = await socket.receive()
        assert (message["id"], message["payload"]["data"]["ticketStatusChanged"]["to"]) == (
            steps,
            "OPEN",
        )


# ---------------------------------------------------------------- visibility


@pytest.mark.parametrize("query", [EVENTS, STATUS_CHANGES])
async def test_an_anonymous_client_may_not_subscribe(
    service: Service, world: World, query: str
) -> None:
    async with service.client().socket() as socket:
        await socket.subscribe(query)
        assert await operation_error(socket) == "UNAUTHENTICATED"
        await socket.send({"type": "ping"})
        assert (await socket.receive())["type"] == "pong"


async def test_a_token_without_the_scope_may_not_subscribe(service: Service, world: World) -> None:
    token = await token_of(await User.get(id=world.cora.id), ["tickets:read", "tickets:write"])
    async with service.client(token).socket() as socket:
        await socket.subscribe(EVENTS)
        assert await operation_error(socket) == "FORBIDDEN"


async def test_an_api_client_without_the_notes_scope_receives_no_notes(
    service: Service, world: World
) -> None:
    await create_history(service, world)
    token = await api_client_token("Reader", ["tickets:read", "events:read"])
    async with service.client(token).socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0))
        expected = await log_positions(internal=False)
        assert len(expected) < len(await log_positions())
        assert positions_of(await socket.take("ticketEvents", len(expected))) == expected


async def test_a_token_without_the_ticket_scope_receives_no_events(
    service: Service, world: World
) -> None:
    token = await api_client_token("Reader", ["events:read"])
    async with (
        service.client(token).socket() as blind,
        service.client(world.ada.token).socket() as seeing,
    ):
        await blind.subscribe(EVENTS, after=encode_cursor(0))
        await seeing.subscribe(EVENTS, after=encode_cursor(0))
        await create_history(service, world)
        await seeing.take("ticketEvents", len(await log_positions()))
        await blind.send({"type": "ping"})
        assert (await blind.receive())["type"] == "pong"


async def test_customers_never_receive_notes_or_foreign_tickets(
    service: Service, world: World
) -> None:
    cora, carl, olga = (
        service.client(person.token) for person in (world.cora, world.carl, world.olga)
    )
    async with cora.socket() as at_cora, carl.socket() as at_carl, olga.socket() as at_olga:
        for socket in (at_cora, at_carl, at_olga):
            await socket.subscribe(EVENTS, after=encode_cursor(0))
        ticket = await create_history(service, world)
        foreign = await create_fence(olga)
        own = await create_fence(cora)
        public = await log_positions(ticket_id=ids.key_of(ids.TICKET, ticket["id"]), internal=False)
        assert positions_of(await read_until_ticket(at_cora, own)) == public
        assert positions_of(await read_until_ticket(at_carl, own)) == public
        assert await read_until_ticket(at_olga, foreign) == []


async def test_a_customer_cannot_select_notes_or_foreign_tickets(
    service: Service, world: World
) -> None:
    olga = service.client(world.olga.token)
    ticket = await create_history(service, world)
    async with olga.socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0), ticketId=ticket["id"])
        assert await operation_error(socket) == "NOT_FOUND"
        await socket.subscribe(EVENTS, after=encode_cursor(0), types=["NOTE_ADDED"])
        other = await socket.subscribe(EVENTS, after=encode_cursor(0))
        own = await create_fence(olga)
        await service.client(world.ada.token).do("addNote", ticketId=own, body="for us")
        await olga.do("replyToTicket", ticketId=own, body="hello")
        for type in ("TICKET_CREATED", "REPLY_ADDED"):
            message = await socket.receive()
            assert (message["id"], message["payload"]["data"]["ticketEvents"]["type"]) == (
                other,
                type,
            )


async def test_a_ticket_moved_to_another_account_sends_no_further_events(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    other = await Organization.get(name="Other")
    ticket = await cora.raise_ticket()
    async with carl.socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0))
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        await Ticket.filter(id=ids.key_of(ids.TICKET, ticket["id"])).update(
            organization_id=other.id
        )
        await cora.do("replyToTicket", ticketId=ticket["id"], body="not for carl any more")
        own = await create_fence(carl)
        assert await read_until_ticket(socket, own) == []
        await socket.subscribe(EVENTS, after=encode_cursor(0))
        assert await read_until_ticket(socket, own) == []


# ---------------------------------------------------------------- ticket state


async def test_an_event_shows_its_ticket_at_delivery_time(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()

    async def next_ticket() -> dict[str, Any]:
        return dict((await socket.next("ticketEvents"))["ticket"])

    async with ada.socket() as socket:
        await socket.subscribe(TICKET_STATE, after=encode_cursor(0))
        current = await next_ticket()
        assert (current["status"], current["tags"], current["assignee"], current["version"]) == (
            "NEW",
            [],
            None,
            1,
        )
        await ada.do("startTicket", ticketId=ticket["id"])
        assert (await next_ticket())["status"] == "OPEN"
        await ada.do(
            "updateTicket", ticketId=ticket["id"], addTags=["vpn"], priority="HIGH", subject="Now"
        )
        current = await next_ticket()
        assert (current["tags"], current["priority"], current["subject"]) == (
            ["vpn"],
            "HIGH",
            "Now",
        )
        await ada.do("updateTicket", ticketId=ticket["id"], addTags=["dsl"], removeTags=["vpn"])
        assert (await next_ticket())["tags"] == ["dsl"]
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.bill.gid)
        assert (await next_ticket())["assignee"] == {"displayName": "Bill"}
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
        assert (await next_ticket())["assignee"] == {"displayName": "Ada"}
        await ada.do("watchTicket", ticketId=ticket["id"])
        assert (await next_ticket())["watchers"] == [{"displayName": "Ada"}]
        await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
        current = await next_ticket()
        assert (current["status"], current["version"]) == ("RESOLVED", 8)


async def test_replayed_events_show_the_current_state_of_their_ticket(
    service: Service, world: World
) -> None:
    await create_history(service, world)
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(TICKET_STATE, after=encode_cursor(0))
        received = await socket.take("ticketEvents", len(await log_positions()))
        assert {each["ticket"]["status"] for each in received} == {"RESOLVED"}
        assert {each["ticket"]["version"] for each in received} == {
            received[-1]["ticket"]["version"]
        }
