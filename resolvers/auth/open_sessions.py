"""Sockets and the tokens they came with: a viewer's rights are as new as whatever is delivered by them, and a second old at most.

One statement says whether anybody's rights moved; only then tokens are read again, and only where they moved viewers are made
anew. A token that was revoked or has expired, or whose owner was deactivated, ends its sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import structlog

from models.access import revision as rights
from models.access.viewer import ANONYMOUS, Viewer
from resolvers.auth.viewer_cache import ViewerCache
from resolvers.context import Context

CHUNK = 500
"""Tokens read at once: some milliseconds' work, between which others have their turn."""
RECORDS = 100
"""The same for those whose records are read too."""
log = structlog.get_logger("ticketwire.sessions")


class OpenSession(NamedTuple):
    """What a socket handed in with its context."""

    close: Callable[[], Awaitable[None]]
    changed: Callable[[], None]


def nothing() -> None:
    """For sockets that look at their viewer themselves."""


class OpenSessions:
    """The open sockets of this process.

    When `refresh` has returned, the viewer of every socket that was open when it was called is as of then or later. A socket
    that opens meanwhile is no worse off where its viewer comes from `authenticate`, and is looked at again by the next refresh.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.viewers = ViewerCache(now)
        self.open: dict[Context, OpenSession] = {}
        self.holders: dict[str, set[Context]] = {}
        """Who came with which token, by its id as a text."""
        self.unread: set[str] = set()
        """Tokens with a socket whose viewer may be older than the revision."""
        self.prints: dict[str, str] = {}
        """What the viewers of each token's sockets were made of, or of something newer."""
        self.revision: int | None = None
        self.soonest: datetime | None = None
        """No token expires before."""
        self.closing: set[asyncio.Task[None]] = set()
        self.lock = asyncio.Lock()
        self.begun = self.done = 0
        """Numbers of readings: of the latest that began, and of the latest that was completed."""

    def add(self, context: Context, close: Callable[[], Awaitable[None]], changed: Callable[[], None] = nothing) -> None:
        """Look after a socket. `close` ends it with 4403; `changed` is called after its viewer was replaced by another."""
        self.open[context] = OpenSession(close, changed)
        self.hold(context)

    def remove(self, context: Context) -> None:
        if self.open.pop(context, None) is not None:
            self.let_go(context, context.viewer)

    def became(self, context: Context, before: Viewer) -> None:
        """Somebody signed in anew over the socket; it is looked after under the new token."""
        held = self.open.get(context)
        if held is None:
            return
        self.let_go(context, before)
        self.hold(context)
        if rights.grant_of(before) != rights.grant_of(context.viewer):
            self.tell(context, held)

    def hold(self, context: Context) -> None:
        token = context.viewer.token
        if token is not None:
            key = str(token.id)
            self.holders.setdefault(key, set()).add(context)
            self.unread.add(key)
            self.prints.pop(key, None)
            self.expect(token.expires_at)

    def let_go(self, context: Context, viewer: Viewer) -> None:
        key = str(viewer.token.id) if viewer.token else ""
        contexts = self.holders.get(key, set[Context]())
        contexts.discard(context)
        if not contexts:
            self.holders.pop(key, None)
            self.unread.discard(key)
            self.prints.pop(key, None)

    async def authenticate(self, text: str) -> Viewer | None:
        """The viewer behind a bearer token, with rights no older than those that the open sockets were given."""
        while True:
            known = self.revision
            viewer = await self.viewers.authenticate(text)
            if known == self.revision:
                return viewer

    async def refresh(self) -> None:
        """Have all viewers as of now or later. Many that ask at once share one reading, which began after each of them asked."""
        self.expire()
        asked = self.begun
        async with self.lock:
            if self.done <= asked:
                self.begun += 1
                await self.read()
                self.done = self.begun

    async def run(self, seconds: float = 1.0) -> None:
        """Look after the sockets for ever."""
        while True:
            await asyncio.sleep(seconds)
            if self.open:
                try:
                    await self.refresh()
                except Exception:  # a database that is gone for a while closes nothing
                    log.exception("sessions.unread")

    async def read(self) -> None:
        revision = await rights.read_revision()
        # No await from here on until it is known what to read: who comes in later was authenticated later (see `authenticate`).
        if revision != self.revision:
            self.revision = revision
            self.unread.update(self.holders)
        unread, self.unread = self.unread, set()
        try:
            while unread:
                chunk = list(islice(unread, CHUNK))
                await self.reread(chunk)
                unread.difference_update(chunk)
        finally:
            self.unread |= unread

    async def reread(self, keys: list[str]) -> None:
        found = await rights.fingerprints(keys)
        at, moved = self.now(), list[str]()
        for key in keys:
            text = found.get(key, "")
            if key not in self.holders or text == self.prints.get(key):
                continue
            opened = rights.parse_grant(text, at) if text else None
            if all(rights.grant_of(context.viewer) == opened for context in self.holders[key]):
                self.prints[key] = text
            else:
                moved.append(key)
        for start in range(0, len(moved), RECORDS):
            await self.replace(moved[start : start + RECORDS])

    async def replace(self, keys: list[str]) -> None:
        """Make viewers anew; the print stays unknown until a later reading finds that it says the same."""
        viewers = await rights.load_viewers(keys, self.now())
        for key in keys:
            self.prints.pop(key, None)
            for context in list(self.holders.get(key, ())):
                self.settle(context, viewers.get(key))

    def settle(self, context: Context, viewer: Viewer | None) -> None:
        if viewer is None or viewer.token is None:
            self.end(context)
        elif rights.grant_of(viewer) != rights.grant_of(context.viewer):
            context.viewer = viewer
            self.expect(viewer.token.expires_at)
            self.tell(context, self.open[context])

    def tell(self, context: Context, held: OpenSession) -> None:
        """A socket that can't take it would go on by the rights it had, so it ends."""
        try:
            held.changed()
        except Exception:
            log.exception("sessions.change_not_taken")
            if context in self.open:
                self.end(context)

    def expect(self, expires_at: datetime | None) -> None:
        if expires_at is not None and (self.soonest is None or expires_at < self.soonest):
            self.soonest = expires_at

    def expire(self) -> None:
        """End the sockets whose tokens have expired; nobody is looked at until one may have."""
        at = self.now()
        if self.soonest is None or at < self.soonest:
            return
        self.soonest = None
        for context in list(self.open):
            expires_at = context.viewer.token.expires_at if context.viewer.token else None
            if expires_at is not None and expires_at <= at:
                self.end(context)
            else:
                self.expect(expires_at)

    def end(self, context: Context) -> None:
        """Rights first: nothing is delivered while the socket closes, for which a peer that does not read takes its time."""
        held = self.open.pop(context)
        self.let_go(context, context.viewer)
        context.become(ANONYMOUS)
        closing = asyncio.create_task(self.close(held.close))
        self.closing.add(closing)
        closing.add_done_callback(self.closing.discard)
        self.tell(context, held)

    async def close(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            await close()
        except Exception as error:
            log.info("sessions.close_failed", error=str(error))
