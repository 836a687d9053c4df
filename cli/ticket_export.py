"""Exports all tickets for `ticketwire export`, with notes and hidden fields."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import datetime

import orjson

from models import database
from models.access.viewer import SYSTEM
from models.core.sql import TRUE, Condition, compare
from models.exports.source import TicketSource
from models.jobs.caller_job import ExportFormat
from models.provisioning import InvalidArgument
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.tickets import find_first_tickets
from schema.filtering.stored_filter import StoredFilterInvalid, check_filter

TICKETS_PER_BATCH = 20
MAX_BUFFER_BYTES = 4 * 1024 * 1024
"""A larger batch waits in a temporary file, not in memory, until it is complete."""
PIECE_BYTES = 256 * 1024
REFERENCE = re.compile(r"(?:TKT-)?([0-9]{1,9})", re.ASCII | re.IGNORECASE)


async def export(
    source: TicketSource,
    format: ExportFormat,
    filter: str | None,
    after: str | None,
    at: datetime,
    write: Callable[[bytes], object],
) -> None:
    """Write the tickets in the order of their numbers, with few tickets in memory.

    Args:
        source: Reads the tickets.
        format: The format; the header of CSV comes only without `after`.
        filter: A TicketFilter as JSON; None selects all tickets.
        after: The reference of a ticket, such as TKT-1042. Only later tickets are written.
        at: The time with which the filter compares.
        write: Receives the bytes.

    Raises:
        InvalidArgument: If `filter` or `after` is invalid.
    """
    number = parse_reference(after)
    condition = build_condition(parse_filter(filter, at), at)
    if after is None:
        write(source.build_header(format))
    while True:
        later = compare("t.number", ">", number) & condition
        found = await find_first_tickets(later, TICKETS_PER_BATCH)
        if not found:
            return
        # A batch is complete before it is written, so that a failed read leaves no half line.
        with tempfile.SpooledTemporaryFile(MAX_BUFFER_BYTES) as lines:
            await source.write_tickets(SYSTEM, [each.id for each in found], format, lines.write)
            lines.seek(0)
            while piece := lines.read(PIECE_BYTES):
                write(piece)
        number = found[-1].number


def parse_reference(text: str | None) -> int:
    """The number of a ticket; 0 for None. Raises InvalidArgument."""
    if text is None:
        return 0
    match = REFERENCE.fullmatch(text.strip())
    if match is None:
        raise InvalidArgument(f"{text!r} is not the reference of a ticket, such as TKT-1042")
    return int(match[1])


def parse_filter(text: str | None, at: datetime) -> FilterData | None:
    """Raises InvalidArgument."""
    if text is None:
        return None
    try:
        return check_filter(orjson.loads(text), SYSTEM, at, database.dialect())
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"the filter is not JSON: {error}") from error
    except StoredFilterInvalid as error:
        raise InvalidArgument(f"the filter is not a valid TicketFilter: {error}") from error


def build_condition(filter: FilterData | None, at: datetime) -> Condition:
    return TRUE if filter is None else compile_filter(filter, SYSTEM, at, database.dialect())
