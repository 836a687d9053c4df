"""create_app(settings): opens, wires and mounts; the only place that knows every room."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from background import follow_time, work_beside
from engine.auth import AuthHooks, Unauthorized
from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus
from engine.execution.plans.planner import Planner
from engine.fanout.group import SubscriptionGroups
from engine.fanout.metrics import connection_metrics
from engine.fanout.services import ConnectionServices
from engine.graphql.persisted_documents import PersistedDocuments, listed_in
from engine.http.endpoint import GraphQLEndpoint
from engine.http.middleware import RequestMiddleware
from engine.http.rate_limit_headers import EXPOSED_HEADERS
from engine.limits.attempts import SignInThrottle
from engine.limits.connections import ConnectionRegistry
from engine.limits.rate import LeakyBuckets
from engine.sse.endpoint import SSEEndpoint
from engine.telemetry import metrics
from engine.websocket.endpoint import WebSocketEndpoint
from models import database
from models import health as figures
from models.access import permissions
from models.core import time
from models.core.errors import AccessError, RateLimited
from models.database import fair_share
from models.database.outage import is_outage
from models.demo_clock import DemoClock
from models.log import event
from models.log.event import Event
from models.notifications import notification
from models.notifications.notification import Notification
from models.people import token
from models.people.password import Passwords
from models.queries import timeline
from resolvers.auth.open_sessions import OpenSessions
from resolvers.context import Context, Rules, Services
from resolvers.presence_tail import PresenceTail
from schema import record_types, root
from settings import Settings

PATH = "/graphql"
READ_FROM_PAGES = [
    "Apollo-Require-Preflight",
    "Authorization",
    "Content-Type",
    "Last-Event-ID",
    "X-Apollo-Operation-Name",
    "X-Request-Id",
    "X-Requested-With",
]
READ_AT_ONCE = 1000
NOTE_USE_SECONDS = 30.0
log = structlog.get_logger("ticketwire")


def create_app(settings: Settings, *, now: Callable[[], Any] | None = None) -> ASGIApp:
    """The whole service as an ASGI application; its lifespan opens the database, which must be migrated.

    Everything that waits goes by `now`: the machine's time where none is handed in, and in the demo one that can be moved.
    """
    wakeup = WakeupBus(settings.bus_url)
    moving = DemoClock() if settings.is_demo and now is None else None
    now = moving or now or time.now

    async def read(position: int) -> list[Event]:
        return await timeline.read_after(position, READ_AT_ONCE)

    def place(entry: Event) -> int:
        return entry.position

    async def read_notices(number: int) -> list[Notification]:
        return await notification.read_after(number, READ_AT_ONCE)

    def number(notice: Notification) -> int:
        return notice.number

    sessions = OpenSessions(now)
    services = Services(
        rules=Rules(
            reopen_window=settings.reopen_window, session_length=settings.session_length, max_live_list_tickets=settings.max_live_list_tickets
        ),
        now=now,
        wakeup=wakeup,
        tail=LogTail(read, place, wakeup.listen(), refresh=sessions.refresh),
        notices=LogTail(read_notices, number, wakeup.listen(), refresh=sessions.refresh),
        presence=PresenceTail(wakeup.listen(), now, fresh=sessions.refresh),
        passwords=Passwords(),
        guesses=SignInThrottle(settings.max_sign_in_attempts),
        sessions=sessions,
        clock=moving,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await database.connect(settings.database_url, settings.database_pool_size, database.STATEMENT_SECONDS)
        services.tail.start_at(await event.head())
        services.notices.start_at(await notification.head())
        works = [services.tail.run(), services.notices.run(), services.presence.run()]
        works += [wakeup.run(), sessions.run(), note_use(services)]
        if moving is not None:
            await moving.refresh()
            works.append(follow_time(moving))
        if wakeup.redis is not None:
            schema.trusted.share(settings.bus_url)
            works.append(schema.buckets.run(settings.bus_url))
        if settings.run_jobs:
            works.append(work_beside(settings, now, wakeup))
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await groups.close()
            schema.documents.close()
            services.rendering.close()
            await schema.trusted.close()
            await token.note_use(services.last_used)
            await database.disconnect()

    async def show_metrics(request: Request) -> Response:
        """Figures for Prometheus, to tokens with the scope admin."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        viewer = await permissions.authenticate(text.strip(), services.now()) if scheme.lower() == "bearer" else None
        if viewer is None or permissions.Scope.ADMIN not in viewer.scopes:
            return PlainTextResponse("a bearer token with the scope admin is needed\n", 401 if viewer is None else 403)
        own = connection_metrics(places, groups, str(os.getpid()))
        own += metrics.build_process_samples(str(os.getpid()), log_tail_lag_events=max(0, await event.head() - services.tail.head))
        own += metrics.build_process_samples(
            str(os.getpid()),
            bus_connected=wakeup.connected,
            bus_reconnects_total=wakeup.reconnects,
            wakeups_received_total=wakeup.received,
            wakeups_sent_total=wakeup.sent,
            compiled_plan_executions_total=schema.planner.planned if schema.planner else 0,
            compiled_plan_fallbacks_total=schema.planner.fallen_back if schema.planner else 0,
        )
        found = [*await figures.figures(services.now(), time.now()), *own]
        return Response(metrics.render_exposition(found), media_type=metrics.CONTENT_TYPE)

    schema = schema_of(settings)
    connecting = connect(services, sessions)
    groups = SubscriptionGroups()
    places = ConnectionRegistry(settings.connection_limits, connecting.viewer_key)
    connections = ConnectionServices(schema, connecting, groups, places)
    sockets = WebSocketEndpoint(connections, settings.allowed_origins)
    routes = [
        Route("/", welcome),
        Route("/health", health),
        Route("/metrics", show_metrics),
        Route("/graphql/stream", SSEEndpoint(connections)),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    return RequestMiddleware(routed(GraphQLEndpoint(schema, connecting), sockets, app, settings.allowed_origins))


def routed(endpoint: ASGIApp, sockets: ASGIApp, rest: ASGIApp, origins: list[str]) -> ASGIApp:
    """The API's path for HTTP and sockets, straight to their endpoints, past Starlette's routes for the rest."""

    async def by_path(scope: Scope, receive: Receive, send: Send) -> None:
        await (endpoint if scope["path"] == PATH else rest)(scope, receive, send)

    to_pages = CORSMiddleware(
        by_path,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=READ_FROM_PAGES,
        expose_headers=EXPOSED_HEADERS,
    )

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await rest(scope, receive, send)
        elif scope["type"] == "http":
            await (to_pages if b"origin" in scope["given"] else by_path)(scope, receive, send)
        elif scope["path"] == PATH:
            await sockets(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

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
        if settings.schema_visibility == "authenticated":
            return context.viewer.caller is permissions.Caller.ANONYMOUS
        return settings.schema_visibility == "disabled"

    schema = root.build(
        explain=explain,
        is_outage=is_outage,
        closed=closed,
        viewer=viewer_of,
        bounds=settings.document_limits,
        most_cost=settings.max_operation_cost,
        buckets=LeakyBuckets(settings.cost_bucket_size, settings.cost_refill_per_second),
        trusted=PersistedDocuments(listed_in(settings.trusted_documents) if settings.trusted_documents else None),
        seconds=settings.operation_timeout_seconds,
        works_for=fair_share.CALLER.set,
    )
    if settings.compiled_plans != "none":
        schema.planner = Planner(schema, record_types.WORDS, at_once=settings.compiled_plans == "all")
    return schema


def viewer_of(context: Context) -> str | None:
    return None if context.viewer is permissions.ANONYMOUS else context.viewer.caller_key


def explain(error: Exception) -> Mapping[str, Any] | None:
    """What clients are told of our own exceptions; None for bugs."""
    if isinstance(error, RateLimited):
        return {"message": error.message, "code": error.code, "retryAfterMs": error.retry_after_ms}
    if isinstance(error, AccessError):
        return {"message": error.message, "code": error.code}
    return None


def connect(services: Services, sessions: OpenSessions) -> AuthHooks:
    async def authenticate(context: Context, text: str) -> None:
        viewer = await sessions.authenticate(text)
        if viewer is None or viewer.token is None:
            raise Unauthorized
        services.last_used[viewer.token.id] = services.now()
        context.become(viewer)

    return AuthHooks(
        create_context=lambda request_id, address: Context(services, request_id, address),
        fork_context=Context.fork,
        authenticate=authenticate,
        on_open=sessions.add,
        on_close=sessions.remove,
        viewer_key=viewer_of,
    )


async def welcome(_: Request) -> PlainTextResponse:
    return PlainTextResponse(
        "Ticketwire\n\nGraphQL over HTTP and WebSocket: /graphql\nAs server-sent events: /graphql/stream\nHealth: /health\n"
    )


async def health(_: Request) -> JSONResponse:
    """200 while the database answers, 503 while it does not."""
    try:
        position = await event.head()
    except Exception as error:
        log.error("health.unavailable", error=repr(error), outage=is_outage(error))
        return JSONResponse({"status": "unavailable"}, 503)
    return JSONResponse({"status": "ok", "cursor": event.cursor(position)})
