"""When the planner uses plans, and when it falls back to graphql-core: no mutation runs twice, and
the responses are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from support.differential import OperationRequest, SchemaRunner
from support.large_dataset import LargeDataset

from engine.execution.plans import Planner
from engine.execution.plans.nested_fields import ValueCompletion
from engine.execution.plans.plan_run import PlanAbandoned
from models import database as db
from models.tickets.ticket import Ticket
from schema.records.record_types import SCHEMA_MAP

CREATE = """mutation($i: CreateTicketInput!) { createTicket(input: $i) {
  ticket { subject team { slug } requester { displayName } } userErrors { code } } }"""
NEW = {"i": {"subject": "Once", "description": "Only once.", "category": "technical"}}


@pytest.fixture
async def environment(
    large_database: tuple[str, LargeDataset],
    copy: Callable[[str, Path], AbstractAsyncContextManager[str]],
    tmp_path: Path,
) -> AsyncIterator[tuple[SchemaRunner, LargeDataset]]:
    source, dataset = large_database
    async with copy(source, tmp_path) as url:
        await db.connect(url)
        try:
            yield SchemaRunner.make(url), dataset
        finally:
            await db.disconnect()


def count_executions(runner: SchemaRunner) -> tuple[int, int]:
    """The numbers of executions by plans and of fallbacks."""
    return runner.planner.executions, runner.planner.fallbacks


async def test_a_mutation_runs_once_if_its_plan_is_abandoned(
    environment: tuple[SchemaRunner, LargeDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, dataset = environment

    async def abandon(*_: object) -> None:
        raise PlanAbandoned

    monkeypatch.setattr(ValueCompletion, "complete_into", abandon)
    before = await Ticket.all().count()
    response = await runner.answer(OperationRequest(CREATE, NEW), dataset.tokens["customer"])
    assert response["data"]["createTicket"]["ticket"]["subject"] == "Once"
    assert response["data"]["createTicket"]["ticket"]["team"] == {"slug": "support"}
    assert (await Ticket.all().count(), count_executions(runner)) == (before + 1, (0, 1))


async def test_a_failed_mutation_runs_once_and_reports_one_error(
    environment: tuple[SchemaRunner, LargeDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, dataset = environment
    calls = 0

    async def fail(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("hunter2")

    monkeypatch.setattr("resolvers.mutations.ticket_mutation.run_mutation", fail)
    response = await runner.answer(OperationRequest(CREATE, NEW), dataset.tokens["customer"])
    (error,) = response["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["createTicket"], "INTERNAL")
    assert (response["data"], calls, count_executions(runner)) == (
        {"createTicket": None},
        1,
        (0, 1),
    )


async def test_a_document_is_planned_when_it_is_requested_again(
    environment: tuple[SchemaRunner, LargeDataset],
) -> None:
    runner, dataset = environment
    runner.schema.planner = Planner(runner.schema, SCHEMA_MAP)
    request = OperationRequest("{ tickets(first: 2) { nodes { subject } } }")
    answers: list[Any] = []
    for planned in (0, 1, 2):
        answers.append(await runner.answer(request, dataset.tokens["agent"]))
        assert count_executions(runner) == (planned, 0)
    assert answers[0] == answers[1] == answers[2]


async def test_other_values_of_directives_need_other_plans(
    environment: tuple[SchemaRunner, LargeDataset],
) -> None:
    runner, dataset = environment
    query = """query($a: Boolean!, $b: Boolean!) {
      tickets(first: 1) { nodes { id @include(if: $a) subject @skip(if: $b) } }
    }"""
    fields: list[set[str]] = []
    for a, b in ((True, False), (False, False), (True, True)):
        request = OperationRequest(query, {"a": a, "b": b})
        response = await runner.answer(request, dataset.tokens["agent"])
        fields.append(set(response["data"]["tickets"]["nodes"][0]))
    assert (fields, count_executions(runner)) == ([{"id", "subject"}, {"subject"}, {"id"}], (3, 0))
