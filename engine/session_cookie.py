"""The cookie that holds the session of a browser, and the checks before it is accepted.

A browser attaches cookies to requests of every page, also of other sites. So the cookie counts only
if the request proves that a page of the server's own origin sent it (docs/decisions/0040).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from starlette.types import Scope
from strawberry.http.websocket_origin import normalize_origin

from engine.server.error_response import RequestRefused

NAME = "ticketwire-session"
SECURE_PREFIX = "__Host-"
"""Browsers accept a cookie with this prefix only from this very host, over HTTPS."""
CUSTOM_HEADERS = (b"x-requested-with", b"apollo-require-preflight", b"x-apollo-operation-name")
"""A page of another origin can't send these without a CORS preflight."""
HOST = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
REFUSAL = (
    "A request with a session cookie must come from a page of this server, over HTTPS or on "
    "localhost: it needs the header Origin or Sec-Fetch-Site of the same origin, and the header "
    "X-Requested-With."
)


class CookieRefused(RequestRefused):
    """The request does not prove that a page of the server's own origin sent it."""

    def __init__(self) -> None:
        super().__init__(403, REFUSAL, "FORBIDDEN")


class Page(Enum):
    """The page that sent a request, according to the browser's headers."""

    OWN = "own"
    """A page of the server's own origin."""
    OTHER = "other"
    UNKNOWN = "unknown"
    """Neither Origin nor Sec-Fetch-Site is present, so the client is no current browser."""


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """Reads and writes the cookie.

    own_origin  the origin at which browsers reach the server; None: that of the header Host
    name        the name of the cookie, without the prefix that it has over HTTPS
    """

    own_origin: str | None = None
    name: str = NAME

    @classmethod
    def of_url(cls, url: str) -> SessionCookie:
        """The cookie of a server that browsers reach at this URL, or at any host if it is empty."""
        return cls(normalize_origin(url))

    def read(self, scope: Scope, *, needs_header: bool = True) -> str | None:
        """The token of the cookie; None without one, or if a page of another origin sent it.

        So a page of another origin gets an anonymous response. Raises CookieRefused for a client
        that names no page, and for an own page without the header, so that neither becomes
        anonymous silently.
        """
        if b"cookie" not in scope["headers_by_name"]:
            return None
        token = self.find_token(scope)
        if token is None:
            return None
        page = self.find_page(scope)
        if page is Page.OTHER:
            return None
        if page is Page.UNKNOWN or (needs_header and not has_custom_header(scope)):
            raise CookieRefused
        return token

    def require_own_page(self, scope: Scope) -> None:
        """Raises CookieRefused unless a page of the own origin sent the request with a header."""
        if self.find_page(scope) is not Page.OWN or not has_custom_header(scope):
            raise CookieRefused

    def find_page(self, scope: Scope) -> Page:
        """The page that sent the request. Each header that is present must name the own origin."""
        headers: Mapping[bytes, bytes] = scope["headers_by_name"]
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is None and origin is None:
            return Page.UNKNOWN
        expected = self.find_own_origin(scope)
        is_own_site = site is None or site == b"same-origin"
        is_own_origin = origin is None or origin.decode("latin-1") == expected
        return Page.OWN if expected and is_own_site and is_own_origin else Page.OTHER

    def find_own_origin(self, scope: Scope) -> str | None:
        """The origin of the server's own pages; None if the header Host is not valid.

        It has the scheme https, because a proxy may decrypt, except on a loopback host.
        """
        if self.own_origin is not None:
            return self.own_origin
        host = scope["headers_by_name"].get(b"host", b"").decode("latin-1").lower()
        if HOST.fullmatch(host) is None:
            return None
        is_plain = scope["scheme"] in ("http", "ws") and is_loopback(host)
        return normalize_origin(f"{'http' if is_plain else 'https'}://{host}")

    def is_secure(self, scope: Scope) -> bool:
        """Whether browsers reach the server over HTTPS."""
        origin = self.find_own_origin(scope)
        return origin is None or origin.startswith("https:")

    def find_token(self, scope: Scope) -> str | None:
        """The token of the cookie, without any check; empty if there are two different ones."""
        values = self.find_tokens(scope)
        if len(values) > 1:
            return ""
        return values.pop() if values else None

    def find_tokens(self, scope: Scope) -> set[str]:
        """The values of all cookies with the name, without any check."""
        name = self.find_name(scope)
        header: bytes = scope["headers_by_name"].get(b"cookie", b"")
        pairs = [part.strip().partition("=") for part in header.decode("latin-1").split(";")]
        return {value for each, _, value in pairs if each == name}

    def build_header(self, scope: Scope, token: str, max_age_seconds: int) -> str:
        """The header Set-Cookie. With an empty token and an age of 0, it removes the cookie."""
        attributes = f"Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax"
        is_secure = self.is_secure(scope)
        return f"{self.find_name(scope)}={token}; {attributes}" + ("; Secure" if is_secure else "")

    def find_name(self, scope: Scope) -> str:
        return SECURE_PREFIX + self.name if self.is_secure(scope) else self.name


def has_custom_header(scope: Scope) -> bool:
    return any(name in scope["headers_by_name"] for name in CUSTOM_HEADERS)


def is_loopback(host: str) -> bool:
    """Whether the value of a header Host is a name or an address of this machine."""
    name = re.sub(r":\d*$", "", host).strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
