"""The columns of tables, and how they are read from the API's records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

AS_OF = "as_of"
Node = Mapping[str, Any]  # JSON of the server: its shape is that of the documents
Row = dict[str, Any]
Kind = Literal["text", "cursor", "integer", "boolean", "time", "json"]
REPLACEMENT = "\ufffd"
"""Stands for NUL, which Postgres can't store."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    read: Callable[[Node], Any]
    index: Literal["", "index", "unique"] = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and how its rows are read.

    type       the type of its records in the API; "" for events and messages
    selection  the fields of the type
    columns    the columns, of which the first is the primary key
    """

    name: str
    type: str
    selection: str
    columns: Sequence[Column]

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def build_row(self, node: Node, as_of: str) -> Row:
        """The row of a record that was read with everything up to the cursor `as_of`."""
        node = {**node, AS_OF: as_of}
        return {column.name: clean(column.read(node)) for column in self.columns}


def clean(value: Any) -> Any:
    """The value without NUL characters, also inside of lists and objects."""
    if isinstance(value, str):
        return value.replace("\0", REPLACEMENT)
    if isinstance(value, Mapping):
        return {clean(key): clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [clean(each) for each in value]
    return value


def at(*path: str) -> Callable[[Node], Any]:
    """Reads a field, or a field of a nested record, which may be null."""

    def read(node: Node) -> Any:
        value: Any = node
        for name in path:
            value = None if value is None else value[name]
        return value

    return read


def ids(field: str, *, ordered: bool = False) -> Callable[[Node], list[str]]:
    """The ids of a list of records. Without an order of their own, they are sorted."""

    def read(node: Node) -> list[str]:
        found = [each["id"] for each in node[field]]
        return found if ordered else sorted(found)

    return read


def sorted_values(field: str) -> Callable[[Node], list[Any]]:
    return lambda node: sorted(node[field])


def read_links(node: Node) -> list[dict[str, str]]:
    links = [{"kind": each["kind"], "ticketId": each["ticket"]["id"]} for each in node["links"]]
    return sorted(links, key=lambda link: (link["ticketId"], link["kind"]))


def read_custom_fields(node: Node) -> dict[str, Any]:
    """The values by the keys of their fields; options by their keys."""
    return {each["field"]["key"]: read_custom_value(each) for each in node["customFields"]}


def read_custom_value(value: Node) -> Any:
    keys = sorted(option["key"] for option in value["options"])
    if value["type"] == "MULTI_SELECT":
        return keys
    if value["type"] == "SELECT":
        return keys[0] if keys else None
    return value[value["type"].lower()]


def read_actor_kind(field: str) -> Callable[[Node], str | None]:
    kinds = {"User": "USER", "ApiClient": "API_CLIENT", "System": "SYSTEM"}

    def read(node: Node) -> str | None:
        actor = node[field]
        return None if actor is None else kinds.get(actor["__typename"])

    return read


def read_actor_id(field: str) -> Callable[[Node], str | None]:
    return lambda node: None if node[field] is None else node[field].get("id")


def text(name: str, *path: str, index: Literal["", "index", "unique"] = "") -> Column:
    return Column(name, "text", at(*(path or (name,))), index)


def required(name: str, *path: str, index: Literal["", "index", "unique"] = "") -> Column:
    return Column(name, "text", at(*(path or (name,))), index, required=True)


def time(name: str, *path: str, index: Literal["", "index", "unique"] = "") -> Column:
    return Column(name, "time", at(*path), index)


def boolean(name: str, *path: str) -> Column:
    return Column(name, "boolean", at(*(path or (name,))))


ID = required("id")
AS_OF_COLUMN = Column(AS_OF, "cursor", at(AS_OF), required=True)

COMMON_FIELDS = frozenset(
    {"__typename", "id", "type", "cursor", "occurredAt", "ticket", "actor", "recordId", AS_OF}
)


def read_event_ticket(node: Node) -> str | None:
    return str(node["ticket"]["id"]) if "ticket" in node else None


def read_event_message(node: Node) -> str | None:
    for name in ("reply", "note", "message"):
        if node.get(name) is not None:
            return str(node[name]["id"])
    return None


def read_event_data(node: Node) -> dict[str, Any]:
    """The fields that only this type of event has. Records are named by their id or slug.

    An event of the directory has none. Its changes can be names of people, and the log does not say
    when an erasure removes them there. The record itself has the values.
    """
    data: dict[str, Any] = {}
    for name, value in node.items():
        if name in COMMON_FIELDS or name in ("reply", "note", "message"):
            continue
        data[name] = next(iter(value.values())) if isinstance(value, Mapping) else value
    return data


def read_record_type(node: Node) -> str | None:
    """The type of the record that an event of the directory is about."""
    if "recordId" not in node:
        return None
    return str(node["__typename"]).removesuffix("DirectoryEvent")
