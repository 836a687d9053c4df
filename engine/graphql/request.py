"""What a request over HTTP asks to be run, from a URL or a JSON body (GraphQL over HTTP, section 5.1), of any shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson

MAX_QUERY_STRING_BYTES = 48 * 1024
"""Bytes of a query string; the parser of requests takes no URL of 64 KiB."""
MAX_QUERY_STRING_FIELDS = 20
NAME_CHARACTERS_PER_VALUE = 64
"""Letters of members' names that count as one more value: names are compared with all that there are."""
MAX_JSON_DEPTH = 254
"""Levels of nesting that orjson writes; it reads more. What came in must be fit to be written: pongs, keys of groups, logs."""


class MalformedRequest(Exception):
    """A request or message that is not what the protocol allows. The text tells the client why."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    query: str
    variables: Mapping[str, Any] | None
    operation_name: str | None
    extensions: Mapping[str, Any] | None

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> GraphQLRequest:
        """Raises Malformed."""
        query, name, extensions = given.get("query"), given.get("operationName"), get_object(given, "extensions")
        if query is None and extensions and "persistedQuery" in extensions:
            query = ""  # it is known by its hash
        if not isinstance(query, str):
            raise MalformedRequest(f"A query is a string, not {describe_json_type(query)}.")
        if not isinstance(name, str | None):
            raise MalformedRequest(f"An operationName is a string, not {describe_json_type(name)}.")
        return cls(query, get_object(given, "variables"), name, extensions)


def parse_body(body: bytes) -> GraphQLRequest:
    """Raises Malformed."""
    found = parse_json(body, "The body")
    if not isinstance(found, dict):
        raise MalformedRequest(f"The body is a JSON object, not {describe_json_type(found)}.")
    return GraphQLRequest.from_mapping(cast("dict[str, Any]", found))


def parse_fields(fields: Mapping[str, str]) -> GraphQLRequest:
    """From a URL, in which variables and extensions are JSON. Raises Malformed."""
    given: dict[str, Any] = dict(fields)
    for name in ("variables", "extensions"):
        if name in fields:
            given[name] = parse_json(fields[name].encode(), f'"{name}"') if fields[name] else None
    return GraphQLRequest.from_mapping(given)


def parse_query_string(query_string: bytes) -> dict[str, str]:
    """What a query string says, by name. Raises Malformed."""
    try:
        pairs = parse_qsl(query_string.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_STRING_FIELDS)
    except ValueError:
        raise MalformedRequest("The query string can't be read.") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedRequest("The query string says something twice.")
    return found


def parse_json(text: bytes, what: str) -> object:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"{what} is not JSON: {error}") from None
    if text.count(b"{") + text.count(b"[") > MAX_JSON_DEPTH and not is_serializable(found):
        raise MalformedRequest(f"{what} is nested too deeply.")
    return found


def has_more_values(variables: Mapping[str, Any], most: int) -> bool:
    """Whether there are more than so many values, however they are nested."""
    left: list[Any] = [variables]
    count = 0
    while left:
        value = left.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            count += len(members) + sum([len(name) for name in members]) // NAME_CHARACTERS_PER_VALUE
            left.extend(members.values())
        elif isinstance(value, list):
            count += len(cast("list[Any]", value))
            left.extend(cast("list[Any]", value))
        if count > most:
            return True
    return False


def get_object(sent: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A member that is an object; None where it is null or absent."""
    value = sent.get(name)
    if not isinstance(value, dict | None):
        raise MalformedRequest(f'"{name}" is an object, not {describe_json_type(value)}.')
    return cast("dict[str, Any] | None", value)


def describe_json_type(value: object) -> str:
    """A JSON value's kind, in words."""
    match value:
        case None:
            return "null or absent"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def is_serializable(found: object) -> bool:
    try:
        orjson.dumps(found)
    except TypeError:
        return False
    return True
