"""Sockets and the tokens they came with: a viewer's rights are read again before events are delivered, and each second.

A token that was revoked or has expired, or whose owner was deactivated, ends its sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic
from uuid import UUID

import structlog

from models.access import STRANGER, Viewer, viewer_of
from models.token import Token
from resolvers.context import Context

CHUNK = 1000
log = structlog.get_logger("ticketwire.sessions")


class Sessions:
    """The open sockets of this process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.open: dict[Context, Callable[[], Awaitable[None]]] = {}
        self.closing: set[asyncio.Task[None]] = set()
        self.lock = asyncio.Lock()
        self.began = 0.0

    def add(self, context: Context, close: Callable[[], Awaitable[None]]) -> None:
        self.open[context] = close

    def remove(self, context: Context) -> None:
        self.open.pop(context, None)

    async def renew(self, context: Context) -> None:
        """Have the context's viewer as of now or later. Many that ask at once share one reading."""
        if context not in self.open:
            return
        asked = monotonic()
        async with self.lock:
            if self.began < asked:
                await self.read()

    async def run(self, seconds: float = 1.0) -> None:
        """Look after the sockets for ever."""
        while True:
            await asyncio.sleep(seconds)
            if self.open:
                try:
                    async with self.lock:
                        await self.read()
                except Exception:  # a database that is gone for a while closes nothing
                    log.exception("sessions.unread")

    async def read(self) -> None:
        self.began = monotonic()
        held = {context: context.viewer.token.id for context in self.open if context.viewer.token}
        viewers = await self.viewers(sorted(set(held.values())))
        for context, token_id in held.items():
            token = context.viewer.token
            if context not in self.open or token is None or token.id != token_id:
                continue  # closed, or signed in anew meanwhile
            viewer = viewers.get(token_id)
            if viewer is None:
                self.end(context)
            else:
                context.viewer = viewer

    async def viewers(self, token_ids: list[UUID]) -> dict[UUID, Viewer]:
        found: dict[UUID, Viewer] = {}
        for start in range(0, len(token_ids), CHUNK):
            tokens = await Token.filter(id__in=token_ids[start : start + CHUNK]).select_related(
                "user", "user__organization", "client"
            )
            found |= {token.id: viewer for token in tokens if (viewer := viewer_of(token, self.now()))}
        return found

    def end(self, context: Context) -> None:
        """Rights first: nothing is delivered while the socket closes, for which a peer that does not read takes its time."""
        context.become(STRANGER)
        closing = asyncio.create_task(self.close(self.open.pop(context)))
        self.closing.add(closing)
        closing.add_done_callback(self.closing.discard)

    async def close(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            await close()
        except Exception as error:
            log.info("sessions.close_failed", error=str(error))
