"""The same answers written by hand: plain ASGI on uvicorn, statements on the driver itself, orjson. No GraphQL, nobody's rights.

    python -m benchmarks.queries.peers.handler PORT

The database is DATABASE_URL; paths are /Q1, /Q2, /Q3 and /M1, the body holds what GraphQL would have as variables.
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
KEY = "" if IS_SQLITE else "::text"
JOINED = (
    f"SELECT t.id{KEY}, t.number, t.subject, t.description, t.status, t.priority, t.escalation_level, t.version, t.created_at, "
    f"t.updated_at, s.slug, s.name, c.slug, u.id{KEY}, u.display_name FROM tickets t JOIN teams s ON s.id = t.team_id "
    "JOIN categories c ON c.id = t.category_id JOIN users u ON u.id = t.requester_id "
)
ONE = f"{JOINED} WHERE t.number = $1"
PAGE = f"{JOINED} ORDER BY t.updated_at DESC, t.id DESC LIMIT 51"
NEWEST = f"SELECT id{KEY}, subject, updated_at FROM tickets ORDER BY updated_at DESC, id DESC LIMIT 20"
PARTS = f"m.id{KEY}, m.ticket_id{KEY}, m.body, COALESCE(u.display_name, a.display_name)"
AUTHORS = "LEFT JOIN users u ON u.id = m.author_user_id LEFT JOIN api_clients a ON a.id = m.author_client_id"
MESSAGES = (
    f"SELECT {PARTS} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ticket_id ORDER BY created_at, id) AS place FROM messages "
    f"WHERE ticket_id IN (SELECT value FROM json_each($1))) m {AUTHORS} WHERE m.place <= 10 ORDER BY m.ticket_id, m.place"
    if IS_SQLITE
    else f"SELECT {PARTS} FROM unnest($1::uuid[]) k CROSS JOIN LATERAL (SELECT * FROM messages WHERE ticket_id = k "
    f"ORDER BY created_at, id LIMIT 10) m {AUTHORS} ORDER BY m.created_at, m.id"
)
CATEGORY = "SELECT id, team_id FROM categories WHERE slug = $1"
NEXT = "(SELECT MAX(number) + 1 FROM tickets)" if IS_SQLITE else "nextval('ticket_numbers')"
INSERT_TICKET = (
    "INSERT INTO tickets (id, number, external_scope, subject, description, status, priority, category_id, team_id, "
    "requester_id, escalation_level, status_since, created_at, updated_at, version) "
    f"VALUES ($1, {NEXT}, '', $2, $3, 'new', 2, $4, $5, $6, 0, $7, $7, $7, 1) RETURNING number"
)
INSERT_EVENT = (
    "INSERT INTO peer_events (type, ticket_id, actor_user_id, occurred_at, version, internal, data) "
    "VALUES ('ticket_created', $1, $2, $3, 1, false, $4)"
)

Rows = Sequence[Sequence[Any]]
Read = Callable[..., Awaitable[Rows]]


def ticket(row: Sequence[Any]) -> dict[str, Any]:
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


def cursor(id: str, updated_at: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(["updated_at-,id-", updated_at, id])).decode().rstrip("=")


async def q1(read: Read, sent: Mapping[str, Any]) -> object:
    found = await read(ONE, sent["n"])
    return {"ticketByNumber": ticket(found[0]) if found else None}


async def q2(read: Read, _: object) -> object:
    found = await read(PAGE)
    edges = [{"cursor": cursor(row[0], row[9]), "node": ticket(row)} for row in found[:50]]
    return {"tickets": {"edges": edges, "pageInfo": {"hasNextPage": len(found) > 50, "endCursor": edges[-1]["cursor"]}}}


async def q3(read: Read, _: object) -> object:
    found = await read(NEWEST)
    keys = [row[0] for row in found]
    said: dict[str, list[object]] = {key: [] for key in keys}
    for id, key, body, name in await read(MESSAGES, orjson.dumps(keys).decode() if IS_SQLITE else keys):
        said[key].append({"id": f"msg_{id}", "body": body, "author": {"displayName": name}})
    nodes = ({"id": f"tkt_{row[0]}", "subject": row[1], "messages": {"nodes": said[row[0]]}} for row in found)
    return {"tickets": {"edges": [{"node": node} for node in nodes]}}


async def m1(read: Read, sent: Mapping[str, Any]) -> object:
    new = sent["i"]
    category, team = (await read(CATEGORY, new["category"]))[0]
    key, at = str(uuid4()), datetime.now(UTC)
    data = orjson.dumps({"changes": {"subject": [None, new["subject"]], "status": [None, "new"]}}).decode()
    number = await written(
        (INSERT_TICKET, (key, new["subject"], new["description"], category, team, REQUESTER, at)),
        (INSERT_EVENT, (key, REQUESTER, at, data)),
    )
    return {"createTicket": {"ticket": ticket((await read(ONE, number))[0])}}


ANSWERS: Mapping[str, Callable[[Read, Mapping[str, Any]], Awaitable[object]]] = {"/Q1": q1, "/Q2": q2, "/Q3": q3, "/M1": m1}
HEADERS = [(b"content-type", b"application/json")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    body += message["body"]
    answer = orjson.dumps({"data": await ANSWERS[scope["path"]](read, orjson.loads(body))}, option=orjson.OPT_UTC_Z)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


async def read(sql: str, *given: object) -> Rows:
    if IS_SQLITE:
        return list(await lite.execute_fetchall(sql.replace("$", "?"), given))  # type: ignore[arg-type]
    return await pool.fetch(sql, *given)


async def written(*statements: tuple[str, Sequence[Any]]) -> int:
    """Run statements in one transaction; what the first one returns."""
    if IS_SQLITE:
        async with writing:
            await lite.execute("BEGIN IMMEDIATE")
            found = [list(await lite.execute_fetchall(sql.replace("$", "?"), [*map(plain, given)])) for sql, given in statements]
            await lite.execute("COMMIT")
        return found[0][0][0]
    async with pool.acquire() as connection, connection.transaction():
        found = [await connection.fetch(sql, *given) for sql, given in statements]
    return found[0][0][0]


def plain(value: object) -> object:
    return value.isoformat(" ") if isinstance(value, datetime) else value


async def serve(port: int) -> None:
    global pool, lite, writing
    if IS_SQLITE:
        lite = await aiosqlite.connect(URL.removeprefix("sqlite:///"), isolation_level=None)
        writing = asyncio.Lock()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 15000"):
            await lite.execute(f"PRAGMA {pragma}")
    else:
        pool = await asyncpg.create_pool(URL, min_size=1, max_size=10)
    await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False, lifespan="off")).serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
