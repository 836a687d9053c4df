"""Runs the service under uvicorn, in one or several processes."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import socket
import sys
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from engine.limits.network import with_mapped_networks
from engine.server.http_protocol import HTTPProtocol
from engine.telemetry.logging import configure_logging
from settings.application import Settings, load

MAX_FRAME_BYTES = 128 * 1024
SHUTDOWN_SECONDS = 8
MAX_DESCRIPTORS = 65_536
"""The files that a process may open on a system that sets no limit."""
GC_THRESHOLD = 10_000
"""New objects before the garbage collector runs. A page of tickets creates more than the default
of 700, and collecting them took a tenth of the time."""
SWITCH_SECONDS = 0.0005
"""The time after which a computing thread lets the event loop run. The event loop gives way at each
SQLite statement, so with Python's default of 5 ms a page of rows would wait 0.2 s."""


def create_worker_app() -> ASGIApp:
    """Create the ASGI application of one worker process, with settings from the environment."""
    gc.disable()  # nearly all new objects stay, and collections took a seventh of the import
    try:
        from app import create_app

        settings = load()
        configure_logging(settings.log_level)
        app = create_app(settings)
        # The objects that exist now are never freed. Without freeze(), each full collection would
        # visit all of them again, which stops the process for 0.1 s.
        gc.collect()
        gc.freeze()
    finally:
        gc.enable()
    gc.set_threshold(GC_THRESHOLD, 10, 10)
    sys.setswitchinterval(SWITCH_SECONDS)
    return app


def bind_socket(settings: Settings) -> socket.socket:
    """Bind a socket to the configured address; it does not listen yet. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM
    )[0]
    server_socket = socket.socket(family, kind, protocol)
    try:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server_socket.bind(address)
    except OSError:
        server_socket.close()
        raise
    server_socket.set_inheritable(True)
    return server_socket


def run_server(settings: Settings, workers: int, server_socket: socket.socket) -> bool:
    """Serve until the process is stopped. Returns whether the server started."""
    export_settings(settings)
    raise_descriptor_limit()  # worker processes inherit it
    config = uvicorn.Config(
        "server:create_worker_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="auto",
        http=cast("Any", partial(HTTPProtocol, timeout_seconds=settings.request_timeout_seconds)),
        ws="engine.server.websocket_protocol:WebSocketProtocol",
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        timeout_keep_alive=settings.keep_alive_timeout_seconds,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        # otherwise a pipelined request inherits the context variables of the request before it
        reset_contextvars=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=with_mapped_networks(settings.trusted_proxies),
        access_log=False,
        log_config=None,  # engine/telemetry/logging.py also formats uvicorn's log
        log_level="warning",
    )
    if workers > 1:
        from uvicorn.supervisors import Multiprocess

        Multiprocess(config, sockets=[server_socket]).run()
        return True
    server = uvicorn.Server(config)
    server.run(sockets=[server_socket])
    return server.started


def raise_descriptor_limit() -> None:
    """Let this process open as many files as the system permits. The default is often 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    with contextlib.suppress(OSError, ValueError):  # macOS permits less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def export_settings(settings: Settings) -> None:
    """Write the options of the command line to the environment, which worker processes read."""
    os.environ["HOST"], os.environ["PORT"] = settings.host, str(settings.port)
    os.environ["TICKETWIRE_MODE"] = settings.mode
