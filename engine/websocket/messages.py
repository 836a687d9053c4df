"""A client's message of graphql-transport-ws, read from any text: the object, and its members by name and kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from engine.graphql.request import MAX_JSON_DEPTH, MalformedRequest, is_serializable, describe_json_type

SERVER_MESSAGE_TYPES = ("connection_ack", "next", "error")


def parse_message(text: str) -> Mapping[str, Any]:
    """The object that a frame holds; its members are still of any shape."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"The message is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise MalformedRequest(f"A message is a JSON object, not {describe_json_type(found)}.")
    if text.count("{") + text.count("[") > MAX_JSON_DEPTH and not is_serializable(found):
        raise MalformedRequest("The message is nested too deeply.")
    return cast("dict[str, Any]", found)


def read_id(message: Mapping[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str):
        raise MalformedRequest(f"A {message['type']} message has an id, a string, not {describe_json_type(id)}.")
    if not id:
        raise MalformedRequest(f"The id of a {message['type']} message is not empty.")
    return id


def describe_unknown_type(type: object) -> str:
    if not isinstance(type, str):
        return f"The type of a message is a string, not {describe_json_type(type)}."
    if type in SERVER_MESSAGE_TYPES:
        return f"Only the server sends {type} messages."
    return f'There is no message of the type "{type}".'
