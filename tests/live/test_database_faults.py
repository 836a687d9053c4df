"""A database that is down, silent or full: clear errors, no lost writes, full recovery."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from support import Client, Service, World
from support.client import TIMEOUT_SECONDS
from support.databases import IS_SQLITE
from support.live import until
from support.service import running
from support.tcp_proxy import TcpProxy, run_tcp_proxy

from models import database
from models.database import pool
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

only_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="SQLite only")
only_postgres = pytest.mark.skipif(IS_SQLITE, reason="Postgres only")
CREATE = """
  mutation($input: CreateTicketInput!) {
    createTicket(input: $input) { ticket { id } replayed userErrors { code } }
  }
"""
TICKET_COUNT = "{ tickets { totalCount } }"


def new_ticket(subject: str, **more: Any) -> dict[str, Any]:
    return {"input": {"subject": subject, "description": "d", "category": "technical", **more}}


async def error_code(client: Client, query: str, variables: dict[str, Any] | None = None) -> str:
    """The code of the error in the response; empty if the response has data."""
    answer = await client.post(query, variables or {})
    assert "asyncpg" not in answer.text
    assert "sqlite" not in answer.text
    errors = answer.json().get("errors") or [{"extensions": {"code": ""}}]
    if errors[0]["extensions"]["code"] == "UNAVAILABLE":
        assert errors[0]["message"] == "The service is temporarily unavailable. Try again later."
    return errors[0]["extensions"]["code"]


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[TcpProxy]:
    parts = urlsplit(url)
    async with run_tcp_proxy(parts.port or 5432) as proxy:
        yield proxy


class LimitedConnection(asyncpg.Connection):
    """A connection whose statements time out after a second while the proxy is faulty."""

    seconds: float = TIMEOUT_SECONDS


def limit_statements(name: str) -> None:
    method = getattr(asyncpg.Connection, name)

    async def limited(self: LimitedConnection, *arguments: Any, **options: Any) -> Any:
        return await method(self, *arguments, **{**options, "timeout": LimitedConnection.seconds})

    setattr(LimitedConnection, name, limited)


for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval", "prepare"):
    limit_statements(name)


@contextlib.contextmanager
def faulty(proxy: TcpProxy, fault: str) -> Iterator[None]:
    """Make the proxy faulty, and shorten the timeouts of the service for that time only.

    Otherwise a slow machine would look like a fault.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LimitedConnection, "seconds", 1.0)
        patch.setattr(pool, "RESET_TIMEOUT_SECONDS", 0.5)
        patch.setattr("models.database.asyncpg.CONNECT_TIMEOUT_SECONDS", 1)
        getattr(proxy, fault)()
        yield
    proxy.mend()


@pytest.fixture
async def proxied_service(
    url: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """The service with a database at the other end of the proxy."""
    parts = urlsplit(url)
    monkeypatch.setattr(pool, "RESET_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    monkeypatch.setattr("models.database.asyncpg.CONNECT_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    connect = asyncpg.connect
    monkeypatch.setattr(
        asyncpg,
        "connect",
        lambda *arguments, **options: connect(
            *arguments, **{**options, "connection_class": LimitedConnection}
        ),
    )
    through_proxy = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}"))
    async with running(urlunsplit(through_proxy), run_jobs=False) as service:
        yield service


@only_postgres
@pytest.mark.parametrize("fault", ["cut", "freeze"])
async def test_requests_fail_with_unavailable_until_postgres_is_back(
    proxied_service: Service, proxy: TcpProxy, fault: str
) -> None:
    world = await World.make()
    cora = proxied_service.client(world.cora.token)
    assert (
        await asyncio.gather(
            *(error_code(cora, CREATE, new_ticket(f"before {n}")) for n in range(5))
        )
        == [""] * 5
    )
    for _ in range(2):
        with faulty(proxy, fault):
            requests = [error_code(cora, TICKET_COUNT) for _ in range(8)] + [
                error_code(cora, CREATE, new_ticket("never")) for _ in range(8)
            ]
            async with asyncio.timeout(TIMEOUT_SECONDS):
                assert set(await asyncio.gather(*requests)) == {"UNAVAILABLE"}
        await until(lambda: is_back(cora))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        assert (
            await asyncio.gather(
                *(error_code(cora, CREATE, new_ticket(f"after {n}")) for n in range(15))
            )
            == [""] * 15
        )
    subjects = [ticket.subject for ticket in await Ticket.all()]
    assert sum(subject.startswith("before") for subject in subjects) == 5
    assert sum(subject.startswith("after") for subject in subjects) == 15


@only_postgres
async def test_writes_repeated_after_a_broken_connection_are_stored_once(
    proxied_service: Service, proxy: TcpProxy
) -> None:
    world = await World.make()
    cora = proxied_service.client(world.cora.token)
    acknowledged: set[str] = set()

    async def write(key: str) -> None:
        if await error_code(cora, CREATE, new_ticket(key, idempotencyKey=key)) == "":
            acknowledged.add(key)

    for attempt in range(4):
        keys = [f"{attempt} {n}" for n in range(12)]
        writing = [asyncio.create_task(write(key)) for key in keys]
        done, _ = await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
        assert done
        proxy.cut()
        await asyncio.gather(*writing)
        proxy.mend()
        await until(lambda: is_back(cora))
        assert acknowledged <= {ticket.subject for ticket in await Ticket.all()}
        for key in keys:
            await write(key)
    assert len(acknowledged) == 48
    assert sorted(ticket.subject for ticket in await Ticket.all()) == sorted(acknowledged)


async def is_back(client: Client) -> bool:
    return await error_code(client, TICKET_COUNT) == ""


@only_sqlite
async def test_a_full_disk_refuses_writes_and_keeps_reads_working(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    assert await error_code(cora, CREATE, new_ticket("before")) == ""
    await limit_pages(1)
    codes = [
        await error_code(cora, CREATE, new_ticket(f"full {n}", description="d" * 50_000))
        for n in range(6)
    ]
    assert codes[-1] == "UNAVAILABLE"
    written = codes.count("")
    assert await error_code(cora, TICKET_COUNT) == ""
    assert await Ticket.all().count() == 1 + written
    await limit_pages(1_000_000)
    assert await error_code(cora, CREATE, new_ticket("after")) == ""
    assert await Ticket.all().count() == 2 + written


async def limit_pages(pages: int) -> None:
    """Limit the file to this many pages, but at least to its current size.

    SQLite treats the limit like a full disk.
    """
    assert await database.fetch_dicts(f"PRAGMA max_page_count = {pages}")


@only_sqlite
async def test_a_cancelled_transaction_releases_the_database(
    service: Service, world: World
) -> None:
    started = asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            await Ticket.all().update(subject="gone")
            started.set()
            await database.fetch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT SUM(i) FROM n"
            )

    cora = service.client(world.cora.token)
    await error_code(cora, CREATE, new_ticket("kept"))
    for _ in range(3):
        holding = asyncio.create_task(hold())
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await started.wait()
        started.clear()
        holding.cancel()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await asyncio.wait([holding])
            assert await error_code(cora, CREATE, new_ticket("x")) == ""
    assert sorted([each.subject for each in await Ticket.all()]) == ["kept", "x", "x", "x"]


async def test_writes_continue_when_the_clock_jumps(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket("first")
    for hours in (5, -30, 72, -100, 0):
        service.clock.advance(hours=hours)
        assert await error_code(cora, CREATE, new_ticket(f"{hours}")) == ""
        await ada.do("replyToTicket", ticketId=ticket["id"], body=f"at {hours}")
    response = await ada.run(
        "query($id: ID!) { "
        "ticket(id: $id) { timeline(last: 20) { totalCount nodes { cursor } } } }",
        id=ticket["id"],
    )
    cursors = [node["cursor"] for node in response["ticket"]["timeline"]["nodes"]]
    assert len(cursors) == len(set(cursors)) >= 6
