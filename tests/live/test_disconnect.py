"""Who hangs up over HTTP is not worked for any longer: a query's work ends in the database; a mutation's goes on."""

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

CREATE = 'mutation { createTicket(input: {subject: "kept", description: "d", category: "technical"}) { ticket { id } } }'


@pytest.fixture
async def patient(url: str) -> AsyncIterator[Service]:
    """A service that cuts off no query by itself while a test waits."""
    async with running(url, run_jobs=False, operation_timeout_seconds=600) as found:
        yield found


async def ask(service: Service, token: str, query: str, path: str, accept: str) -> asyncio.StreamWriter:
    """A request that is sent; its answer is not waited for."""
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    body = orjson.dumps({"query": query})
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return writer


@pytest.mark.parametrize(
    ("path", "accept"), [("/graphql", "application/json"), ("/graphql/stream", "text/event-stream")], ids=["JSON", "events"]
)
@pytest.mark.parametrize("way", ["close", "abort"])
async def test_a_query_is_cancelled_when_its_client_disconnects(patient: Service, path: str, accept: str, way: str) -> None:
    world = await World.make()
    await slow_down_categories()
    writer = await ask(patient, world.ada.token, SLOW_QUERY, path, accept)
    await until(is_running)
    if way == "close":
        writer.close()
    else:
        writer.transport.abort()
    await until(is_idle)
    assert (await patient.client(world.ada.token).run("{ viewer { role } }")) == {"viewer": {"role": "AGENT"}}


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_a_mutation_completes_after_its_client_disconnects(patient: Service, path: str) -> None:
    world = await World.make()
    async with database.transaction():
        await database.fetch_dicts("UPDATE log_head SET position = position RETURNING id")  # which a mutation waits for
        writer = await ask(patient, world.cora.token, CREATE, path, "*/*")
        await until(is_answering(patient, 1))
        writer.transport.abort()
        await until(is_alone(patient))
        for _ in range(3):
            assert (await patient.client().run("{ viewer { role } }")) == {"viewer": None}
        assert await Ticket.all().count() == 0
    await until(Ticket.all().count)
    assert [ticket.subject for ticket in await Ticket.all()] == ["kept"]


async def test_a_disconnect_before_the_response_is_reported_at_once() -> None:
    told: list[bool] = []
    connection = ClientConnection(cast("Any", None))
    connection.on_disconnect(lambda: told.append(False))
    connection.remove_disconnect_callback()
    connection.mark_disconnected()
    assert not told
    connection.on_disconnect(lambda: told.append(True))
    assert told == [True]


def is_answering(service: Service, requests: int):  # type: ignore[no-untyped-def]
    async def found() -> bool:
        return len(service.server.server_state.tasks) >= requests

    return found


def is_alone(service: Service):  # type: ignore[no-untyped-def]
    async def found() -> bool:
        return not service.server.server_state.connections

    return found


async def test_slow_queries_of_one_caller_leave_connections_for_others(patient: Service) -> None:
    world = await World.make()
    ada, bill = patient.client(world.ada.token), patient.client(world.bill.token)
    assert (await bill.run("{ viewer { role } }"))["viewer"]
    await slow_down_categories()
    asking = [asyncio.create_task(ada.run(SLOW_QUERY)) for _ in range(20)]
    try:
        await until(is_answering(patient, 20))
        for _ in range(3):
            assert (await bill.run("{ teams { name } tickets { totalCount } }"))["tickets"] == {"totalCount": 0}
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    await until(is_idle)


async def test_mutations_of_one_caller_leave_connections_for_others(patient: Service) -> None:
    world = await World.make()
    ada, cora = patient.client(world.ada.token), patient.client(world.cora.token)
    async with database.transaction():
        await database.fetch_dicts("UPDATE log_head SET position = position RETURNING id")  # which mutations wait for
        asking = [asyncio.create_task(cora.run(CREATE)) for _ in range(20)]
        await until(is_answering(patient, 20))
        for _ in range(3):
            assert (await ada.run("{ teams { name } tickets { totalCount } }"))["tickets"] == {"totalCount": 0}
    await asyncio.gather(*asking)
    assert await Ticket.all().count() == 20
