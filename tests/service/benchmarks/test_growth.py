"""The reads of benchmarks/growth: each returns rows, except those that must find nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.growth.reads import COUNTS, create_reads
from benchmarks.plot import GROWTH_CHARTS
from demo.seed import seed_tickets
from models.core.paging.pagination import Page

pytestmark = pytest.mark.timeout(300)

ALWAYS_EMPTY = {"an unknown team", "a tag of no ticket", "a word of no ticket"}
POSSIBLY_EMPTY = {
    "a team's queue",
    "created within a week",
    "a rare word",
    "an SLA clock at risk",
    "a breached SLA clock, open",
    "of NEW tickets, last",
}
"""Reads that may find nothing among few tickets."""


@pytest.mark.usefixtures("database")
async def test_each_read_returns_rows() -> None:
    await seed_tickets(120, datetime.now(UTC), lambda _: None)
    reads = await create_reads()
    empty = set[str]()
    for read in reads:
        result = await read.run()
        if read.group == COUNTS or read.name.startswith("counts"):
            assert result is not None, read
            continue
        pages = list(result.values()) if isinstance(result, dict) else [result]
        assert all(isinstance(page, Page) for page in pages), read
        if not any(page.rows for page in pages if isinstance(page, Page)):
            empty.add(read.name)
    assert len(reads) > 80
    plotted = {name for chart in GROWTH_CHARTS.values() for name in chart.values()}
    assert plotted <= {f"{read.group}: {read.name}" for read in reads}
    assert ALWAYS_EMPTY <= empty <= ALWAYS_EMPTY | POSSIBLY_EMPTY
