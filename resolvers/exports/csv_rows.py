"""CSV: one row per ticket, with a fixed list of columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.exports.source import Write
from resolvers.exports.histories import HISTORIES, ReadPage, write_array

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins with one of these can be a formula for a spreadsheet program, which could
send other cells to an attacker. Japanese programs accept the wide characters, too (OWASP, CSV
Injection)."""

END_OF_ROW = b"\r\n"

Ticket = Mapping[str, Any]
Read = Callable[[Ticket], object]


def field(name: str, *path: str) -> Read:
    """Reads a field of the ticket, or a field of the object in it."""

    def read(ticket: Ticket) -> object:
        value: Any = ticket[name]
        for each in path:
            value = None if value is None else value.get(each)
        return value

    return read


def read_custom_fields(ticket: Ticket) -> str | None:
    """The values by the keys of their fields, as JSON, because fields come and go."""
    values = {each["field"]["key"]: plain_value(each) for each in ticket["customFields"]}
    return json.dumps(values, ensure_ascii=False) if values else None


def plain_value(value: Mapping[str, Any]) -> object:
    """The value of a custom field: the keys of the options, or the one other value."""
    if value["options"]:
        return [option["key"] for option in value["options"]]
    given = (value[name] for name in ("text", "number", "boolean", "date"))
    return next((each for each in given if each is not None), None)


COLUMNS: Mapping[str, Read] = {
    "ref": field("ref"),
    "id": field("id"),
    "externalId": field("externalId"),
    "subject": field("subject"),
    "description": field("description"),
    "status": field("status"),
    "stage": field("stage"),
    "priority": field("priority"),
    "category": field("category", "slug"),
    "team": field("team", "slug"),
    "requesterId": field("requester", "id"),
    "requesterName": field("requester", "displayName"),
    "requesterEmail": field("requester", "email"),
    "organization": field("organization", "name"),
    "assigneeId": field("assignee", "id"),
    "assigneeName": field("assignee", "displayName"),
    "tags": lambda ticket: ", ".join(ticket["tags"]),
    "escalationLevel": field("escalationLevel"),
    "messageCount": field("messages", "totalCount"),
    "createdAt": field("createdAt"),
    "updatedAt": field("updatedAt"),
    "firstRespondedAt": field("firstRespondedAt"),
    "lastReplyAt": field("lastReplyAt"),
    "heldUntil": field("heldUntil"),
    "resolvedAt": field("resolvedAt"),
    "closedAt": field("closedAt"),
    "closeReason": field("closeReason"),
    "resolution": field("resolution"),
    "mergedInto": field("mergedInto", "ref"),
    "satisfactionScore": field("satisfaction", "score"),
    "satisfactionComment": field("satisfaction", "comment"),
    "customFields": read_custom_fields,
}
"""The columns that each have one value. Those of HISTORIES follow, which are JSON arrays.

Programs rely on the order of all columns: add new ones at the end of the row only."""


def build_header() -> bytes:
    return encode_row([*COLUMNS, *HISTORIES])


async def write_row(ticket: Ticket, read_page: ReadPage, write: Write) -> None:
    """Write a ticket with what `write_array` writes."""
    write(build_cells(ticket).removesuffix(END_OF_ROW))
    for name in HISTORIES:
        write(b',"')
        await write_array(name, ticket, read_page, lambda part: write(part.replace(b'"', b'""')))
        write(b'"')
    write(END_OF_ROW)


def build_cells(ticket: Ticket) -> bytes:
    """The row with the values of COLUMNS."""
    return encode_row([neutralise(read(ticket)) for read in COLUMNS.values()])


def neutralise(value: object) -> str:
    """The text of a cell, which no spreadsheet program takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def encode_row(cells: Sequence[str]) -> bytes:
    """A row as in RFC 4180. All cells are quoted, so that none can begin at another separator."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue().encode()
