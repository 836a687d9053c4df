"""The subscription `savedViewCounts`: the live counts of all views that the viewer sees."""

from __future__ import annotations

from collections.abc import AsyncIterable, Hashable, Sequence
from dataclasses import dataclass

import strawberry

from engine.execution.source import Item, Source
from models import database
from models.access.permissions import READ_SAVED_VIEWS
from models.queries.records import saved_views
from models.views.saved_view import SavedView
from resolvers.context import Context, context_of
from resolvers.services.live_counts import CHECK_SECONDS, LiveCount
from resolvers.subscriptions.outage import retry_on_outage
from schema.filtering.stored_filter import StoredFilterInvalid, check_filter, name_teams
from schema.types.views import ViewCount, ViewCounts

MAX_LIVE_VIEWS = 200
"""The maximum number of views that one subscription counts."""
BEFORE_FIRST = -1
"""The position of a source that has sent nothing."""


async def saved_view_counts(info: strawberry.Info) -> AsyncIterable[ViewCounts]:
    return ViewCountsSource(context_of(info))


@dataclass(frozen=True, slots=True)
class CountedView:
    """A view, and its live count or the reason why it has none."""

    view: SavedView
    live: LiveCount | None
    filter_error: str | None

    def current(self) -> ViewCount:
        count = None if self.live is None else self.live.count
        return ViewCount(self.view, count, self.filter_error)

    def state(self) -> Hashable:
        """What an item shows of the view."""
        return (self.view.id, self.view.version, self.current().count, self.filter_error)


class ViewCountsSource(Source[ViewCounts]):
    """The counts for one subscriber. `position` is the number of items that were sent.

    The views are read again when the revision of views or of permissions has changed.
    """

    def __init__(self, context: Context, position: int = BEFORE_FIRST) -> None:
        self.context = context
        self.position = position
        self.hub = context.services.live_counts
        self.revisions: tuple[int, int] | None = None
        self.views: list[CountedView] = []
        self.sent: list[Hashable] | None = None

    @property
    def share_key(self) -> Hashable:
        return None  # each viewer has other views; the counts themselves are shared

    def fork(self, context: Context, position: int) -> ViewCountsSource:
        return ViewCountsSource(context, position)

    def close(self) -> None:
        self.replace_views([])

    async def wait(self) -> None:
        if self.sent is not None and self.state() == self.sent:
            await self.hub.wait(self.find_log_position())

    async def next_batch(self) -> Sequence[Item[ViewCounts]]:
        counts = await retry_on_outage(self.next_counts)
        if counts is None:
            return []
        self.position += 1
        self.context.renew_loaders()
        return [(self.position, counts)]

    async def next_counts(self) -> ViewCounts | None:
        """The counts, if they or the views have changed since they were sent last."""
        await self.load_views(await self.hub.revisions.get(CHECK_SECONDS))
        await self.update_counts()
        if self.state() == self.sent:
            return None
        await self.context.services.viewers.refresh()
        READ_SAVED_VIEWS.check(self.context.viewer)
        revisions = await self.hub.revisions.get(0)
        if revisions != self.revisions:  # the viewer may see other views by now
            await self.load_views(revisions)
            await self.update_counts()
        self.sent = self.state()
        return ViewCounts(self.find_log_position(), [each.current() for each in self.views])

    def state(self) -> list[Hashable]:
        return [each.state() for each in self.views]

    def find_log_position(self) -> int:
        """The position of the log up to which all counts include every event."""
        lives = [each.live for each in self.views if each.live is not None]
        positions = [live.position for live in lives if live.count is not None]
        return min(positions, default=self.context.services.event_tail.head)

    async def update_counts(self) -> None:
        for each in self.views:
            if each.live is not None and not each.live.is_read:
                await self.hub.read(each.live)
        await self.hub.update()

    async def load_views(self, revisions: tuple[int, int]) -> None:
        """Read the views that the viewer sees, if the revisions have changed."""
        if revisions == self.revisions:
            return
        viewer = self.context.viewer
        READ_SAVED_VIEWS.check(viewer)
        views = await saved_views.read_views(viewer, MAX_LIVE_VIEWS)
        slugs = await saved_views.read_team_slugs(viewer.user_id)
        self.replace_views([self.open_count(view, slugs) for view in views])
        self.revisions = revisions

    def open_count(self, view: SavedView, team_slugs: Sequence[str]) -> CountedView:
        viewer, now = self.context.viewer, self.context.now()
        try:
            filter = check_filter(view.ticket_filter, viewer, now, database.dialect())
        except StoredFilterInvalid as error:
            return CountedView(view, None, str(error))
        live = self.hub.open(self, viewer, name_teams(filter, team_slugs))
        return CountedView(view, live, None)

    def replace_views(self, views: list[CountedView]) -> None:
        """Release the counts that are no longer needed."""
        kept = {each.live for each in views}
        for each in self.views:
            if each.live is not None and each.live not in kept:
                self.hub.close(self, each.live)
        self.views = views
