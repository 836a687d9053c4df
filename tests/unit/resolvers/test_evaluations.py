"""Evaluations that equal subscriptions share."""

from __future__ import annotations

import asyncio

import pytest

from resolvers.services import evaluations
from resolvers.services.evaluations import SharedEvaluations

pytestmark = pytest.mark.asyncio(loop_scope="function")


class Evaluation:
    """Counts its runs. Waits for `end`, and then fails if `fails` is set."""

    def __init__(self) -> None:
        self.runs = 0
        self.end = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        await self.end.wait()
        if self.fails:
            raise ValueError
        return run


async def test_equal_keys_share_a_result_until_the_log_grows() -> None:
    shared, evaluation = SharedEvaluations(), Evaluation()
    evaluation.end.set()
    results = [await shared.get(key, head, evaluation) for key, head in [("a", 1), ("a", 1)]]
    assert results == [1, 1]
    assert await shared.get("b", 1, evaluation) == 2
    assert await shared.get("a", 2, evaluation) == 3
    assert (shared.evaluated, shared.shared) == (3, 1)


async def test_concurrent_callers_share_one_run_and_may_be_cancelled() -> None:
    shared, evaluation = SharedEvaluations(), Evaluation()
    callers = [asyncio.create_task(shared.get("a", 1, evaluation)) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.gather(callers[0], return_exceptions=True)
    evaluation.end.set()
    assert await asyncio.gather(*callers[1:]) == [1, 1]


async def test_a_failure_is_not_kept() -> None:
    shared, evaluation = SharedEvaluations(), Evaluation()
    evaluation.end.set()
    evaluation.fails = True
    with pytest.raises(ValueError):
        await shared.get("a", 1, evaluation)
    evaluation.fails = False
    assert await shared.get("a", 1, evaluation) == 2


async def test_the_number_of_results_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluations, "MAX_EVALUATIONS", 10)
    shared, evaluation = SharedEvaluations(), Evaluation()
    evaluation.end.set()
    for number in range(100):
        await shared.get(number, 1, evaluation)
        assert len(shared.tasks) <= 10
