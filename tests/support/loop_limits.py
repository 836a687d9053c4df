"""Limits for loops in tests, so that a list that never ends fails its test at once instead of
hanging it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

MAX_PAGES = 300
MAX_RUNS = 3000


def count_pages(limit: int = MAX_PAGES) -> Iterator[int]:
    """Count the pages that a test reads of one list.

    Fails the test if the list has more pages than the limit.
    """
    yield from range(limit)
    pytest.fail(f"the list did not end within {limit} pages")


def count_runs(limit: int = MAX_RUNS) -> Iterator[int]:
    """Count the runs of a job.

    Fails the test if the job still has work after as many runs as the limit.
    """
    yield from range(limit)
    pytest.fail(f"the job still had work after {limit} runs")
