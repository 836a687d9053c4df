"""Many subscriptions of one client, and writes that each of them must look at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection

from benchmarks.attacks import target as targets
from benchmarks.attacks.target import Target, summarize

OPERATIONS_PER_SOCKET = 100
WRITES = 3
REPLY = """mutation($i: ReplyToTicketInput!) {
  replyToTicket(input: $i) { cursor userErrors { code } }
}"""
SEARCHES = {"or": [{"search": "d"}] * 32}
"""The description of the target's ticket begins with this letter."""
FEWER_SEARCHES = {"or": [{"search": "d"}] * 16}

Operation = tuple[str, Mapping[str, Any]]


def event_searches(filter: Mapping[str, Any], count: int) -> Sequence[Operation]:
    """Subscriptions to events that share no execution."""
    query = "subscription($f: TicketFilter, $c: String) { e#: ticketEvents(filter: $f, after: $c) "
    return [
        ((query + "{ id } }").replace("#", str(index)), {"f": filter}) for index in range(count)
    ]


def trivial_events(count: int) -> Sequence[Operation]:
    query = "subscription($c: String) { e#: ticketEvents(after: $c) { id } }"
    return [(query.replace("#", str(index)), {}) for index in range(count)]


def live_statistics_and_lists(count: int) -> Sequence[Operation]:
    stats = "subscription($f: TicketFilter) { ticketStats(filter: $f) { total } }"
    changes = "subscription($f: TicketFilter) { ticketChanges(filter: $f) { __typename } }"
    filters = [{"f": {"number": {"gt": -index}}} for index in range(count)]
    return [(query, filter) for query in (stats, changes) for filter in filters]


async def subscribe_and_write(target: Target, operations: Sequence[Operation]) -> list[str]:
    """Open all subscriptions, write, and return the first response to each subscription."""
    cursor = await write_reply(target)
    operations = [(query, {"c": cursor, **variables}) for query, variables in operations]
    async with AsyncExitStack() as stack, asyncio.timeout(targets.TIMEOUT_SECONDS):
        reading: list[asyncio.Task[list[str]]] = []
        for start in range(0, len(operations), OPERATIONS_PER_SOCKET):
            part = operations[start : start + OPERATIONS_PER_SOCKET]
            socket = await stack.enter_async_context(target.open_socket())
            reading.append(asyncio.create_task(read_first_responses(socket, len(part))))
            for index, (query, variables) in enumerate(part):
                payload = {"query": query, "variables": variables}
                subscribe = {"type": "subscribe", "id": str(index), "payload": payload}
                await socket.send(orjson.dumps(subscribe), text=True)
        for _ in range(WRITES):
            await write_reply(target)
        return [summary for each in await asyncio.gather(*reading) for summary in each]


async def read_first_responses(socket: ClientConnection, count: int) -> list[str]:
    summaries: dict[str, str] = {}
    while len(summaries) < count:
        message = orjson.loads(await socket.recv())
        if message["type"] == "next":
            summaries.setdefault(message["id"], summarize("next", message["payload"]))
        elif message["type"] == "error":
            summaries[message["id"]] = summarize("error", {"errors": message["payload"]})
    return list(summaries.values())


async def write_reply(target: Target) -> str:
    """Reply to the target's ticket, as soon as the rate limit allows; return the cursor."""
    variables = {"i": {"ticketId": target.ticket_id, "body": "d"}}
    headers = {"authorization": f"Bearer {target.token}"}
    async with httpx2.AsyncClient(timeout=targets.TIMEOUT_SECONDS) as http:
        content = {"query": REPLY, "variables": variables}
        address = f"http://127.0.0.1:{target.port}/graphql"
        while True:
            answer = (await http.post(address, json=content, headers=headers)).json()
            if "errors" not in answer:
                return answer["data"]["replyToTicket"]["cursor"]
            await asyncio.sleep(answer["errors"][0]["extensions"]["retryAfterMs"] / 1000)
