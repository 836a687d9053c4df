"""HTTP clients that disconnect: the server cancels a query, and completes a mutation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import orjson
import pytest
from support import Service, World
from support.live import until
from support.service import running
from support.slow_query import SLOW_QUERY, is_idle, is_running, slow_down_categories

from engine.server.client_connection import ClientConnection
from models import database
from models.tickets.ticket import Ticket

pytestmark = pytest.mark.without_default_policies

CREATE = """
  mutation {
    createTicket(input: {subject: "kept", description: "d", category: "technical"}) {
      ticket { id }
    }
  }
"""


@pytest.fixture
async def service_without_timeout(url: str) -> AsyncIterator[Service]:
    """A service whose operation timeout is longer than any test."""
    async with running(url, run_jobs=False, operation_timeout_seconds=600) as service:
        yield service


async def send_request(
    service: Service, token: str, query: str, path: str, accept: str
) -> asyncio.StreamWriter:
    """Send a request without waiting for the response."""
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    body = orjson.dumps({"query": query})
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n"
    )
    writer.write(
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return writer


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/graphql", "application/json"), ("/graphql/stream", "text/event-stream")],
    ids=["JSON", "events"],
)
@pytest.mark.parametrize("ending", ["close", "abort"])
async def test_a_query_is_cancelled_when_its_client_disconnects(
    service_without_timeout: Service, path: str, accept: str, ending: str
) -> None:
    world = await World.make()
    await slow_down_categories()
    writer = await send_request(service_without_timeout, world.ada.token, SLOW_QUERY, path, accept)
    await until(is_running)
    if ending == "close":
        writer.close()
    else:
        writer.transport.abort()
    await until(is_idle)
    assert (await service_without_timeout.client(world.ada.token).run("{ viewer { role } }")) == {
        "viewer": {"role": "AGENT"}
    }


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_a_mutation_completes_after_its_client_disconnects(
    service_without_timeout: Service, path: str
) -> None:
    world = await World.make()
    async with database.transaction():
        await database.fetch_dicts(
            "UPDATE log_head SET position = position RETURNING id"
        )  # blocks the mutation
        writer = await send_request(service_without_timeout, world.cora.token, CREATE, path, "*/*")
        await until(is_answering(service_without_timeout, 1))
        writer.transport.abort()
        await until(has_no_connections(service_without_timeout))
        for _ in range(3):
            assert (await service_without_timeout.client().run("{ viewer { role } }")) == {
                "viewer": None
            }
        assert await Ticket.all().count() == 0
    await until(Ticket.all().count)
    assert [ticket.subject for ticket in await Ticket.all()] == ["kept"]


async def test_a_disconnect_before_the_response_is_reported_at_once() -> None:
    reported: list[bool] = []
    connection = ClientConnection(cast("Any", None))
    connection.on_disconnect(lambda: reported.append(False))
    connection.remove_disconnect_callback()
    connection.mark_disconnected()
    assert not reported
    connection.on_disconnect(lambda: reported.append(True))
    assert reported == [True]


def is_answering(service: Service, requests: int):  # type: ignore[no-untyped-def]
    async def is_busy() -> bool:
        return len(service.server.server_state.tasks) >= requests

    return is_busy


def has_no_connections(service: Service):  # type: ignore[no-untyped-def]
    async def is_empty() -> bool:
        return not service.server.server_state.connections

    return is_empty


async def test_slow_queries_of_one_caller_leave_connections_for_others(
    service_without_timeout: Service,
) -> None:
    world = await World.make()
    ada, bill = (
        service_without_timeout.client(world.ada.token),
        service_without_timeout.client(world.bill.token),
    )
    assert (await bill.run("{ viewer { role } }"))["viewer"]
    await slow_down_categories()
    requests = [asyncio.create_task(ada.run(SLOW_QUERY)) for _ in range(20)]
    try:
        await until(is_answering(service_without_timeout, 20))
        for _ in range(3):
            assert (await bill.run("{ teams { name } tickets { totalCount } }"))["tickets"] == {
                "totalCount": 0
            }
    finally:
        for each in requests:
            each.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
    await until(is_idle)


async def test_mutations_of_one_caller_leave_connections_for_others(
    service_without_timeout: Service,
) -> None:
    world = await World.make()
    ada, cora = (
        service_without_timeout.client(world.ada.token),
        service_without_timeout.client(world.cora.token),
    )
    async with database.transaction():
        await database.fetch_dicts(
            "UPDATE log_head SET position = position RETURNING id"
        )  # blocks the mutations
        requests = [asyncio.create_task(cora.run(CREATE)) for _ in range(20)]
        await until(is_answering(service_without_timeout, 20))
        for _ in range(3):
            assert (await ada.run("{ teams { name } tickets { totalCount } }"))["tickets"] == {
                "totalCount": 0
            }
    await asyncio.gather(*requests)
    assert await Ticket.all().count() == 20
