"""Parses a client's graphql-transport-ws messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from engine.graphql.request import (
    MalformedRequest,
    describe_json_type,
    describe_member_type,
    parse_json,
)

SERVER_MESSAGE_TYPES = ("connection_ack", "next", "error")


def parse_message(text: str) -> Mapping[str, Any]:
    """The object in a text frame. Its members are not validated yet. Raises MalformedRequest."""
    message = parse_json(text, "The message")
    if not isinstance(message, dict):
        raise MalformedRequest(
            f"A message must be a JSON object, not {describe_json_type(message)}."
        )
    return cast("dict[str, Any]", message)


def read_id(message: Mapping[str, Any]) -> str:
    id, type = message.get("id"), message["type"]
    if not isinstance(id, str):
        json_type = describe_member_type(id)
        raise MalformedRequest(f"The id of a {type} message must be a string, not {json_type}.")
    if not id:
        raise MalformedRequest(f"The id of a {type} message must not be empty.")
    return id


def describe_unknown_type(type: object) -> str:
    if not isinstance(type, str):
        return f"The type of a message must be a string, not {describe_member_type(type)}."
    if type in SERVER_MESSAGE_TYPES:
        return f"Only the server may send {type} messages."
    return f'Unknown message type "{type}".'
