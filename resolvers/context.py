"""What an operation has at hand: who calls, the time, the rules, the loaders, and the services that app.py made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from uuid import UUID

import strawberry

from engine.tail import Tail
from models.access import STRANGER, Viewer
from models.event import Event
from models.password import Passwords
from resolvers.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Rules:
    """The days and lengths that are settings."""

    reopen_window: timedelta
    session_length: timedelta


class Bell(Protocol):
    """Says that the log grew."""

    def ring(self) -> None: ...


class Guesses(Protocol):
    """Counts attempts; returns in how many milliseconds the next one may be made, 0 for now."""

    async def wait(self, *keys: str) -> int: ...


class Fresh(Protocol):
    """Keeps viewers of open sockets as they are now."""

    async def renew(self, context: Context) -> None: ...


@dataclass(slots=True)
class Services:
    """What app.py made once for the process."""

    rules: Rules
    now: Callable[[], datetime]
    bell: Bell
    tail: Tail[Event]
    passwords: Passwords
    guesses: Guesses
    sessions: Fresh
    last_used: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])


class Context:
    """One for each HTTP request, and one for each socket."""

    def __init__(self, services: Services, request_id: str, address: str, viewer: Viewer = STRANGER) -> None:
        self.services = services
        self.request_id = request_id
        self.address = address
        self.viewer = viewer
        self.loaders = Loaders(viewer)
        self.connection_params: dict[str, Any] | None = None

    def now(self) -> datetime:
        return self.services.now()

    @property
    def rules(self) -> Rules:
        return self.services.rules

    def become(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.refresh()

    def refresh(self) -> None:
        """Forget what was loaded: for the next operation, the next event, and after a change."""
        self.loaders = Loaders(self.viewer)


def context_of(info: strawberry.Info) -> Context:
    return cast("Context", info.context)
