"""What the application decides about callers, handed in by app.py; the engine knows tokens and contexts by these calls alone."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

BEARER = re.compile(r"[Bb]earer +(\S+)")


class Unauthorized(Exception):
    """The request came with a token that opens nothing."""


@dataclass(frozen=True, slots=True)
class AuthHooks:
    context: Callable[[str, str], Any]
    """Makes an operation's context from a request id and the client's address."""
    fork: Callable[[Any], Any]
    """Makes a context of its own for a subscription of a socket: who calls as of now, whatever becomes of the socket's."""
    authenticate: Callable[[Any, str], Awaitable[None]]
    """Makes the owner of a token the context's viewer. Raises Unauthorized."""
    opened: Callable[[Any, Callable[[], Awaitable[None]], Callable[[], None]], None]
    """A socket was opened with this context. The second argument closes it with 4403; the third is called at once, whenever the
    context's viewer has become another."""
    closed: Callable[[Any], None]
    viewer: Callable[[Any], str | None]
    """One word for who calls, whatever token they use; None for a stranger."""


def token_in(header: str | None) -> str | None:
    """The token of an Authorization header, or None without one. Raises Unauthorized for another scheme."""
    if header is None:
        return None
    found = BEARER.fullmatch(header.strip())
    if found is None:
        raise Unauthorized
    return found[1]
