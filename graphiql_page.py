"""GraphiQL, which browsers get at /graphql, and its built files.

`web/build_web.py --graphiql` builds it into web/graphiql/dist; a wheel contains it. All other
requests to /graphql go to the GraphQL endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.http.content_negotiation import prefers_html
from engine.http.request_headers import PREFLIGHT_HEADERS
from models.access.scopes import HUMAN_STAFF
from models.access.viewer import Viewer
from web_routes import CONTENT_SECURITY_POLICY, PAGE_HEADERS, send_built_file, with_outages

FOLDER = Path(__file__).parent / "web" / "graphiql"
BUILDING_SECONDS = 15 * 60
"""An older marker of a build is that of a build that was killed."""
BEING_BUILT = """GraphiQL is being built, which takes about a minute. This page shows it then.

The API runs: send queries and mutations to this URL by POST.
"""
MISSING = """GraphiQL is not built. Run `make graphiql` in a checkout; the first build needs npm's
registry. A wheel that `python -m build` makes contains GraphiQL.

The API runs: send queries and mutations to this URL by POST.
"""
HEADERS = {
    **PAGE_HEADERS,
    "content-security-policy": "; ".join(
        [
            CONTENT_SECURITY_POLICY,
            "font-src 'self' data:",
            "img-src 'self' data:",
            "style-src 'self' 'unsafe-inline'",
        ]
    ),
    "vary": "Accept, Cookie",
}
"""The editor sets inline styles, and its style sheets contain pictures and fonts. Its workers are
files of this server, so they need no blob: URLs."""


class GraphiqlPage:
    """An ASGI application around the GraphQL endpoint, for HTTP requests to its path."""

    def __init__(
        self,
        graphql: ASGIApp,
        viewer_of: Callable[[Request], Awaitable[Viewer | None]],
        access: str,
    ) -> None:
        """
        Args:
            graphql: The GraphQL endpoint.
            viewer_of: Returns the user who has signed in with the request's browser.
            access: `public`, `staff` or `disabled`. Without access, a browser gets the endpoint's
                response.
        """
        self.graphql = graphql
        self.viewer_of = viewer_of
        self.find_page = with_outages(self.show_if_permitted)
        self.access = access

    def routes(self) -> list[Route]:
        return [Route("/graphiql/assets/{name}", self.send_asset)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and asks_for_page(scope):
            response = await self.find_page(Request(scope))
            if response is not None:
                await response(scope, receive, send)
                return
        await self.graphql(scope, receive, send)

    async def show_if_permitted(self, request: Request) -> Response | None:
        return show_page() if await self.has_access(request) else None

    async def has_access(self, request: Request) -> bool:
        if self.access != "staff":
            return self.access == "public"
        viewer = await self.viewer_of(request)
        return viewer is not None and viewer.caller_kind in HUMAN_STAFF

    async def send_asset(self, request: Request) -> Response:
        """Send a built file. They hold no data, so they need no access."""
        return send_built_file(request, FOLDER / "dist" / "assets")


def asks_for_page(scope: Scope) -> bool:
    """Whether a browser opens the URL. It sends none of the headers that a GET request of a
    GraphQL client needs."""
    headers = scope["headers_by_name"]
    if not prefers_html(headers.get(b"accept")):
        return False
    return not any(name in headers for name in PREFLIGHT_HEADERS)


def show_page() -> Response:
    page = FOLDER / "dist" / "index.html"
    if page.is_file():
        return FileResponse(page, headers=HEADERS, media_type="text/html")
    if is_being_built():
        waiting = {**HEADERS, "refresh": "5", "retry-after": "5"}
        return PlainTextResponse(BEING_BUILT, 503, waiting)
    return PlainTextResponse(MISSING, 404, HEADERS)


def is_being_built() -> bool:
    """Whether a build of this checkout is running."""
    try:
        return time.time() - (FOLDER / "building").stat().st_mtime < BUILDING_SECONDS
    except OSError:
        return False
