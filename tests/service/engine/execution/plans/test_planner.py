"""When plans answer, and when they are left: what was done is not done again, and what is told stays the same."""

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
from schema.record_types import SCHEMA_MAP

CREATE = """mutation($i: CreateTicketInput!) { createTicket(input: $i) {
  ticket { subject team { slug } requester { displayName } } userErrors { code } } }"""
NEW = {"i": {"subject": "Once", "description": "Only once.", "category": "technical"}}


@pytest.fixture
async def desk(
    filled: tuple[str, LargeDataset], copy: Callable[[str, Path], AbstractAsyncContextManager[str]], tmp_path: Path
) -> AsyncIterator[tuple[SchemaRunner, LargeDataset]]:
    source, plenty = filled
    async with copy(source, tmp_path) as url:
        await db.connect(url)
        try:
            yield SchemaRunner.make(url), plenty
        finally:
            await db.disconnect()


def counted(desk: SchemaRunner) -> tuple[int, int]:
    return desk.planner.executions, desk.planner.fallbacks


async def test_a_verb_whose_plan_is_left_ran_once(desk: tuple[SchemaRunner, LargeDataset], monkeypatch: pytest.MonkeyPatch) -> None:
    own, plenty = desk

    async def leave(*_: object) -> None:
        raise PlanAbandoned

    monkeypatch.setattr(ValueCompletion, "complete_into", leave)
    before = await Ticket.all().count()
    found = await own.answer(OperationRequest(CREATE, NEW), plenty.tokens["customer"])
    assert found["data"]["createTicket"]["ticket"]["subject"] == "Once"
    assert found["data"]["createTicket"]["ticket"]["team"] == {"slug": "support"}
    assert (await Ticket.all().count(), counted(own)) == (before + 1, (0, 1))


async def test_a_verb_that_fails_ran_once_and_is_told_of_once(desk: tuple[SchemaRunner, LargeDataset], monkeypatch: pytest.MonkeyPatch) -> None:
    own, plenty = desk
    calls = 0

    async def fail(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("hunter2")

    monkeypatch.setattr("resolvers.mutations.ticket_mutation.run_mutation", fail)
    found = await own.answer(OperationRequest(CREATE, NEW), plenty.tokens["customer"])
    assert [(error["path"], error["extensions"]["code"]) for error in found["errors"]] == [(["createTicket"], "INTERNAL")]
    assert (found["data"], calls, counted(own)) == ({"createTicket": None}, 1, (0, 1))


async def test_what_comes_once_is_left_to_graphql_core_and_what_comes_again_is_planned(desk: tuple[SchemaRunner, LargeDataset]) -> None:
    own, plenty = desk
    own.schema.planner = Planner(own.schema, SCHEMA_MAP)
    asked = OperationRequest("{ tickets(first: 2) { nodes { subject } } }")
    answers: list[Any] = []
    for planned in (0, 1, 2):
        answers.append(await own.answer(asked, plenty.tokens["agent"]))
        assert counted(own) == (planned, 0)
    assert answers[0] == answers[1] == answers[2]


async def test_directives_that_say_otherwise_make_another_plan(desk: tuple[SchemaRunner, LargeDataset]) -> None:
    own, plenty = desk
    query = "query($a: Boolean!, $b: Boolean!) { tickets(first: 1) { nodes { id @include(if: $a) subject @skip(if: $b) } } }"
    told: list[set[str]] = []
    for a, b in ((True, False), (False, False), (True, True)):
        found = await own.answer(OperationRequest(query, {"a": a, "b": b}), plenty.tokens["agent"])
        told.append(set(found["data"]["tickets"]["nodes"][0]))
    assert (told, counted(own)) == ([{"id", "subject"}, {"subject"}, {"id"}], (3, 0))
