"""The application's authentication, as callbacks that services/ passes to the engine."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from engine.session_cookie import SessionCookie

BEARER_PATTERN = re.compile(r"bearer +(\S+)", re.IGNORECASE)
AUTHORIZATION = "authorization"
MISPLACED_TOKEN_NAMES = {
    *("accesstoken", "apikey", "apitoken", "auth", "authtoken", "authentication", "bearer"),
    *("bearertoken", "idtoken", "jwt", "token", "xaccesstoken", "xapikey", "xauthtoken"),
}
"""Names under which clients send tokens that this API does not read, without case and hyphens."""


class Unauthorized(Exception):
    """The request's token is invalid, expired or malformed."""


class TooManyTokens(Exception):
    """The client's network has sent too many tokens that are expensive to check."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(retry_after_ms)
        self.message = f"Too many new tokens. Try again in {retry_after_ms} ms."
        self.retry_after_seconds = ceil(retry_after_ms / 1000)


@dataclass(frozen=True, slots=True)
class AuthHooks:
    """Callbacks that create, authenticate and identify the context of an operation."""

    create_context: Callable[[str, str, str], Any]
    """Creates the context of a request from its request id, the client's address, and its header
    User-Agent, which is empty if the client sends none."""
    fork_context: Callable[[Any], Any]
    """Copies a connection's context for one subscription. Later changes of the connection's
    viewer don't change the copy."""
    authenticate: Callable[[Any, str], Awaitable[None]]
    """Sets the context's viewer to the owner of a token. Raises Unauthorized and TooManyTokens."""
    authenticate_session: Callable[[Any, str], Awaitable[None]]
    """Sets the context's viewer to the owner of the session in a cookie. Raises Unauthorized."""
    authenticate_provisionally: Callable[[Any, str, bool], bool]
    """Sets the context's viewer to the owner of a token, as an earlier request has read it, or of a
    session in a cookie if the argument is true. Nothing is read from the database: the context's
    `confirmation` checks the viewer later (engine/viewer_confirmation.py). Returns false if no
    earlier request has read the owner."""
    session_cookie: SessionCookie
    """The cookie of browsers."""
    on_open: Callable[[Any, Callable[[], Awaitable[None]], Callable[[], None]], None]
    """Called when a WebSocket has authenticated, and when an event stream opens. Arguments: its
    context; a callback that closes the connection as forbidden; a callback to call at once when
    the context's viewer changes. The viewer may be anonymous."""
    ensure_current_viewers: Callable[[], Awaitable[bool]]
    """Updates the viewers of open connections if they are too old for another operation. Returns
    false if the update fails, for example because the database is unavailable: their permissions
    may have ended unnoticed."""
    on_close: Callable[[Any], None]
    """Called with the connection's context when it closes, also if it was never open."""
    viewer_key: Callable[[Any], str | None]
    """Returns a key that identifies the viewer whatever token is used, or None if anonymous."""


async def authenticate_request(
    auth: AuthHooks,
    scope: Scope,
    context: Any,
    token: str | None,
    *,
    needs_header: bool = True,
    provisionally: bool = False,
) -> None:
    """Set the viewer of a request or connection: by its token, or else by the session cookie.

    An invalid token never falls back to the cookie. Without both, the viewer stays anonymous. With
    `needs_header`, a request with the cookie is refused unless it has a header that no page of
    another origin can send: see `SessionCookie.read`. With `provisionally`, a viewer that an
    earlier request has read needs no statement now, but a confirmation later
    (engine/viewer_confirmation.py).

    Raises Unauthorized, TooManyTokens and CookieRefused.
    """
    if token is not None:
        if not (provisionally and auth.authenticate_provisionally(context, token, False)):
            await auth.authenticate(context, token)
        return
    session = auth.session_cookie.read(scope, needs_header=needs_header)
    if session is None:
        return
    if not (provisionally and auth.authenticate_provisionally(context, session, True)):
        await auth.authenticate_session(context, session)


def read_user_agent(headers: Mapping[bytes, bytes]) -> str:
    """The header User-Agent; empty if there is none."""
    return headers.get(b"user-agent", b"").decode("latin-1")


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


def has_url_token(query_string: bytes) -> bool:
    """Whether a query string has the parameter `access_token`.

    Endpoints that don't read it refuse it, so that the client does not become anonymous silently.
    """
    names = b"&" + unquote_to_bytes(query_string).lower()  # parsing could take 30 ms
    return b"&access_token=" in names or names.endswith(b"&access_token")


def find_authorization(payload: Mapping[str, Any], header: str | None) -> str | None:
    """Return the authorization in connection_init's payload, otherwise that of the handshake.

    It is a member `authorization`, in upper or lower case, of the payload or of its object
    `headers`. Null means none.

    Raises:
        Unauthorized: if the payload has an authorization that is no string, two different ones, or
            only a token under another name. The client must not become anonymous silently.
    """
    members = list_members(payload)
    for name, value in list(members):
        if name == "headers":
            if not isinstance(value, dict):
                raise Unauthorized
            members += list_members(cast("dict[str, Any]", value))
    values = [value for name, value in members if name == AUTHORIZATION]
    if not values:
        if any(re.sub("[-_]", "", name) in MISPLACED_TOKEN_NAMES for name, _ in members):
            raise Unauthorized
        return header
    first = values[0]
    if not isinstance(first, str) or any(value != first for value in values):
        raise Unauthorized
    return first


def list_members(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The members that are not null, with their names in lower case."""
    return [(name.lower(), value) for name, value in mapping.items() if value is not None]
