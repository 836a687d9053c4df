"""`ticketChanges`: a live list, as a source. Its set is exact at a position of the log; each turn tells what led to the next one.

A position below 0 says that the first picture is still owed: nobody may leave such a source for another, nor join it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Hashable, Mapping, Sequence
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

import strawberry

from engine.bus.log_tail import LogTail
from engine.execution.source import Item, Source
from models import database
from models.access import revision
from models.access.permissions import READ_TICKETS
from models.access.viewer import Viewer
from models.core.errors import CursorExpired
from models.database.outage import is_outage
from models.log import event
from models.log.event import Event, decode_cursor
from models.queries import live_list, timeline
from models.queries.filter import compile_filter
from models.queries.live_list import ChangeKind, LiveListChange, Membership
from resolvers.context import Context, context_of
from schema.filters import TicketFilter, filter_mapping

HEARTBEAT_SECONDS = 15.0
TIMED_REFRESH_SECONDS = 5.0
VISIBILITY_CHECK_SECONDS = 1.0
RETRY_SECONDS = 0.5
MAX_BATCH_EVENTS = 500
MAX_REPLAY_EVENTS = 10_000

OWED = -1
"""The position of a list whose picture is owed to somebody who has none yet."""
GAP_OWED = -2
"""The position of a list that owes somebody who had a picture another one."""


async def ticket_changes(
    info: strawberry.Info,
    filter: Annotated[TicketFilter | None, strawberry.argument(description="Only tickets that fit.")] = None,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="What changed after this cursor, in place of a first picture; GAP and a picture where that can't be told."
        ),
    ] = None,
    snapshot: Annotated[
        bool,
        strawberry.argument(description="Whether to begin with a picture of what fits now; without one, with the next change."),
    ] = True,
) -> AsyncIterable[LiveListChange]:
    context = context_of(info)
    asked = filter_mapping(filter)
    compile_filter(asked, context.viewer, context.now(), database.dialect())  # refuses a filter that is too large
    if after is not None:
        return LiveListSource(context, asked, await going_on(context, asked, after))
    source = LiveListSource(context, asked, OWED)
    if not snapshot:
        await source.look()
        source.position = source.told = source.head
    return source


async def going_on(context: Context, filter: Mapping[str, Any] | None, after: str) -> int:
    """The position to go on from, or GAP_OWED where what left the list since can't be proved. Raises CursorInvalid."""
    position = decode_cursor(after)
    if position > context.services.event_tail.head:
        await timeline.require_range(position)
    # What left the list can't be told apart from what never existed for who does not see every ticket, and must not be named.
    if not context.viewer.can_see_all_tickets:
        return GAP_OWED
    # What left a list of recent tickets, or somebody's sight as accounts and roles changed, left no entry.
    if live_list.is_time_dependent(filter) or await revision.visibility_changed_since(position):
        return GAP_OWED
    try:
        await timeline.require_retained(position)
    except CursorExpired:
        return GAP_OWED
    return position if context.services.event_tail.head - position <= MAX_REPLAY_EVENTS else GAP_OWED


class LiveListSource(Source[LiveListChange]):
    """`inside` is the set at `head` as `viewer` sees it, None where it was not read yet; the reader was told up to `told`."""

    cursor_argument = "after"

    def __init__(self, context: Context, filter: Mapping[str, Any] | None, told: int) -> None:
        self.context = context
        self.filter = filter
        self.key = live_list.serialize_filter(filter)
        self.timed = live_list.is_time_dependent(filter)
        self.position = self.told = self.head = told
        self.inside: set[UUID] | None = None
        self.viewer = context.viewer
        self.read = self.heard = monotonic()

    @property
    def tail(self) -> LogTail[Event]:
        return self.context.services.event_tail

    @property
    def share_key(self) -> Hashable:
        # Where time moves the set, a position alone does not say which set was told.
        return None if self.timed else ("changes", self.key, self.context.viewer.visibility_key)

    @property
    def is_live(self) -> bool:
        return self.position >= 0 and self.tail.head - MAX_BATCH_EVENTS <= self.position

    def cursor(self, position: int) -> str | None:
        return event.encode_cursor(position) if position >= 0 else None

    def fork(self, context: Context, position: int) -> LiveListSource:
        """Where the sight is another, the difference is owed until the first `take` has told it; a whole picture is, where the
        reader is not as far as the set."""
        other = LiveListSource(context, self.filter, self.told)
        other.viewer = self.viewer
        if self.inside is not None:
            other.inside, other.head = set(self.inside), self.head
        behind = position < self.told
        if self.told != OWED and (behind or other.sight_changed()):
            other.position = GAP_OWED
            if behind or other.inside is None or other.told < other.head:
                other.inside, other.told = None, GAP_OWED
        return other

    def sight_changed(self) -> bool:
        return self.context.viewer.visibility_key != self.viewer.visibility_key

    async def next_batch(self) -> Sequence[Item[LiveListChange]]:
        while True:
            try:
                steps = await self.steps()
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # a database that is away delays changes; it loses none
                continue
            if steps:
                self.heard = monotonic()
            self.position = self.told
            self.context.refresh()  # after the set was read, so that what is shown is not older than it
            return [(step.position, step) for step in steps]

    async def steps(self) -> list[LiveListChange]:
        """What comes next. Nothing of this source moves before all that it takes was read, so it can be cancelled anywhere."""
        if self.told < 0:
            return await self.picture()
        if self.inside is None:
            await self.look()
        if self.told < self.head:
            return await self.go_on()
        await self.wait()
        if self.sight_changed() or self.is_due(self.read + TIMED_REFRESH_SECONDS, self.timed):
            return await self.anew()
        if self.tail.head > self.head:
            return await self.advance()
        await self.renew()
        return [LiveListChange(ChangeKind.HEARTBEAT, self.head)] if self.is_due(self.heard + HEARTBEAT_SECONDS) else []

    def is_due(self, instant: float, asked: bool = True) -> bool:
        return asked and monotonic() >= instant

    async def wait(self) -> None:
        """Until the log has grown, the viewer's sight is another, or there is something to do without that."""
        due = self.heard + HEARTBEAT_SECONDS
        due = min(due, self.read + TIMED_REFRESH_SECONDS) if self.timed else due
        while self.tail.head <= self.head and not self.sight_changed() and (left := due - monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, VISIBILITY_CHECK_SECONDS)):
                    await self.tail.wait_beyond(self.head)

    async def renew(self) -> Viewer:
        """The viewer as of now or later. Raises Unauthenticated or Forbidden where the right is gone."""
        await self.context.services.sessions.refresh()
        READ_TICKETS.check(self.context.viewer)
        return self.context.viewer

    async def whole(self) -> tuple[Viewer, int, set[UUID]]:
        """Who sees which tickets inside, at which position; rights are read after the tickets, so they are never older."""
        while True:
            viewer = self.context.viewer
            most = self.context.rules.max_live_list_tickets
            head, inside = await live_list.read_members(viewer, self.filter, self.context.now(), most)
            if (await self.renew()).visibility_key == viewer.visibility_key:
                return viewer, head, inside

    async def look(self) -> None:
        """Read the set, without telling it."""
        self.viewer, self.head, self.inside = await self.whole()
        self.read = monotonic()

    async def picture(self) -> list[LiveListChange]:
        """The first picture; to a reader who had another one, with a GAP before it."""
        gap = self.told != OWED
        await self.look()
        self.told = self.head
        return [*([LiveListChange(ChangeKind.GAP, self.head)] if gap else []), *live_list.build_snapshot(self.inside or set(), self.head)]

    async def go_on(self) -> list[LiveListChange]:
        """Some more of what was logged since the cursor that a reader goes on from, until that reaches the set."""
        end = min(self.told + MAX_BATCH_EVENTS, self.head)
        entries = await self.entries(self.told, end)
        await self.renew()
        if entries is None or self.inside is None or self.sight_changed():
            return await self.picture()
        self.told = end
        return live_list.replay_events(entries, self.inside, self.viewer)

    async def advance(self) -> list[LiveListChange]:
        """To the head of the log, by the tickets of which something was logged."""
        head, standing = await live_list.read_memberships_since(self.viewer, self.filter, self.context.now(), self.head)
        entries = await self.entries(self.head, head)
        await self.renew()
        if self.sight_changed():
            return await self.anew()
        if entries is None or self.inside is None:
            return await self.picture()
        steps = live_list.diff_events(entries, self.inside, standing, self.viewer)
        self.inside -= standing.keys()
        self.inside |= {key for key, each in standing.items() if each is Membership.INSIDE}
        self.head = self.told = head
        live_list.check_size(len(self.inside), self.context.rules.max_live_list_tickets)
        return steps

    async def anew(self) -> list[LiveListChange]:
        """To the head of the log, by the whole set: what time moved, or another sight."""
        viewer, head, inside = await self.whole()
        entries = await self.entries(self.head, head)
        if entries is None or self.inside is None:
            return await self.picture()
        logged = {entry.ticket_id for entry in entries}
        standing = {key: Membership.INSIDE if key in inside else Membership.NOT_VISIBLE for key in logged}
        steps = live_list.diff_events(entries, self.inside, standing, viewer) + live_list.diff_sets(
            self.inside - logged, inside - logged, head
        )
        self.viewer, self.head, self.told, self.inside, self.read = viewer, head, head, inside, monotonic()
        return steps

    async def entries(self, position: int, end: int) -> list[Event] | None:
        """What was logged after a position, up to another one; None where that is not kept any more, or is too much."""
        if end - position > MAX_REPLAY_EVENTS:
            return None
        await self.tail.wait_beyond(end - 1)
        found = self.tail.after(position)
        if found is None:
            found = await timeline.read_after(position, end - position)
        found = found[: end - position]
        return found if len(found) == end - position and (not found or found[-1].position == end) else None
