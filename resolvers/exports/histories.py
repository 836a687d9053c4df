"""The messages and events of exported tickets, as JSON arrays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import orjson

from models.exports.source import Write

ReadPage = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""Reads the page after a cursor of the messages or the events of the ticket."""
HISTORIES = {"messages": "messages", "events": "timeline"}
"""The arrays in their order, and the ticket's fields that have the first page of each."""


async def write_array(
    name: str, ticket: Mapping[str, Any], read_page: ReadPage, write: Write
) -> None:
    """Write the messages or the events of a ticket. Only one page of them is in memory.

    `ticket` has the first page. The pages after it are read when they are written.
    """
    write(b"[")
    is_first = True
    async for node in iterate_nodes(name, ticket[HISTORIES[name]], read_page):
        write((b"" if is_first else b",") + orjson.dumps(node))
        is_first = False
    write(b"]")


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
