"""Plans and graphql-core give the same answers: to operations over the whole schema, for every viewer, errors included.

Each test checks a part of the operations, so that several worker processes share them. An operation takes about 70 ms, most of
it in graphql-core.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
import time_machine
from strawberry.utils.str_converters import to_camel_case
from support.differential import OperationRequest, SchemaRunner
from support.generated_operations import Generator, Pool
from support.generated_operations.comparison import (
    alternative_errors,
    find_difference,
    format_difference,
    minimize_operation,
    reduce_to_path,
)
from support.generated_operations.field_coverage import FieldCoverage, FieldKey, reachable_fields
from support.large_dataset import ACTIVE_VIEWERS, NOW, LargeDataset
from support.seed import IS_FIXED, random_for

from models import database as db
from models.access.viewer import ANONYMOUS, authenticate
from models.core import ids
from schema.fields import permission_of
from schema.query import Query

pytestmark = [pytest.mark.never_retried, pytest.mark.stress, pytest.mark.timeout(1200)]

QUERIES = int(os.environ.get("TEST_QUERIES", "8" if IS_FIXED else "24"))
"""Random operations for each viewer; a viewer that sees much gets three times as many."""
PARTS = 11
"""The tests that share the documents that ask for everything."""
VIEWERS = (
    *("stranger", "customer", "customer of a shared account", "customer of the demo", "customer's program"),
    *("customer without tickets", "agent", "agent of billing", "admin", "machine that reads tickets"),
    *("machine that reads the log", "machine that reads tickets and notes", "machine that reads tickets and people"),
    *("machine that writes tickets", "machine that may all"),
)
ALIKE = ("agent of billing", "machine that may all")
"""These see what an agent sees. Without TEST_SEED, each of them is asked for every other document."""
PLANNED = 0.9
"""The share of the operations without errors that plans must answer. Otherwise, graphql-core is compared with itself."""
WRONG = (
    ("admin", '{ tickets(first: 2, after: "x") { totalCount nodes { id } } }'),
    ("admin", '{ tickets(first: 2) { nodes { id timeline(after: "x") { totalCount } messages(first: 1) { nodes { body } } } } }'),
    ("admin", '{ events(after: "x") { nodes { id } } teams { slug } }'),
    ("admin", "{ tickets(first: 0) { totalCount } }"),
    ("admin", "{ nothing }"),
    ("customer", "{ users(first: 1) { nodes { id } } teams { slug } }"),
    ("admin", '{ teams { slug } ticketByNumber(number: 1001) { id timeline(after: "x") { totalCount } } }'),
    ("stranger", "{ viewer { role } tickets(first: 1) { totalCount } }"),
)
"""Operations that fail, by the viewer: at positions that no list has, with arguments out of range, or without permission."""
SHOWN_TO = ("agent", "admin", "customer of a shared account", "machine that may all")
"""Together, these viewers see each field of the schema."""
NEVER_SHOWN: set[FieldKey] = {("TicketCreated", "action"), ("TicketCreated", "from")}
"""Fields that are always null: a ticket has no status before it is created."""


@dataclass
class Stage:
    """The schema over a filled database, and the operations that ask for everything."""

    desk: SchemaRunner
    plenty: LargeDataset
    pool: Pool
    documents: Sequence[OperationRequest]
    planned: int = 0
    fallen_back: int = 0

    async def check(self, asked: OperationRequest, viewer: str, *, fails: bool = False) -> dict[str, Any]:
        """Fail if the two answers to an operation differ, or if the operation broke the server. Returns graphql-core's answer."""
        planner = self.desk.planner
        before = (planner.executions, planner.fallbacks)
        core, found = await self.desk.answer_both_ways(asked, self.plenty.tokens[viewer])
        if "data" in core and "errors" not in core:  # errors are graphql-core's to tell
            self.planned += planner.executions - before[0]
            self.fallen_back += planner.fallbacks - before[1]
        codes = {error["extensions"]["code"] for error in core.get("errors", ())}
        broken = codes & ({"INTERNAL", "UNAVAILABLE"} | (set() if fails else {"GRAPHQL_VALIDATION_FAILED"}))
        assert not broken, format_difference(asked, viewer, str(core["errors"]))
        where = await self.judged(asked, viewer, core, found)
        if where is not None:
            await self.explain(asked, viewer, where)
        return core

    async def explain(self, asked: OperationRequest, viewer: str, where: str) -> None:
        """Fail with the smallest operation whose answers differ."""

        async def still(smaller: OperationRequest) -> bool:
            return await self.differ(smaller, viewer) is not None

        if not await still(asked):
            pytest.fail(format_difference(asked, viewer, f"{where}\n(asked again, the answers were the same)"))
        small = await minimize_operation(asked, still)
        pytest.fail(format_difference(small, viewer, str(await self.differ(small, viewer))))

    async def differ(self, asked: OperationRequest, viewer: str) -> str | None:
        return await self.judged(asked, viewer, *await self.desk.answer_both_ways(asked, self.plenty.tokens[viewer]))

    async def judged(self, asked: OperationRequest, viewer: str, core: dict[str, Any], found: dict[str, Any]) -> str | None:
        """Where the answers differ; not where graphql-core could have told the same of several errors."""
        where = find_difference(core, found)
        doubtful = None if where is None else alternative_errors(core, found)
        if doubtful is None:
            return where
        for error in doubtful:
            with self.desk.graphql_core_only():
                alone = await self.desk.answer(reduce_to_path(asked, error["path"]), self.plenty.tokens[viewer])
            if not any(same(error, each) for each in alone.get("errors", ())):
                return where
        return None


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether errors tell the same of the same field, whichever item of a list it is in."""
    told = [
        (each["message"], each["extensions"], [key for key in each.get("path", ()) if isinstance(key, str)])
        for each in (one, other)
    ]
    return told[0] == told[1]


async def open_to(token: str | None) -> list[str]:
    """The roots that a viewer may call."""
    viewer = await authenticate(token, NOW) if token else ANONYMOUS
    rows: Any = Query.__strawberry_definition__  # type: ignore[attr-defined]
    rights = {to_camel_case(row.python_name): permission_of(row) for row in rows.fields}
    return [name for name, right in rights.items() if right is not None and viewer is not None and right.allows(viewer)]


@pytest.fixture(scope="module")
async def stage(
    filled: tuple[str, LargeDataset],
    copy: Callable[[str, Path], AbstractAsyncContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    source, plenty = filled
    async with copy(source, tmp_path_factory.mktemp("stage")) as url:
        await db.connect(url)
        try:
            desk = SchemaRunner.make(url)
            with time_machine.travel(NOW, tick=False):
                pool = await Pool.read(desk, plenty.tokens["admin"], plenty.tokens["agent"])
            yield Stage(desk, plenty, pool, Generator(desk.core, pool, random_for("everything")).build_full_requests())
        finally:
            await db.disconnect()


@pytest.mark.parametrize("part", range(PARTS))
async def test_documents_that_ask_for_everything_get_the_same_answers(stage: Stage, part: int) -> None:
    stage.planned = stage.fallen_back = 0
    with time_machine.travel(NOW, tick=False):
        for number in range(part, len(stage.documents), PARTS):
            left_out = ALIKE[number // PARTS % 2] if IS_FIXED else None
            for viewer in VIEWERS:  # a document is validated once for all viewers
                if viewer != left_out:
                    await stage.check(stage.documents[number], viewer)
    assert stage.planned > PLANNED * (stage.planned + stage.fallen_back), (stage.planned, stage.fallen_back)


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_random_operations_get_the_same_answers(stage: Stage, viewer: str, random: Random) -> None:
    count = QUERIES * (3 if viewer in ACTIVE_VIEWERS else 1)
    maker = Generator(stage.desk.core, stage.pool, random)
    stage.planned = stage.fallen_back = 0
    with_data = 0
    with time_machine.travel(NOW, tick=False):
        roots = await open_to(stage.plenty.tokens[viewer])
        for number in range(count):
            fails = number % 4 == 3
            core = await stage.check(maker.query(roots, fails=fails), viewer, fails=fails)
            with_data += bool(core.get("data"))
    if viewer in ACTIVE_VIEWERS:  # otherwise, few answers can hold much
        assert with_data > count / 3
        assert stage.planned > stage.fallen_back, (stage.planned, stage.fallen_back)


async def test_operations_that_fail_get_the_same_answers(stage: Stage) -> None:
    codes: set[str] = set()
    partial = without_data = 0
    with time_machine.travel(NOW, tick=False):
        for viewer, query in WRONG:
            core = await stage.check(OperationRequest(query), viewer, fails=True)
            codes |= {error["extensions"]["code"] for error in core["errors"]}
            partial += bool(core.get("data"))
            without_data += "data" in core and core["data"] is None
    assert codes >= {"BAD_REQUEST", "CURSOR_INVALID", "FORBIDDEN", "GRAPHQL_VALIDATION_FAILED"}
    assert partial
    assert without_data >= 3


async def test_every_viewer_is_named_above(stage: Stage) -> None:
    assert set(VIEWERS) == set(stage.plenty.tokens)


async def test_the_documents_ask_for_each_field_of_something_that_has_it(stage: Stage) -> None:
    schema = stage.desk.core
    assert schema.query_type is not None
    seen = FieldCoverage(schema)
    wanted = reachable_fields(schema, schema.query_type)
    with time_machine.travel(NOW, tick=False):
        for viewer in SHOWN_TO:
            for asked in [*stage.documents, *lookups(stage.pool)]:
                missing = wanted - seen.non_empty - NEVER_SHOWN
                if not any(name in asked.query for _, name in missing):
                    continue  # it shows nothing new
                answer = await stage.desk.answer(asked, stage.plenty.tokens[viewer])
                if answer.get("data"):
                    seen.add_response(asked, answer["data"])
    assert sorted(wanted - seen.requested) == []
    assert sorted(wanted - seen.non_empty) == sorted(NEVER_SHOWN)


def lookups(pool: Pool) -> list[OperationRequest]:
    """The roots that look up one record. Their arguments are required, so no document above asks for them."""
    ticket = pool.ids[ids.TICKET][-1]
    return [
        OperationRequest(f'{{ node(id: "{ticket}") {{ id }} ticket(id: "{ticket}") {{ id }} }}'),
        OperationRequest(f'{{ ticketByNumber(number: {pool.numbers[-1]}) {{ id }} ticketByExternalId(externalId: "vpn") {{ id }} }}'),
    ]
