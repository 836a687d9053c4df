"""The parts of an operation's context that the schema's fields use. `resolvers.context.Context` is the implementation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import strawberry

from models.access.viewer import Viewer
from schema.loaders import Loaders


class Rules(Protocol):
    """Settings that decide what a field answers."""

    @property
    def reopen_window(self) -> timedelta: ...


class RequestContext(Protocol):
    """The context of one operation."""

    @property
    def viewer(self) -> Viewer: ...

    @property
    def loaders(self) -> Loaders: ...

    @property
    def rules(self) -> Rules: ...

    def now(self) -> datetime: ...

    async def rendered(self, text: str) -> str:
        """The HTML of a Markdown text."""
        ...


def context_of(info: strawberry.Info[Any, Any]) -> RequestContext:
    """The context of the operation that runs."""
    return cast("RequestContext", info.context)


def loaders(info: strawberry.Info[Any, Any]) -> Loaders:
    """The loaders of the operation that runs."""
    return context_of(info).loaders
