"""JSON lines: one object per ticket, with its messages and events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import orjson

from models.exports.source import Write

ReadPage = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""Reads the page after a cursor of the messages or the events of the ticket."""


async def write_line(ticket: Mapping[str, Any], read_page: ReadPage, write: Write) -> None:
    """Write a ticket. Only one page of its messages or events is in memory.

    `ticket` has the first page of both. The pages after it are read when they are written.
    """
    fields = {name: value for name, value in ticket.items() if name not in ("messages", "timeline")}
    write(orjson.dumps(fields)[:-1])
    for name, connection in (("messages", ticket["messages"]), ("events", ticket["timeline"])):
        write(f',"{name}":['.encode())
        is_first = True
        async for node in iterate_nodes(name, connection, read_page):
            write((b"" if is_first else b",") + orjson.dumps(node))
            is_first = False
        write(b"]")
    write(b"}\n")


async def iterate_nodes(
    name: str, first: Mapping[str, Any], read_page: ReadPage
) -> AsyncIterator[Mapping[str, Any]]:
    page = first
    while True:
        for node in page["nodes"]:
            yield node
        info = page["pageInfo"]
        if not info["hasNextPage"]:
            break
        page = await read_page(name, info["endCursor"])
