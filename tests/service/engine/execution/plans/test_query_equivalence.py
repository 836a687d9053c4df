"""Plans and graphql-core return the same responses and errors, for operations over the whole schema
and for each kind of viewer.

Each test checks a part of the operations, so that several test processes share them. An operation
takes about 70 ms, most of it in graphql-core.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
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

from models.access.viewer import ANONYMOUS, authenticate
from models.core import ids
from schema.fields import permission_of
from schema.queries.query import Query

pytestmark = [pytest.mark.never_retried, pytest.mark.stress, pytest.mark.timeout(1200)]

QUERIES = int(os.environ.get("TEST_QUERIES", "8" if IS_FIXED else "24"))
"""The number of random operations per viewer; active viewers get three times as many."""
PARTS = 11
"""The number of tests that share the documents that select every field."""
VIEWERS = (
    *(
        "anonymous",
        "customer",
        "customer of a shared account",
        "customer of the demo",
        "customer's program",
    ),
    *(
        "customer without tickets",
        "agent",
        "agent of billing",
        "admin",
        "machine that reads tickets",
    ),
    *(
        "machine that reads the log",
        "machine that reads tickets and notes",
        "machine that reads tickets and people",
    ),
    *("API client that writes tickets", "API client with all scopes"),
)
ALTERNATING_VIEWERS = ("agent of billing", "API client with all scopes")
"""They see the same as an agent. Without TEST_SEED, each gets every other document."""
MIN_PLANNED_SHARE = 0.9
"""Of the operations without errors. Without plans, graphql-core would be compared with itself."""
FAILING = (
    ("admin", '{ tickets(first: 2, after: "x") { totalCount nodes { id } } }'),
    (
        "admin",
        "{ tickets(first: 2) { nodes { "
        'id timeline(after: "x") { totalCount } messages(first: 1) { nodes { body } } } } }',
    ),
    ("admin", '{ events(after: "x") { nodes { id } } teams { slug } }'),
    ("admin", "{ tickets(first: 0) { totalCount } }"),
    ("admin", "{ nothing }"),
    ("customer", "{ users(first: 1) { nodes { id } } teams { slug } }"),
    (
        "admin",
        "{ teams { slug } ticketByNumber(number: 1001) { "
        'id timeline(after: "x") { totalCount } } }',
    ),
    ("anonymous", "{ viewer { role } tickets(first: 1) { totalCount } }"),
)
"""Viewers and operations that fail: invalid cursors and arguments, unknown fields, no
permission."""
COVERING_VIEWERS = ("agent", "admin", "customer of a shared account", "API client with all scopes")
"""Together, these viewers see a value of each field of the schema."""
ALWAYS_NULL: set[FieldKey] = {
    ("Attachment", "thumbnailUrl"),
    ("Attachment", "url"),
    ("TicketCreated", "action"),
    ("TicketCreated", "from"),
    ("TicketExport", "url"),
    ("TicketStats", "remainder"),
    ("TransitionRefused", "field"),
}
"""The server of this test has no store of files. A ticket has no status before it is created. Only
more than 100 groups have a remainder. The refusal of a transition is not about one field."""
MUTATION_ERRORS = {"StaleVersion", "UnseenMessages"}
"""The user errors that no query returns."""
PREVIEW = """{ previewMacro(macroId: "MACRO", ticketId: "TICKET") { text
  changes { field from to fromItems toItems }
  userErrors { _t: __typename code message field
    ... on TransitionRefused { from action allowed } } } }"""

DRAFT = """{ node(id: "DRAFT") { ... on Draft {
  attachments { filename } proposedBy { displayName } } } }"""
GAPS = """{ webhook(id: "WEBHOOK") { id url } webhookGaps(webhookId: "WEBHOOK", first: 2) {
  nodes { id } edges { cursor } pageInfo { hasNextPage } totalCount }
  webhookReplayPreview(webhookId: "WEBHOOK", after: "0000000000000000") {
    after until events maximum } }"""
ATTEMPTS = """{ webhook(id: "WEBHOOK") { deliveries(first: 5) { nodes {
  requestBody attemptLog { request { url headers { name value } } } } } } }"""
DRY_RUN = """{ dryRunWebhook(query: "{ ticket { ref } }", eventId: "EVENT") { cost payload } }"""
RETENTION = """{ retentionPreview(filter: {}, ageDays: 30) { tickets messages files cutoff } }"""
REPORT = """{ ticketReport(range: {firstDay: "2025-11-01", lastDay: "2026-11-03"}) { omittedGroups
  groups { key label created ratings averageRating
    firstResponse { count median percentile90 }
    firstResponseWorkingTime { count median percentile90 }
    resolution { count median percentile90 }
    resolutionWorkingTime { count median percentile90 }
    firstResponseAttainment { met missed ratio }
    nextResponseAttainment { met missed ratio } resolutionAttainment { met missed ratio } } } }"""


@dataclass
class Environment:
    """The schema over a copy of the large database, and documents that select every field."""

    runner: SchemaRunner
    dataset: LargeDataset
    pool: Pool
    documents: Sequence[OperationRequest]
    planned: int = 0
    fallen_back: int = 0

    async def check(
        self, request: OperationRequest, viewer: str, *, fails: bool = False
    ) -> dict[str, Any]:
        """Fail if the two responses differ or contain an internal error.

        Returns graphql-core's response. `fails` allows validation errors.
        """
        planner = self.runner.planner
        executions, fallbacks = planner.executions, planner.fallbacks
        core, planned = await self.run_both(request, viewer)
        if "data" in core and "errors" not in core:  # plans leave errors to graphql-core
            self.planned += planner.executions - executions
            self.fallen_back += planner.fallbacks - fallbacks
        codes = {error["extensions"]["code"] for error in core.get("errors", ())}
        forbidden = {"INTERNAL", "UNAVAILABLE"}
        if not fails:
            forbidden.add("GRAPHQL_VALIDATION_FAILED")
        assert not codes & forbidden, format_difference(request, viewer, str(core["errors"]))
        difference = await self.compare(request, viewer, core, planned)
        if difference is not None:
            await self.fail(request, viewer, difference)
        return core

    async def fail(self, request: OperationRequest, viewer: str, difference: str) -> None:
        """Fail with the smallest operation whose responses differ."""

        async def differs(smaller: OperationRequest) -> bool:
            return await self.find_difference(smaller, viewer) is not None

        if not await differs(request):
            message = f"{difference}\n(the responses to a second request were the same)"
            pytest.fail(format_difference(request, viewer, message))
        minimal = await minimize_operation(request, differs)
        minimal_difference = await self.find_difference(minimal, viewer)
        pytest.fail(format_difference(minimal, viewer, str(minimal_difference)))

    async def run_both(
        self, request: OperationRequest, viewer: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return await self.runner.answer_both_ways(request, self.dataset.tokens[viewer])

    async def find_difference(self, request: OperationRequest, viewer: str) -> str | None:
        core, planned = await self.run_both(request, viewer)
        return await self.compare(request, viewer, core, planned)

    async def compare(
        self,
        request: OperationRequest,
        viewer: str,
        core: dict[str, Any],
        planned: dict[str, Any],
    ) -> str | None:
        """The difference between two responses, if any.

        If several errors cause the same null, graphql-core may report any of them.
        """
        difference = find_difference(core, planned)
        alternatives = None if difference is None else alternative_errors(core, planned)
        if alternatives is None:
            return difference
        for error in alternatives:
            reduced = reduce_to_path(request, error["path"])
            with self.runner.graphql_core_only():
                alone = await self.runner.answer(reduced, self.dataset.tokens[viewer])
            if not any(is_same_error(error, each) for each in alone.get("errors", ())):
                return difference
        return None


def is_same_error(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two errors of a field are equal, apart from the indexes of list items."""
    return error_key(one) == error_key(other)


def error_key(error: dict[str, Any]) -> tuple[Any, ...]:
    fields = [key for key in error.get("path", ()) if isinstance(key, str)]
    return error["message"], error["extensions"], fields


async def list_permitted_fields(token: str | None) -> list[str]:
    """The fields of Query that a viewer may request."""
    viewer = await authenticate(token, NOW) if token else ANONYMOUS
    definition: Any = Query.__strawberry_definition__  # type: ignore[attr-defined]
    names: list[str] = []
    for field in definition.fields:
        permission = permission_of(field)
        if permission is not None and viewer is not None and permission.allows(viewer):
            names.append(to_camel_case(field.python_name))
    return names


@pytest.fixture(scope="module")
def environment(
    large_database: tuple[str, LargeDataset], runner_and_pool: tuple[SchemaRunner, Pool]
) -> Environment:
    _, dataset = large_database
    runner, pool = runner_and_pool
    generator = Generator(runner.core, pool, random_for("everything"))
    return Environment(runner, dataset, pool, generator.build_full_requests())


@pytest.mark.parametrize("part", range(PARTS))
async def test_documents_that_select_every_field_get_equal_responses(
    environment: Environment, part: int
) -> None:
    environment.planned = environment.fallen_back = 0
    with time_machine.travel(NOW, tick=False):
        for number in range(part, len(environment.documents), PARTS):
            omitted = ALTERNATING_VIEWERS[number // PARTS % 2] if IS_FIXED else None
            for viewer in VIEWERS:  # a document is validated once for all viewers
                if viewer != omitted:
                    await environment.check(environment.documents[number], viewer)
    counts = (environment.planned, environment.fallen_back)
    assert environment.planned > MIN_PLANNED_SHARE * sum(counts), counts


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_random_operations_get_equal_responses(
    environment: Environment, viewer: str, random: Random
) -> None:
    count = QUERIES * (3 if viewer in ACTIVE_VIEWERS else 1)
    generator = Generator(environment.runner.core, environment.pool, random)
    environment.planned = environment.fallen_back = 0
    with_data = 0
    with time_machine.travel(NOW, tick=False):
        fields = await list_permitted_fields(environment.dataset.tokens[viewer])
        for number in range(count):
            fails = number % 4 == 3
            core = await environment.check(
                generator.query(fields, fails=fails), viewer, fails=fails
            )
            with_data += bool(core.get("data"))
    if viewer in ACTIVE_VIEWERS:  # the others see little
        assert with_data > count / 3
        assert environment.planned > environment.fallen_back, (
            environment.planned,
            environment.fallen_back,
        )


async def test_failing_operations_get_equal_responses(environment: Environment) -> None:
    codes: set[str] = set()
    partial = without_data = 0
    with time_machine.travel(NOW, tick=False):
        for viewer, query in FAILING:
            core = await environment.check(OperationRequest(query), viewer, fails=True)
            codes |= {error["extensions"]["code"] for error in core["errors"]}
            partial += bool(core.get("data"))
            without_data += "data" in core and core["data"] is None
    assert codes >= {"BAD_REQUEST", "CURSOR_INVALID", "FORBIDDEN", "GRAPHQL_VALIDATION_FAILED"}
    assert partial
    assert without_data >= 3


async def test_the_list_of_viewers_is_complete(environment: Environment) -> None:
    assert set(VIEWERS) == set(environment.dataset.tokens)


async def test_the_documents_return_a_value_of_each_field(environment: Environment) -> None:
    schema = environment.runner.core
    assert schema.query_type is not None
    coverage = FieldCoverage(schema)
    reachable = reachable_fields(schema, schema.query_type)
    expected_fields = {pair for pair in reachable if pair[0] not in MUTATION_ERRORS}
    with time_machine.travel(NOW, tick=False):
        for viewer in COVERING_VIEWERS:
            for request in [*environment.documents, *lookup_requests(environment.pool)]:
                missing = expected_fields - coverage.non_empty - ALWAYS_NULL
                if not any(name in request.query for _, name in missing):
                    continue  # it selects nothing new
                response = await environment.runner.answer(
                    request, environment.dataset.tokens[viewer]
                )
                if response.get("data"):
                    coverage.add_response(request, response["data"])
    assert sorted(expected_fields - coverage.requested) == []
    assert sorted(expected_fields - coverage.non_empty) == sorted(ALWAYS_NULL)


def lookup_requests(pool: Pool) -> list[OperationRequest]:
    """Requests for single records. Their arguments are required, so no document above has them."""
    ticket = pool.ids[ids.TICKET][-1]
    by_number = f"ticketByNumber(number: {pool.numbers[-1]}) {{ id }}"
    by_external_id = 'ticketByExternalId(externalId: "vpn") { id }'
    return [
        OperationRequest(f'{{ node(id: "{ticket}") {{ id }} ticket(id: "{ticket}") {{ id }} }}'),
        OperationRequest(f"{{ {by_number} {by_external_id} }}"),
        OperationRequest(REPORT),
        OperationRequest(RETENTION),
        OperationRequest(DRY_RUN.replace("EVENT", pool.ids[ids.EVENT][0])),
        *(OperationRequest(DRAFT.replace("DRAFT", each)) for each in pool.ids[ids.DRAFT]),
        *(
            OperationRequest(document.replace("WEBHOOK", each))
            for each in pool.ids[ids.WEBHOOK]
            for document in (GAPS, ATTEMPTS)
        ),
        OperationRequest(f'{{ job(id: "{pool.ids[ids.JOB][-1]}") {{ id }} }}'),
        *(
            OperationRequest(PREVIEW.replace("MACRO", macro).replace("TICKET", each))
            for each in pool.ids[ids.TICKET][:40]
            for macro in pool.ids[ids.MACRO]
        ),
    ]
