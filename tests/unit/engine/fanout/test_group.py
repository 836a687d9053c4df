"""Subscription groups over a log of numbers: each subscriber gets all later items once and in
order, however subscribers join, leave and fall behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import pytest_asyncio
import strawberry
from structlog.testing import capture_logs
from support.seed import random_for

from engine.execution.schema import Schema
from engine.execution.source import Source
from engine.execution.subscription import SubscriptionExecution
from engine.fanout import group, outbox
from engine.fanout.batch import Batch
from engine.fanout.group import Subscriber, SubscriptionGroups
from engine.fanout.outbox import Outbox
from engine.graphql.request import GraphQLRequest
from engine.websocket.outbox import encode_next_prefixes
from engine.websocket.protocol import encode_next_suffix

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.never_retried]

QUERY = """subscription($after: Int, $times: Int! = 1) {
  numbers(after: $after) { value times(by: $times) }
}"""


class Numbers:
    """A growing log, and the values that were executed for its readers."""

    def __init__(self) -> None:
        self.entries: list[int] = []
        self.grown = asyncio.Event()
        self.executed: list[int] = []
        self.fail_after: int | None = None
        self.at_once = 50

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.entries.append(len(self.entries) + 1)
        self.grown.set()
        self.grown = asyncio.Event()


def is_visible(number: int) -> bool:
    return number % 10 != 0


class NumberSource(Source["Number"]):
    cursor_argument = "after"

    def __init__(self, numbers: Numbers, position: int, audience: Hashable) -> None:
        self.numbers, self.position, self.audience = numbers, position, audience

    @property
    def share_key(self) -> Hashable:
        return self.audience

    @property
    def is_live(self) -> bool:
        return self.position >= len(self.numbers.entries)

    async def wait(self) -> None:
        while len(self.numbers.entries) <= self.position:
            await self.numbers.grown.wait()

    async def next_batch(self) -> Sequence[tuple[int, Number]]:
        if self.numbers.fail_after is not None and self.position >= self.numbers.fail_after:
            raise ValueError("the numbers are secret")
        batch = self.numbers.entries[self.position : self.position + self.numbers.at_once]
        self.position = batch[-1]
        return [(number, Number(value=number)) for number in batch if is_visible(number)]

    def fork(self, context: Any, position: int) -> NumberSource:
        return NumberSource(self.numbers, position, context.audience)


@strawberry.type
class Number:
    value: int

    @strawberry.field
    async def times(self, info: strawberry.Info, by: int) -> int:
        info.context.numbers.executed.append(self.value)
        await asyncio.sleep(0)
        return self.value * by


@strawberry.type
class Query:
    one: int = 1


async def numbers(info: strawberry.Info, after: int | None = None) -> NumberSource:
    log: Numbers = info.context.numbers
    return NumberSource(log, len(log.entries) if after is None else after, info.context.audience)


@strawberry.type
class Subscription:
    numbers: Any = strawberry.subscription(resolver=numbers, graphql_type=Number)


SCHEMA = Schema(Query, subscription=Subscription)


class RecordingOutbox(Outbox):
    """Records what it gets. `drain` waits until `is_open` is set, and sets `is_draining` when it
    waits."""

    def __init__(self) -> None:
        super().__init__(1 << 20, self.count_overflow)
        self.received: list[int] = []
        self.batches = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_draining = asyncio.Event()
        self.overflows = 0
        self.checks = 0
        self.accepted = 0
        self.bytes_per_check = 0
        """The bytes that the client accepts between two checks of its progress."""

    @property
    def accepted_bytes(self) -> int:
        self.checks += 1
        self.accepted += self.bytes_per_check
        return self.accepted

    def count_overflow(self) -> None:
        self.overflows += 1

    def post(self, message: bytes) -> None:
        raise AssertionError(message)

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.batches += 1
        for head in encode_next_prefixes(batch):
            message = orjson.loads(head + suffix)
            assert orjson.loads(suffix.removeprefix(b',"id":').removesuffix(b"}")) == message["id"]
            self.received.append(message["payload"]["data"]["numbers"]["value"])

    @property
    def backlog(self) -> int:
        return 0

    async def drain(self) -> None:
        if not self.is_open.is_set():
            self.is_draining.set()
        await self.is_open.wait()

    async def close(self, code: int, reason: str) -> None:
        raise AssertionError((code, reason))


class Reader:
    """A subscriber, with the values and errors that it got."""

    def __init__(self, world: World, execution: SubscriptionExecution, id: str) -> None:
        self.outbox = RecordingOutbox()
        self.errors: list[Any] = []
        self.start = execution.source.position
        self.subscriber = Subscriber(
            self.outbox,
            encode_next_suffix(id),
            self.start,
            self.errors.extend,
            lambda: self.errors.append("interrupted"),
        )
        world.groups.join(execution, self.subscriber)

    @property
    def received(self) -> list[int]:
        return self.outbox.received


class World:
    def __init__(self) -> None:
        self.numbers = Numbers()
        self.groups = SubscriptionGroups()
        self.readers: list[Reader] = []

    def context(self, audience: Hashable = "all") -> Any:
        return SimpleNamespace(
            numbers=self.numbers,
            audience=audience,
            request_id="r",
            address="",
            renew_loaders=lambda: None,
        )

    async def read(
        self, audience: Hashable = "all", query: str = QUERY, **variables: Any
    ) -> Reader:
        execution = await SCHEMA.start_subscription(
            GraphQLRequest(query, variables, None, None), self.context(audience)
        )
        assert isinstance(execution, SubscriptionExecution), execution
        self.readers.append(Reader(self, execution, f"id-{len(self.readers)}"))
        return self.readers[-1]

    def expected(self, reader: Reader) -> list[int]:
        return [
            number
            for number in self.numbers.entries
            if number > reader.start and is_visible(number)
        ]


@pytest_asyncio.fixture(loop_scope="function")
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A slow reader is waited for without end, unless a test sets another time limit."""
    monkeypatch.setattr(outbox, "STALL_SECONDS", 3600)
    world = World()
    with capture_logs():  # rendering a line for each subscription would cost more than the test
        yield world
    await world.groups.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and let other tasks run between two checks."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


async def steps(count: int) -> None:
    """Let the other tasks run so many steps. Here they only wait for each other."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_equal_subscriptions_share_one_execution(world: World) -> None:
    readers = [await world.read() for _ in range(5)]
    world.numbers.write(3)
    await until(lambda: all(reader.received == [1, 2, 3] for reader in readers))
    assert world.numbers.executed == [1, 2, 3]
    assert len(world.groups.running) == 1
    assert (world.groups.counters.items, world.groups.counters.deliveries) == (3, 15)


async def test_items_of_one_batch_come_in_one_write(world: World) -> None:
    reader = await world.read()
    world.numbers.write(9)
    await until(lambda: len(reader.received) == 9)
    assert reader.outbox.batches == 1


@pytest.mark.parametrize(
    "other",
    [
        {"audience": "others"},
        {"times": 2},
        {"query": QUERY.replace("value ", "value again: value ")},
        {"audience": None},
    ],
    ids=["another audience", "another variable", "another selection", "an audience of one"],
)
async def test_unequal_subscriptions_share_nothing(world: World, other: dict[str, Any]) -> None:
    await world.read()
    await world.read(**other)
    world.numbers.write()
    await until(lambda: all(reader.received == [1] for reader in world.readers))
    assert world.numbers.executed == [1, 1]


async def test_a_subscriber_that_resumes_runs_alone_and_then_joins_the_group(world: World) -> None:
    first = await world.read()
    world.numbers.write(200)
    await until(lambda: first.received == world.expected(first))
    late = [await world.read(after=position) for position in (0, 57, 199)]
    await until(lambda: all(reader.received == world.expected(reader) for reader in late))
    world.numbers.write(30)
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    assert len(world.groups.running) == 1
    world.numbers.executed.clear()
    world.numbers.write(5)
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    assert world.numbers.executed == [231, 232, 233, 234, 235]


async def test_a_cursor_in_the_document_prevents_sharing(world: World) -> None:
    await world.read(query="subscription { numbers(after: 0) { value times(by: 1) } }")
    await world.read(
        query="subscription($after: Int!) { numbers(after: $after) { value times(by: $after) } }",
        after=0,
    )
    world.numbers.write()
    await until(lambda: all(reader.received == [1] for reader in world.readers))
    assert world.numbers.executed == [1, 1]


async def test_a_batch_without_visible_items_moves_each_position(world: World) -> None:
    """Otherwise a subscriber that moves to another group would read the hidden items again, perhaps
    with wider permissions."""
    readers = [await world.read() for _ in range(2)]
    world.numbers.write(9)
    await until(lambda: all(len(reader.received) == 9 for reader in readers))
    world.numbers.write()  # number 10 is visible to nobody
    await until(lambda: all(reader.subscriber.position == 10 for reader in readers))
    assert [len(reader.received) for reader in readers] == [9, 9]


async def test_a_group_ends_when_its_last_subscriber_leaves(world: World) -> None:
    readers = [await world.read() for _ in range(2)]
    for reader in readers:
        assert len(world.groups.running) == 1
        reader.subscriber.leave()
    await until(lambda: not world.groups.running)
    assert not world.groups.shared_groups
    world.numbers.write()
    again = await world.read(after=0)
    await until(lambda: again.received == [1])
    assert [reader.received for reader in readers] == [[], []]


async def test_a_source_that_fails_ends_each_subscription_with_one_masked_error(
    world: World,
) -> None:
    readers = [await world.read() for _ in range(3)]
    world.numbers.fail_after = 2
    world.numbers.write(2)
    await until(lambda: all(reader.received == [1, 2] for reader in readers))
    world.numbers.write()
    await until(lambda: all(reader.errors for reader in readers))
    for reader in readers:
        assert [error["extensions"]["code"] for error in reader.errors] == ["INTERNAL"]
        assert "secret" not in str(reader.errors)
    await until(lambda: not world.groups.running)
    assert not world.groups.shared_groups


async def test_a_single_subscriber_is_served_at_its_own_speed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "MAX_BATCH_ITEMS", 5)
    world.numbers.write(100)
    reader = await world.read(after=0)
    reader.outbox.is_open.clear()
    await until(reader.outbox.is_draining.is_set)
    await steps(50)
    assert len(reader.received) == 5
    reader.outbox.is_open.set()
    await until(lambda: reader.received == world.expected(reader))


async def test_a_single_subscriber_that_reads_nothing_is_disconnected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STALL_SECONDS", 0.05)
    world.numbers.write(100)
    reader = await world.read(after=0)
    reader.outbox.is_open.clear()
    await until(lambda: reader.outbox.overflows == 1)


async def test_a_single_subscriber_that_reads_slowly_is_not_disconnected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STALL_SECONDS", 0.001)
    world.numbers.write(100)
    reader = await world.read(after=0)
    reader.outbox.bytes_per_check = 1
    reader.outbox.is_open.clear()
    await until(lambda: reader.outbox.checks > 20)
    assert not reader.outbox.overflows
    reader.outbox.bytes_per_check = 0
    await until(lambda: reader.outbox.overflows == 1)


async def test_a_new_subscriber_does_not_wait_for_a_slow_single_subscriber(world: World) -> None:
    slow = await world.read()
    slow.outbox.is_open.clear()
    world.numbers.write()
    await until(slow.outbox.is_draining.is_set)
    assert slow.received == [1]
    others = [await world.read() for _ in range(2)]
    world.numbers.write(2)
    await until(lambda: all(reader.received == [2, 3] for reader in others))
    assert slow.received == [1]
    slow.outbox.is_open.set()
    world.numbers.write()
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    await until(lambda: len(world.groups.running) == 1)


async def test_batches_are_limited_in_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fanout.batch.MAX_BATCH_BYTES", 100)
    reader = await world.read()
    world.numbers.write(9)
    await until(lambda: len(reader.received) == 9)
    assert reader.received == list(range(1, 10))
    assert reader.outbox.batches > 3


@pytest.mark.stress
@pytest.mark.parametrize("number", range(20))
async def test_each_subscriber_gets_all_later_items_once_and_in_order(
    world: World, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = random_for("groups", number)
    monkeypatch.setattr(group, "MAX_BATCH_ITEMS", random.choice([1, 2, 7, 32]))
    monkeypatch.setattr(group, "SUBSCRIBERS_PER_YIELD", random.choice([1, 2, 64]))
    world.numbers.at_once = random.choice([3, 50])
    left: list[tuple[Reader, int]] = []
    for _ in range(100):
        action = random.random()
        if action < 0.4:
            world.numbers.write(random.choice([1, 1, 2, 12]))
        elif action < 0.6:
            variables: dict[str, Any] = {}
            if random.random() < 0.5:
                variables["after"] = random.randint(0, len(world.numbers.entries))
            await world.read(**variables)
        elif action < 0.7 and world.readers:
            reader = world.readers.pop(random.randrange(len(world.readers)))
            reader.subscriber.leave()
            left.append((reader, reader.subscriber.position))
        elif action < 0.8 and world.readers:
            # its permissions change: it continues with another context from its position
            reader = random.choice(world.readers)
            assert reader.subscriber.group is not None
            audience = random.choice(["all", "others"])
            execution = reader.subscriber.group.execution.fork(
                world.context(audience), reader.subscriber.position
            )
            reader.subscriber.leave()
            world.groups.join(execution, reader.subscriber)
        await steps(random.choice([0, 1, 3, 20]))
    world.numbers.write()
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    for reader, position in left:
        assert reader.received == [
            number for number in world.expected(reader) if number <= position
        ]
    await until(
        lambda: world.groups.running == {reader.subscriber.group for reader in world.readers}
    )
    await until(lambda: len(world.groups.running) <= 2)  # one for each audience
