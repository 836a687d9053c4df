"""What an operation has at hand: who calls, the time, the rules, the loaders, and the services that app.py made."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from uuid import UUID
from weakref import WeakValueDictionary

import strawberry

from engine.bus.log_tail import LogTail
from engine.limits.rate import address_key
from models.access.viewer import ANONYMOUS, Viewer
from models.demo_clock import DemoClock
from models.log.event import Event
from models.notifications.notification import Notification
from models.people.password import PasswordChecker
from resolvers.markdown_cache import MarkdownCache
from resolvers.presence_tail import PresenceTail
from schema.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Rules:
    """The days and lengths that are settings."""

    reopen_window: timedelta
    session_length: timedelta
    max_live_list_tickets: int
    """The most tickets that a live list may hold."""


class WakeupBus(Protocol):
    """Says that the log grew."""

    def notify(self) -> None: ...


class SignInThrottle(Protocol):
    """Counts attempts; returns in how many milliseconds the next one may be made, 0 for now."""

    async def count_attempt(self, *keys: str) -> int: ...


class Sessions(Protocol):
    """Keeps viewers of open sockets as they are now."""

    async def authenticate(self, text: str) -> Viewer | None: ...

    async def refresh(self) -> None: ...

    def viewer_changed(self, context: Context, before: Viewer) -> None: ...


@dataclass(slots=True)
class Services:
    """What app.py made once for the process."""

    rules: Rules
    now: Callable[[], datetime]
    wakeup: WakeupBus
    event_tail: LogTail[Event]
    notification_tail: LogTail[Notification]
    presence: PresenceTail
    passwords: PasswordChecker
    sign_in_throttle: SignInThrottle
    sessions: Sessions
    demo_clock: DemoClock | None = None
    """The demo's time, which can be moved; `now` is then the same."""
    last_used: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    live_stats: WeakValueDictionary[Hashable, Any] = field(default_factory=WeakValueDictionary[Hashable, Any])
    """The statistics that somebody follows. Their class is in `resolvers.subscriptions.stats`, which imports this module."""
    markdown: MarkdownCache = field(default_factory=MarkdownCache)


class Context:
    """One for each HTTP request, and one for each socket."""

    def __init__(self, services: Services, request_id: str, address: str, viewer: Viewer = ANONYMOUS) -> None:
        self.services = services
        self.request_id = request_id
        self.address = address
        self.viewer = viewer
        self.cached_loaders: Loaders | None = None
        self.resume_from: str | None = None
        """The cursor that a client was told last, by which it resumes a subscription whatever its argument says."""

    def now(self) -> datetime:
        return self.services.now()

    @property
    def rules(self) -> Rules:
        return self.services.rules

    @property
    def loaders(self) -> Loaders:
        """Made when first asked for: a socket that only listens needs none."""
        if self.cached_loaders is None:
            self.cached_loaders = Loaders(self.viewer)
        return self.cached_loaders

    async def rendered(self, text: str) -> str:
        """Markdown as HTML."""
        who = address_key(self.address) if self.viewer is ANONYMOUS else self.viewer.caller_key
        return await self.services.markdown.render(who, text)

    def set_viewer(self, viewer: Viewer) -> None:
        before, self.viewer = self.viewer, viewer
        self.refresh()
        self.services.sessions.viewer_changed(self, before)

    def fork(self) -> Context:
        """One of its own for a subscription, whose viewer stays as now."""
        return Context(self.services, self.request_id, self.address, self.viewer)

    def refresh(self) -> None:
        """Forget what was loaded: for the next operation, the next event, and after a change."""
        self.cached_loaders = None


def context_of(info: strawberry.Info) -> Context:
    return cast("Context", info.context)
