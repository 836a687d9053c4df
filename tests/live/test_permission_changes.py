"""Permissions during the life of a socket: sign-in, changes of permissions, the end of a token."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from support import Service, World
from support.accounts import hash_password
from support.actors import api_client_token, token_of
from support.client import EVENTS, TIMEOUT_SECONDS, Client, Socket, open_connection
from support.live import (
    count_waiting_groups,
    delivered_values,
    head_cursor,
    operation_error,
    positions_of,
    small_buffer_socket,
    until,
    wait_for_close,
)
from support.service import running, start
from websockets.exceptions import ConnectionClosed

from models.access import revision
from models.core import ids, time
from models.log.event import decode_cursor
from models.people.team import Membership, Team
from models.people.token import Token, TokenKind, hash_token, issue_token
from models.people.user import ApiClient, Organization, Role, User
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

SIGN_IN = """
  mutation($input: SignInInput!) {
    signIn(input: $input) { token viewer { role user { displayName } } userErrors { code } }
  }
"""
SIGN_OUT = "mutation { signOut { userErrors { code } } }"
REVOKE = """
  mutation($input: RevokeApiTokenInput!) {
    revokeApiToken(input: $input) { apiToken { id } userErrors { code } }
  }
"""
VIEWER = "{ viewer { role user { displayName } } }"
PASSWORD = "correct horse"


async def token_id(text: str) -> str:
    return ids.encode(ids.TOKEN, (await Token.get(digest=hash_token(text))).id)


async def sign_in(client: Client, email: str = "ada@example.com") -> str:
    """Sign in with a password; return the token of the session."""
    await User.filter(email=email).update(password_hash=hash_password(PASSWORD))
    answer = await client.run(SIGN_IN, input={"email": email, "password": PASSWORD})
    return str(answer["signIn"]["token"])


async def run_operation(socket: Socket, query: str, **variables: Any) -> dict[str, Any]:
    """Run a query or a mutation over a socket; it sends one result and completes."""
    operation = await socket.subscribe(query, **variables)
    message = await socket.receive()
    assert (message["type"], message["id"]) == ("next", operation), message
    assert await socket.receive() == {"type": "complete", "id": operation}
    return dict(message["payload"])


# ---------------------------------------------------------------- ended tokens


async def revoke_by_api(
    service: Service, world: World
) -> tuple[str, Callable[[], Awaitable[object]]]:
    scopes = ["tickets:read", "events:read"]
    _, token = await issue_token(
        TokenKind.API, "program", scopes, user_id=world.ada.id, at=time.now()
    )
    other = service.client(await sign_in(service.client()))
    token_input = {"tokenId": await token_id(token)}

    async def revoke() -> None:
        assert (await other.run(REVOKE, input=token_input))["revokeApiToken"]["userErrors"] == []

    return token, revoke


async def sign_out(service: Service, world: World) -> tuple[str, Callable[[], Awaitable[object]]]:
    token = await sign_in(service.client())
    return token, lambda: service.client(token).run(SIGN_OUT)


async def expire_token(
    service: Service, world: World
) -> tuple[str, Callable[[], Awaitable[object]]]:
    at = time.now()
    scopes = ["tickets:read", "events:read"]
    _, token = await issue_token(
        TokenKind.API,
        "short",
        scopes,
        user_id=world.ada.id,
        expires_at=at + timedelta(hours=1),
        at=at,
    )

    async def expire() -> None:
        service.clock.advance(hours=1)

    return token, expire


async def deactivate_user(
    service: Service, world: World
) -> tuple[str, Callable[[], Awaitable[object]]]:
    user = await User.create(email="eve@example.com", display_name="Eve", role=Role.AGENT)
    return await token_of(user), lambda: User.filter(id=user.id).update(active=False)


async def deactivate_api_client(
    service: Service, world: World
) -> tuple[str, Callable[[], Awaitable[object]]]:
    token = await api_client_token("Short")
    return token, lambda: ApiClient.filter(display_name="Short").update(active=False)


@pytest.mark.parametrize(
    "ended", [revoke_by_api, sign_out, expire_token, deactivate_user, deactivate_api_client]
)
async def test_an_ended_token_closes_its_sockets_before_further_delivery(
    service: Service, world: World, ended: Callable[..., Any]
) -> None:
    token, end = await ended(service, world)
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    async with service.client(token).socket() as subscribed, service.client(token).socket() as idle:
        await subscribed.subscribe(EVENTS, after=await head_cursor())
        expected = await cora.do("replyToTicket", ticketId=ticket["id"], body="before")
        assert (await subscribed.next("ticketEvents"))["cursor"] == expected["cursor"]
        await end()
        last = decode_cursor(await head_cursor())
        await cora.do("replyToTicket", ticketId=ticket["id"], body="after")
        await cora.do("replyToTicket", ticketId=ticket["id"], body="after")
        code, reason, received = await wait_for_close(subscribed)
        assert (code, reason) == (4403, "Forbidden")
        assert [
            position for position in positions_of(delivered_values(received)) if position > last
        ] == []
        assert (await wait_for_close(idle))[0] == 4403
    with pytest.raises(ConnectionClosed) as refused:
        await try_to_open(service, {"authorization": f"Bearer {token}"})
    assert refused.value.rcvd is not None
    assert refused.value.rcvd.code == 4403


async def try_to_open(
    service: Service, payload: dict[str, Any], headers: dict[str, str] | None = None
) -> None:
    """Open a socket with a connection_init; fails unless the server acknowledges it."""
    async with open_connection(service.ws, additional_headers=headers) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init", "payload": payload})
        assert (await socket.receive())["type"] == "connection_ack"


async def test_an_ended_token_leaves_sockets_of_other_tokens_open(
    service: Service, world: World
) -> None:
    token, revoke = await revoke_by_api(service, world)
    cora = service.client(world.cora.token)
    async with (
        service.client(token).socket() as ended,
        service.client(world.ada.token).socket() as other,
    ):
        await other.subscribe(EVENTS, after=await head_cursor())
        await revoke()
        assert (await wait_for_close(ended))[0] == 4403
        ticket = await cora.raise_ticket()
        assert (await other.next("ticketEvents"))["ticket"]["id"] == ticket["id"]


async def test_signing_out_over_a_socket_closes_it(service: Service, world: World) -> None:
    token = await sign_in(service.client())
    async with service.client(token).socket() as socket:
        assert (await run_operation(socket, SIGN_OUT))["data"] == {"signOut": {"userErrors": []}}
        assert (await wait_for_close(socket))[0] == 4403


@contextlib.asynccontextmanager
async def subscriber_that_does_not_read(
    service: Service, token: str, query: str, **variables: Any
) -> AsyncIterator[Socket]:
    """A subscriber that never reads its events."""
    async with small_buffer_socket(service, token) as socket:
        await socket.subscribe(query, **variables)
        socket.connection.transport.pause_reading()
        yield socket
        socket.connection.transport.abort()


def large_subscription(selections: int = 8) -> str:
    """A subscription whose events have about 65 kB per selection if the reply is long."""
    reply = "reply { " + " ".join(f"b{number}: body" for number in range(selections)) + " }"
    event = f"... on TicketReplied {{ {reply} }}"
    return f"subscription($after: String) {{ ticketEvents(after: $after) {{ {event} }} }}"


async def add_long_replies(client: Client, ticket_id: str) -> None:
    for _ in range(8):  # about 4 MB in all, more than the small buffers hold
        await client.do("replyToTicket", ticketId=ticket_id, body="x" * 65_000)


async def test_a_peer_that_does_not_read_delays_no_other_close(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket()
    after = await head_cursor()
    token, revoke = await revoke_by_api(service, world)
    async with (
        subscriber_that_does_not_read(service, token, large_subscription(), after=after),
        service.client(token).socket() as idle,
        ada.socket() as fast,
    ):
        await add_long_replies(cora, ticket["id"])
        await fast.subscribe(EVENTS, after=after)
        await fast.take("ticketEvents", 8)
        await revoke()
        assert (await wait_for_close(idle))[
            0
        ] == 4403  # it was opened later, so the server closes it later
        last = await cora.do("replyToTicket", ticketId=ticket["id"], body="expected")
        assert (await fast.next("ticketEvents"))["cursor"] == last["cursor"]


async def test_a_disconnect_or_revocation_during_a_write_logs_no_error(
    service: Service,
    world: World,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cora = service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    after = await head_cursor()
    await add_long_replies(cora, ticket["id"])
    token, revoke = await revoke_by_api(service, world)
    async with (
        subscriber_that_does_not_read(service, world.ada.token, large_subscription(), after=after),
        subscriber_that_does_not_read(service, token, large_subscription(), after=after) as ended,
    ):
        await until(lambda: are_waiting_writers(2))
        async with service.client(token).socket() as idle:
            await revoke()
            assert (await wait_for_close(idle))[0] == 4403
        ended.connection.transport.resume_reading()
        code, _, received = await wait_for_close(ended)
        assert code == 4403
        assert 0 < len(received) < 8
    await until(lambda: are_waiting_writers(0))
    output = capfd.readouterr()
    assert "Traceback" not in output.out + output.err
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def are_waiting_writers(count: int) -> bool:
    return count_waiting_groups() == count


# ---------------------------------------------------------------- changes of permissions


async def test_unsharing_an_account_hides_its_tickets_from_members_at_once(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    async with carl.socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        ticket = await cora.raise_ticket()
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        await Organization.filter(name="Acme").update(shared=False)
        await cora.do("replyToTicket", ticketId=ticket["id"], body="hidden from carl")
        own = await carl.raise_ticket("fence")
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == own["id"]
        await Organization.filter(name="Acme").update(shared=True)
        again = await cora.do("replyToTicket", ticketId=ticket["id"], body="visible to carl")
        assert (await socket.next("ticketEvents"))["cursor"] == again["cursor"]


async def test_demoting_an_agent_hides_notes_and_foreign_tickets(
    service: Service, world: World
) -> None:
    ada, bill, cora = (
        service.client(person.token) for person in (world.ada, world.bill, world.cora)
    )
    ticket = await cora.raise_ticket()
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        await bill.do("addNote", ticketId=ticket["id"], body="for us")
        assert (await socket.next("ticketEvents"))["type"] == "NOTE_ADDED"
        await User.filter(id=world.ada.id).update(role=Role.CUSTOMER)
        await bill.do("addNote", ticketId=ticket["id"], body="for them")
        await cora.do("replyToTicket", ticketId=ticket["id"], body="hello")
        own = await bill.do(
            "createTicket",
            subject="s",
            description="d",
            category="sales",
            requesterId=world.ada.gid,
        )
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == own["ticket"]["id"]


async def test_removing_the_scope_ends_the_subscription_but_not_the_socket(
    service: Service, world: World
) -> None:
    user = await User.get(id=world.ada.id)
    token = await token_of(user)
    async with service.client(token).socket() as socket:
        operation = await socket.subscribe(EVENTS, after=await head_cursor())
        await Token.filter(digest=hash_token(token)).update(scopes=["tickets:read"])
        await service.client(world.cora.token).raise_ticket()
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", operation)
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        assert (await run_operation(socket, VIEWER))["data"]["viewer"]["role"] == "AGENT"


async def test_an_event_is_checked_against_permissions_no_older_than_itself(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ticket = await cora.raise_ticket()
    read_revision, add_token = revision.read_revision, ViewerRegistry.add_token
    cursors, contexts = list[str](), list[Context]()
    enabled, refreshing, overtaken = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def read_then_change() -> int:
        """Unshare the account and write an event, just after the sessions have read the
        permissions."""
        number, task = await read_revision(), asyncio.current_task()
        if enabled.is_set() and not cursors and task is not None and is_session_task(task):
            cursors.append("")
            await Organization.filter(name="Acme").update(shared=False)
            payload = await cora.do("replyToTicket", ticketId=ticket["id"], body="hidden from carl")
            cursors[0] = payload["cursor"]
            await asyncio.wait_for(
                refreshing.wait(), TIMEOUT_SECONDS
            )  # now the tail has the event and refreshes the permissions
            overtaken.set()
        return number

    async def refresh_and_report() -> None:
        refreshing.set()
        try:
            await viewers.refresh()
        finally:
            refreshing.clear()

    def remember(self: ViewerRegistry, context: Context) -> None:
        contexts.append(context)
        add_token(self, context)

    monkeypatch.setattr(ViewerRegistry, "add_token", remember)
    monkeypatch.setattr(revision, "read_revision", read_then_change)
    async with carl.socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        services = contexts[-1].services
        viewers = services.viewers
        monkeypatch.setattr(services.event_tail, "refresh", refresh_and_report)
        first = await cora.do("replyToTicket", ticketId=ticket["id"], body="visible to carl")
        assert (await socket.next("ticketEvents"))["cursor"] == first["cursor"]
        enabled.set()
        await asyncio.wait_for(overtaken.wait(), TIMEOUT_SECONDS)
        own = await carl.do("createTicket", subject="fence", description="d", category="sales")
        assert (await socket.next("ticketEvents"))["cursor"] == own["cursor"], (
            "carl may no longer see the reply"
        )


def is_session_task(task: asyncio.Task[Any]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "") == ViewerRegistry.run.__qualname__


async def test_promoting_a_customer_delivers_events_of_all_tickets(
    service: Service, world: World
) -> None:
    ada, otto = service.client(world.ada.token), service.client(world.otto.token)
    scopes = ["tickets:read", "tickets:write", "events:read", "notes:read"]
    token = await token_of(await User.get(id=world.cora.id), scopes)
    async with service.client(token).socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        foreign = await otto.raise_ticket()
        own = await service.client(world.cora.token).raise_ticket()
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == own["id"]
        await User.filter(id=world.cora.id).update(role=Role.AGENT)
        note = await ada.do("addNote", ticketId=foreign["id"], body="for us")
        assert (await socket.next("ticketEvents"))["cursor"] == note["cursor"]


async def test_removing_the_notes_scope_hides_notes_only(service: Service, world: World) -> None:
    bill = service.client(world.bill.token)
    ticket = await bill.do(
        "createTicket", subject="s", description="d", category="sales", requesterId=world.cora.gid
    )
    key = ticket["ticket"]["id"]
    token = await token_of(await User.get(id=world.ada.id))
    async with service.client(token).socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        note = await bill.do("addNote", ticketId=key, body="x")
        assert (await socket.next("ticketEvents"))["cursor"] == note["cursor"]
        await Token.filter(digest=hash_token(token)).update(scopes=["tickets:read", "events:read"])
        await bill.do("addNote", ticketId=key, body="x")
        await bill.do("replyToTicket", ticketId=key, body="x")
        assert (await socket.next("ticketEvents"))["type"] != "NOTE_ADDED"


async def test_a_change_of_team_or_name_keeps_the_socket_and_is_visible(
    service: Service, world: World
) -> None:
    own_profile = "{ viewer { user { displayName teams { slug } } } }"
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        await Membership.filter(user_id=world.ada.id).update(
            team_id=(await Team.get(slug="sales")).id
        )
        await User.filter(id=world.ada.id).update(display_name="Ada L.")
        ticket = await service.client(world.cora.token).raise_ticket()
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        expected = {"displayName": "Ada L.", "teams": [{"slug": "sales"}]}
        assert (await run_operation(socket, own_profile))["data"]["viewer"]["user"] == expected


async def test_a_token_revoked_in_another_process_closes_its_sockets(
    service: Service, world: World, url: str
) -> None:
    token, _ = await revoke_by_api(service, world)
    other = await start(url)
    try:
        async with (
            service.client(token).socket() as idle,
            service.client(world.bill.token).socket() as staying,
        ):
            ada = other.client(await sign_in(other.client()))
            token_input = {"tokenId": await token_id(token)}
            assert (await ada.run(REVOKE, input=token_input))["revokeApiToken"]["userErrors"] == []
            assert (await wait_for_close(idle))[0] == 4403
            assert (await run_operation(staying, VIEWER))["data"]["viewer"]["role"] == "AGENT"
    finally:
        other.stop()


# ---------------------------------------------------------------- sign-in and tokens


@pytest.mark.parametrize(
    "payload",
    [
        {"authorization": "Bearer twk_unknown"},
        {"authorization": "Bearer"},
        {"authorization": "Basic YTpi"},
        {"authorization": ""},
        {"authorization": 7},
        {"authorization": ["Bearer x"]},
        {"authorization": "Bearer \u00fc"},
        {"Authorization": "Bearer twk_unknown"},
        {"AUTHORIZATION": ""},
        {"headers": {"Authorization": "Bearer twk_unknown"}},
        {"headers": {"authorization": ["Bearer x"]}},
        {"headers": [["Authorization", "Bearer x"]]},
        {"headers": "Authorization: Bearer x"},
        {"authorization": "Bearer twk_a", "Authorization": "Bearer twk_b"},
        {"token": "twk_unknown"},
        {"authToken": "twk_unknown"},
        {"headers": {"X-Auth-Token": "twk_unknown"}},
    ],
)
async def test_an_invalid_token_closes_the_socket(
    service: Service, world: World, payload: dict[str, Any]
) -> None:
    with pytest.raises(ConnectionClosed) as refused:
        await try_to_open(service, payload)
    assert refused.value.rcvd is not None
    assert (refused.value.rcvd.code, refused.value.rcvd.reason) == (4403, "Forbidden")


async def test_a_token_in_the_url_closes_the_socket(service: Service, world: World) -> None:
    async with open_connection(f"{service.ws}?access_token={world.ada.token}") as connection:
        await Socket(connection).send({"type": "connection_init"})
        with pytest.raises(ConnectionClosed) as refused:
            await connection.recv()
    assert refused.value.rcvd is not None
    assert refused.value.rcvd.code == 4403


async def test_the_init_payload_takes_precedence_over_the_handshake_header(
    service: Service, world: World
) -> None:
    headers = {"Authorization": f"Bearer {world.ada.token}"}
    async with open_connection(service.ws, additional_headers=headers) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init"})
        assert (await socket.receive())["type"] == "connection_ack"
        assert (await run_operation(socket, VIEWER))["data"]["viewer"]["user"] == {
            "displayName": "Ada"
        }
    with pytest.raises(ConnectionClosed):
        await try_to_open(service, {"authorization": "Bearer twk_unknown"}, headers)
    with pytest.raises(ConnectionClosed):
        await try_to_open(service, {}, {"Authorization": "Bearer twk_unknown"})


async def test_an_anonymous_client_can_sign_in_over_its_socket(
    service: Service, world: World
) -> None:
    await User.filter(id=world.cora.id).update(password_hash=hash_password(PASSWORD))
    async with service.client().socket() as socket:
        assert (await run_operation(socket, VIEWER))["data"] == {"viewer": None}
        wrong = await run_operation(
            socket, SIGN_IN, input={"email": "cora@example.com", "password": "wrong"}
        )
        assert [error["code"] for error in wrong["data"]["signIn"]["userErrors"]] == ["INVALID"]
        await socket.subscribe(EVENTS)
        assert await operation_error(socket) == "UNAUTHENTICATED"
        session = (
            await run_operation(
                socket, SIGN_IN, input={"email": "cora@example.com", "password": PASSWORD}
            )
        )["data"]["signIn"]
        assert session["viewer"] == {"role": "CUSTOMER", "user": {"displayName": "Cora"}}
        assert (await run_operation(socket, VIEWER))["data"]["viewer"]["user"] == {
            "displayName": "Cora"
        }
        await socket.subscribe(EVENTS, after=await head_cursor())
        ticket = await service.client(session["token"]).raise_ticket()
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        await service.client(session["token"]).run(SIGN_OUT)
        assert (await wait_for_close(socket))[0] == 4403


async def test_a_sign_in_during_a_permission_refresh_is_kept(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, revoke = await revoke_by_api(service, world)
    await User.filter(id=world.cora.id).update(password_hash=hash_password(PASSWORD))
    read_fingerprints, signed_in = revision.read_fingerprints, asyncio.Event()

    async def read_then_sign_in(token_ids: list[str]) -> dict[str, str]:
        fingerprints = await read_fingerprints(token_ids)
        grants = [revision.parse_grant(each, service.clock()) for each in fingerprints.values()]
        if None in grants and not signed_in.is_set():  # this refresh has read the revocation
            await run_operation(
                socket, SIGN_IN, input={"email": "cora@example.com", "password": PASSWORD}
            )
            signed_in.set()
        return fingerprints

    async with service.client(token).socket() as socket:
        # Before the revocation, because the next refresh may follow it at once.
        monkeypatch.setattr(revision, "read_fingerprints", read_then_sign_in)
        await revoke()
        await asyncio.wait_for(signed_in.wait(), TIMEOUT_SECONDS)
        await socket.subscribe(EVENTS, after=await head_cursor())
        ticket = await service.client(world.cora.token).raise_ticket()
        assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        assert (await run_operation(socket, VIEWER))["data"]["viewer"]["user"] == {
            "displayName": "Cora"
        }


async def test_queries_and_mutations_run_over_a_socket(service: Service, world: World) -> None:
    create = """
      mutation($input: CreateTicketInput!) {
        createTicket(input: $input) { ticket { id status } cursor userErrors { code } }
      }
    """
    async with service.client(world.cora.token).socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        operation = await socket.subscribe(
            create, input={"subject": "s", "description": "d", "category": "sales"}
        )
        received = [await socket.receive() for _ in range(3)]
        (own,) = [each for each in received if each["type"] == "next" and each["id"] == operation]
        created = own["payload"]["data"]["createTicket"]
        assert created["userErrors"] == []
        assert [
            event["cursor"]
            for event in delivered_values([each for each in received if each["id"] != operation])
        ] == [created["cursor"]]
        assert {"type": "complete", "id": operation} in received
        response = await run_operation(
            socket, "query($id: ID!) { ticket(id: $id) { status } }", id=created["ticket"]["id"]
        )
        assert response["data"] == {"ticket": {"status": "NEW"}}
        refused = await run_operation(
            socket, create, input={"subject": " ", "description": "d", "category": "sales"}
        )
        assert [error["code"] for error in refused["data"]["createTicket"]["userErrors"]] == [
            "REQUIRED"
        ]
        hidden = await run_operation(socket, "{ users { nodes { id } } }")
        assert hidden["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_a_token_revoked_before_the_body_arrives_is_refused(
    service: Service, world: World, path: str
) -> None:
    token, revoke = await revoke_by_api(service, world)
    body = json.dumps({"query": VIEWER})
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    writer.write("\r\n".join([*lines, "", body[:5]]).encode())
    await writer.drain()
    assert (await service.client(token).run(VIEWER))["viewer"][
        "user"
    ]  # by now the server has started the other request
    await revoke()
    writer.write(body[5:].encode())
    async with asyncio.timeout(TIMEOUT_SECONDS):
        assert await reader.readline() == b"HTTP/1.1 401 Unauthorized\r\n"
    writer.close()


async def test_a_sign_in_over_a_socket_counts_against_the_viewer_limit(url: str) -> None:
    async with running(url, max_connections_per_viewer=1) as service:
        world = await World.make()
        await User.filter(id=world.cora.id).update(password_hash=hash_password(PASSWORD))
        async with service.client(world.cora.token).socket(), service.client().socket() as other:
            await other.subscribe(
                SIGN_IN, input={"email": "cora@example.com", "password": PASSWORD}
            )
            code, reason, _ = await wait_for_close(other)
            assert (code, reason) == (1013, "Too many connections: at most 1 per viewer.")
