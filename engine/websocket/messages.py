"""Parsing of a client's graphql-transport-ws messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from engine.graphql.request import (
    MAX_JSON_DEPTH,
    MalformedRequest,
    describe_json_type,
    is_serializable,
)

SERVER_MESSAGE_TYPES = ("connection_ack", "next", "error")


def parse_message(text: str) -> Mapping[str, Any]:
    """The object in a text frame. Its members are not validated yet."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"The message is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise MalformedRequest(
            f"A message must be a JSON object, not {describe_json_type(message)}."
        )
    may_be_too_deep = text.count("{") + text.count("[") > MAX_JSON_DEPTH
    if may_be_too_deep and not is_serializable(message):
        raise MalformedRequest(
            f"The message is nested too deeply: at most {MAX_JSON_DEPTH} levels are allowed."
        )
    return cast("dict[str, Any]", message)


def read_id(message: Mapping[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str):
        raise MalformedRequest(
            f"The id of a {message['type']} message must be a string, not {describe_json_type(id)}."
        )
    if not id:
        raise MalformedRequest(f"The id of a {message['type']} message must not be empty.")
    return id


def describe_unknown_type(type: object) -> str:
    if not isinstance(type, str):
        return f"The type of a message must be a string, not {describe_json_type(type)}."
    if type in SERVER_MESSAGE_TYPES:
        return f"Only the server may send {type} messages."
    return f'Unknown message type "{type}".'
