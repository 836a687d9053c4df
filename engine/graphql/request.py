"""GraphQL requests, from a JSON body or a query string (GraphQL over HTTP, section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson

from engine.limit_refusals import count_refusal

MAX_QUERY_STRING_BYTES = 48 * 1024
"""Less than the 64 KiB at which the HTTP parser refuses a URL."""
MAX_QUERY_STRING_FIELDS = 20
NAME_CHARS_PER_VALUE = 64
"""So many characters of member names count as one more value, because names are compared."""
MAX_JSON_DEPTH = 254
"""The depth that orjson can write. It reads deeper values, but the server writes clients' values:
in pongs, logs and the keys of subscription groups."""


class MalformedRequest(Exception):
    """A request or message violates the protocol. The text tells the client how."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    query: str
    """Empty if the document is named by its hash, in `extensions.persistedQuery`."""
    variables: Mapping[str, Any] | None
    operation_name: str | None
    extensions: Mapping[str, Any] | None

    @classmethod
    def from_mapping(cls, parameters: Mapping[str, Any]) -> GraphQLRequest:
        """Raises MalformedRequest."""
        query = parameters.get("query")
        name = parameters.get("operationName")
        extensions = get_object(parameters, "extensions")
        if query is None and extensions and "persistedQuery" in extensions:
            query = ""
        if not isinstance(query, str):
            raise MalformedRequest(f'"query" must be a string, not {describe_member_type(query)}.')
        if not isinstance(name, str | None):
            json_type = describe_json_type(name)
            raise MalformedRequest(f'"operationName" must be a string, not {json_type}.')
        return cls(query, get_object(parameters, "variables"), name, extensions)


def parse_body(body: bytes) -> GraphQLRequest:
    """Raises MalformedRequest."""
    parameters = parse_json(body, "The body")
    if not isinstance(parameters, dict):
        json_type = describe_json_type(parameters)
        raise MalformedRequest(f"The body must be a JSON object, not {json_type}.")
    return GraphQLRequest.from_mapping(cast("dict[str, Any]", parameters))


def parse_fields(fields: Mapping[str, str]) -> GraphQLRequest:
    """Parse the fields of a query string. Raises MalformedRequest."""
    parameters: dict[str, Any] = dict(fields)
    for name in ("variables", "extensions"):
        text = fields.get(name)
        if text is not None:
            parameters[name] = parse_json(text, f'"{name}"') if text else None
    return GraphQLRequest.from_mapping(parameters)


def parse_query_string(query_string: bytes) -> dict[str, str]:
    """The fields of a query string, by name. Raises MalformedRequest."""
    try:
        pairs = parse_qsl(
            query_string.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_STRING_FIELDS,
        )
    except ValueError as error:
        if "fields" in str(error):  # "Max number of fields exceeded", and no other message
            count_refusal("query_string_fields")
        raise MalformedRequest(
            "The query string must be URL-encoded UTF-8 with "
            f"at most {MAX_QUERY_STRING_FIELDS} fields."
        ) from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise MalformedRequest("The query string must not repeat a field.")
    return fields


def parse_json(text: str | bytes, what: str) -> object:
    """Parse JSON. `what` names it in the error. Raises MalformedRequest."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"{what} is not JSON: {error}") from None
    if count_brackets(text) > MAX_JSON_DEPTH and not is_serializable(value):
        count_refusal("json_depth")
        raise MalformedRequest(f"{what} must be nested at most {MAX_JSON_DEPTH} levels deep.")
    return value


def count_brackets(text: str | bytes) -> int:
    """The number of opening brackets. JSON has at most as many levels."""
    if isinstance(text, str):
        return text.count("{") + text.count("[")
    return text.count(b"{") + text.count(b"[")


def has_more_values(variables: Mapping[str, Any], limit: int) -> bool:
    """Whether variables hold more than `limit` values in total, however they are nested."""
    pending: list[Any] = [variables]
    count = 0
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            name_characters = sum([len(name) for name in members])
            count += len(members) + name_characters // NAME_CHARS_PER_VALUE
            pending.extend(members.values())
        elif isinstance(value, list):
            count += len(cast("list[Any]", value))
            pending.extend(cast("list[Any]", value))
        if count > limit:
            return True
    return False


def get_object(message: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A member that is an object; None if it is null or absent. Raises MalformedRequest."""
    value = message.get(name)
    if not isinstance(value, dict | None):
        raise MalformedRequest(f'"{name}" must be an object, not {describe_json_type(value)}.')
    return cast("dict[str, Any] | None", value)


def describe_json_type(value: object) -> str:
    """The JSON type of a value, for error messages."""
    match value:
        case None:
            return "null"
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


def describe_member_type(value: object) -> str:
    """The JSON type of an object's member; None if the object does not have it."""
    return "null or absent" if value is None else describe_json_type(value)


def is_serializable(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
