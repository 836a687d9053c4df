"""The pages of the browser applications: which page a path shows, and the built files.

`web/build_web.py` builds the files into web/dist; a wheel contains them. Without them, the API runs
and `/` lists the missing applications.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.auth import AuthHooks
from engine.http.compression import select_encoding
from models.access.viewer import Viewer
from models.database.outage import is_outage

DIST = Path(__file__).parent / "web" / "dist"
APPLICATIONS = {
    "desk": "the agents' desk",
    "portal": "the customer portal",
    "sign-in": "the sign-in page",
    "wall": "the wallboard",
    "admin": "the administration",
}
"""The built applications: their descriptions by the names of their HTML files."""
WELCOME = """Ticketwire

GraphQL over HTTP and WebSocket: /graphql
As server-sent events: /graphql/stream
Health: /health
"""
MISSING = """
The API runs, but these applications are not built: {names}.
Run `make web` in a checkout; the first build needs npm's registry. A wheel that `python -m build`
makes contains them.
"""
ASSET_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200}\.(css|js|svg|ttf|woff2|wasm|json)")
MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "woff2": "font/woff2",
}
SUFFIXES = {"br": ".br", "gzip": ".gz"}
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)
"""Nothing comes from another origin, and nothing in the page itself is a script or style."""
PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "vary": "Cookie",
    "x-frame-options": "DENY",
}
ASSET_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "cross-origin-resource-policy": "same-origin",
    "vary": "Accept-Encoding",
}
"""Vite puts a hash of the content into each name."""
VERSION_PLACEHOLDER = "__VERSION__"
PageResponse = TypeVar("PageResponse", bound=Response | None)
log = structlog.get_logger("ticketwire.web")


class WebRoutes:
    """The pages and files of the browser applications.

    The session cookie alone decides which page a browser gets, also after a link from another site.
    This is safe, because a page holds no data, and a GET changes nothing.
    """

    def __init__(
        self,
        auth: AuthHooks,
        authenticate: Callable[[str], Awaitable[Viewer | None]],
        file_url: str = "",
    ) -> None:
        """`authenticate` returns the viewer of a token. `file_url` is where browsers send and find
        files, if that is another server."""
        self.cookie = auth.session_cookie
        self.authenticate = authenticate
        self.headers = build_headers(file_url)

    def routes(self) -> list[Route]:
        return [
            Route("/", with_outages(self.show_start)),
            Route("/sign-in", show_sign_in),
            Route("/desk", with_outages(self.show_desk)),
            Route("/desk/{path:path}", with_outages(self.show_desk)),
            Route("/portal", with_outages(self.show_portal)),
            Route("/portal/{path:path}", with_outages(self.show_portal)),
            Route("/admin", with_outages(self.show_admin)),
            Route("/admin/{path:path}", with_outages(self.show_admin)),
            Route("/wall", show_default_wall),
            Route("/wall/{board}", show_wall),
            Route("/tickets/{key}", with_outages(self.show_ticket)),
            Route("/assets/{name}", send_asset),
        ]

    async def show_start(self, request: Request) -> Response:
        """Redirect to the desk, the portal or the sign-in page. The body is for other clients."""
        missing = find_missing_applications()
        if missing:
            return PlainTextResponse(WELCOME + MISSING.format(names=", ".join(missing)))
        viewer = await self.viewer_of(request)
        return redirect("/sign-in" if viewer is None else home_of(viewer), WELCOME)

    async def show_desk(self, request: Request) -> Response:
        return await self.show_to_staff(request, "desk")

    async def show_admin(self, request: Request) -> Response:
        """The page itself tells agents that it is for admins."""
        return await self.show_to_staff(request, "admin")

    async def show_to_staff(self, request: Request, name: str) -> Response:
        """Show an application to agents and admins; redirect customers to their portal."""
        viewer = await self.viewer_of(request)
        if viewer is None:
            return redirect_to_sign_in(request)
        return redirect("/portal") if viewer.is_customer else self.show_application(name)

    async def show_portal(self, request: Request) -> Response:
        viewer = await self.viewer_of(request)
        return redirect_to_sign_in(request) if viewer is None else self.show_application("portal")

    async def show_ticket(self, request: Request) -> Response:
        """Show a ticket in the application of the viewer's role."""
        viewer = await self.viewer_of(request)
        if viewer is None:
            return redirect_to_sign_in(request)
        return self.show_application("portal" if viewer.is_customer else "desk")

    def show_application(self, name: str) -> Response:
        return show_page(name, self.headers)

    async def viewer_of(self, request: Request) -> Viewer | None:
        """The user who has signed in with this browser; None if the session has ended."""
        token = self.cookie.find_token(request.scope)
        viewer = await self.authenticate(token) if token else None
        return viewer if viewer is not None and viewer.has_session else None


def with_outages(
    endpoint: Callable[[Request], Awaitable[PageResponse]],
) -> Callable[[Request], Awaitable[PageResponse | Response]]:
    """Respond with 503 while the database can't tell which user has signed in."""

    async def respond(request: Request) -> PageResponse | Response:
        try:
            return await endpoint(request)
        except Exception as error:
            if not is_outage(error):
                raise
            log.error("web.unavailable", path=request.url.path, error=repr(error))
            text = "The service is temporarily unavailable. Try again later.\n"
            return PlainTextResponse(text, 503, {**PAGE_HEADERS, "retry-after": "5"})

    return respond


def home_of(viewer: Viewer) -> str:
    return "/portal" if viewer.is_customer else "/desk"


def redirect(path: str, text: str = "") -> Response:
    return PlainTextResponse(text, 303, {**PAGE_HEADERS, "location": path})


def redirect_to_sign_in(request: Request) -> Response:
    if not is_built("sign-in"):
        return refuse_missing("sign-in")
    query = f"?{request.url.query}" if request.url.query else ""
    return redirect("/sign-in?" + urlencode({"next": request.url.path + query}))


def is_built(name: str) -> bool:
    return (DIST / f"{name}.html").is_file()


def find_missing_applications() -> list[str]:
    return [each for name, each in APPLICATIONS.items() if not is_built(name)]


def build_headers(file_url: str) -> Mapping[str, str]:
    """The headers of pages that send and show files. Other pages load nothing from there."""
    if not file_url:
        return PAGE_HEADERS
    parts = urlsplit(file_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    sources = [f"{name} 'self' {origin}" for name in ("connect-src", "img-src")]
    policy = "; ".join([CONTENT_SECURITY_POLICY, *sources])
    return {**PAGE_HEADERS, "content-security-policy": policy}


def show_page(name: str, headers: Mapping[str, str] = PAGE_HEADERS) -> Response:
    """The HTML of an application."""
    if not is_built(name):
        return refuse_missing(name)
    return FileResponse(DIST / f"{name}.html", headers=headers, media_type="text/html")


def refuse_missing(name: str) -> Response:
    return PlainTextResponse(MISSING.format(names=APPLICATIONS[name]).lstrip(), 404)


async def show_sign_in(_: Request) -> Response:
    return show_page("sign-in")


async def show_default_wall(_: Request) -> Response:
    return redirect("/wall/all")


async def show_wall(_: Request) -> Response:
    """The page of wallboards, which is the same for every board and screen.

    It has its version, so that it can tell when the server has another one.
    """
    if not is_built("wall"):
        return refuse_missing("wall")
    page = (DIST / "wall.html").read_text().replace(VERSION_PLACEHOLDER, read_wall_version())
    return HTMLResponse(page, headers=PAGE_HEADERS)


def find_software_version() -> str:
    """The version of the installed package; empty in a checkout."""
    try:
        return version("ticketwire")
    except PackageNotFoundError:
        return ""


def read_wall_version() -> str:
    """The version of the wallboard's page: a hash of the page, which names its files, and of the
    software's version. It changes whenever the server is updated."""
    path = DIST / "wall.html"
    if not path.is_file():
        return ""
    return hash_page(path.stat().st_mtime_ns, path)


@lru_cache(maxsize=4)
def hash_page(_: int, path: Path) -> str:
    """The version, cached for the time of the file's last change."""
    return sha256(path.read_bytes() + find_software_version().encode()).hexdigest()[:16]


async def send_asset(request: Request) -> Response:
    return send_built_file(request, DIST / "assets")


def send_built_file(request: Request, folder: Path) -> Response:
    """Send the file of a folder that the path names, compressed if the client accepts that."""
    match = ASSET_NAME.fullmatch(request.path_params["name"])
    if match is None or not (folder / match[0]).is_file():
        return PlainTextResponse("There is no such file.\n", 404)
    path = folder / match[0]
    headers = dict(ASSET_HEADERS)
    encoding = select_encoding(request.scope["headers_by_name"].get(b"accept-encoding"))
    if encoding is not None:
        compressed = path.with_name(path.name + SUFFIXES[encoding])
        if compressed.is_file():
            path, headers["content-encoding"] = compressed, encoding
    return FileResponse(path, headers=headers, media_type=MEDIA_TYPES[match[1]])
