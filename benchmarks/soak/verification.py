"""Checks, after the last write, that no client missed or repeated anything.

The expected events of a stream are what the query `events` finds for the same filter and a viewer
with the same visibility. Live lists and statistics must equal the queries `tickets` and
`ticketStats`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.soak.api import Api
from benchmarks.soak.client import Client
from benchmarks.soak.streams import (
    EventStream,
    ListStream,
    NotificationStream,
    StatsStream,
    Stream,
)

DEADLINE_SECONDS = 120.0
"""How long the streams may take to arrive at the end, slow readers included."""
POLL_SECONDS = 0.5
STATUS_TYPES = ("TICKET_CREATED", "STATUS_CHANGED")
EVENTS = """query($filter: TicketFilter, $types: [TicketEventType!], $first: Int, $after: String) {
  events(filter: $filter, types: $types, first: $first, after: $after) {
    nodes { cursor } pageInfo { hasNextPage endCursor } } }"""
TICKETS = """query($filter: TicketFilter, $first: Int, $after: String) {
  tickets(filter: $filter, orderBy: [{field: NUMBER, direction: ASC}], first: $first,
    after: $after) { nodes { id status } pageInfo { hasNextPage endCursor } } }"""
STATS = f"""query($filter: TicketFilter) {{
  ticketStats(filter: $filter, groupBy: STATUS) {{ {StatsStream.fields} }} }}"""
NOTIFICATIONS = """query($first: Int, $after: String) {
  notifications(first: $first, after: $after) {
    nodes { id cursor } pageInfo { hasNextPage endCursor } } }"""


@dataclass
class Verification:
    """The result: how many streams and items were checked, and what is wrong."""

    streams: int = 0
    items: int = 0
    errors: list[str] = field(default_factory=list[str])


class Verifier:
    """Compares streams with queries. Equal queries of one viewer are sent once per comparison."""

    def __init__(self, api: Api, clients: Sequence[Client], staff_token: str) -> None:
        """`staff_token` is that of a viewer who sees everything, as all staff in the soak do."""
        self.api, self.clients, self.staff_token = api, clients, staff_token
        self.cache: dict[bytes, Any] = {}
        """The results of queries by their kind, token and arguments."""
        self.positions: dict[bytes, list[int]] = {}
        """The positions that have been read of each log, by token and arguments."""

    async def verify(self) -> Verification:
        """Wait until all streams have arrived, at most DEADLINE_SECONDS; return the result."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        pending = [(client, stream) for client in self.clients for stream in client.streams]
        result = Verification(streams=len(pending))
        while True:
            self.cache.clear()
            differences = [
                (client, stream, difference)
                for client, stream in pending
                if (difference := await self.find_difference(client, stream))
            ]
            pending = [(client, stream) for client, stream, _ in differences]
            if not pending or time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        result.errors = [
            f"{client.viewer.name}: {stream.label}: {difference}"
            for client, stream, difference in differences
        ]
        for client in self.clients:
            result.errors += client.errors
            for stream in client.streams:
                result.errors += stream.errors
                result.items += stream.received
        return result

    async def find_difference(self, client: Client, stream: Stream) -> str | None:
        if isinstance(stream, NotificationStream):
            ids = await self.read_notifications(client.viewer.token, stream.start)
            return compare_sequences(stream.ids, ids)
        token = self.staff_token if client.viewer.is_staff else client.viewer.token
        if isinstance(stream, EventStream):
            return compare_sequences(stream.positions, await self.read_positions(token, stream))
        if isinstance(stream, ListStream):
            statuses = await self.read_statuses(token, stream)
            return compare_statuses(stream.statuses, statuses)
        if isinstance(stream, StatsStream):
            stats = await self.read_stats(token, stream)
            return None if stream.newest == stats else f"{stream.newest}, not {stats}"
        return None

    async def remember(self, key: Sequence[Any], read: Callable[[], Any]) -> Any:
        encoded = encode(key)
        if encoded not in self.cache:
            self.cache[encoded] = await read()
        return self.cache[encoded]

    async def read_positions(self, token: str, stream: EventStream) -> Sequence[int]:
        """The positions of the events that the stream must have received."""
        types = STATUS_TYPES if stream.field == "ticketStatusChanged" else None
        variables = {"filter": stream.filter, "types": types}

        known = self.positions.setdefault(encode([token, variables, stream.start]), [])

        async def read() -> Sequence[int]:
            after = f"{known[-1]:016x}" if known else stream.start
            pages = self.api.read_pages(token, EVENTS, variables, after)
            known.extend([int(node["cursor"], 16) async for node in pages])
            return known

        return await self.remember(["events", token, variables], read)

    async def read_statuses(self, token: str, stream: ListStream) -> Mapping[str, str]:
        async def read() -> Mapping[str, str]:
            pages = self.api.read_pages(token, TICKETS, {"filter": stream.filter})
            return {node["id"]: node["status"] async for node in pages}

        return await self.remember(["tickets", token, stream.filter], read)

    async def read_stats(self, token: str, stream: StatsStream) -> Mapping[str, Any]:
        async def read() -> Mapping[str, Any]:
            return (await self.api.send(token, STATS, {"filter": stream.filter}))["ticketStats"]

        return await self.remember(["stats", token, stream.filter], read)

    async def read_notifications(self, token: str, start: str) -> Sequence[str]:
        """The ids of the notifications after a cursor, oldest first. The query is newest first."""

        async def read() -> Sequence[str]:
            ids: list[str] = []
            async for node in self.api.read_pages(token, NOTIFICATIONS, {}):
                if node["cursor"] == start:
                    break
                ids.append(node["id"])
            return ids[::-1]

        return await self.remember(["notifications", token, start], read)


def encode(key: Sequence[Any]) -> bytes:
    return orjson.dumps(key, option=orjson.OPT_SORT_KEYS)


def compare_sequences(actual: Sequence[Any], expected: Sequence[Any]) -> str | None:
    """Describe the difference between what was received and what was to be received, if any."""
    if list(actual) == list(expected):
        return None
    missed, foreign = set(expected) - set(actual), set(actual) - set(expected)
    repeated = len(actual) - len(set(actual))
    if not (missed or foreign or repeated):
        return "the order is wrong"
    first = min(missed) if missed else "none"
    return (
        f"{len(missed)} missed (first: {first}), {repeated} repeated, {len(foreign)} unexpected, "
        f"of {len(expected)}"
    )


def compare_statuses(actual: Mapping[str, str], expected: Mapping[str, str]) -> str | None:
    """Describe the difference between a live list and the query, if any."""
    if actual == expected:
        return None
    missing, extra = expected.keys() - actual.keys(), actual.keys() - expected.keys()
    stale = sum(actual[id] != expected[id] for id in actual.keys() & expected.keys())
    return f"{len(missing)} tickets missing, {len(extra)} too many, {stale} with another status"
