"""Saved views in tests: their live counts and their tickets."""

from __future__ import annotations

import asyncio
from typing import Any

from support.client import TIMEOUT_SECONDS, Client, Socket

COUNTS = "subscription { savedViewCounts { counts { count view { name } } } }"
TICKETS = """query($filter: TicketFilter, $order: [TicketOrder!]) {
  tickets(filter: $filter, orderBy: $order) { nodes { id ref version } } }"""


async def wait_for_count(socket: Socket, name: str, expected: int) -> None:
    """Read items until the view has the expected count, which must happen."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            item = await socket.next("savedViewCounts")
            counts = {each["view"]["name"]: each["count"] for each in item["counts"]}
            if counts.get(name) == expected:
                return


async def list_tickets(client: Client, view: dict[str, Any]) -> list[dict[str, Any]]:
    """The tickets of a view, as a desk lists them."""
    variables = {"filter": view["filter"], "order": view["orderBy"]}
    return list((await client.run(TICKETS, **variables))["tickets"]["nodes"])
