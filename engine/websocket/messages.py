"""A client's message of graphql-transport-ws, read from any text: the object, and its members by name and kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from engine.graphql.request import DEEPEST, MalformedRequest, is_written, kind

FROM_SERVER = ("connection_ack", "next", "error")


def message_in(text: str) -> Mapping[str, Any]:
    """The object that a frame holds; its members are still of any shape."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"The message is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise MalformedRequest(f"A message is a JSON object, not {kind(found)}.")
    if text.count("{") + text.count("[") > DEEPEST and not is_written(found):
        raise MalformedRequest("The message is nested too deeply.")
    return cast("dict[str, Any]", found)


def id_in(sent: Mapping[str, Any]) -> str:
    id = sent.get("id")
    if not isinstance(id, str):
        raise MalformedRequest(f"A {sent['type']} message has an id, a string, not {kind(id)}.")
    if not id:
        raise MalformedRequest(f"The id of a {sent['type']} message is not empty.")
    return id


def why_unknown(type: object) -> str:
    if not isinstance(type, str):
        return f"The type of a message is a string, not {kind(type)}."
    if type in FROM_SERVER:
        return f"Only the server sends {type} messages."
    return f'There is no message of the type "{type}".'
