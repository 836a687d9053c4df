"""Running the service under uvicorn, in one process or several."""

from __future__ import annotations

import gc
import os
import socket
import sys
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from engine.server.client_connection import ClientProtocol
from engine.telemetry.logging import configure
from settings import Settings, load

FRAME = 128 * 1024
SECONDS_TO_FINISH = 8
YOUNG = 10_000
"""Objects made before the collector looks at them. Python's usual 700 are fewer than those that a page of tickets makes and
drops; a tenth of the time went there."""
SWITCH_SECONDS = 0.0005
"""After how long threads that compute let the event loop go on. It gives way at each statement to SQLite, and at Python's 5 ms
a page of rows would wait 0.2 s for them."""


def application() -> ASGIApp:
    """What each worker process serves; its settings come from the environment."""
    from app import create_app

    settings = load()
    configure(settings.log_level)
    app = create_app(settings)
    # What is made by now stays for ever: else each full collection walks all of it again, and everybody waits 0.1 s for that.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
    sys.setswitchinterval(SWITCH_SECONDS)
    return app


def bound(settings: Settings) -> socket.socket:
    """A socket at the address to serve on; it takes nobody yet. Raises OSError where the address is not to be had."""
    family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError:
        found.close()
        raise
    found.set_inheritable(True)
    return found


def run(settings: Settings, workers: int, at: socket.socket) -> bool:
    """Serve at a bound socket until told to stop; returns whether it ever served."""
    hand_on(settings)
    config = uvicorn.Config(
        "server:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="auto",
        http=cast("Any", partial(ClientProtocol, seconds=settings.request_timeout_seconds)),
        ws="engine.server.websocket_protocol:WebSocketProtocol",
        ws_max_size=FRAME,
        ws_per_message_deflate=False,
        timeout_keep_alive=settings.keep_alive_timeout_seconds,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
        server_header=False,
        reset_contextvars=True,  # a pipelined request would begin with what was said of the caller before it
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        access_log=False,
        log_config=None,  # engine/telemetry/logging writes uvicorn's lines too
        log_level="warning",
    )
    if workers > 1:
        from uvicorn.supervisors import Multiprocess

        Multiprocess(config, sockets=[at]).run()
        return True
    server = uvicorn.Server(config)
    server.run(sockets=[at])
    return server.started


def hand_on(settings: Settings) -> None:
    """Worker processes read the environment; what the command line said goes there."""
    os.environ["HOST"], os.environ["PORT"] = settings.host, str(settings.port)
    os.environ["TICKETWIRE_MODE"] = settings.mode
