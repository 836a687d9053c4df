"""What the screens of a board show: live statistics, and the tickets next to breach.

All screens of a board share one `Board`, which is updated only while a screen waits for news. The
content has numbers, names of teams and states of tickets, and no text of a customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from time import monotonic
from uuid import UUID

import orjson

from models.access.scopes import CallerKind, Scope
from models.access.viewer import Viewer
from models.people.team import Team
from models.queries.statistics.stats import Stats
from models.queries.statistics.stats_groups import GroupBy
from models.queries.statistics.time_buckets import StatsPeriod, TimeUnit
from models.queries.wall import BreachingTicket, list_next_breaches
from models.tickets.ticket import build_reference
from models.wall.screen import ALL_BOARD
from resolvers.context import Services
from resolvers.subscriptions.live_stats import LiveStats

SHOWN_TICKETS = 10
SHOWN_HOURS = 24
MIN_INTERVAL_SECONDS = 1.0
"""The minimum time between two updates of a board."""
TICKETS_SECONDS = 5.0
"""The interval at which the tickets are read without an event: tickets breach as time passes."""
UNUSED_SECONDS = 60.0
"""A board for which no screen has asked so long is forgotten."""
WALL_VIEWER = Viewer(CallerKind.API_CLIENT, frozenset({Scope.TICKETS_READ}))
"""For the statements of boards. It sees all tickets, no notes and no people."""

Content = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class BoardState:
    """The content of a board.

    revision  a text that differs whenever the content does
    as_of     when the content was known to be current
    """

    content: Content
    revision: str
    as_of: datetime


class Board:
    """The current content of one board."""

    def __init__(self, services: Services, team: Team | None) -> None:
        self.services = services
        self.team_id = None if team is None else team.id
        self.slug = ALL_BOARD if team is None else team.slug
        self.lock = asyncio.Lock()
        self.used_at = self.updated_at = monotonic() - MIN_INTERVAL_SECONDS
        self.tickets_at, self.tickets_position = 0.0, -1
        self.tickets: Sequence[BreachingTicket] = ()
        self.state: BoardState | None = None
        self.stats = LiveStats(
            WALL_VIEWER,
            None if team is None else {"team": {"eq": team.slug}},
            GroupBy.HOUR,
            StatsPeriod(TimeUnit.HOUR, last=SHOWN_HOURS),
            services.event_tail,
            services.now,
            services.live_memory,
            memory_key=f"wall:{self.slug}",
        )

    async def read(self) -> BoardState:
        """The state. It is older than MIN_INTERVAL_SECONDS only if `as_of` says so."""
        self.used_at = monotonic()
        async with self.lock:
            if self.state is None or monotonic() >= self.updated_at + MIN_INTERVAL_SECONDS:
                await self.update()
            assert self.state is not None
            return self.state

    async def update(self) -> None:
        started_at = monotonic()
        head = self.services.event_tail.head
        await self.stats.update()
        is_old = monotonic() >= self.tickets_at + TICKETS_SECONDS
        if is_old or head > self.tickets_position:
            now = self.services.now()
            self.tickets = await list_next_breaches(self.team_id, now, SHOWN_TICKETS)
            self.tickets_at, self.tickets_position = monotonic(), head
        assert self.stats.latest is not None
        assert self.stats.current_at is not None
        content = build_content(self.stats.latest, self.tickets)
        revision = sha256(orjson.dumps(content)).hexdigest()[:16]
        self.state = BoardState(content, revision, self.stats.current_at)
        # not before, or others would get the old state after a failure
        self.updated_at = started_at

    async def wait(self) -> None:
        """Wait until the content may have changed, at most about a second."""
        before = monotonic()
        await self.stats.wait()
        # If events follow each other at once, the statistics don't wait.
        await asyncio.sleep(max(0.0, self.updated_at + MIN_INTERVAL_SECONDS - monotonic()))
        if monotonic() - before < MIN_INTERVAL_SECONDS / 4:
            await asyncio.sleep(MIN_INTERVAL_SECONDS / 4)


class Boards:
    """The boards that screens show now."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.boards: dict[UUID | None, Board] = {}
        self.timer: asyncio.TimerHandle | None = None

    def open(self, team: Team | None) -> Board:
        """The board of a team, or of all tickets."""
        key = None if team is None else team.id
        board = self.boards.get(key)
        if board is None or (team is not None and board.slug != team.slug):
            self.close(key)
            board = self.boards[key] = Board(self.services, team)
        if self.timer is None:
            self.schedule()
        return board

    def close(self, key: UUID | None) -> None:
        board = self.boards.pop(key, None)
        if board is not None:
            board.stats.release()

    def schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(UNUSED_SECONDS, self.close_unused)

    def close_unused(self) -> None:
        """Forget boards that no screen shows any more, and the memory of their statistics."""
        self.timer = None
        last_used_at = monotonic() - UNUSED_SECONDS
        for key in [key for key, each in self.boards.items() if each.used_at < last_used_at]:
            self.close(key)
        if self.boards:
            self.schedule()


def build_content(stats: Stats, tickets: Sequence[BreachingTicket]) -> Content:
    """The content as JSON. Each value is a number, a time, an enum, or the name of a team."""
    return {
        "figures": {
            "open": stats.open,
            "unassigned": stats.unassigned,
            "atRisk": stats.at_risk,
            "breached": stats.breached,
            "oldestOpenAt": stats.oldest_open_at,
        },
        "hours": [
            {"hour": each.key, "created": each.created, "resolved": each.resolved}
            for each in stats.buckets
        ],
        "tickets": [
            {
                "ref": build_reference(each.number),
                "team": each.team,
                "priority": each.priority.name,
                "status": each.status.name,
                "metric": each.metric.name,
                "isAtRisk": each.is_at_risk,
                "breachesAt": each.breaches_at,
            }
            for each in tickets
        ],
    }
