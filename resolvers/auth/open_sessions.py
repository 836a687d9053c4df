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

TOKENS_PER_QUERY = 500
"""Tokens read at once: some milliseconds' work, between which others have their turn."""
VIEWERS_PER_QUERY = 100
"""The same for those whose records are read too."""
log = structlog.get_logger("ticketwire.sessions")


class OpenSession(NamedTuple):
    """What a socket handed in with its context."""

    close: Callable[[], Awaitable[None]]
    on_change: Callable[[], None]


def do_nothing() -> None:
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
        self.contexts_by_token: dict[str, set[Context]] = {}
        """Who came with which token, by its id as a text."""
        self.stale_tokens: set[str] = set()
        """Tokens with a socket whose viewer may be older than the revision."""
        self.fingerprints: dict[str, str] = {}
        """What the viewers of each token's sockets were made of, or of something newer."""
        self.revision: int | None = None
        self.next_expiry: datetime | None = None
        """No token expires before."""
        self.closing: set[asyncio.Task[None]] = set()
        self.lock = asyncio.Lock()
        self.started = self.completed = 0
        """Numbers of readings: of the latest that began, and of the latest that was completed."""

    def add(self, context: Context, close: Callable[[], Awaitable[None]], on_change: Callable[[], None] = do_nothing) -> None:
        """Look after a socket. `close` ends it with 4403; `changed` is called after its viewer was replaced by another."""
        self.open[context] = OpenSession(close, on_change)
        self.add_token(context)

    def remove(self, context: Context) -> None:
        if self.open.pop(context, None) is not None:
            self.remove_token(context, context.viewer)

    def viewer_changed(self, context: Context, before: Viewer) -> None:
        """Somebody signed in anew over the socket; it is looked after under the new token."""
        held = self.open.get(context)
        if held is None:
            return
        self.remove_token(context, before)
        self.add_token(context)
        if rights.grant_of(before) != rights.grant_of(context.viewer):
            self.notify_connection(context, held)

    def add_token(self, context: Context) -> None:
        token = context.viewer.token
        if token is not None:
            key = str(token.id)
            self.contexts_by_token.setdefault(key, set()).add(context)
            self.stale_tokens.add(key)
            self.fingerprints.pop(key, None)
            self.note_expiry(token.expires_at)

    def remove_token(self, context: Context, viewer: Viewer) -> None:
        key = str(viewer.token.id) if viewer.token else ""
        contexts = self.contexts_by_token.get(key, set[Context]())
        contexts.discard(context)
        if not contexts:
            self.contexts_by_token.pop(key, None)
            self.stale_tokens.discard(key)
            self.fingerprints.pop(key, None)

    async def authenticate(self, text: str) -> Viewer | None:
        """The viewer behind a bearer token, with rights no older than those that the open sockets were given."""
        while True:
            known = self.revision
            viewer = await self.viewers.authenticate(text)
            if known == self.revision:
                return viewer

    async def refresh(self) -> None:
        """Have all viewers as of now or later. Many that ask at once share one reading, which began after each of them asked."""
        self.end_expired()
        asked = self.started
        async with self.lock:
            if self.completed <= asked:
                self.started += 1
                await self.update_viewers()
                self.completed = self.started

    async def run(self, seconds: float = 1.0) -> None:
        """Look after the sockets for ever."""
        while True:
            await asyncio.sleep(seconds)
            if self.open:
                try:
                    await self.refresh()
                except Exception:  # a database that is gone for a while closes nothing
                    log.exception("sessions.unread")

    async def update_viewers(self) -> None:
        revision = await rights.read_revision()
        # No await from here on until it is known what to read: who comes in later was authenticated later (see `authenticate`).
        if revision != self.revision:
            self.revision = revision
            self.stale_tokens.update(self.contexts_by_token)
        unread, self.stale_tokens = self.stale_tokens, set()
        try:
            while unread:
                chunk = list(islice(unread, TOKENS_PER_QUERY))
                await self.check_tokens(chunk)
                unread.difference_update(chunk)
        finally:
            self.stale_tokens |= unread

    async def check_tokens(self, keys: list[str]) -> None:
        found = await rights.fingerprints(keys)
        at, moved = self.now(), list[str]()
        for key in keys:
            text = found.get(key, "")
            if key not in self.contexts_by_token or text == self.fingerprints.get(key):
                continue
            opened = rights.parse_grant(text, at) if text else None
            if all(rights.grant_of(context.viewer) == opened for context in self.contexts_by_token[key]):
                self.fingerprints[key] = text
            else:
                moved.append(key)
        for start in range(0, len(moved), VIEWERS_PER_QUERY):
            await self.reload_viewers(moved[start : start + VIEWERS_PER_QUERY])

    async def reload_viewers(self, keys: list[str]) -> None:
        """Make viewers anew; the print stays unknown until a later reading finds that it says the same."""
        viewers = await rights.load_viewers(keys, self.now())
        for key in keys:
            self.fingerprints.pop(key, None)
            for context in list(self.contexts_by_token.get(key, ())):
                self.update_viewer(context, viewers.get(key))

    def update_viewer(self, context: Context, viewer: Viewer | None) -> None:
        if viewer is None or viewer.token is None:
            self.end(context)
        elif rights.grant_of(viewer) != rights.grant_of(context.viewer):
            context.viewer = viewer
            self.note_expiry(viewer.token.expires_at)
            self.notify_connection(context, self.open[context])

    def notify_connection(self, context: Context, held: OpenSession) -> None:
        """A socket that can't take it would go on by the rights it had, so it ends."""
        try:
            held.on_change()
        except Exception:
            log.exception("sessions.change_not_taken")
            if context in self.open:
                self.end(context)

    def note_expiry(self, expires_at: datetime | None) -> None:
        if expires_at is not None and (self.next_expiry is None or expires_at < self.next_expiry):
            self.next_expiry = expires_at

    def end_expired(self) -> None:
        """End the sockets whose tokens have expired; nobody is looked at until one may have."""
        at = self.now()
        if self.next_expiry is None or at < self.next_expiry:
            return
        self.next_expiry = None
        for context in list(self.open):
            expires_at = context.viewer.token.expires_at if context.viewer.token else None
            if expires_at is not None and expires_at <= at:
                self.end(context)
            else:
                self.note_expiry(expires_at)

    def end(self, context: Context) -> None:
        """Rights first: nothing is delivered while the socket closes, for which a peer that does not read takes its time."""
        held = self.open.pop(context)
        self.remove_token(context, context.viewer)
        context.set_viewer(ANONYMOUS)
        closing = asyncio.create_task(self.close(held.close))
        self.closing.add(closing)
        closing.add_done_callback(self.closing.discard)
        self.notify_connection(context, held)

    async def close(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            await close()
        except Exception as error:
            log.info("sessions.close_failed", error=str(error))
