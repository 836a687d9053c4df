"""The application's authentication, as callbacks that services.py passes to the engine."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

BEARER_PATTERN = re.compile(r"[Bb]earer +(\S+)")


class Unauthorized(Exception):
    """The request's token is invalid, expired or malformed."""


@dataclass(frozen=True, slots=True)
class AuthHooks:
    """Callbacks that create, authenticate and identify the context of an operation."""

    create_context: Callable[[str, str], Any]
    """Creates the context of a request from its request id and the client's address."""
    fork_context: Callable[[Any], Any]
    """Copies a connection's context for one subscription. Later changes of the connection's
    viewer don't change the copy."""
    authenticate: Callable[[Any, str], Awaitable[None]]
    """Sets the context's viewer to the owner of a token. Raises Unauthorized."""
    on_authenticated: Callable[[Any, Callable[[], Awaitable[None]], Callable[[], None]], None]
    """Called when a connection is authenticated. Arguments: its context; a callback that closes the
    connection as forbidden; a callback to call at once when the context's viewer changes."""
    on_close: Callable[[Any], None]
    """Called with the connection's context when the connection closes."""
    viewer_key: Callable[[Any], str | None]
    """Returns a key that identifies the viewer whatever token is used, or None if anonymous."""


def parse_bearer_token(header: str | None) -> str | None:
    """Return the token of an Authorization header, or None without a header.

    Raises Unauthorized if the header has another scheme or no token.
    """
    if header is None:
        return None
    match = BEARER_PATTERN.fullmatch(header.strip())
    if match is None:
        raise Unauthorized
    return match[1]
