"""A peer without GraphQL and permissions: plain ASGI on uvicorn, statements on the database driver,
and orjson.

    python -m benchmarks.queries.peers.handler PORT

DATABASE_URL names the database. The paths are /Q1, /Q2, /Q3, /M1 and /Walk; the body holds the
variables of the GraphQL operation.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiosqlite
import asyncpg
import orjson
import uvicorn

URL = os.environ["DATABASE_URL"]
IS_SQLITE = URL.startswith("sqlite")
IS_NATURAL = os.environ.get("TABLES") == "natural"
"""Whether to use the tables of natural_tables.py instead of Ticketwire's."""
IS_DURABLE = bool(os.environ.get("DURABLE"))
"""Whether a new ticket also gets two clocks, an entry of an ordered log, and the request's key."""
REQUESTER: Any = int(os.environ["REQUESTER"]) if IS_NATURAL else os.environ["REQUESTER"]
PRIORITIES = ("", "LOW", "NORMAL", "HIGH", "URGENT")
TEXT = "" if IS_SQLITE or IS_NATURAL else "::text"
ARRAY = "bigint[]" if IS_NATURAL else "uuid[]"
SELECT_TICKETS = (
    f"SELECT t.id{TEXT}, t.number, t.subject, t.description, t.status, t.priority, "
    "t.escalation_level, t.version, t.created_at, t.updated_at, s.slug, s.name, c.slug, "
    f"u.id{TEXT}, u.display_name FROM tickets t JOIN teams s ON s.id = t.team_id "
    "JOIN categories c ON c.id = t.category_id JOIN users u ON u.id = t.requester_id "
)
SELECT_TICKET = f"{SELECT_TICKETS} WHERE t.number = $1"
SELECT_NEWEST = f"SELECT t.id{TEXT}, t.subject, t.updated_at FROM tickets t"
AFTER = "WHERE (t.updated_at, t.id) < ($1, $2)"
ORDER = "ORDER BY t.updated_at DESC, t.id DESC"
AUTHOR = "u.display_name" if IS_NATURAL else "COALESCE(u.display_name, a.display_name)"
MESSAGE_COLUMNS = f"m.id{TEXT}, m.ticket_id{TEXT}, m.body, {AUTHOR}"
JOIN_AUTHORS = (
    "LEFT JOIN users u ON u.id = m.author_id"
    if IS_NATURAL
    else "LEFT JOIN users u ON u.id = m.author_user_id "
    "LEFT JOIN api_clients a ON a.id = m.author_client_id"
)
MESSAGE_ORDER = "id" if IS_NATURAL else "created_at, id"
SELECT_MESSAGES = (
    f"SELECT {MESSAGE_COLUMNS} FROM (SELECT *, ROW_NUMBER() OVER "
    f"(PARTITION BY ticket_id ORDER BY {MESSAGE_ORDER}) AS place FROM messages "
    f"WHERE ticket_id IN (SELECT value FROM json_each($1))) m {JOIN_AUTHORS} "
    "WHERE m.place <= 10 ORDER BY m.ticket_id, m.place"
    if IS_SQLITE
    else f"SELECT {MESSAGE_COLUMNS} FROM unnest($1::{ARRAY}) k CROSS JOIN LATERAL "
    f"(SELECT * FROM messages WHERE ticket_id = k ORDER BY {MESSAGE_ORDER} LIMIT 10) m "
    f"{JOIN_AUTHORS} ORDER BY m.created_at, m.id"
)
SELECT_CATEGORY = "SELECT id, team_id FROM categories WHERE slug = $1"
NEXT_NUMBER = "(SELECT MAX(number) + 1 FROM tickets)" if IS_SQLITE else "nextval('ticket_numbers')"
INSERT_TICKET = (
    "INSERT INTO tickets (number, subject, description, status, priority, category_id, team_id, "
    "requester_id, escalation_level, created_at, updated_at, version) "
    f"VALUES ({NEXT_NUMBER}, $1, $2, 'NEW', 'NORMAL', $3, $4, $5, 0, $6, $6, 1) "
    "RETURNING number, id"
    if IS_NATURAL
    else "INSERT INTO tickets (number, subject, description, status, priority, category_id, "
    "team_id, requester_id, escalation_level, created_at, updated_at, version, status_since, id, "
    f"external_scope) VALUES ({NEXT_NUMBER}, $1, $2, 'new', 2, $3, $4, $5, 0, $6, $6, 1, $6, $7, "
    "'') RETURNING number, id"
)
INSERT_EVENT = (
    "INSERT INTO events (type, ticket_id, actor_id, occurred_at, data) "
    "VALUES ('ticket_created', $1, $2, $3, $4)"
    if IS_NATURAL
    else "INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, "
    "data) VALUES ('ticket_created', $1, $2, $3, 1, false, $4)"
)
DURABLE_STATEMENTS = (
    "INSERT INTO idempotency_keys (owner_id, key, ticket_id, created_at) VALUES ($2, $5, $1, $3)",
    "INSERT INTO clocks (ticket_id, kind, state, due_at) VALUES ($1, 'FIRST_RESPONSE', 'RUNNING', "
    "$6), ($1, 'RESOLUTION', 'RUNNING', $7)",
    "INSERT INTO log (position, type, ticket_id, actor_id, occurred_at, data) "
    "VALUES ($8, 'ticket_created', $1, $2, $3, $4)",
)
ADVANCE_LOG = "UPDATE log_head SET position = position + 1 RETURNING position"
"""Locks the head until the transaction ends, so that positions are in the order of the commits."""

Rows = Sequence[Sequence[Any]]
Fetch = Callable[..., Awaitable[Rows]]


def ticket_json(row: Sequence[Any]) -> dict[str, Any]:
    return {
        "id": f"tkt_{row[0]}",
        "number": row[1],
        "subject": row[2],
        "description": row[3],
        "status": row[4] if IS_NATURAL else row[4].upper(),
        "priority": row[5] if IS_NATURAL else PRIORITIES[row[5]],
        "escalationLevel": row[6],
        "version": row[7],
        "createdAt": row[8],
        "updatedAt": row[9],
        "team": {"slug": row[10], "name": row[11]},
        "category": {"slug": row[12]},
        "requester": {"id": f"usr_{row[13]}", "displayName": row[14]},
    }


def encode_cursor(id: object, updated_at: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([updated_at, id])).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[object, object]:
    updated_at, id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return (updated_at if IS_SQLITE else datetime.fromisoformat(updated_at)), id


async def read_page(fetch: Fetch, select: str, count: int, variables: Mapping[str, Any]) -> Rows:
    after = variables.get("after")
    if after is None:
        return await fetch(f"{select} {ORDER} LIMIT {count}")
    return await fetch(f"{select} {AFTER} {ORDER} LIMIT {count}", *decode_cursor(after))


async def q1(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    rows = await fetch(SELECT_TICKET, variables["n"])
    return {"ticketByNumber": ticket_json(rows[0]) if rows else None}


async def q2(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    rows = await read_page(fetch, SELECT_TICKETS, 51, variables)
    edges = [
        {"cursor": encode_cursor(row[0], row[9]), "node": ticket_json(row)} for row in rows[:50]
    ]
    return {"tickets": {"edges": edges, "pageInfo": page_info(edges, len(rows) > 50)}}


async def walk(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    rows = await read_page(fetch, SELECT_NEWEST, 101, variables)
    edges = [{"cursor": encode_cursor(row[0], row[2])} for row in rows[:100]]
    return {"tickets": {"edges": edges, "pageInfo": page_info(edges, len(rows) > 100)}}


def page_info(edges: Sequence[Mapping[str, object]], has_next_page: bool) -> object:
    return {"hasNextPage": has_next_page, "endCursor": edges[-1]["cursor"] if edges else None}


async def q3(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    tickets = await read_page(fetch, SELECT_NEWEST, 20, variables)
    ids = [row[0] for row in tickets]
    messages: dict[Any, list[object]] = {id: [] for id in ids}
    parameter = orjson.dumps(ids).decode() if IS_SQLITE else ids
    for id, ticket_id, body, name in await fetch(SELECT_MESSAGES, parameter):
        author = None if name is None else {"displayName": name}
        messages[ticket_id].append({"id": f"msg_{id}", "body": body, "author": author})
    edges: list[object] = []
    for id, subject, _updated_at in tickets:
        node = {"id": f"tkt_{id}", "subject": subject, "messages": {"nodes": messages[id]}}
        edges.append({"node": node})
    return {"tickets": {"edges": edges}}


async def m1(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    input = variables["i"]
    category_id, team_id = (await fetch(SELECT_CATEGORY, input["category"]))[0]
    at = datetime.now(UTC)
    subject, description = input["subject"], input["description"]
    data = orjson.dumps({"changes": {"subject": [None, subject], "status": [None, "new"]}}).decode()
    values = [subject, description, category_id, team_id, REQUESTER, at]
    if not IS_NATURAL:
        values.append(str(uuid4()))
    async with transaction() as execute:
        number, id = (await execute(INSERT_TICKET, *values))[0]
        if IS_DURABLE:
            due = (at + timedelta(hours=1), at + timedelta(days=1))
            everything = (id, REQUESTER, at, data, input["idempotencyKey"], *due)
            for statement in DURABLE_STATEMENTS[:2]:
                await execute(*renumber(statement, everything))
            position = (await execute(ADVANCE_LOG))[0][0]
            await execute(*renumber(DURABLE_STATEMENTS[2], (*everything, position)))
        else:
            await execute(INSERT_EVENT, id, REQUESTER, at, data)
    return {"createTicket": {"ticket": ticket_json((await fetch(SELECT_TICKET, number))[0])}}


def renumber(statement: str, values: Sequence[object]) -> tuple[object, ...]:
    """A statement with only the parameters that it uses, numbered from 1, and these."""
    used = sorted({int(each) for each in re.findall(r"\$(\d)", statement)})
    for place, number in enumerate(used, 1):
        statement = statement.replace(f"${number}", f"${place}")
    return statement, *(values[number - 1] for number in used)


HANDLERS: Mapping[str, Callable[[Fetch, Mapping[str, Any]], Awaitable[object]]] = {
    "/Q1": q1,
    "/Q2": q2,
    "/Q3": q3,
    "/M1": m1,
    "/Walk": walk,
}
HEADERS = [(b"content-type", b"application/json")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    body += message["body"]
    data = await HANDLERS[scope["path"]](fetch, orjson.loads(body))
    response = orjson.dumps({"data": data}, option=orjson.OPT_UTC_Z)
    length = (b"content-length", str(len(response)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": response})


async def fetch(sql: str, *parameters: object) -> Rows:
    if IS_SQLITE:
        statement = sql.replace("$", "?")
        return list(await sqlite.execute_fetchall(statement, parameters))  # type: ignore[arg-type]
    return await pool.fetch(sql, *parameters)


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[Fetch]:
    """Yields a function that executes a statement with its parameters and returns its rows."""
    if not IS_SQLITE:
        async with pool.acquire() as connection, connection.transaction():
            yield connection.fetch
        return

    async def execute(sql: str, *parameters: object) -> Rows:
        adapted = [adapt(parameter) for parameter in parameters]
        return list(await sqlite.execute_fetchall(sql.replace("$", "?"), adapted))  # type: ignore[arg-type]

    async with write_lock:
        await sqlite.execute("BEGIN IMMEDIATE")
        try:
            yield execute
        except BaseException:
            await sqlite.execute("ROLLBACK")
            raise
        await sqlite.execute("COMMIT")


def adapt(value: object) -> object:
    return value.isoformat(" ") if isinstance(value, datetime) else value


PRAGMAS = (
    *("journal_mode = WAL", "synchronous = FULL"),
    *("foreign_keys = ON", "busy_timeout = 15000"),
)


async def serve(port: int) -> None:
    global pool, sqlite, write_lock
    if IS_SQLITE:
        sqlite = await aiosqlite.connect(URL.removeprefix("sqlite:///"), isolation_level=None)
        write_lock = asyncio.Lock()
        for pragma in PRAGMAS:
            await sqlite.execute(f"PRAGMA {pragma}")
    else:
        path = {"search_path": "peers"} if IS_NATURAL else {}
        pool = await asyncpg.create_pool(URL, min_size=1, max_size=10, server_settings=path)
    config = uvicorn.Config(app, port=port, log_level="warning", access_log=False, lifespan="off")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
