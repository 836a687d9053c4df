"""What the files of exports contain."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    validate,
)
from support import Client, Service, World
from support.exports import (
    download,
    export,
    parse_csv,
    parse_lines,
    read_export,
    run_exports,
    start_export,
)

from resolvers.exports.csv_rows import build_cells, encode_row, neutralise
from resolvers.exports.documents import (
    CSV_DOCUMENT,
    FIRST_MESSAGES,
    JSONL_DOCUMENT,
    MORE_EVENTS,
    MORE_MESSAGES,
    PAGE_DOCUMENT,
)
from schema import root
from workers.ticket_exports import TicketExports

UNEXPORTED_FIELDS = {"deliveries"}
"""The deliveries of emails tell how the server works, not what happened to a ticket."""


async def test_a_line_has_a_ticket_with_its_messages_and_events(
    service: Service, world: World, ada: Client, cora: Client, worker: TicketExports
) -> None:
    ticket = await cora.raise_ticket("Printer", description="It smokes.")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="Pull the plug.")
    await ada.do("addNote", ticketId=ticket["id"], body="Third time this week.")
    (line,) = parse_lines(await export(ada, worker))
    assert (line["ref"], line["subject"], line["description"]) == (
        *(ticket["ref"], "Printer", "It smokes."),
    )
    assert line["requester"] == {
        "__typename": "User",
        "displayName": "Cora",
        "id": world.cora.gid,
        "email": "cora@example.com",
    }
    assert line["sharedWithOrganization"] is False
    bodies = [(each["__typename"], each["body"]) for each in line["messages"]]
    assert bodies == [("Reply", "Pull the plug."), ("Note", "Third time this week.")]
    types = [each["type"] for each in line["events"]]
    expected = ["TICKET_CREATED", "REPLY_ADDED", "STATUS_CHANGED", "NOTE_ADDED"]
    assert [each for each in types if not each.startswith("SLA")] == expected


async def test_a_row_of_csv_has_a_ticket(
    service: Service, ada: Client, cora: Client, worker: TicketExports
) -> None:
    ticket = await cora.raise_ticket("=HYPERLINK(1)", description='One\nTwo, "three"')
    (row,) = parse_csv(await export(ada, worker, "CSV"))
    assert row["ref"] == ticket["ref"]
    assert row["subject"] == "'=HYPERLINK(1)"
    assert row["description"] == 'One\nTwo, "three"'
    assert row["messageCount"] == "0"
    assert row["createdAt"].endswith("Z")
    assert row["externalId"] == ""


async def test_both_formats_have_the_same_histories(
    service: Service, ada: Client, cora: Client, worker: TicketExports
) -> None:
    ticket = await cora.raise_ticket("Long")
    for number in range(FIRST_MESSAGES + MORE_MESSAGES + 1):
        await ada.do("addNote", ticketId=ticket["id"], body=f'="Note", {number}\r\n')
    rows = parse_csv(await export(ada, worker, "CSV"))
    lines = parse_lines(await export(ada, worker, "JSONL"))
    for name in ("messages", "events"):
        assert [orjson.loads(row[name]) for row in rows] == [line[name] for line in lines]
    assert rows[0]["messageCount"] == str(len(lines[0]["messages"]))


async def test_a_long_history_is_complete_and_in_order(
    service: Service, ada: Client, cora: Client, worker: TicketExports
) -> None:
    """More messages and events than one page of each request has."""
    ticket, other = await cora.raise_ticket("Long"), await cora.raise_ticket("Short")
    for number in range(FIRST_MESSAGES + MORE_MESSAGES + 1):
        await ada.do("addNote", ticketId=ticket["id"], body=f"Note {number}")
    for number in range(MORE_EVENTS):
        await ada.do("updateTicket", ticketId=ticket["id"], subject=f"Long {number}")
    line, short = parse_lines(await export(ada, worker))
    bodies = [each["body"] for each in line["messages"]]
    assert bodies == [f"Note {number}" for number in range(FIRST_MESSAGES + MORE_MESSAGES + 1)]
    cursors = [each["cursor"] for each in line["events"]]
    query = "query($id: ID!) { ticket(id: $id) { timeline(first: 1) { totalCount } } }"
    data = await ada.run(query, id=ticket["id"])
    assert cursors == sorted(set(cursors))
    assert len(cursors) == data["ticket"]["timeline"]["totalCount"]
    assert (short["ref"], short["messages"]) == (other["ref"], [])


async def test_a_filter_selects_the_tickets_at_the_start(
    service: Service, ada: Client, cora: Client, worker: TicketExports
) -> None:
    found = await cora.raise_ticket("Wanted")
    await cora.raise_ticket("Other")
    job = await start_export(ada, filter={"subject": {"eq": "Wanted"}})
    await cora.raise_ticket("Wanted")
    await ada.do("updateTicket", ticketId=found["id"], subject="Renamed")
    await run_exports(worker)
    lines = parse_lines(await download(ada, job))
    assert [(line["ref"], line["subject"]) for line in lines] == [(found["ref"], "Renamed")]


@pytest.mark.parametrize(("format", "lines"), [("JSONL", 0), ("CSV", 1)])
async def test_an_export_without_tickets_has_a_file(
    service: Service, ada: Client, worker: TicketExports, format: str, lines: int
) -> None:
    content = await export(ada, worker, format)
    assert content.count(b"\r\n") == lines


async def test_the_cursor_begins_where_the_export_has_read(
    service: Service, ada: Client, cora: Client, worker: TicketExports
) -> None:
    """A copy stays current with the events after the cursor."""
    ticket = await cora.raise_ticket()
    job = await start_export(ada)
    await run_exports(worker)
    await ada.do("addNote", ticketId=ticket["id"], body="Later")
    cursor = (await read_export(ada, job))["export"]["cursor"]
    query = "query($after: String) { events(after: $after, first: 1) { nodes { type } } }"
    assert (await ada.run(query, after=cursor))["events"]["nodes"] == [{"type": "NOTE_ADDED"}]


def test_the_document_selects_every_field_of_every_event() -> None:
    """A new type of event, or a new field of one, must be added to the document."""
    schema: Any = root.build()._schema
    document = parse(JSONL_DOCUMENT)
    assert validate(schema, document) == []
    assert validate(schema, parse(CSV_DOCUMENT)) == []
    assert validate(schema, parse(PAGE_DOCUMENT)) == []
    (events,) = [
        each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode) and each.name.value == "events"
    ]
    selected = select_by_type(events)
    for type in schema.get_possible_types(schema.type_map["TicketEvent"]):
        names = {type.name, "TicketEvent", *(each.name for each in type.interfaces)}
        found = {field for name in names for field in selected.get(name, ())}
        assert set(type.fields) - found - UNEXPORTED_FIELDS == set(), type.name


def test_the_csv_document_selects_only_what_the_columns_print() -> None:
    operation, *_ = parse(CSV_DOCUMENT).definitions
    assert isinstance(operation, OperationDefinitionNode)
    (nodes,) = operation.selection_set.selections
    assert isinstance(nodes, FieldNode)
    assert nodes.selection_set is not None
    (on_ticket,) = nodes.selection_set.selections
    assert isinstance(on_ticket, InlineFragmentNode)
    read: set[str] = set()
    build_cells(RecordingObject(on_ticket.selection_set, read))
    assert list_leaves(on_ticket.selection_set) - read == set()


def list_leaves(selection: SelectionSetNode, path: str = "") -> set[str]:
    """The paths of the selected fields without a selection of their own, except in fragments."""
    leaves: set[str] = set()
    for each in selection.selections:
        if isinstance(each, FragmentSpreadNode):
            continue
        assert isinstance(each, FieldNode)
        inner = f"{path}.{each.name.value}"
        leaves |= {inner} if each.selection_set is None else list_leaves(each.selection_set, inner)
    return leaves


class RecordingObject(dict[str, Any]):
    """An object with all selected fields. It adds the paths of those that are read to `read`.

    A list of objects has one with empty lists and one without, like values of custom fields.
    """

    def __init__(
        self, selection: SelectionSetNode, read: set[str], path: str = "", *, has_lists: bool = True
    ) -> None:
        super().__init__()
        self.read, self.path = read, path
        for each in selection.selections:
            if isinstance(each, FragmentSpreadNode):
                continue
            assert isinstance(each, FieldNode)
            name, inner = each.name.value, each.selection_set
            if inner is None:
                self[name] = [] if name == "tags" else None
            elif name in ("customFields", "options"):
                build = partial(RecordingObject, inner, read, f"{path}.{name}")
                self[name] = [build(has_lists=False), build()] if has_lists else []
            else:
                self[name] = RecordingObject(inner, read, f"{path}.{name}")

    def __getitem__(self, name: str) -> Any:
        self.read.add(f"{self.path}.{name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(f"{self.path}.{name}")
        return super().get(name, default)


def select_by_type(events: FragmentDefinitionNode) -> dict[str, set[str]]:
    """The fields of events that the document selects, by the type in the fragment."""
    (nodes,) = [
        each
        for each in events.selection_set.selections
        if isinstance(each, FieldNode) and each.name.value == "nodes"
    ]
    selected: dict[str, set[str]] = {"TicketEvent": set()}
    assert nodes.selection_set is not None
    for each in nodes.selection_set.selections:
        if isinstance(each, FieldNode):
            selected["TicketEvent"].add(each.name.value)
        elif isinstance(each, InlineFragmentNode):
            assert each.type_condition is not None
            fields = each.selection_set.selections
            names = {field.name.value for field in fields if isinstance(field, FieldNode)}
            selected[each.type_condition.name.value] = names
    return selected


@pytest.mark.parametrize("start", [*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"])
def test_a_cell_is_never_a_formula(start: str) -> None:
    assert neutralise(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert neutralise(f" {start}x") == f" {start}x"


def test_cells_without_formulas_stay_as_they_are() -> None:
    assert [neutralise(each) for each in (None, 0, "a=b", "1-2", "")] == ["", "0", "a=b", "1-2", ""]


def test_each_cell_is_quoted() -> None:
    assert encode_row(["a;=1+1", 'say "hi"', "x,y\nz"]) == b'"a;=1+1","say ""hi""","x,y\nz"\r\n'
