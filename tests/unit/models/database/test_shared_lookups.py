"""Lookups of one caller that arrive together share a statement, and fail alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from models.database import shared_lookups
from models.database.fair_share import CALLER
from models.database.shared_lookups import Rows, SharedLookups, build_common_text

TEXT = "SELECT name FROM x WHERE id = $1"
COMMON_TEXT = build_common_text(TEXT, ["int8"])


class Database:
    """Statements end when the test permits it. The name of id 7 is "name 7"; id 0 has no row."""

    def __init__(self, types: Sequence[str] | None = ("int8",)) -> None:
        self.types = types
        self.sent: list[tuple[str, Sequence[object]]] = []
        self.permits = asyncio.Semaphore(0)
        self.common_error: BaseException | None = None
        self.lookups = SharedLookups(self.fetch, self.read_types)

    async def read_types(self, _: str) -> Sequence[str] | None:
        return self.types

    async def fetch(self, text: str, values: Sequence[object]) -> Rows:
        self.sent.append((text, values))
        await self.permits.acquire()
        if text == TEXT:
            return [(f"name {id}",) for id in values if id]
        if self.common_error is not None:
            raise self.common_error
        (ids,) = values
        assert isinstance(ids, list)
        return [(f"name {id}", number) for number, id in enumerate(ids, 1) if id]

    def start(self, *ids: int, caller: str = "ada") -> list[asyncio.Task[Rows]]:
        CALLER.set(caller)
        return [asyncio.create_task(self.lookups.execute(TEXT, [id])) for id in ids]

    async def start_alone(self, id: int) -> list[asyncio.Task[Rows]]:
        """Start a lookup, and wait until its statement runs."""
        (task,) = self.start(id)
        while not self.sent:
            await asyncio.sleep(0)
        return [task]

    async def finish(self, tasks: Sequence[asyncio.Task[Rows]]) -> list[Rows | BaseException]:
        for _ in range(100):
            self.permits.release()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not self.lookups.running
        assert not self.lookups.gathering
        return results


def names(*ids: int) -> list[list[tuple[str]]]:
    return [[(f"name {id}",)] if id else [] for id in ids]


async def test_a_lookup_that_is_alone_is_sent_as_it_is() -> None:
    database = Database()
    assert await database.finish(await database.start_alone(1)) == names(1)
    assert await database.finish(database.start(2)) == names(2)
    assert database.sent == [(TEXT, [1]), (TEXT, [2])]


async def test_lookups_that_arrive_while_one_is_running_share_a_statement() -> None:
    database = Database()
    first = await database.start_alone(1)
    others = database.start(2, 0, 3)
    assert await database.finish([*first, *others]) == names(1, 2, 0, 3)
    assert database.sent == [(TEXT, [1]), (COMMON_TEXT, [[2, 0, 3]])]
    assert COMMON_TEXT == (
        "SELECT r.*, k.n FROM unnest((SELECT $1::int8[])) WITH ORDINALITY AS k(p1, n) "
        "CROSS JOIN LATERAL (SELECT name FROM x WHERE id = k.p1 OFFSET 0) r"
    )


async def test_callers_do_not_share_statements() -> None:
    database = Database()
    first = await database.start_alone(1)
    others = database.start(2, 3, caller="bob")
    assert await database.finish([*first, *others]) == names(1, 2, 3)
    assert COMMON_TEXT not in [text for text, _ in database.sent]


async def test_a_statement_has_a_limited_number_of_lookups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_lookups, "MAX_LOOKUPS_PER_STATEMENT", 3)
    database = Database()
    first = await database.start_alone(1)
    others = database.start(*range(2, 10))
    assert await database.finish([*first, *others]) == names(*range(1, 10))
    sizes = [len(values[0]) for _, values in database.sent if isinstance(values[0], list)]
    assert sizes == [3, 3, 2]


async def test_lookups_that_fail_together_are_repeated_alone() -> None:
    database = Database()
    database.common_error = OSError("the connection was lost")
    first = await database.start_alone(1)
    others = database.start(2, 3)
    assert await database.finish([*first, *others]) == names(1, 2, 3)
    assert [text for text, _ in database.sent] == [TEXT, COMMON_TEXT, TEXT, TEXT]


async def test_lookups_with_arrays_are_executed_alone() -> None:
    database = Database(types=None)
    first = await database.start_alone(1)
    others = database.start(2, 3)
    assert await database.finish([*first, *others]) == names(1, 2, 3)
    assert [text for text, _ in database.sent] == [TEXT] * 3


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_cancelled_lookup_does_not_cancel_others(is_sent: bool) -> None:
    database = Database()
    first = await database.start_alone(1)
    leader, follower, other = database.start(2, 3, 4)
    await asyncio.sleep(0)  # the leader gathers, and the others have joined
    while is_sent and len(database.sent) < 2:
        await asyncio.sleep(0)
    leader.cancel()
    follower.cancel()
    one, two, three, four = await database.finish([*first, leader, follower, other])
    assert [one, four] == names(1, 4)
    assert isinstance(two, asyncio.CancelledError)
    assert isinstance(three, asyncio.CancelledError)
