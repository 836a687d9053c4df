"""Looks up host names, so that a slow name server delays no other lookup.

Each lookup runs in a thread of its own, and not in asyncio's default thread pool. A name server
that does not respond occupies a thread for half a minute, and database connections need the pool,
too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Sequence

from models.outbound.refusals import TargetUnavailable

MAX_LOOKUPS = 512
"""The maximum number of lookups at once. Requests for the same host name share one. It is above the
maximum number of webhooks, so that webhooks with dead name servers don't use up all lookups."""
LookUp = Callable[[str], Sequence[str]]
"""Returns the addresses of a host name as texts; it may block, and raise OSError."""


def look_up_host(host: str) -> list[str]:
    """The addresses of a host name, as the operating system finds them. Raises OSError."""
    # Bytes, because Python would otherwise encode the name again, by an old version of IDNA.
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class HostResolver:
    """Looks up host names in daemon threads, which can't delay the end of the process."""

    def __init__(self, look_up: LookUp = look_up_host) -> None:
        self.look_up = look_up
        self.running: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a host name, at least one. Raises TargetUnavailable.

        If a caller is cancelled, the lookup goes on for the others that wait for it.
        """
        future = self.running.get(host)
        if future is None:
            if len(self.running) >= MAX_LOOKUPS:
                raise TargetUnavailable("too many host names are being looked up")
            future = self.start(host)
        try:
            addresses = await asyncio.shield(future)
        except (OSError, UnicodeError):
            raise TargetUnavailable("the host name could not be resolved") from None
        if not addresses:
            raise TargetUnavailable("the host name has no address")
        return addresses

    def start(self, host: str) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[str]] = loop.create_future()
        self.running[host] = future

        def finish(found: Sequence[str] | Exception) -> None:
            del self.running[host]
            if isinstance(found, Exception):
                future.set_exception(found)
                future.exception()  # or else asyncio logs it if no caller waits any more
            else:
                future.set_result(found)

        def run() -> None:
            found: Sequence[str] | Exception
            try:
                found = self.look_up(host)
            except Exception as error:  # `resolve` raises it in the callers that wait
                found = error
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(finish, found)

        threading.Thread(target=run, name=f"look up {host}", daemon=True).start()
        return future
