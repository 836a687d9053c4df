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
"""The maximum number of lookups at once. Requests for one host name share a lookup. The number is
above the default maximum of webhooks (100). So webhooks with dead name servers delay no others."""
LookUp = Callable[[str], Sequence[str]]
"""Returns the addresses of a host name as texts. It may block, and raises OSError."""


def look_up_host(host: str) -> list[str]:
    """The addresses of a host name, as the operating system finds them. Raises OSError."""
    # As bytes, because Python would encode a string again, by an old version of IDNA.
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class HostResolver:
    """Looks up host names in daemon threads, which can't delay the end of the process."""

    def __init__(self, look_up: LookUp = look_up_host) -> None:
        self.look_up = look_up
        self.running_lookups: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a host name, at least one. Raises TargetUnavailable.

        If a caller is cancelled, the lookup goes on for the others that wait for it.
        """
        future = self.running_lookups.get(host)
        if future is None:
            if len(self.running_lookups) >= MAX_LOOKUPS:
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
        self.running_lookups[host] = future
        threading.Thread(
            target=self.run, args=(host, loop), name=f"look up {host}", daemon=True
        ).start()
        return future

    def run(self, host: str, loop: asyncio.AbstractEventLoop) -> None:
        """Look up a host name in this thread; hand the result over to the event loop."""
        result: Sequence[str] | Exception
        try:
            result = self.look_up(host)
        except Exception as error:  # raised in all requests that wait for the lookup
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self.finish, host, result)

    def finish(self, host: str, result: Sequence[str] | Exception) -> None:
        future = self.running_lookups.pop(host)
        if isinstance(result, Exception):
            future.set_exception(result)
            future.exception()  # or else asyncio logs it if no request waits any more
        else:
            future.set_result(result)
