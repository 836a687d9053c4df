"""Merges across requesters, participants, and undoing merges, over the API."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, person
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.live import head_cursor
from support.ticket_mutations import read_timeline

from models.access import revision
from models.access.viewer import authenticate
from models.access.visibility import can_access_ticket, read_current_viewer
from models.core import ids, time
from models.log import event
from models.log.event import Event, EventType
from models.people.user import Organization, User
from models.tickets.attachment import Attachment
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketParticipant

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

TICKET = """query($id: ID!) { ticket(id: $id) {
  status closeReason mergedInto { id } allowedActions participants { id }
  messages(first: 100) { nodes { body } } } }"""
EVENTS = """subscription($after: String) { ticketEvents(after: $after) {
  type ticket { id } } }"""


async def read(client: Client, key: str) -> dict[str, Any] | None:
    ticket = (await client.run(TICKET, id=key))["ticket"]
    return None if ticket is None else dict(ticket)


async def bodies(client: Client, key: str) -> list[str]:
    ticket = await read(client, key)
    assert ticket is not None
    return [message["body"] for message in ticket["messages"]["nodes"]]


async def raise_with_reply(client: Client, body: str) -> str:
    key = str((await client.raise_ticket(f"About {body}"))["id"])
    await client.do("replyToTicket", ticketId=key, body=body)
    return key


async def count_visible(client: Client) -> tuple[int, int, int]:
    query = """{ tickets { totalCount } ticketStats { total }
      events(types: [TICKET_CREATED]) { totalCount } }"""
    data = await client.run(query)
    total, stats, events = data["tickets"], data["ticketStats"], data["events"]
    return (total["totalCount"], stats["total"], events["totalCount"])


async def test_nothing_is_merged_into_a_closed_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    one, closed = [(await cora.raise_ticket())["id"] for _ in range(2)]
    await ada.do("closeTicket", ticketId=closed, reason="SPAM")
    async with assert_nothing_stored():
        assert await refusals(ada, "mergeTickets", ticketId=one, intoId=closed) == [
            "INVALID intoId"
        ]
    await ada.do("reopenTicket", ticketId=closed, reason="It was no spam.")
    await ada.do("mergeTickets", ticketId=one, intoId=closed)


async def test_a_merge_across_requesters_must_be_asked_for(service: Service, world: World) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    mine = await raise_with_reply(service.client(world.cora.token), "mine")
    colleague = await raise_with_reply(service.client(world.carl.token), "colleague")
    foreign = await raise_with_reply(service.client(world.olga.token), "foreign")
    async with assert_nothing_stored():
        for client in (ada, root):
            assert await refusals(client, "mergeTickets", ticketId=mine, intoId=colleague) == [
                "REQUIRED acrossRequesters"
            ]
        across = {"ticketId": mine, "intoId": foreign, "acrossRequesters": True}
        assert await refusals(ada, "mergeTickets", **across) == ["INVALID intoId"]
    await ada.do("mergeTickets", ticketId=mine, intoId=colleague, acrossRequesters=True)
    # The family has two requesters now, so even a ticket of one of them exposes a conversation.
    other = await raise_with_reply(service.client(world.carl.token), "other")
    async with assert_nothing_stored():
        assert await refusals(ada, "mergeTickets", ticketId=other, intoId=colleague) == [
            "REQUIRED acrossRequesters"
        ]
    await root.do("mergeTickets", ticketId=colleague, intoId=foreign, acrossRequesters=True)
    olga = service.client(world.olga.token)
    assert await bodies(olga, foreign) == ["mine", "colleague", "foreign"]


async def test_only_admins_merge_tickets_of_requesters_without_a_common_organization(
    service: Service, world: World
) -> None:
    lone, other, moved = await person("lone"), await person("other"), await person("moved")
    acme = await Organization.get(name="Acme")
    clients = {
        name: service.client(each.token)
        for name, each in {"lone": lone, "other": other, "moved": moved, "cora": world.cora}.items()
    }
    tickets = {name: (await client.raise_ticket())["id"] for name, client in clients.items()}
    await User.filter(id=moved.id).update(organization_id=acme.id)
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    machines = service.client(await api_client_token("Writer", ["tickets:read", "tickets:write"]))
    async with assert_nothing_stored():
        for one, into in (("lone", "other"), ("moved", "other"), ("moved", "cora")):
            across = {
                "ticketId": tickets[one],
                "intoId": tickets[into],
                "acrossRequesters": True,
            }
            for client in (ada, machines):
                assert await refusals(client, "mergeTickets", **across) == ["INVALID intoId"]
    # Both tickets are of Acme, but one requester has left it.
    left = (await service.client(world.carl.token).raise_ticket())["id"]
    await User.filter(id=world.carl.id).update(organization_id=None)
    across = {"ticketId": left, "intoId": tickets["cora"], "acrossRequesters": True}
    assert await refusals(ada, "mergeTickets", **across) == ["INVALID intoId"]
    await root.do("mergeTickets", **across)


async def test_a_merge_across_requesters_needs_the_scope_to_read(
    service: Service, world: World
) -> None:
    one = await raise_with_reply(service.client(world.cora.token), "a")
    two = await raise_with_reply(service.client(world.carl.token), "b")
    writer = service.client(await api_client_token("Writer", ["tickets:write", "admin"]))
    across = {"ticketId": one, "intoId": two, "acrossRequesters": True}
    async with assert_nothing_stored():
        assert await refusals(writer, "mergeTickets", **across) == ["INVALID acrossRequesters"]


async def test_participants_see_the_ticket_and_may_reply_and_watch(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "olga's"), await raise_with_reply(otto, "otto's")
    assert await read(olga, kept) is None
    assert await count_visible(olga) == (1, 1, 1)
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    for client in (olga, otto):
        assert await count_visible(client) == (2, 2, 2)
        assert await bodies(client, kept) == ["olga's", "otto's"]
        found = await client.run('{ tickets(filter: {search: "otto"}) { nodes { id } } }')
        assert {"id": kept} in found["tickets"]["nodes"]
    seen = await read(olga, kept)
    assert seen is not None
    assert (seen["participants"], seen["allowedActions"]) == ([{"id": world.olga.gid}], [])
    await olga.do("replyToTicket", ticketId=kept, body="Me, too.")
    await olga.do("watchTicket", ticketId=kept)
    await olga.do("unwatchTicket", ticketId=kept)
    async with assert_nothing_stored():
        for name, arguments in (
            ("closeTicket", {"reason": "WITHDRAWN"}),
            ("escalateTicket", {"reason": "x"}),
            ("rateTicket", {"score": 1}),
        ):
            assert await refusals(olga, name, ticketId=kept, **arguments) == ["INVALID ticketId"]
    changes = [each["changes"] for each in await read_timeline(ada, kept) if each.get("changes")]
    assert {
        "field": "participants",
        "from": "",
        "to": world.olga.gid,
        "fromItems": [],
        "toItems": [world.olga.gid],
    } in [change for event_changes in changes for change in event_changes]
    assert await read(service.client(world.cora.token), kept) is None


async def test_open_connections_see_a_shared_ticket_at_once(service: Service, world: World) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "olga's"), await raise_with_reply(otto, "otto's")
    async with olga.socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
        await otto.do("replyToTicket", ticketId=kept, body="Hello.")
        seen: list[dict[str, Any]] = []
        while {"type": "REPLY_ADDED", "ticket": {"id": kept}} not in seen:
            seen.append(await socket.next("ticketEvents"))
        await ada.do("unmergeTicket", ticketId=gone)
        await otto.do("replyToTicket", ticketId=kept, body="Only for me.")
        sentinel = (await olga.raise_ticket("Sentinel"))["id"]
        later: list[dict[str, Any]] = []
        while {"type": "TICKET_CREATED", "ticket": {"id": sentinel}} not in later:
            later.append(await socket.next("ticketEvents"))
    assert {"id": kept} not in [each["ticket"] for each in later]
    assert await read(olga, kept) is None


async def test_subscriptions_that_name_a_ticket_end_when_access_is_lost(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "olga's"), await raise_with_reply(otto, "otto's")
    for field in ("ticketEvents", "ticketStatusChanged"):
        await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
        query = f"subscription($id: ID!) {{ {field}(ticketId: $id) {{ id }} }}"
        async with olga.socket() as socket, otto.socket() as other:
            await socket.subscribe(query, id=kept)
            await other.subscribe(EVENTS, after=await head_cursor())
            await socket.subscribe("{ viewer { role } }")
            await socket.next("viewer")  # the subscription has started
            await socket.receive()
            await ada.do("unmergeTicket", ticketId=gone)
            with pytest.raises(Refused) as refusal:
                await socket.next(field)
            assert refusal.value.code == "NOT_FOUND"
            assert await other.next("ticketEvents")


async def test_a_merge_counts_as_a_change_of_visibility(service: Service, world: World) -> None:
    gone = await raise_with_reply(service.client(world.olga.token), "a")
    kept = await raise_with_reply(service.client(world.otto.token), "b")
    ada, before = service.client(world.ada.token), await event.read_head()
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    for position in range(before, await event.read_head() + 1):
        assert await revision.visibility_changed_since(position), position


async def test_undoing_a_merge_separates_the_conversations(service: Service, world: World) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "olga's"), await raise_with_reply(otto, "otto's")
    async with assert_nothing_stored():
        assert await refusals(ada, "unmergeTicket", ticketId=gone) == ["INVALID ticketId"]
        assert await refusals(ada, "unmergeTicket", ticketId="tkt_x") == ["NOT_FOUND ticketId"]
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    for client, body in ((olga, "zebra"), (otto, "for the team"), (ada, "for both")):
        await client.do("replyToTicket", ticketId=kept, body=body)
    message = await Message.get(body="zebra")
    file = await Attachment.create(
        ticket_id=message.ticket_id,
        message_id=message.id,
        filename="log.txt",
        content_type="text/plain",
        size=1,
        sha256="0" * 64,
    )
    answer = await ada.do("unmergeTicket", ticketId=gone, idempotencyKey="undo")
    assert (answer["ticket"]["status"], answer["event"]["type"]) == ("OPEN", "UNMERGED")
    again = await ada.do("unmergeTicket", ticketId=gone, idempotencyKey="undo")
    assert again["cursor"] == answer["cursor"]
    assert await bodies(olga, gone) == ["olga's", "zebra"]
    assert await bodies(otto, kept) == ["otto's", "for the team", "for both"]
    assert (await read(olga, kept), await read(otto, gone)) == (None, None)
    assert await TicketParticipant.all().count() == 0
    await file.refresh_from_db()
    assert file.ticket_id == ids.key_of(ids.TICKET, gone)
    search = '{ tickets(filter: {search: "zebra"}) { nodes { id } } }'
    assert (await otto.run(search))["tickets"]["nodes"] == []
    assert (await olga.run(search))["tickets"]["nodes"] == [{"id": gone}]
    for key in (gone, kept):
        assert [each["type"] for each in await read_timeline(ada, key)].count("UNMERGED") == 1
    assert await Event.filter(type=EventType.REPLY_MOVED, message_id=None).count() == 1
    await audit()
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    await audit()


async def test_access_is_read_again_for_a_viewer_from_before_an_unmerge(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "olga's"), await raise_with_reply(otto, "otto's")
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    before = await authenticate(world.olga.token, time.now())
    ticket = await Ticket.get(id=ids.key_of(ids.TICKET, kept))
    assert before is not None
    assert can_access_ticket(await read_current_viewer(before, [ticket]), ticket)
    await ada.do("unmergeTicket", ticketId=gone)
    assert can_access_ticket(before, ticket)
    assert not can_access_ticket(await read_current_viewer(before, [ticket]), ticket)


async def test_undoing_a_merge_ends_the_watching_of_those_who_lose_access(
    service: Service, world: World
) -> None:
    olga, otto, cora, carl = (
        service.client(person.token) for person in (world.olga, world.otto, world.cora, world.carl)
    )
    ada = service.client(world.ada.token)
    query = "query($id: ID!) { ticket(id: $id) { version watchers { id } } }"
    for one, other, remaining in ((olga, otto, []), (cora, carl, [{"id": world.cora.gid}])):
        gone, kept = await raise_with_reply(one, "a"), await raise_with_reply(other, "b")
        await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
        await one.do("watchTicket", ticketId=kept)
        before = (await other.run(query, id=kept))["ticket"]
        await ada.do("unmergeTicket", ticketId=gone)
        after = (await other.run(query, id=kept))["ticket"]
        assert after["watchers"] == remaining, "colleagues of a shared organization keep watching"
        assert after["version"] > before["version"]
        fields = [
            change["field"]
            for each in await read_timeline(other, kept)
            for change in each.get("changes") or []
        ]
        assert fields.count("watchers") == (1 if remaining else 2)
    await audit()


async def test_later_messages_of_the_same_requester_stay(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    gone, kept = await raise_with_reply(cora, "first"), await raise_with_reply(cora, "second")
    await ada.do("mergeTickets", ticketId=gone, intoId=kept)
    await cora.do("replyToTicket", ticketId=kept, body="later")
    await ada.do("unmergeTicket", ticketId=gone)
    assert (await bodies(cora, gone), await bodies(cora, kept)) == (["first"], ["second", "later"])


async def test_a_ticket_takes_along_those_merged_into_it_earlier(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    a, b, c, d = [await raise_with_reply(cora, name) for name in "abcd"]
    await ada.do("closeTicket", ticketId=a, reason="SPAM")
    for key, into in ((a, b), (d, c), (b, c)):
        await ada.do("mergeTickets", ticketId=key, intoId=into)
    await ada.do("unmergeTicket", ticketId=b)
    assert (await bodies(cora, b), await bodies(cora, c)) == (["a", "b"], ["c", "d"])
    await ada.do("unmergeTicket", ticketId=a)
    ticket = await read(ada, a)
    assert ticket is not None
    assert (ticket["status"], ticket["closeReason"], ticket["mergedInto"]) == (
        "CLOSED",
        "SPAM",
        None,
    )
    assert await bodies(cora, b) == ["b"]
    await audit()


async def test_a_participant_may_be_deactivated(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    gone = await raise_with_reply(service.client(world.olga.token), "a")
    kept = await raise_with_reply(service.client(world.otto.token), "b")
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    await User.filter(id=ids.key_of(ids.USER, world.olga.gid)).update(active=False)
    await audit()


async def test_replies_of_colleagues_who_still_see_the_ticket_stay(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(carl, "carl's"), await raise_with_reply(cora, "cora's")
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    await carl.do("replyToTicket", ticketId=kept, body="question")
    await ada.do("replyToTicket", ticketId=kept, body="answer")
    await ada.do("unmergeTicket", ticketId=gone)
    assert await bodies(carl, gone) == ["carl's"]
    assert await bodies(carl, kept) == ["cora's", "question", "answer"]
    await audit()


MERGED_TICKETS = """query($id: ID!, $filter: TicketFilter) {
  ticket(id: $id) { mergedTickets { id description } }
  tickets(filter: $filter) { nodes { id } } }"""


async def test_merged_tickets_are_listed_with_their_descriptions(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone = str((await olga.raise_ticket(description="The request itself"))["id"])
    kept, other = [str((await otto.raise_ticket())["id"]) for _ in range(2)]
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    for client in (olga, otto, ada):
        data = await client.run(MERGED_TICKETS, id=kept, filter={"mergedIntoId": {"eq": kept}})
        assert data["ticket"]["mergedTickets"] == [
            {"id": gone, "description": "The request itself"}
        ]
        assert data["tickets"]["nodes"] == [{"id": gone}]
    filter = {"mergedIntoId": {"null": True}}
    data = await otto.run(MERGED_TICKETS, id=other, filter=filter)
    assert data["ticket"]["mergedTickets"] == []
    assert sorted(each["id"] for each in data["tickets"]["nodes"]) == sorted([kept, other])
    await TicketParticipant.all().delete()
    data = await service.client(world.otto.token).run(MERGED_TICKETS, id=kept, filter={})
    assert data["ticket"]["mergedTickets"] == []


async def test_messages_that_a_merge_brought_along_are_unseen(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    bill = service.client(world.bill.token)
    gone, kept = await raise_with_reply(cora, "first"), await raise_with_reply(cora, "second")
    seen = event.encode_cursor(await event.read_head())
    await bill.do("mergeTickets", ticketId=gone, intoId=kept)

    async def read_unseen(client: Client, cursor: str) -> list[str]:
        arguments = {"ticketId": kept, "body": "answer", "lastSeenCursor": cursor}
        payload = await client.mutate("replyToTicket", arguments)
        (error,) = payload["userErrors"] or [{"messages": []}]
        return [message["body"] for message in error["messages"]]

    assert await read_unseen(ada, seen) == ["first"]
    seen = event.encode_cursor(await event.read_head())
    await bill.do("addNote", ticketId=gone, body="note on the merged ticket")
    assert await read_unseen(ada, seen) == ["note on the merged ticket"]
    assert await read_unseen(cora, seen) == []


async def test_participants_can_follow_up_a_ticket(service: Service, world: World) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "a"), await raise_with_reply(otto, "b")
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    await ada.do("closeTicket", ticketId=kept, reason="RESOLVED")
    service.clock.advance(days=15)
    assert await refusals(olga, "replyToTicket", ticketId=kept, body="Again") == [
        "REOPEN_WINDOW_PASSED"
    ]
    follow_up = str((await olga.raise_ticket(followUpOf=kept))["id"])
    query = "query($id: ID!) { ticket(id: $id) { links { kind ticket { id } } } }"
    assert (await olga.run(query, id=follow_up))["ticket"]["links"] == [
        {"kind": "FOLLOW_UP_OF", "ticket": {"id": kept}}
    ]
    assert await read(otto, follow_up) is None
    await audit()


async def test_a_repeated_reply_returns_its_message_after_the_move(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = await raise_with_reply(olga, "a"), await raise_with_reply(otto, "b")
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, acrossRequesters=True)
    arguments = {"ticketId": kept, "body": "moved", "idempotencyKey": "once"}
    first = await olga.do("replyToTicket", **arguments)
    await ada.do("unmergeTicket", ticketId=gone)
    again = await olga.do("replyToTicket", **arguments)
    assert again["replayed"] is True
    assert (again["ticket"]["id"], again["event"]["type"]) == (gone, "REPLY_ADDED")
    assert again["cursor"] == first["cursor"]
    assert await Message.filter(body="moved").count() == 1


async def test_an_expected_version_is_at_least_one(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    key = await raise_with_reply(service.client(world.cora.token), "a")
    for version in (0, -1):
        assert await refusals(ada, "addNote", ticketId=key, body="x", expectedVersion=version) == [
            "INVALID expectedVersion"
        ]


async def test_a_moved_reply_changes_the_messages_of_its_earlier_ticket(
    service: Service, world: World
) -> None:
    """The reply is on a ticket that was itself merged into a third one later."""
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, middle, kept = [
        await raise_with_reply(client, name)
        for client, name in ((olga, "a"), (otto, "b"), (otto, "c"))
    ]
    await ada.do("mergeTickets", ticketId=gone, intoId=middle, acrossRequesters=True)
    await olga.do("replyToTicket", ticketId=middle, body="moved")
    await ada.do("mergeTickets", ticketId=middle, intoId=kept, acrossRequesters=True)
    subscription = "subscription { ticketChanges { kind ticketId changedFields } }"
    async with ada.socket() as socket:
        await socket.subscribe(subscription)
        while (await socket.next("ticketChanges"))["kind"] != "SNAPSHOT_END":
            pass
        await ada.do("unmergeTicket", ticketId=gone)
        changed: dict[str, set[str]] = {}
        while "messages" not in changed.get(middle, set()):
            change = await socket.next("ticketChanges")
            changed.setdefault(change["ticketId"], set()).update(change["changedFields"])
    assert "participants" in changed[middle]
