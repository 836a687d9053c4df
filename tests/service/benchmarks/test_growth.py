"""All that benchmarks/growth asks is still asked as the models have it, and reads what it says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.growth.asks import COUNTS, asks
from demo.seed import seed_tickets
from models.core.pagination import Page

pytestmark = pytest.mark.timeout(300)

NOTHING = {"no such team", "a tag of no ticket", "a word of none"}
SELDOM = {
    "a team's queue",
    "raised within a week",
    "a word of few",
    "a promise at risk",
    "a promise broken, open",
    "of NEW tickets, last",
}
"""What a small history may hold none of."""


@pytest.mark.usefixtures("database")
async def test_each_question_is_answered_by_rows() -> None:
    await seed_tickets(120, datetime.now(UTC), lambda _: None)
    asked, empty = 0, set[str]()
    for ask in await asks():
        asked += 1
        found = await ask.run()
        if ask.group == COUNTS or ask.name.startswith("counts"):
            assert found is not None, ask
            continue
        pages = list(found.values()) if isinstance(found, dict) else [found]
        assert all(isinstance(page, Page) for page in pages), ask
        if not any(page.rows for page in pages if isinstance(page, Page)):
            empty.add(ask.name)
    assert asked > 80
    assert NOTHING <= empty <= NOTHING | SELDOM
