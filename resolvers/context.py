"""The context of an operation, and the services of the process that it gives access to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from uuid import UUID
from weakref import WeakValueDictionary

import strawberry

from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus
from engine.limits.memory import MemoryBudget
from engine.limits.network import address_key
from engine.viewer_confirmation import Confirmation
from models.access.viewer import ANONYMOUS, Viewer
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.demo_clock import DemoClock
from models.exports.access import can_download
from models.files.signatures import FileAction
from models.jobs.caller_job import CallerJob
from models.log.event import LogEntry
from models.notifications.notification import Notification
from models.oidc.registry import IdentityProviders
from models.people.password import PasswordChecker
from models.people.sign_in_limits import SignInLimits
from models.tickets.attachment import Attachment
from models.tickets.timers import TimerSettings
from resolvers.services.account_services import AccountServices
from resolvers.services.background_writes import BackgroundWrites
from resolvers.services.evaluations import SharedEvaluations
from resolvers.services.file_services import FileServices
from resolvers.services.live_counts import LiveCounts
from resolvers.services.markdown_cache import MarkdownCache
from resolvers.services.presence_tail import PresenceTail
from resolvers.services.webhook_services import WebhookServices
from schema.records.loaders import Loaders


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """The settings that resolvers need."""

    reopen_window: timedelta
    session_length: timedelta
    max_live_list_tickets: int
    timers: TimerSettings
    limits: RecordLimits = DEFAULT_LIMITS
    max_report_days: int = 400


class Viewers(Protocol):
    """Authenticates tokens and sessions, and keeps the viewers of open connections current."""

    async def authenticate(self, text: str) -> Viewer | None: ...

    async def refresh(self) -> None: ...

    def viewer_changed(self, context: Context, before: Viewer) -> None: ...


@dataclass(slots=True)
class Services:
    """The objects that exist once per process."""

    settings: ResolverSettings
    now: Callable[[], datetime]
    wakeup: WakeupBus
    event_tail: LogTail[LogEntry]
    notification_tail: LogTail[Notification]
    presence: PresenceTail
    passwords: PasswordChecker
    sign_in_limits: SignInLimits
    viewers: Viewers
    accounts: AccountServices = field(default_factory=AccountServices)
    files: FileServices = field(default_factory=FileServices)
    webhooks: WebhookServices = field(default_factory=WebhookServices)
    identity_providers: IdentityProviders = field(default_factory=IdentityProviders)
    demo_clock: DemoClock | None = None
    """The clock that administrators can advance. In the demo, it is also `now`."""
    last_used: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    """When each token was last used, until this is stored."""
    live_stats: WeakValueDictionary[Hashable, Any] = field(
        default_factory=WeakValueDictionary[Hashable, Any]
    )
    """The statistics that have subscribers. The type is Any, because their class is in
    `resolvers.subscriptions.live_stats`, which imports this module."""
    markdown: MarkdownCache = field(default_factory=MarkdownCache)
    background_writes: BackgroundWrites = field(default_factory=BackgroundWrites)
    live_memory: MemoryBudget = field(default_factory=lambda: MemoryBudget(2**27, 2**29))
    evaluations: SharedEvaluations = field(default_factory=SharedEvaluations)
    """The tickets that match each filter."""
    shared_reads: SharedEvaluations = field(default_factory=SharedEvaluations)
    """What filters need from the database: facts of tickets, and visibility."""
    live_counts: LiveCounts = field(init=False)

    def __post_init__(self) -> None:
        self.live_counts = LiveCounts(self.event_tail, self.now, self.live_memory)


class Context:
    """The context of one HTTP request, connection or subscription."""

    def __init__(
        self,
        services: Services,
        request_id: str,
        address: str,
        viewer: Viewer = ANONYMOUS,
        *,
        user_agent: str = "",
    ) -> None:
        self.services = services
        self.request_id = request_id
        self.address = address
        self.user_agent = user_agent
        self.viewer = viewer
        self.confirmation: Confirmation | None = None
        """Set while the viewer is provisional."""
        self.cached_loaders: Loaders | None = None
        self.resume_from: str | None = None
        """The last cursor that the client received. It overrides the argument `after`."""

    def now(self) -> datetime:
        return self.services.now()

    @property
    def settings(self) -> ResolverSettings:
        return self.services.settings

    @property
    def loaders(self) -> Loaders:
        """Created at first use, because a connection that only listens needs none."""
        if self.cached_loaders is None:
            self.cached_loaders = Loaders(self.viewer, self.now())
        return self.cached_loaders

    async def render_markdown(self, text: str) -> str:
        """The HTML of a Markdown text."""
        is_anonymous = self.viewer is ANONYMOUS
        caller = address_key(self.address) if is_anonymous else self.viewer.caller_key
        return await self.services.markdown.render(caller, text)

    def build_download_url(self, attachment: Attachment, action: FileAction) -> str | None:
        """The signed URL of a file or its thumbnail; None if there is none."""
        return self.services.files.build_download_url(attachment, action, self.now())

    async def build_export_url(self, job: CallerJob) -> str | None:
        """The signed URL of the file of an export; None if the viewer may not have it."""
        if not await can_download(self.viewer, job, self.now()):
            return None
        return self.services.files.build_export_url(job, self.now())

    def set_viewer(self, viewer: Viewer) -> None:
        """Replace the viewer, and tell the open connection if there is one."""
        before, self.viewer = self.viewer, viewer
        self.renew_loaders()
        self.services.viewers.viewer_changed(self, before)

    def fork(self) -> Context:
        """A copy for one subscription. Its viewer stays the same if this context's changes."""
        return Context(
            self.services,
            self.request_id,
            self.address,
            self.viewer,
            user_agent=self.user_agent,
        )

    def renew_loaders(self) -> None:
        """Forget loaded records. Called before each operation or event, and after each change."""
        self.cached_loaders = None


def context_of(info: strawberry.Info) -> Context:
    return cast("Context", info.context)
