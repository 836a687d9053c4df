"""The parts of an operation's context that fields use. `resolvers.context` implements them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import strawberry

from models.access.viewer import Viewer
from models.core.record_limits import RecordLimits
from models.files.signatures import FileAction
from models.jobs.caller_job import CallerJob
from models.tickets.attachment import Attachment
from models.tickets.timers import TimerSettings
from schema.records.loaders import Loaders


class ResolverSettings(Protocol):
    """Settings that affect the values of fields."""

    @property
    def limits(self) -> RecordLimits: ...

    @property
    def reopen_window(self) -> timedelta: ...

    @property
    def timers(self) -> TimerSettings: ...


class RequestContext(Protocol):
    """The context of one HTTP request, connection or subscription."""

    @property
    def viewer(self) -> Viewer: ...

    @property
    def loaders(self) -> Loaders: ...

    @property
    def settings(self) -> ResolverSettings: ...

    def now(self) -> datetime: ...

    def build_download_url(self, attachment: Attachment, action: FileAction) -> str | None:
        """The signed URL of a file or its thumbnail; None if there is none."""
        ...

    async def build_export_url(self, job: CallerJob) -> str | None:
        """The signed URL of the file of an export; None if the viewer may not have it."""
        ...

    async def render_markdown(self, text: str) -> str:
        """Render Markdown as sanitised HTML."""
        ...


def context_of(info: strawberry.Info[Any, Any]) -> RequestContext:
    """The context of the current operation."""
    return cast("RequestContext", info.context)


def loaders(info: strawberry.Info[Any, Any]) -> Loaders:
    """The loaders of the current operation."""
    return context_of(info).loaders
