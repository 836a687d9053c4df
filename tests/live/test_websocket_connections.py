"""WebSocket connections: sharing, limits, slow readers, both protocol paths, a stopping server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Service, World
from support.client import EVENTS, TIMEOUT_SECONDS, Client, Socket, open_connection
from support.live import (
    count_waiting_groups,
    delivered_values,
    head_cursor,
    positions_of,
    small_buffer_socket,
    until,
    wait_for_close,
)
from support.live_list_client import LiveList
from support.metrics import read_metrics
from support.service import running, start

from engine.fanout import outbox
from engine.websocket import connection as engine_socket
from engine.websocket.operations import Operations
from models import database
from models.log.event import decode_cursor

LARGE_SUBSCRIPTION = f"""
  subscription($after: String) {{
    ticketEvents(after: $after) {{ cursor ... on TicketReplied {{ reply {{
    {" ".join(f"b{number}: body" for number in range(8))} }} }} }} }}
"""
"""Selects about half a megabyte per event if the reply is long."""


@contextlib.asynccontextmanager
async def open_sockets(
    service: Service, token: str | None, count: int
) -> AsyncIterator[list[Socket]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(service.client(token).socket()) for _ in range(count)
        ]


async def close_of_one_more(service: Service, token: str | None) -> tuple[int, str]:
    """The close code and reason of one more socket."""
    async with open_connection(service.ws) as connection:
        with contextlib.suppress(Exception):
            await connection.send(
                json.dumps(
                    {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
                )
            )
        code, reason, received = await wait_for_close(Socket(connection))
        assert received == []
        return code, reason


# ---------------------------------------------------------------- sharing


async def test_equal_subscriptions_of_agents_are_executed_once(
    service: Service, world: World
) -> None:
    ada, bill = service.client(world.ada.token), service.client(world.bill.token)
    async with (
        ada.socket() as first,
        ada.socket() as second,
        bill.socket() as third,
        open_sockets(service, world.cora.token, 1) as own,
    ):
        for socket in (first, second, third, *own):
            await socket.subscribe(EVENTS)
        await until(lambda: has_counts(service, world.root.token, 4, 4, 2))
        before = await read_metrics(service, world.root.token)
        ticket = await service.client(world.cora.token).raise_ticket()
        for socket in (first, second, third, *own):
            assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
        after = await read_metrics(service, world.root.token)
        assert after["group_events_total"] - before["group_events_total"] == 2
        assert after["deliveries_total"] - before["deliveries_total"] == 4
    await until(lambda: is_empty(service, world.root.token))


async def has_counts(service: Service, token: str, *counts: int) -> bool:
    """Whether the service has the given numbers of connections, subscriptions and groups."""
    metrics = await read_metrics(service, token)
    return (
        metrics["connections"],
        metrics["subscriptions"],
        metrics["subscription_groups"],
    ) == counts


async def is_empty(service: Service, token: str) -> bool:
    return await has_counts(service, token, 0, 0, 0)


async def test_subscriptions_with_different_cursors_share_a_group(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    start_at = await head_cursor()
    ticket = await cora.raise_ticket()
    for _ in range(5):
        await ada.do("addNote", ticketId=ticket["id"], body="n")
    async with ada.socket() as now, ada.socket() as late:
        await now.subscribe(EVENTS)
        await late.subscribe(EVENTS, after=start_at)
        await late.take("ticketEvents", 6)
        await until(lambda: has_counts(service, world.root.token, 2, 2, 1))
        await ada.do("addNote", ticketId=ticket["id"], body="n")
        assert (await now.next("ticketEvents"))["cursor"] == (await late.next("ticketEvents"))[
            "cursor"
        ]


async def test_a_resumed_live_list_joins_the_existing_group(service: Service, world: World) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    await cora.raise_ticket()
    since = await head_cursor()
    ticket = (await cora.raise_ticket())["id"]
    stayed, back = LiveList(), LiveList()
    async with ada.socket() as one, ada.socket() as other:
        await stayed.subscribe(one)
        await back.subscribe(other, after=since)
        await back.read_until(other, "ADDED")
        await until(lambda: has_groups(service, world.root.token, 1))
        await ada.do("startTicket", ticketId=ticket)
        assert await stayed.read_until(one, "UPDATED") == await back.read_until(other, "UPDATED")
        assert "GAP" not in back.kinds()


async def has_groups(service: Service, token: str, count: int) -> bool:
    return (await read_metrics(service, token))["subscription_groups"] == count


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    "limit", ["max_connections", "max_connections_per_address", "max_connections_per_viewer"]
)
async def test_a_socket_beyond_the_limit_is_closed_with_1013(url: str, limit: str) -> None:
    async with running(url, **{limit: 2}) as service:
        world = await World.make()
        async with open_sockets(service, world.ada.token, 2) as sockets:
            code, reason = await close_of_one_more(service, world.ada.token)
            assert code == 1013
            assert reason
            assert (await read_metrics(service, world.root.token))["connections_refused_total"] == 1
            if limit == "max_connections_per_viewer":
                async with open_sockets(service, world.bill.token, 1):
                    pass
            await sockets[0].connection.close()
            await until(lambda: has_connections(service, world.root.token, 1))
            async with open_sockets(service, world.ada.token, 1) as again:
                await again[0].subscribe("{ __typename }")
                assert await again[0].next("__typename") == "Query"


async def has_connections(service: Service, token: str, count: int) -> bool:
    return (await read_metrics(service, token))["connections"] == count


async def test_a_setting_limits_the_operations_of_a_socket(url: str) -> None:
    async with running(url, max_operations_per_socket=2) as service:
        world = await World.make()
        async with service.client(world.ada.token).socket() as socket:
            for _ in range(3):
                await socket.subscribe(EVENTS)
            message = await socket.receive()
            assert (message["type"], message["id"]) == ("error", "3")


# ---------------------------------------------------------------- slow readers


@pytest.mark.never_retried
@pytest.mark.parametrize(
    "path",
    ["engine.server.websocket_protocol:WebSocketProtocol", "websockets-sansio"],
    ids=["frames", "plain ASGI"],
)
async def test_a_slow_reader_is_disconnected_and_resumes_without_delaying_others(
    url: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # Without this, a peer that reads nothing is cut soon and sees 1006, not the close code.
    monkeypatch.setattr(outbox, "FLUSH_SECONDS", TIMEOUT_SECONDS)
    async with running(url, ws=path, max_outbox_bytes=100_000) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        since = await head_cursor()
        async with ada.socket() as fast, small_buffer_socket(service, world.ada.token) as slow:
            for socket in (fast, slow):
                await socket.subscribe(LARGE_SUBSCRIPTION)
            await until(lambda: has_counts(service, world.root.token, 2, 2, 1))
            slow.connection.transport.pause_reading()
            cursors = []
            for _ in range(
                8
            ):  # half a megabyte each; the buffers between the two ends hold much less
                done = await cora.do("replyToTicket", ticketId=ticket["id"], body="x" * 65_000)
                cursors.append(done["cursor"])
                assert (await fast.next("ticketEvents"))["cursor"] == done["cursor"]
            metrics = await read_metrics(service, world.root.token)
            assert metrics["slow_clients_disconnected_total"] == 1
            assert metrics["subscriptions"] == 1
            assert metrics["largest_outbox_bytes"] < 2_000_000
            slow.connection.transport.resume_reading()
            code, reason, received = await wait_for_close(slow)
            assert (code, reason) == (
                1013,
                "The client reads too slowly. Reconnect and resume after the last cursor.",
            )
        delivered = [event["cursor"] for event in delivered_values(received)]
        assert delivered == cursors[: len(delivered)]
        assert len(delivered) < 8
        async with ada.socket() as again:
            await again.subscribe(LARGE_SUBSCRIPTION, after=delivered[-1] if delivered else since)
            assert [
                event["cursor"] for event in await again.take("ticketEvents", 8 - len(delivered))
            ] == cursors[len(delivered) :]


@pytest.mark.never_retried
async def test_a_long_replay_waits_for_a_slow_reader(url: str) -> None:
    async with running(url, max_outbox_bytes=100_000) as service:
        world = await World.make()
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        since = await head_cursor()
        for _ in range(6):
            await cora.do("replyToTicket", ticketId=ticket["id"], body="x" * 65_000)
        async with small_buffer_socket(service, world.ada.token) as socket:
            socket.connection.transport.pause_reading()
            await socket.subscribe(LARGE_SUBSCRIPTION, after=since)
            await until(is_writer_waiting)
            socket.connection.transport.resume_reading()
            assert len(positions_of(await socket.take("ticketEvents", 6))) == 6
        assert (await read_metrics(service, world.root.token))[
            "slow_clients_disconnected_total"
        ] == 0


async def is_writer_waiting() -> bool:
    """Whether the server has written up to the limit and waits for the reader."""
    return count_waiting_groups() == 1


# ---------------------------------------------------------------- both protocol paths


async def test_prepared_frames_and_plain_asgi_send_the_same_bytes(url: str) -> None:
    received: list[list[str]] = []
    since = ""
    for path in ("engine.server.websocket_protocol:WebSocketProtocol", "websockets-sansio"):
        async with running(url, ws=path) as service:
            if not since:
                world = await World.make()
                since = await head_cursor()
                ticket = await service.client(world.cora.token).raise_ticket("ü" * 60)
                await service.client(world.ada.token).do(
                    "resolveTicket", ticketId=ticket["id"], resolution="\u2028 done"
                )
            async with service.client(world.ada.token).socket() as socket:
                count = len(
                    await database.fetch_dicts(
                        "SELECT position FROM events WHERE position > ?", [decode_cursor(since)]
                    )
                )
                await socket.subscribe(EVENTS, after=since)
                received.append([str(await socket.connection.recv()) for _ in range(count)])
                for message in (
                    {"type": "ping", "payload": {"a": 1}},
                    {"type": "complete", "id": "1"},
                    {"type": "ping"},
                ):
                    await socket.send(message)
                received[-1] += [str(await socket.connection.recv()) for _ in range(2)]
    assert received[0] == received[1]
    assert all(message.endswith(',"id":"1"}') for message in received[0][:-2])


# ---------------------------------------------------------------- a server that stops


async def test_a_stopping_server_finishes_mutations_and_closes_with_1012(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_socket, "MUTATION_GRACE_SECONDS", TIMEOUT_SECONDS)
    created: list[Operations] = []

    def remember(socket: Any, services: Any) -> Operations:
        created.append(Operations(socket, services))
        return created[-1]

    async def mutation_has_started() -> bool:
        return any(each.mutations for each in created)

    monkeypatch.setattr(engine_socket, "Operations", remember)
    async with running(url, run_jobs=False, stop_seconds=TIMEOUT_SECONDS) as service:
        world = await World.make()
        client = service.client(world.cora.token)
        raised = await client.raise_ticket()
        start = await head_cursor()
        async with (
            client.socket() as socket,
            service.client(world.ada.token).socket() as following,
            block_other_writers() as release,
        ):
            await following.subscribe(EVENTS)
            query = """
              mutation($input: ReplyToTicketInput!) {
                replyToTicket(input: $input) { cursor userErrors { message } }
              }
            """
            variables = {"input": {"ticketId": raised["id"], "body": "before the stop"}}
            await socket.send(
                {
                    "type": "subscribe",
                    "id": "m",
                    "payload": {"query": query, "variables": variables},
                }
            )
            await until(mutation_has_started)
            service.stop()
            assert (await wait_for_close(following))[0] == 1012
            late = {"input": {"ticketId": raised["id"], "body": "too late"}}
            await socket.send(
                {"type": "subscribe", "id": "late", "payload": {"query": query, "variables": late}}
            )
            await socket.send({"type": "ping"})
            assert (await socket.receive())["type"] == "pong"
            release.set()
            code, _, received = await wait_for_close(socket)
            assert code == 1012
            assert [message["type"] for message in received] == ["next", "complete"]
            cursor = received[0]["payload"]["data"]["replyToTicket"]["cursor"]
    await database.connect(url)
    try:
        assert decode_cursor(cursor) > decode_cursor(start)
        assert cursor == await head_cursor(), "a mutation that arrived after the stop was not run"
    finally:
        await database.disconnect()


@contextlib.asynccontextmanager
async def block_other_writers() -> AsyncIterator[asyncio.Event]:
    """Block every other writer with a transaction until the event is set."""
    started, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            await database.fetch_dicts("UPDATE log_head SET position = position RETURNING position")
            started.set()
            await release.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(hold())
        try:
            await asyncio.wait_for(started.wait(), TIMEOUT_SECONDS)
            yield release
        finally:
            release.set()


async def test_a_stopping_server_closes_many_sockets_with_1012_and_exits(url: str) -> None:
    process = await start(url, None, TICKETWIRE_RUN_JOBS="false")
    try:
        async with contextlib.AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(Client(process.http, process.ws, None).socket())
                for _ in range(40)
            ]
            process.popen.send_signal(signal.SIGTERM)
            ends = await asyncio.gather(*(wait_for_close(socket) for socket in sockets))
            assert {code for code, _, _ in ends} == {1012}
            exit_code = await asyncio.to_thread(process.popen.wait, TIMEOUT_SECONDS)
            assert exit_code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    finally:
        process.kill()
