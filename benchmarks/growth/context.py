"""A read, and the viewers and arguments of the reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from benchmarks.accounts import find_busiest_customers, load_viewer
from models.access.viewer import Viewer
from models.core.paging.pagination import PageRequest
from models.people.team import Team
from models.people.user import Role, User
from models.queries.filters.filter import FilterData
from models.tickets.lifecycle import Stage

ReadFunction = Callable[[], Awaitable[object]]
OPEN: FilterData = {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}
WINDOW = PageRequest(50, backward=False, after=None, before=None)
BACK = replace(WINDOW, backward=True)


@dataclass(frozen=True, slots=True)
class Read:
    group: str
    name: str
    run: ReadFunction


@dataclass(frozen=True, slots=True)
class Context:
    """The viewers and arguments of the reads.

    The customers are those with the most tickets; their tickets grow in proportion to all tickets.
    """

    agent: Viewer
    customer: Viewer
    shared: Viewer
    """A customer of an organization whose members see each other's tickets."""
    team: Team
    at: datetime

    @classmethod
    async def load(cls) -> Context:
        (customer,) = await find_busiest_customers(1, shared=False)
        (shared,) = await find_busiest_customers(1, shared=True)
        agent = await User.filter(role=Role.AGENT).order_by("id").first()
        assert agent is not None
        return cls(
            await load_viewer(agent),
            await load_viewer(customer),
            await load_viewer(shared),
            await Team.get(slug="support"),
            datetime.now(UTC),
        )
