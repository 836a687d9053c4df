"""JSON lines: one object per ticket, with its messages and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from models.exports.source import Write
from resolvers.exports.histories import HISTORIES, ReadPage, write_array


async def write_line(ticket: Mapping[str, Any], read_page: ReadPage, write: Write) -> None:
    """Write a ticket with what `write_array` writes."""
    own = {name: value for name, value in ticket.items() if name not in HISTORIES.values()}
    write(orjson.dumps(own)[:-1])
    for name in HISTORIES:
        write(f',"{name}":'.encode())
        await write_array(name, ticket, read_page, write)
    write(b"}\n")
