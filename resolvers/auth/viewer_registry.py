"""Keeps the permissions of open connections (WebSockets and event streams) current.

The permissions of a connection are never older than the data that it receives, and at most one
second old. One statement tells whether any permissions have changed. Only then are the tokens of
open connections checked, and only the viewers that changed are loaded again. A connection ends when
its token expires or is revoked, when the token's owner is deactivated, or when the records of the
token can't be read, for example because of an unknown role.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import structlog

from models.access import revision
from models.access.viewer import ANONYMOUS, Viewer
from models.database import fair_share
from models.database.outage import is_outage
from resolvers.auth.viewer_cache import ViewerCache
from resolvers.context import Context

TOKENS_PER_QUERY = 500
"""Tokens checked at once. This takes a few milliseconds; then other tasks can run."""
VIEWERS_PER_QUERY = 100
"""Viewers loaded at once. They take longer than tokens, because their records are read."""
MAX_VIEWER_AGE_SECONDS = 5.0
"""Operations over a WebSocket are refused if its viewer is older and can't be updated. The viewers
are updated once a second, so only failures make them so old."""
log = structlog.get_logger("ticketwire.viewers")


class OpenConnection(NamedTuple):
    """The callbacks of an open connection."""

    close: Callable[[], Awaitable[None]]
    on_change: Callable[[], None]


def do_nothing() -> None:
    """The callback of connections that read their viewer from the context."""


class ViewerRegistry:
    """The open connections of this process.

    When `refresh` returns, the viewers of all connections that were open at its call are as new as
    that call. A connection that opens in the meantime has a viewer from `authenticate`, which is at
    least as new. The next refresh checks it too.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.viewers = ViewerCache(now)
        self.open: dict[Context, OpenConnection] = {}
        self.contexts_by_token: dict[str, set[Context]] = {}
        """The contexts of open connections, by the id of their token."""
        self.stale_tokens: set[str] = set()
        """Ids of tokens with a connection whose viewer may be older than `revision`."""
        self.fingerprints: dict[str, str] = {}
        """By token id, the fingerprint of the permissions that all viewers of the token have."""
        self.revision: int | None = None
        self.refreshed_at = time.monotonic()
        """All viewers of open connections are at least as new as this time."""
        self.next_expiry: datetime | None = None
        """No token of an open connection expires before this time."""
        self.closing_tasks: set[asyncio.Task[None]] = set()
        """The tasks that close connections, until they have ended."""
        self.lock = asyncio.Lock()
        self.started = 0
        """The number of the update that began last."""
        self.completed = 0
        """The number of the update that was completed last."""

    def add(
        self,
        context: Context,
        close: Callable[[], Awaitable[None]],
        on_change: Callable[[], None] = do_nothing,
    ) -> None:
        """Register an open connection.

        `close` closes it with 4403. `on_change` is called after the context's viewer was replaced.
        """
        if not self.open:  # there was nothing to refresh
            self.refreshed_at = time.monotonic()
        self.open[context] = OpenConnection(close, on_change)
        self.add_token(context)

    def remove(self, context: Context) -> None:
        if self.open.pop(context, None) is not None:
            self.remove_token(context, context.viewer)

    def viewer_changed(self, context: Context, before: Viewer) -> None:
        """Register a connection under its new token, after a sign-in over this connection."""
        session = self.open.get(context)
        if session is None:
            return
        self.remove_token(context, before)
        self.add_token(context)
        if revision.grant_of(before) != revision.grant_of(context.viewer):
            self.notify_connection(context, session)

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
        """The viewer of a bearer token, at least as new as those of the open connections.

        None if the token is invalid.
        """
        while True:
            revision_before = self.revision
            viewer = await self.viewers.authenticate(text)
            if revision_before == self.revision:
                return viewer

    async def refresh(self) -> None:
        """Update all viewers to this moment or later.

        Concurrent callers share one update, which begins after all of them have called.
        """
        self.end_expired()
        started_before = self.started
        async with self.lock:
            if self.completed <= started_before:
                self.started += 1
                started_at = time.monotonic()
                # Callers share this update, so it must not wait for the share of one of them.
                caller = fair_share.CALLER.set(None)
                try:
                    await self.update_viewers()
                finally:
                    fair_share.CALLER.reset(caller)
                self.completed, self.refreshed_at = self.started, started_at

    async def ensure_current_viewers(self) -> bool:
        """Refresh if the viewers of open connections are too old. Return false if that fails."""
        if time.monotonic() - self.refreshed_at <= MAX_VIEWER_AGE_SECONDS:
            return True
        try:
            async with asyncio.timeout(MAX_VIEWER_AGE_SECONDS):
                await self.refresh()
        except Exception:
            log.exception("viewers.refresh_failed")
            return False
        return True

    async def run(self, seconds: float = 1.0) -> None:
        """Refresh at an interval in seconds, for ever."""
        while True:
            await asyncio.sleep(seconds)
            if self.open:
                try:
                    await self.refresh()
                except Exception:  # an outage of the database closes no connection
                    log.exception("viewers.refresh_failed")

    async def update_viewers(self) -> None:
        current = await revision.read_revision()
        # No await before the stale tokens are collected. A connection that is added later was also
        # authenticated later (see `authenticate`).
        if current != self.revision:
            self.revision = current
            self.stale_tokens.update(self.contexts_by_token)
        remaining, self.stale_tokens = self.stale_tokens, set()
        try:
            while remaining:
                chunk = list(islice(remaining, TOKENS_PER_QUERY))
                await self.check_tokens(chunk)
                remaining.difference_update(chunk)
        finally:
            self.stale_tokens |= remaining

    async def check_tokens(self, keys: list[str]) -> None:
        """Reload the viewers of those tokens whose permissions have changed."""
        fingerprints = await revision.read_fingerprints(keys)
        at = self.now()
        changed: list[str] = []
        for key in keys:
            fingerprint = fingerprints.get(key, "")
            if key not in self.contexts_by_token or fingerprint == self.fingerprints.get(key):
                continue
            try:
                grant = revision.parse_grant(fingerprint, at) if fingerprint else None
            except (ValueError, LookupError, TypeError) as error:
                self.end_unreadable(key, error)
                continue
            contexts = self.contexts_by_token[key]
            if all(revision.grant_of(context.viewer) == grant for context in contexts):
                self.fingerprints[key] = fingerprint
            else:
                changed.append(key)
        for start in range(0, len(changed), VIEWERS_PER_QUERY):
            await self.reload_viewers(changed[start : start + VIEWERS_PER_QUERY])

    async def reload_viewers(self, keys: list[str]) -> None:
        """Load viewers. Their fingerprints stay unknown until a later check finds no change."""
        try:
            viewers = await revision.load_viewers(keys, self.now())
        except Exception as error:
            if is_outage(error):
                raise
            # A record became unreadable after the check. It must not stop the others' updates.
            if len(keys) == 1:
                self.end_unreadable(keys[0], error)
                return
            for key in keys:
                await self.reload_viewers([key])
            return
        for key in keys:
            self.fingerprints.pop(key, None)
            for context in list(self.contexts_by_token.get(key, ())):
                self.update_viewer(context, viewers.get(key))

    def end_unreadable(self, key: str, error: Exception) -> None:
        """End the connections of a token whose records have values that can't be read."""
        log.error("viewers.unreadable_token", token_id=key, error=str(error))
        for context in list(self.contexts_by_token.get(key, ())):
            self.end(context)

    def update_viewer(self, context: Context, viewer: Viewer | None) -> None:
        if viewer is None or viewer.token is None:
            self.end(context)
        elif revision.grant_of(viewer) != revision.grant_of(context.viewer):
            context.viewer = viewer
            self.note_expiry(viewer.token.expires_at)
            self.notify_connection(context, self.open[context])

    def notify_connection(self, context: Context, session: OpenConnection) -> None:
        """Call `on_change`. If it fails, end the connection: it would keep its old permissions."""
        try:
            session.on_change()
        except Exception:
            log.exception("viewers.change_failed")
            if context in self.open:
                self.end(context)

    def note_expiry(self, expires_at: datetime | None) -> None:
        if expires_at is not None and (self.next_expiry is None or expires_at < self.next_expiry):
            self.next_expiry = expires_at

    def end_expired(self) -> None:
        """End the connections whose tokens have expired."""
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
        """End a connection. It loses its permissions first, because closing it can take long."""
        session = self.open.pop(context)
        self.remove_token(context, context.viewer)
        context.set_viewer(ANONYMOUS)
        task = asyncio.create_task(self.close(session.close))
        self.closing_tasks.add(task)
        task.add_done_callback(self.closing_tasks.discard)
        self.notify_connection(context, session)

    async def close(self, close: Callable[[], Awaitable[None]]) -> None:
        try:
            await close()
        except Exception as error:
            log.info("viewers.close_failed", error=str(error))
