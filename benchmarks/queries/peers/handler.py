"""A peer without GraphQL and permissions: plain ASGI on uvicorn, statements on the database driver,
and orjson.

    python -m benchmarks.queries.peers.handler PORT

DATABASE_URL names the database. The paths are /Q1, /Q2, /Q3 and /M1; the body holds the variables
of the GraphQL operation.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiosqlite
import asyncpg
import orjson
import uvicorn

URL = os.environ["DATABASE_URL"]
REQUESTER = os.environ["REQUESTER"]
IS_SQLITE = URL.startswith("sqlite")
PRIORITIES = ("", "LOW", "NORMAL", "HIGH", "URGENT")
TEXT = "" if IS_SQLITE else "::text"
SELECT_TICKETS = (
    f"SELECT t.id{TEXT}, t.number, t.subject, t.description, t.status, t.priority, "
    "t.escalation_level, t.version, t.created_at, t.updated_at, s.slug, s.name, c.slug, "
    f"u.id{TEXT}, u.display_name FROM tickets t JOIN teams s ON s.id = t.team_id "
    "JOIN categories c ON c.id = t.category_id JOIN users u ON u.id = t.requester_id "
)
SELECT_TICKET = f"{SELECT_TICKETS} WHERE t.number = $1"
SELECT_PAGE = f"{SELECT_TICKETS} ORDER BY t.updated_at DESC, t.id DESC LIMIT 51"
SELECT_NEWEST = (
    f"SELECT id{TEXT}, subject, updated_at FROM tickets ORDER BY updated_at DESC, id DESC LIMIT 20"
)
MESSAGE_COLUMNS = f"m.id{TEXT}, m.ticket_id{TEXT}, m.body, COALESCE(u.display_name, a.display_name)"
JOIN_AUTHORS = (
    "LEFT JOIN users u ON u.id = m.author_user_id "
    "LEFT JOIN api_clients a ON a.id = m.author_client_id"
)
SELECT_MESSAGES = (
    f"SELECT {MESSAGE_COLUMNS} FROM (SELECT *, ROW_NUMBER() OVER "
    "(PARTITION BY ticket_id ORDER BY created_at, id) AS place FROM messages "
    f"WHERE ticket_id IN (SELECT value FROM json_each($1))) m {JOIN_AUTHORS} "
    "WHERE m.place <= 10 ORDER BY m.ticket_id, m.place"
    if IS_SQLITE
    else f"SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[]) k CROSS JOIN LATERAL "
    "(SELECT * FROM messages WHERE ticket_id = k ORDER BY created_at, id LIMIT 10) m "
    f"{JOIN_AUTHORS} ORDER BY m.created_at, m.id"
)
SELECT_CATEGORY = "SELECT id, team_id FROM categories WHERE slug = $1"
NEXT_NUMBER = "(SELECT MAX(number) + 1 FROM tickets)" if IS_SQLITE else "nextval('ticket_numbers')"
INSERT_TICKET = (
    "INSERT INTO tickets (id, number, external_scope, subject, description, status, priority, "
    "category_id, team_id, requester_id, escalation_level, status_since, created_at, updated_at, "
    f"version) VALUES ($1, {NEXT_NUMBER}, '', $2, $3, 'new', 2, $4, $5, $6, 0, $7, $7, $7, 1) "
    "RETURNING number"
)
INSERT_EVENT = (
    "INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, "
    "data) VALUES ('ticket_created', $1, $2, $3, 1, false, $4)"
)

Rows = Sequence[Sequence[Any]]
Fetch = Callable[..., Awaitable[Rows]]


def ticket_json(row: Sequence[Any]) -> dict[str, Any]:
    return {
        "id": f"tkt_{row[0]}",
        "number": row[1],
        "subject": row[2],
        "description": row[3],
        "status": row[4].upper(),
        "priority": PRIORITIES[row[5]],
        "escalationLevel": row[6],
        "version": row[7],
        "createdAt": row[8],
        "updatedAt": row[9],
        "team": {"slug": row[10], "name": row[11]},
        "category": {"slug": row[12]},
        "requester": {"id": f"usr_{row[13]}", "displayName": row[14]},
    }


def encode_cursor(id: str, updated_at: object) -> str:
    key = orjson.dumps(["updated_at-,id-", updated_at, id])
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


async def q1(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    rows = await fetch(SELECT_TICKET, variables["n"])
    return {"ticketByNumber": ticket_json(rows[0]) if rows else None}


async def q2(fetch: Fetch, _: object) -> object:
    rows = await fetch(SELECT_PAGE)
    edges = [
        {"cursor": encode_cursor(row[0], row[9]), "node": ticket_json(row)} for row in rows[:50]
    ]
    page_info = {"hasNextPage": len(rows) > 50, "endCursor": edges[-1]["cursor"]}
    return {"tickets": {"edges": edges, "pageInfo": page_info}}


async def q3(fetch: Fetch, _: object) -> object:
    tickets = await fetch(SELECT_NEWEST)
    ids = [row[0] for row in tickets]
    messages: dict[str, list[object]] = {id: [] for id in ids}
    parameter = orjson.dumps(ids).decode() if IS_SQLITE else ids
    for id, ticket_id, body, name in await fetch(SELECT_MESSAGES, parameter):
        message = {"id": f"msg_{id}", "body": body, "author": {"displayName": name}}
        messages[ticket_id].append(message)
    edges: list[object] = []
    for id, subject, _updated_at in tickets:
        node = {"id": f"tkt_{id}", "subject": subject, "messages": {"nodes": messages[id]}}
        edges.append({"node": node})
    return {"tickets": {"edges": edges}}


async def m1(fetch: Fetch, variables: Mapping[str, Any]) -> object:
    input = variables["i"]
    category_id, team_id = (await fetch(SELECT_CATEGORY, input["category"]))[0]
    id, at = str(uuid4()), datetime.now(UTC)
    subject, description = input["subject"], input["description"]
    changes = {"subject": [None, subject], "status": [None, "new"]}
    data = orjson.dumps({"changes": changes}).decode()
    number = await execute_in_transaction(
        (INSERT_TICKET, (id, subject, description, category_id, team_id, REQUESTER, at)),
        (INSERT_EVENT, (id, REQUESTER, at, data)),
    )
    return {"createTicket": {"ticket": ticket_json((await fetch(SELECT_TICKET, number))[0])}}


HANDLERS: Mapping[str, Callable[[Fetch, Mapping[str, Any]], Awaitable[object]]] = {
    "/Q1": q1,
    "/Q2": q2,
    "/Q3": q3,
    "/M1": m1,
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


async def execute_in_transaction(*statements: tuple[str, Sequence[Any]]) -> int:
    """Run statements in one transaction; return the first value that the first one returns."""
    results: list[Rows] = []
    if IS_SQLITE:
        async with write_lock:
            await sqlite.execute("BEGIN IMMEDIATE")
            for sql, parameters in statements:
                adapted = [adapt(parameter) for parameter in parameters]
                rows = await sqlite.execute_fetchall(sql.replace("$", "?"), adapted)
                results.append(list(rows))  # type: ignore[arg-type]
            await sqlite.execute("COMMIT")
    else:
        async with pool.acquire() as connection, connection.transaction():
            for sql, parameters in statements:
                results.append(await connection.fetch(sql, *parameters))
    return results[0][0][0]


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
        pool = await asyncpg.create_pool(URL, min_size=1, max_size=10)
    config = uvicorn.Config(app, port=port, log_level="warning", access_log=False, lifespan="off")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
