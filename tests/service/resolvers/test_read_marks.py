"""Unread and watched tickets of the viewer: fields, the filter, and the mutation markTicketRead."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.assert_unchanged import assert_nothing_stored
from support.live import head_cursor
from support.service import running
from support.statements import statements
from support.ticket_commands import run_notifier

from models import database
from models.changes.storage import lock_tickets
from models.core import ids
from models.log.event import encode_cursor, read_head
from models.people.user import User
from models.tickets.read_marks import TicketReadMark
from models.tickets.timers import TimerSettings
from resolvers.tickets import read_marks as resolver
from workers.cleanup import Cleanup
from workers.ticket_timers import run_timers

pytestmark = pytest.mark.without_default_policies

REMINDERS = TimerSettings(
    close_after=timedelta(days=7),
    reopen_window=timedelta(days=14),
    waiting_reminder=timedelta(days=3),
    abandon_after=timedelta(days=7),
)
READ_SCOPES = ["tickets:read", "events:read"]
READ = "query($id: ID!) { ticket(id: $id) { viewerHasUnread viewerIsWatching } }"
LIST = """query($unread: Boolean, $first: Int) {
  tickets(filter: {unread: $unread}, first: $first) { totalCount nodes { id viewerHasUnread } }
  ticketStats(filter: {unread: $unread}) { total }
  events(filter: {unread: $unread}, types: [TICKET_CREATED]) { totalCount } }"""


async def is_unread(client: Client, key: str) -> bool:
    """The field, which must agree with the filter."""
    unread = bool((await client.run(READ, id=key))["ticket"]["viewerHasUnread"])
    for value in (True, False):
        assert (key in await list_ids(client, unread=value)) is (unread is value)
    return unread


async def list_ids(client: Client, *, unread: bool) -> set[str]:
    data = await client.run(LIST, unread=unread, first=100)
    nodes = data["tickets"]["nodes"]
    assert {node["viewerHasUnread"] for node in nodes} <= {unread}
    assert data["tickets"]["totalCount"] == data["ticketStats"]["total"] == len(nodes)
    assert data["events"]["totalCount"] == len(nodes)
    return {node["id"] for node in nodes}


async def mark(client: Client, key: str, **fields: object) -> dict[str, Any]:
    payload = """mutation($input: MarkTicketReadInput!) { markTicketRead(input: $input) {
      ticket { id viewerHasUnread } replayed userErrors { code field } } }"""
    input = {"ticketId": key, **fields}
    return dict((await client.run(payload, input=input))["markTicketRead"])


async def test_a_ticket_is_unread_after_changes_by_others(service: Service, world: World) -> None:
    cora, ada, root = [service.client(each.token) for each in (world.cora, world.ada, world.root)]
    key = (await cora.raise_ticket())["id"]
    assert [await is_unread(each, key) for each in (cora, ada, root)] == [False, True, True]
    assert await mark(ada, key) == {
        "ticket": {"id": key, "viewerHasUnread": False},
        "replayed": False,
        "userErrors": [],
    }
    assert [await is_unread(each, key) for each in (cora, ada, root)] == [False, False, True]
    await ada.do("replyToTicket", ticketId=key, body="An answer")
    assert [await is_unread(each, key) for each in (cora, ada, root)] == [True, False, True]
    await mark(cora, key)
    await mark(root, key)
    assert [await is_unread(each, key) for each in (cora, ada, root)] == [False, False, False]
    await cora.do("replyToTicket", ticketId=key, body="Thanks")
    assert [await is_unread(each, key) for each in (cora, ada, root)] == [False, True, True]


async def test_own_changes_neither_count_nor_mark_others_as_read(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    await ada.do("replyToTicket", ticketId=key, body="Without having read it")
    assert await is_unread(ada, key)
    await mark(ada, key)
    same_person = service.client(await token_of(await User.get(id=world.ada.id), READ_SCOPES))
    await ada.do("addNote", ticketId=key, body="A note to myself")
    assert not await is_unread(ada, key)
    assert not await is_unread(same_person, key)


async def test_customers_have_nothing_unread_because_of_internal_events(
    service: Service, world: World
) -> None:
    cora, ada, root = [service.client(each.token) for each in (world.cora, world.ada, world.root)]
    key = (await cora.raise_ticket())["id"]
    await mark(root, key)
    await ada.do("addNote", ticketId=key, body="Only for us")
    await ada.do("watchTicket", ticketId=key)
    assert not await is_unread(cora, key)
    assert await is_unread(root, key)
    without_notes = await token_of(await User.get(id=world.root.id), ["tickets:read"])
    data = await service.client(without_notes).run(READ, id=key)
    assert data["ticket"]["viewerHasUnread"] is False


async def test_sla_events_and_reminders_leave_a_ticket_read(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    await ada.do("awaitCustomer", ticketId=key)
    await mark(cora, key)
    before, at = await read_head(), service.clock()
    assert await run_timers(at + timedelta(days=4), REMINDERS) == 1
    assert await read_head() == before + 1
    assert not await is_unread(cora, key)
    assert await run_timers(at + timedelta(days=8), REMINDERS) == 1  # closes the ticket
    assert await is_unread(cora, key)


async def test_the_response_has_what_was_stored_before_the_mark(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no response without the mark has a higher version, and clients know that it is older."""
    ada = service.client(world.ada.token)
    key = (await service.client(world.cora.token).raise_ticket())["id"]
    store = resolver.store_mark

    async def change_and_store(*args: Any) -> bool:
        await ada.do("startTicket", ticketId=key)
        return await store(*args)

    monkeypatch.setattr(resolver, "store_mark", change_and_store)
    query = """mutation($input: MarkTicketReadInput!) { markTicketRead(input: $input) {
      ticket { version viewerHasUnread } } }"""
    data = await ada.run(query, input={"ticketId": key})
    assert data["markTicketRead"]["ticket"] == {"version": 2, "viewerHasUnread": False}


async def test_a_mark_covers_events_up_to_the_cursor_and_never_moves_back(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    seen = await head_cursor()
    await cora.do("replyToTicket", ticketId=key, body="More")
    assert (await mark(ada, key, cursor=seen))["ticket"]["viewerHasUnread"]
    assert not (await mark(ada, key))["ticket"]["viewerHasUnread"]
    for cursor in (seen, encode_cursor(0)):
        assert not (await mark(ada, key, cursor=cursor))["ticket"]["viewerHasUnread"]
    await asyncio.gather(*(mark(ada, key, cursor=each) for each in [seen, None] * 5))
    assert not await is_unread(ada, key)
    assert await TicketReadMark.all().count() == 1


async def test_a_mark_covers_the_notifications_of_the_ticket_up_to_the_cursor(
    service: Service, world: World
) -> None:
    people = (world.cora, world.ada, world.bill, world.root)
    cora, ada, bill, root = [service.client(each.token) for each in people]
    keys = [(await cora.raise_ticket())["id"] for _ in range(2)]
    for key in keys:
        await bill.do("addNote", ticketId=key, body="@ada @root look")
    seen = await head_cursor()
    await bill.do("addNote", ticketId=keys[0], body="@ada @root look again")
    await run_notifier()
    without_notes = await token_of(await User.get(id=world.ada.id), ["tickets:read"])
    assert (await list_unread_notes(ada), await count_unread(cora)) == (keys + keys[:1], 0)
    await mark(service.client(without_notes), keys[0])
    assert await list_unread_notes(ada) == keys + keys[:1], "only what the token may see"
    await mark(ada, keys[0], cursor=seen)
    assert await list_unread_notes(ada) == [keys[1], keys[0]]
    await mark(ada, keys[0])
    assert await list_unread_notes(ada) == [keys[1]]
    assert await count_unread(ada) == 2, "the other ticket was also raised"
    assert await list_unread_notes(root) == keys + keys[:1], "those of other people"


async def list_unread_notes(client: Client) -> list[str]:
    """The tickets of the unread notifications about notes, the oldest first."""
    query = "{ notifications(unreadOnly: true) { nodes { event { type ticket { id } } } } }"
    events = [each["event"] for each in (await client.run(query))["notifications"]["nodes"]]
    return [each["ticket"]["id"] for each in reversed(events) if each["type"] == "NOTE_ADDED"]


async def count_unread(client: Client) -> int:
    return int(
        (await client.run("{ viewer { unreadNotifications } }"))["viewer"]["unreadNotifications"]
    )


async def test_invalid_marks_are_refused_and_store_nothing(service: Service, world: World) -> None:
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    key = (await cora.raise_ticket())["id"]
    async with assert_nothing_stored():
        for client, hidden in ((olga, key), (cora, "tkt_x"), (cora, world.cora.gid), (cora, "")):
            refused = await mark(client, hidden)
            assert refused["ticket"] is None
            assert refused["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "ticketId"]}]
        future = encode_cursor(await read_head() + 1)
        for cursor in (future, "7fffffffffffffff", "", "x", "0" * 100_000):
            with pytest.raises(Refused) as caught:
                await mark(cora, key, cursor=cursor)
            assert caught.value.code == "CURSOR_INVALID"
        refused = await mark(cora, key, idempotencyKey="")
        assert [each["code"] for each in refused["userErrors"]] == ["INVALID"]


async def test_a_mark_with_an_idempotency_key_can_be_repeated(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    head = await read_head()
    assert not (await mark(ada, key, idempotencyKey="k"))["replayed"]
    await cora.do("replyToTicket", ticketId=key, body="More")
    again = await mark(ada, key, idempotencyKey="k")
    assert (again["replayed"], again["ticket"]["viewerHasUnread"]) == (True, True)
    other = (await cora.raise_ticket())["id"]
    reused = await mark(ada, other, idempotencyKey="k")
    assert [each["code"] for each in reused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert await read_head() == head + 2  # marks log nothing


async def test_marking_does_not_wait_for_the_lock_of_the_ticket(
    service: Service, world: World
) -> None:
    if database.dialect() == "sqlite":
        pytest.skip("SQLite has no row locks: every writer waits for all")
    ticket = await service.client(world.cora.token).raise_ticket()
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    async with database.transaction():
        assert key in await lock_tickets([key])
        answer = await mark(service.client(world.ada.token), ticket["id"])
    assert answer["ticket"]["viewerHasUnread"] is False


async def test_nothing_is_unread_for_api_clients(service: Service, world: World) -> None:
    key = (await service.client(world.cora.token).raise_ticket())["id"]
    program = service.client(await api_client_token("Monitor"))
    assert not await is_unread(program, key)
    with pytest.raises(Refused) as caught:
        await mark(program, key)
    assert caught.value.code == "FORBIDDEN"


async def test_old_events_count_as_read_and_old_marks_are_deleted(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    unread, read = [(await cora.raise_ticket())["id"] for _ in range(2)]
    await mark(ada, read)
    for days, left in ((89, 1), (2, 0)):
        service.clock.advance(days=days)
        cora, ada = [
            service.client(await token_of(await User.get(id=each.id), READ_SCOPES))
            for each in (world.cora, world.ada)
        ]
        assert await is_unread(ada, unread) is bool(left)
        await Cleanup(None).run_once(service.clock(), 0)
        assert await TicketReadMark.all().count() == left
        assert not await is_unread(ada, read)


async def test_the_marks_of_a_user_are_bounded(url: str) -> None:
    async with running(url, max_read_marks_per_user=2) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        keys = [(await cora.raise_ticket())["id"] for _ in range(3)]
        await mark(cora, keys[0])
        for key in keys:
            await mark(ada, key)
        assert [await is_unread(ada, key) for key in keys] == [True, False, False]
        assert await TicketReadMark.filter(user_id=world.cora.id).count() == 1


async def test_a_list_of_tickets_needs_one_statement_for_unread_ones(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(10):
        await cora.raise_ticket()
    for first in (1, 10):
        query = f"{{ tickets(first: {first}) {{ nodes {{ viewerHasUnread }} }} }}"
        with statements() as collected:
            await ada.run(query)
        sent = [sql for sql, _ in collected.sent if "ticket_read_marks" in sql]
        assert len(sent) == 1


async def test_the_viewer_sees_which_tickets_they_watch(service: Service, world: World) -> None:
    cora, ada, root = [service.client(each.token) for each in (world.cora, world.ada, world.root)]
    key = (await cora.raise_ticket())["id"]
    program = service.client(await api_client_token("Monitor"))
    clients = (cora, ada, root, program)

    async def watching() -> list[bool]:
        return [(await each.run(READ, id=key))["ticket"]["viewerIsWatching"] for each in clients]

    assert await watching() == [False] * 4
    await ada.do("watchTicket", ticketId=key)
    assert await watching() == [False, True, False, False]
    await cora.do("watchTicket", ticketId=key)
    assert await watching() == [True, True, False, False]
    await ada.do("unwatchTicket", ticketId=key)
    assert await watching() == [True, False, False, False]
