"""Plans and graphql-core return the same responses for the items of subscriptions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import time_machine
from support.differential import OperationRequest, SchemaRunner
from support.generated_operations import Generator, Pool
from support.large_dataset import NOW, LargeDataset
from support.seed import IS_FIXED

from engine.execution.subscription import SubscriptionExecution
from engine.graphql.request import GraphQLRequest
from models.access.viewer import authenticate
from models.log.event import LIFECYCLE_EVENTS, Event
from models.queries.live_list import ChangeKind, LiveListChange
from models.tickets.ticket import Ticket
from resolvers.context import Context

pytestmark = [pytest.mark.never_retried, pytest.mark.stress, pytest.mark.timeout(1200)]

SUBSCRIPTIONS = int(os.environ.get("TEST_QUERIES", "8" if IS_FIXED else "24"))
"""The number of random subscriptions per viewer and root field."""
ITEMS = 24
VIEWERS = ("customer of a shared account", "agent", "admin", "API client with all scopes")


@dataclass
class Environment:
    runner: SchemaRunner
    dataset: LargeDataset
    pool: Pool

    async def check(self, request: OperationRequest, viewer: str, items: Sequence[Any]) -> bool:
        """Fail if the responses differ. Returns whether all are without errors."""
        planner = self.runner.planner
        execution = await self.start(request, viewer)
        before = planner.executions
        planned = await execution.execute_batch(items)
        is_planned = planner.executions > before
        execution.execute_items = None
        core = await execution.execute_batch(items)
        execution.discard()
        assert planned == core, f"{viewer}: {request.query} {request.variables}"
        has_errors = any(b'"errors"' in each for each in core)
        assert is_planned or has_errors, f"not planned: {viewer}: {request.query}"
        return not has_errors

    async def start(self, request: OperationRequest, viewer: str) -> SubscriptionExecution:
        context = Context(self.runner.services, "request", "127.0.0.1")
        found = await authenticate(self.dataset.tokens[viewer], NOW)
        assert found is not None
        context.set_viewer(found)
        parameters = GraphQLRequest(request.query, request.variables, None, None)
        started = await self.runner.schema.start_subscription(parameters, context)
        assert isinstance(started, SubscriptionExecution), started.errors
        return started


@pytest.fixture(scope="module")
def environment(
    large_database: tuple[str, LargeDataset], runner_and_pool: tuple[SchemaRunner, Pool]
) -> Environment:
    _, dataset = large_database
    runner, pool = runner_and_pool
    return Environment(runner, dataset, pool)


def build_changes(tickets: Sequence[Ticket], events: Sequence[Event]) -> list[LiveListChange]:
    """Changes of every kind. Some tickets and events are not visible to some viewers."""
    last_events = {event.ticket_id: event for event in events}
    kinds = (ChangeKind.SNAPSHOT, ChangeKind.ADDED, ChangeKind.UPDATED, ChangeKind.REMOVED)
    changes = [
        LiveListChange(kinds[index % 4], index, ticket.id, last_events.get(ticket.id))
        for index, ticket in enumerate(tickets)
    ]
    others = (ChangeKind.SNAPSHOT_END, ChangeKind.GAP, ChangeKind.HEARTBEAT)
    return [*changes, *(LiveListChange(kind, len(tickets)) for kind in others)]


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("name", ["ticketChanges", "ticketEvents", "ticketStatusChanged"])
async def test_items_of_subscriptions_get_equal_responses(
    environment: Environment, name: str, viewer: str, random: Random
) -> None:
    generator = Generator(environment.runner.core, environment.pool, random)
    without_errors = 0
    tickets, events = await Ticket.all(), await Event.all()
    if name == "ticketStatusChanged":
        events = [each for each in events if each.type in LIFECYCLE_EVENTS]
    with time_machine.travel(NOW, tick=False):
        for number in range(SUBSCRIPTIONS):
            request = generator.subscription(name, whole=number == 0)
            items: Sequence[Any] = random.sample(events, ITEMS)
            if name == "ticketChanges":
                items = build_changes(random.sample(tickets, ITEMS), events)
            without_errors += await environment.check(request, viewer, items)
    assert without_errors > SUBSCRIPTIONS / 3
