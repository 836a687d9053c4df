"""Reads the tickets of exports through the API's own schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from engine.execution.schema import Schema
from engine.graphql.request import GraphQLRequest
from models.access.viewer import Viewer
from models.core import ids
from models.exports.source import TicketLost, Write
from models.jobs.caller_job import ExportFormat
from resolvers.context import Context
from resolvers.exports.csv_rows import build_header, write_row
from resolvers.exports.documents import CSV_DOCUMENT, JSONL_DOCUMENT, PAGE_DOCUMENT
from resolvers.exports.jsonl import write_line

TICKETS_PER_READ = 20
"""The tickets of one operation. Its execution blocks the event loop for some milliseconds at a
time."""
PAGE_OPERATIONS = {"messages": "ExportMessages", "events": "ExportEvents"}


class GraphQLTicketSource:
    """Writes tickets as the API shows them to a viewer. See `models.exports.source.TicketSource`.

    Args:
        schema: A schema without limits on cost, whose document limits permit the documents.
        build_context: Builds the context of an operation of a viewer.
    """

    def __init__(self, schema: Schema, build_context: Callable[[Viewer], Context]) -> None:
        self.schema, self.build_context = schema, build_context

    def build_header(self, format: ExportFormat) -> bytes:
        return build_header() if format is ExportFormat.CSV else b""

    async def write_tickets(
        self, viewer: Viewer, ticket_ids: Sequence[UUID], format: ExportFormat, write: Write
    ) -> set[UUID]:
        found: set[UUID] = set()
        for start in range(0, len(ticket_ids), TICKETS_PER_READ):
            keys = ticket_ids[start : start + TICKETS_PER_READ]
            variables = {"ids": [ids.encode(ids.TICKET, key) for key in keys]}
            document = CSV_DOCUMENT if format is ExportFormat.CSV else JSONL_DOCUMENT
            data = await self.execute(viewer, document, "ExportTickets", variables)
            for key, ticket in zip(keys, data["nodes"], strict=True):
                if ticket is None:
                    continue
                write_ticket = write_row if format is ExportFormat.CSV else write_line
                await write_ticket(ticket, partial(self.read_page, viewer, ticket["id"]), write)
                found.add(key)
        return found

    async def read_page(
        self, viewer: Viewer, ticket_id: str, name: str, after: str
    ) -> Mapping[str, Any]:
        """The next page of messages or events. Raises TicketLost."""
        variables = {"id": ticket_id, "after": after}
        data = await self.execute(viewer, PAGE_DOCUMENT, PAGE_OPERATIONS[name], variables)
        if data["ticket"] is None:
            raise TicketLost
        page: Mapping[str, Any] = data["ticket"]["page"]
        return page

    async def execute(
        self, viewer: Viewer, document: str, operation: str, variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The data of an operation. Raises the exception of its first error."""
        request = GraphQLRequest(document, variables, operation, None)
        result = await self.schema.execute_server_query(request, self.build_context(viewer))
        if result.errors:
            raise result.errors[0].original_error or result.errors[0]
        assert result.data is not None  # without errors there are data
        # The data may hold times; encode and decode them as a response would.
        return dict(orjson.loads(orjson.dumps(result.data, option=orjson.OPT_UTC_Z)))
