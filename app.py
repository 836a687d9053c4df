"""create_app(settings): opens, wires and mounts; the only place that knows every room."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from strawberry.extensions import MaxTokensLimiter, ValidationCache

from engine.bus import Doorbell
from engine.documents import Documents
from engine.errors import Errors, is_outage
from engine.http import Connect, Unauthorized, View
from engine.limits import Attempts
from engine.operations import Operation
from engine.requests import Requests
from engine.tail import Tail
from models import access, database, event, instant, timeline, token
from models.errors import AccessError, RateLimited
from models.event import Event
from models.password import Passwords
from resolvers.context import Context, Rules, Services
from resolvers.sessions import Sessions
from schema import root
from settings import Settings
from workers import runner
from workers.clock import Days

DOCUMENTS = 500
MAX_TOKENS = 2000
READ_AT_ONCE = 1000
NOTE_USE_SECONDS = 30.0
STATEMENT_SECONDS = 30.0
log = structlog.get_logger("ticketwire")


def create_app(settings: Settings, *, now: Callable[[], Any] = instant.now) -> ASGIApp:
    """The whole service as an ASGI application; its lifespan opens the database, which must be migrated."""
    doorbell = Doorbell(settings.bus_url)

    async def read(position: int) -> list[Event]:
        return await timeline.read_after(position, READ_AT_ONCE)

    def place(entry: Event) -> int:
        return entry.position

    sessions = Sessions(now)
    services = Services(
        rules=Rules(reopen_window=settings.reopen_window, session_length=settings.session_length),
        now=now,
        bell=doorbell,
        tail=Tail(read, place, doorbell),
        passwords=Passwords(),
        guesses=Attempts(settings.sign_in_attempts),
        sessions=sessions,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await database.connect(settings.database_url, settings.database_pool, STATEMENT_SECONDS)
        services.tail.start_at(await event.head())
        days = Days(settings.close_after, settings.reopen_window)
        works = [services.tail.run(), doorbell.run(), sessions.run(), note_use(services)]
        works.append(runner.run(days, now=now, changed=doorbell.ring))
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await token.note_use(services.last_used)
            await database.disconnect()

    view = View(schema_of(settings), connect(services, sessions), settings.allowed_origins)
    routes = [Route("/", welcome), Route("/health", health), Route("/graphql", view)]
    browsers = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Request-Id", "X-Requested-With"],
        expose_headers=["X-Request-Id"],
    )
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[browsers])
    # A route takes HTTP only; the view serves the socket at the same path itself.
    return Requests(with_socket(app, view))


def with_socket(app: Starlette, view: View) -> ASGIApp:
    async def route(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            if scope["path"] != "/graphql":
                await send({"type": "websocket.close", "code": 1008})
                return
            await view(scope, receive, send)
            return
        await app(scope, receive, send)

    return route


async def note_use(services: Services) -> None:
    """Store when tokens were last used, every half minute."""
    while True:
        await asyncio.sleep(NOTE_USE_SECONDS)
        seen = dict(services.last_used)
        services.last_used.clear()
        try:
            await token.note_use(seen)
        except Exception:
            log.exception("tokens.use_not_noted")


def schema_of(settings: Settings) -> root.Schema:
    def closed(context: Context) -> bool:
        return settings.is_production and context.viewer.caller is access.Caller.ANONYMOUS

    return root.build(
        [
            lambda: Errors(explain, suggest=not settings.is_production),
            lambda: Operation(closed),
            lambda: MaxTokensLimiter(MAX_TOKENS),
            Documents,
            lambda: ValidationCache(DOCUMENTS),
        ]
    )


def explain(error: Exception) -> Mapping[str, Any] | None:
    """What clients are told of our own exceptions; None for bugs."""
    if isinstance(error, RateLimited):
        return {"message": error.message, "code": error.code, "retryAfterMs": error.retry_after_ms}
    if isinstance(error, AccessError):
        return {"message": error.message, "code": error.code}
    return None


def connect(services: Services, sessions: Sessions) -> Connect:
    async def authenticate(context: Context, text: str) -> None:
        at = services.now()
        viewer = await access.authenticate(text, at)
        if viewer is None or viewer.token is None:
            raise Unauthorized
        services.last_used[viewer.token.id] = at
        context.become(viewer)

    def opened(context: Context, close: Callable[[], Awaitable[None]]) -> None:
        sessions.add(context, close)

    return Connect(
        context=lambda request_id, address: Context(services, request_id, address),
        authenticate=authenticate,
        opened=opened,
        closed=sessions.remove,
    )


async def welcome(_: Request) -> PlainTextResponse:
    return PlainTextResponse("Ticketwire\n\nGraphQL over HTTP and WebSocket: /graphql\nHealth: /health\n")


async def health(_: Request) -> JSONResponse:
    """200 while the database answers, 503 while it does not."""
    try:
        position = await event.head()
    except Exception as error:
        log.error("health.unavailable", error=repr(error), outage=is_outage(error))
        return JSONResponse({"status": "unavailable"}, 503)
    return JSONResponse({"status": "ok", "cursor": event.cursor(position)})
