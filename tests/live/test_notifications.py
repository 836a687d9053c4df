"""Subscriptions to notifications: new ones only, each once, while the viewer may see their
ticket."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, Socket, World
from support.accounts import hash_password
from support.actors import Person, token_of
from support.event_stream_client import open_stream
from support.live import operation_error, wait_for_close
from support.service import running
from support.ticket_commands import add_notifications, run_notifier

from models.access.viewer import Viewer
from models.core import ids, time
from models.log.event import encode_cursor
from models.notifications import inbox, notification
from models.notifications.notification import Notification
from models.people.token import Token, hash_token
from models.people.user import Organization, Role, User
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.subscriptions import notifications
from services import components

pytestmark = pytest.mark.never_retried

RESUMED = """
  subscription($after: String) { notifications(after: $after) { id cursor } }
"""
SUBSCRIPTION = "subscription { notifications { id reason readAt event { type ticket { id } } } }"


def ticket_key(ticket: dict[str, Any]) -> UUID:
    key = ids.key_of(ids.TICKET, ticket["id"])
    assert key is not None
    return key


async def subscribe(socket: Socket, ticket_id: UUID, *user_ids: UUID) -> str:
    """Subscribe, and create notifications until the first one arrives; then read all of them.

    Nothing else reports that a subscription has started.
    """
    operation = await socket.subscribe(SUBSCRIPTION)
    first = asyncio.create_task(socket.next("notifications"))
    number = 0
    while not first.done():
        number = await add_notifications(ticket_id, *user_ids)
        await asyncio.wait([first], timeout=0.05)
    received = await first
    while int(received["id"].removeprefix("ntf_")) <= number - len(user_ids):
        received = await socket.next("notifications")
    return operation


async def subscribe_as(client: Client, socket: Socket, person: Person) -> dict[str, Any]:
    """Subscribe as a person; return the new ticket whose notifications showed that it has
    started."""
    ticket = await client.raise_ticket("mine")
    await run_notifier()
    await subscribe(socket, ticket_key(ticket), person.id)
    return ticket


async def test_each_viewer_receives_their_own_notifications_only(
    service: Service, world: World
) -> None:
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    async with cora.socket() as cora_socket, bill.socket() as bill_socket:
        ticket = await subscribe_as(cora, cora_socket, world.cora)
        await subscribe_as(bill, bill_socket, world.bill)
        await bill.do("watchTicket", ticketId=ticket["id"])
        await ada.do("replyToTicket", ticketId=ticket["id"], body="hello")
        await ada.do("addNote", ticketId=ticket["id"], body="for staff")
        await cora.do("replyToTicket", ticketId=ticket["id"], body="thanks")
        await ada.do("resolveTicket", ticketId=ticket["id"], resolution="done")
        await run_notifier()
        received = await cora_socket.take("notifications", 2)
        assert [(each["event"]["type"], each["reason"]) for each in received] == [
            ("REPLY_ADDED", "REQUESTER"),
            ("STATUS_CHANGED", "REQUESTER"),
        ]
        assert {each["event"]["ticket"]["id"] for each in received} == {ticket["id"]}
        assert [each["event"]["type"] for each in await bill_socket.take("notifications", 4)] == [
            *("REPLY_ADDED", "NOTE_ADDED", "REPLY_ADDED", "STATUS_CHANGED"),
        ]
        last = await add_notifications(ticket_key(ticket), world.cora.id)
        assert (await cora_socket.next("notifications"))["id"] == f"ntf_{last}", (
            "nothing else came before"
        )


async def test_earlier_notifications_are_not_delivered(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    await ada.do("replyToTicket", ticketId=ticket["id"], body="before")
    await run_notifier()
    before = [each.number for each in await Notification.filter(user_id=world.cora.id)]
    assert before
    async with cora.socket() as socket:
        await socket.subscribe(SUBSCRIPTION)
        first = asyncio.create_task(socket.next("notifications"))
        while not first.done():
            await add_notifications(ticket_key(ticket), world.cora.id)
            await asyncio.wait([first], timeout=0.05)
        assert int((await first)["id"].removeprefix("ntf_")) > max(before)


@pytest.mark.parametrize("max_recent", [1, 10_000], ids=["from the database", "from memory"])
async def test_a_client_resumes_after_its_last_notification(
    url: str, monkeypatch: pytest.MonkeyPatch, max_recent: int
) -> None:
    monkeypatch.setattr(components, "MAX_RECENT_NOTIFICATIONS", max_recent)
    monkeypatch.setattr(notifications, "MAX_BATCH_NOTIFICATIONS", 2)
    async with running(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        numbers = [
            await add_notifications(ticket_key(ticket), world.cora.id, world.ada.id) - 1
            for _ in range(7)
        ]
        page = await cora.run("{ notifications { edges { cursor node { id cursor } } } }")
        edges = page["notifications"]["edges"]
        assert [edge["cursor"] for edge in edges] == [edge["node"]["cursor"] for edge in edges]
        cursors = {edge["node"]["id"]: edge["cursor"] for edge in edges}
        assert list(cursors) == [f"ntf_{number}" for number in reversed(numbers)]
        for index in (0, 3, 5):
            async with cora.socket() as socket:
                after = cursors[f"ntf_{numbers[index]}"]
                await socket.subscribe(RESUMED, after=after)
                later = numbers[index + 1 :]
                received = await socket.take("notifications", len(later))
                assert [each["id"] for each in received] == [f"ntf_{number}" for number in later]
                last = await add_notifications(ticket_key(ticket), world.cora.id)
                assert (await socket.next("notifications"))["id"] == f"ntf_{last}"
                numbers.append(last)
        async with open_stream(cora, RESUMED, last_id=cursors[f"ntf_{numbers[4]}"]) as stream:
            received = await stream.take("notifications", len(numbers) - 5)
            assert [each["id"] for each in received] == [f"ntf_{each}" for each in numbers[5:]]
            assert stream.last_id == received[-1]["cursor"]


async def test_invalid_cursors_of_notifications_are_refused(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    await cora.raise_ticket()
    async with cora.socket() as socket:
        for cursor in ("", "garbage", encode_cursor(1), notification.encode_cursor(10**6)):
            await socket.subscribe(RESUMED, after=cursor)
            assert await operation_error(socket) == "CURSOR_INVALID", cursor
        ticket = await cora.raise_ticket()
        await socket.subscribe(RESUMED, after=notification.encode_cursor(0))
        number = await add_notifications(ticket_key(ticket), world.cora.id)
        received = await socket.next("notifications")
        while received["id"] != f"ntf_{number}":
            received = await socket.next("notifications")


async def test_a_late_reader_receives_each_notification_once_in_order(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "MAX_RECENT_NOTIFICATIONS", 3)
    monkeypatch.setattr(notifications, "MAX_BATCH_NOTIFICATIONS", 2)
    async with running(url) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        async with cora.socket() as socket:
            ticket = await subscribe_as(cora, socket, world.cora)
            user_ids = [person.id for person in (world.ada, world.cora, world.bill)]
            numbers = [await add_notifications(ticket_key(ticket), *user_ids) for _ in range(30)]
            received = await socket.take("notifications", 30)
            assert [each["id"] for each in received] == [f"ntf_{number - 1}" for number in numbers]


async def test_notifications_of_a_hidden_ticket_are_not_delivered(
    service: Service, world: World
) -> None:
    cora, carl, ada = (
        service.client(person.token) for person in (world.cora, world.carl, world.ada)
    )
    ticket = await cora.raise_ticket()
    await carl.do("watchTicket", ticketId=ticket["id"])
    async with carl.socket() as socket:
        own = await subscribe_as(carl, socket, world.carl)
        await ada.do("replyToTicket", ticketId=ticket["id"], body="visible")
        await run_notifier()
        assert (await socket.next("notifications"))["event"]["ticket"]["id"] == ticket["id"]
        await ada.do(
            "replyToTicket", ticketId=ticket["id"], body="written while shared, delivered later"
        )
        await Organization.filter(name="Acme").update(shared=False)
        await add_notifications(ticket_key(ticket), world.carl.id)
        await add_notifications(ticket_key(own), world.carl.id)
        assert (await socket.next("notifications"))["event"]["ticket"]["id"] == own["id"]
        await Organization.filter(name="Acme").update(shared=True)
        last = await add_notifications(ticket_key(ticket), world.carl.id)
        assert (await socket.next("notifications"))["id"] == f"ntf_{last}"


async def test_permissions_are_checked_again_before_delivery(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = await cora.raise_ticket()
    add_token, filter_visible = ViewerRegistry.add_token, inbox.filter_visible
    context: list[Any] = []
    visible_sets: list[set[int]] = []

    def remember(self: ViewerRegistry, new_context: Any) -> None:
        context[:] = [new_context]
        add_token(self, new_context)

    async def check_then_unshare(viewer: Viewer, numbers: list[int]) -> set[int]:
        """The notifications that were visible just before the account was unshared."""
        visible_sets.append(await filter_visible(viewer, numbers))
        if len(visible_sets) == 1:
            await Organization.filter(name="Acme").update(shared=False)
            async with asyncio.timeout(60):
                while context[0].viewer.shared_organization_id is not None:
                    await asyncio.sleep(0.02)
        return visible_sets[-1]

    monkeypatch.setattr(ViewerRegistry, "add_token", remember)
    async with carl.socket() as socket:
        own = await subscribe_as(carl, socket, world.carl)
        monkeypatch.setattr(inbox, "filter_visible", check_then_unshare)
        hidden = await add_notifications(ticket_key(ticket), world.carl.id)
        last = await add_notifications(ticket_key(own), world.carl.id)
        assert (await socket.next("notifications"))["id"] == f"ntf_{last}"
    assert hidden in visible_sets[0]
    assert hidden not in visible_sets[1]


async def test_demoting_an_agent_ends_team_notifications(service: Service, world: World) -> None:
    cora, ada, bill = (
        service.client(person.token) for person in (world.cora, world.ada, world.bill)
    )
    ticket = await cora.raise_ticket()
    async with ada.socket() as socket:
        own = await subscribe_as(ada, socket, world.ada)
        await bill.do("addNote", ticketId=ticket["id"], body="@ada look")
        await run_notifier()
        assert (await socket.next("notifications"))["reason"] == "MENTIONED"
        await bill.do("addNote", ticketId=own["id"], body="@ada look here")
        await run_notifier()
        assert (await socket.next("notifications"))["reason"] == "MENTIONED"
        await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
        await add_notifications(ticket_key(ticket), world.ada.id)
        last = await add_notifications(ticket_key(own), world.ada.id)
        assert (await socket.next("notifications"))["id"] == f"ntf_{last}"


async def test_removing_the_scope_ends_the_subscription_but_not_the_socket(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    token = await token_of(await User.get(id=world.cora.id))
    async with service.client(token).socket() as socket:
        operation = await subscribe(socket, ticket_key(ticket), world.cora.id)
        await Token.filter(digest=hash_token(token)).update(scopes=["tickets:write"])
        await add_notifications(ticket_key(ticket), world.cora.id)
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", operation)
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        await socket.subscribe("{ viewer { unreadNotifications } }")
        assert (await socket.next("viewer")) == {"unreadNotifications": 0}


@pytest.mark.parametrize("end", ["revoked", "deactivated", "expired"])
async def test_an_ended_token_closes_the_socket_before_further_delivery(
    service: Service, world: World, end: str
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    async with cora.socket() as socket:
        await subscribe(socket, ticket_key(ticket), world.cora.id)
        if end == "deactivated":
            await User.filter(id=world.cora.id).update(active=False)
        else:
            column = {"revoked": "revoked_at", "expired": "expires_at"}[end]
            await Token.filter(digest=hash_token(world.cora.token)).update(**{column: time.now()})
        await add_notifications(ticket_key(ticket), world.cora.id)
        code, _, received = await wait_for_close(socket)
        assert code == 4403
        assert [
            message
            for message in received
            if message["type"] == "next" and message["payload"].get("data")
        ] == []


async def test_a_new_sign_in_over_the_socket_changes_the_recipient(
    service: Service, world: World
) -> None:
    await User.filter(id=world.olga.id).update(password_hash=hash_password("correct horse"))
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    cora_ticket, olga_ticket = await cora.raise_ticket(), await olga.raise_ticket()
    async with cora.socket() as socket:
        operation = await subscribe(socket, ticket_key(cora_ticket), world.cora.id)
        sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { viewer { role } } }"
        other = await socket.subscribe(
            sign_in, input={"email": "olga@example.com", "password": "correct horse"}
        )
        assert (await socket.next("signIn")) == {"viewer": {"role": "CUSTOMER"}}
        assert await socket.receive() == {"type": "complete", "id": other}
        await add_notifications(ticket_key(cora_ticket), world.cora.id)
        last = await add_notifications(ticket_key(olga_ticket), world.olga.id)
        message = await socket.receive()
        assert (message["id"], message["payload"]["data"]["notifications"]["id"]) == (
            operation,
            f"ntf_{last}",
        )


async def test_notifications_are_checked_for_their_recipients_only(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filter_visible, readers = inbox.filter_visible, list[UUID | None]()

    async def check_and_record(viewer: Viewer, numbers: list[int]) -> set[int]:
        if numbers:
            readers.append(viewer.user_id)
        return await filter_visible(viewer, numbers)

    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    async with cora.socket() as cora_socket, olga.socket() as olga_socket:
        ticket = await subscribe_as(cora, cora_socket, world.cora)
        await subscribe_as(olga, olga_socket, world.olga)
        monkeypatch.setattr(inbox, "filter_visible", check_and_record)
        for _ in range(5):
            await add_notifications(ticket_key(ticket), world.cora.id)
        await cora_socket.take("notifications", 5)
    assert set(readers) == {world.cora.id}


async def test_a_database_error_delays_and_loses_no_notification(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filter_visible, failures = inbox.filter_visible, [ConnectionRefusedError("away")] * 2

    async def failing(viewer: Viewer, numbers: list[int]) -> set[int]:
        if failures:
            raise failures.pop()
        return await filter_visible(viewer, numbers)

    cora = service.client(world.cora.token)
    async with cora.socket() as socket:
        ticket = await subscribe_as(cora, socket, world.cora)
        monkeypatch.setattr(inbox, "filter_visible", failing)
        numbers = [await add_notifications(ticket_key(ticket), world.cora.id) for _ in range(3)]
        assert [each["id"] for each in await socket.take("notifications", 3)] == [
            f"ntf_{number}" for number in numbers
        ]
        assert not failures


async def test_api_clients_and_anonymous_clients_may_not_subscribe(
    service: Service, world: World
) -> None:
    for token, code in ((world.api_client_token, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        async with service.client(token).socket() as socket:
            await socket.subscribe(SUBSCRIPTION)
            assert await operation_error(socket) == code
    with pytest.raises(Refused):
        await service.client(world.cora.token).run(SUBSCRIPTION)
