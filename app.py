"""Builds the ASGI application: components, GraphQL endpoints and routes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.fanout.metrics import connection_metrics, traffic_metrics, transfer_metrics
from engine.http.endpoint import GraphQLEndpoint
from engine.http.middleware import RequestMiddleware
from engine.http.rate_limit_headers import EXPOSED_HEADERS
from engine.sse.endpoint import SSEEndpoint
from engine.telemetry import metrics
from engine.telemetry.metrics import ProcessSample
from engine.websocket.endpoint import WebSocketEndpoint
from graphiql_page import GraphiqlPage
from lifespan import lifespan
from models.access import scopes
from models.access.viewer import authenticate
from models.background_metrics import read_background_metrics
from models.core import record_limits, time
from models.database.outage import is_outage
from models.log import event
from resolvers.auth.oidc import OidcEndpoints
from resolvers.files.downloads import FileEndpoints
from resolvers.people.browser_sessions import SessionEndpoints
from resolvers.wall.endpoints import WallEndpoints
from services.components import Components, build_components
from settings.application import Settings
from web_routes import WebRoutes, read_wall_version

GRAPHQL_PATH = "/graphql"
FILES_PATH = "/files/"
CORS_REQUEST_HEADERS = [
    "Apollo-Require-Preflight",
    "Authorization",
    "Content-Type",
    "Last-Event-ID",
    "X-Apollo-Operation-Name",
    "X-Request-Id",
    "X-Requested-With",
]
log = structlog.get_logger("ticketwire")


def create_app(settings: Settings, *, now: Callable[[], datetime] | None = None) -> ASGIApp:
    """The whole service as an ASGI application. Its lifespan opens the database.

    The database must be migrated. `now` replaces the machine's clock, and in demo mode the clock
    that administrators can advance.
    """
    components = build_components(settings, now)
    connections = components.connections
    graphql = GraphQLEndpoint(connections.schema, connections.auth, components.compressor)
    websockets = WebSocketEndpoint(connections, settings.allowed_origins)
    web = WebRoutes(connections.auth, components.viewers.authenticate, settings.file_url)
    graphiql = GraphiqlPage(graphql, web.viewer_of, settings.graphiql_access)
    routes = [
        Route("/health", show_health),
        Route("/metrics", partial(show_metrics, components)),
        Route("/graphql/stream", SSEEndpoint(connections)),
        *SessionEndpoints(components.services, connections).routes(),
        *OidcEndpoints(components.services).routes(),
        *FileEndpoints(components.services).routes(),
        *WallEndpoints(components.services, connections, read_wall_version).routes(),
        *web.routes(),
        *graphiql.routes(),
    ]
    other_routes = Starlette(routes=routes, lifespan=lambda _: lifespan(components))
    other_routes.router.redirect_slashes = False  # its redirects trust the header Host
    return RequestMiddleware(
        build_dispatcher(graphiql, websockets, other_routes, settings.allowed_origins),
        components.transfers,
        FILES_PATH,
    )


def build_dispatcher(
    graphql: ASGIApp, websockets: ASGIApp, other_routes: ASGIApp, allowed_origins: list[str]
) -> ASGIApp:
    """Build an application that sends requests for /graphql straight to their endpoints.

    All other HTTP requests go to `other_routes`. Other WebSockets are refused.

    Starlette's router is not used for /graphql, because it would cost time for each request.
    """

    async def dispatch_http(scope: Scope, receive: Receive, send: Send) -> None:
        await (graphql if scope["path"] == GRAPHQL_PATH else other_routes)(scope, receive, send)

    http_with_cors = CORSMiddleware(
        dispatch_http,
        allow_origins=allowed_origins,
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=CORS_REQUEST_HEADERS,
        expose_headers=EXPOSED_HEADERS,
    )

    async def dispatch_any(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await other_routes(scope, receive, send)
        elif scope["type"] == "http":
            http = http_with_cors if b"origin" in scope["headers_by_name"] else dispatch_http
            await http(scope, receive, send)
        elif scope["path"] == GRAPHQL_PATH:
            await websockets(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    return dispatch_any


async def show_health(_: Request) -> JSONResponse:
    """Respond with 200 while the database is available, otherwise with 503."""
    try:
        await event.read_head()
    except Exception as error:
        log.error("health.unavailable", error=repr(error), outage=is_outage(error))
        return JSONResponse({"status": "unavailable"}, 503)
    return JSONResponse({"status": "ok"})


async def show_metrics(components: Components, request: Request) -> Response:
    """Respond with Prometheus metrics to a token with the scope admin."""
    now = components.services.now
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    viewer = None
    if scheme.lower() == "bearer":
        viewer = await authenticate(text.strip(), now())
    if viewer is None or scopes.Scope.ADMIN not in viewer.scopes:
        status = 401 if viewer is None else 403
        return PlainTextResponse("a bearer token with the scope admin is needed\n", status)
    samples = [
        *await read_background_metrics(at=now(), system_time=time.now()),
        *await collect_process_samples(components),
    ]
    return Response(metrics.render_exposition(samples), media_type=metrics.CONTENT_TYPE)


async def collect_process_samples(components: Components) -> list[ProcessSample]:
    """Collect the metrics of this process: connections, log tail, wake-ups, plans and refusals."""
    process = str(os.getpid())
    connections, wakeup = components.connections, components.wakeup
    planner = connections.schema.planner
    refusals = connections.schema.cost_limit.refusals
    lag = max(0, await event.read_head() - components.services.event_tail.head)
    return [
        *connection_metrics(connections.registry, connections.groups, process),
        *traffic_metrics(components.traffic, process),
        *transfer_metrics(components.transfers, components.open_connections, process),
        *metrics.build_process_samples(
            process,
            asyncio_tasks=len(asyncio.all_tasks()),
            log_tail_lag_events=lag,
            bus_connected=wakeup.connected,
            bus_reconnects_total=wakeup.reconnects,
            wakeups_received_total=wakeup.received,
            wakeups_sent_total=wakeup.sent,
            subscription_cost_per_event=connections.schema.subscription_budgets.total_cost,
            subscriptions_refused_total=connections.schema.subscription_budgets.refused,
            subscription_waits_total=connections.groups.scheduler.waits,
            filters_evaluated_total=components.services.evaluations.evaluated,
            filters_shared_total=components.services.evaluations.shared,
            live_sources=components.services.live_memory.source_count,
            live_bytes=components.services.live_memory.total,
            live_sources_refused_total=components.services.live_memory.refused_count,
            secrets_undecryptable_total=components.services.accounts.secrets.undecryptable,
            operations_too_expensive_total=refusals["QUERY_TOO_EXPENSIVE"],
            operations_rate_limited_total=refusals["RATE_LIMITED"],
            compiled_plan_executions_total=planner.executions if planner else 0,
            compiled_plan_fallbacks_total=planner.fallbacks if planner else 0,
        ),
        *metrics.build_refusal_samples(process),
        *metrics.build_labelled_samples(
            process, "record_limits_reached_total", "limit", record_limits.REACHED
        ),
        *collect_key_samples(components, process),
    ]


def collect_key_samples(components: Components, process: str) -> list[ProcessSample]:
    """Collect the metrics of the signing keys of identity providers."""
    values_by_name = components.services.identity_providers.read_key_metrics()
    samples: list[ProcessSample] = []
    for name, values in values_by_name.items():
        samples += metrics.build_labelled_samples(process, name, "provider", values)
    return samples
