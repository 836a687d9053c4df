"""Groups by a log of numbers and a schema of two fields: who joins, leaves and lags is told what follows, once and in order."""

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
from engine.fanout import group as engine_groups
from engine.fanout.group import Subscriber, SubscriptionGroups
from engine.fanout.outbox import Batch, Outbox
from engine.graphql.request import GraphQLRequest
from engine.websocket.outbox import next_prefixes
from engine.websocket.protocol import next_suffix

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.never_retried]

QUERY = "subscription($after: Int, $times: Int! = 1) { numbers(after: $after) { value times(by: $times) } }"


class Numbers:
    """A log that grows, and what is noted of its readers."""

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


class Follow(Source["Number"]):
    cursor_argument = "after"

    def __init__(self, numbers: Numbers, position: int, audience: Hashable) -> None:
        self.numbers, self.position, self.who = numbers, position, audience

    @property
    def share_key(self) -> Hashable:
        return self.who

    @property
    def is_live(self) -> bool:
        return self.position >= len(self.numbers.entries)

    async def next_batch(self) -> Sequence[tuple[int, Number]]:
        while len(self.numbers.entries) <= self.position:
            await self.numbers.grown.wait()
        if self.numbers.fail_after is not None and self.position >= self.numbers.fail_after:
            raise ValueError("the numbers are secret")
        found = self.numbers.entries[self.position : self.position + self.numbers.at_once]
        self.position = found[-1]
        return [(number, Number(value=number)) for number in found if number % 10]

    def fork(self, context: Any, position: int) -> Follow:
        return Follow(self.numbers, position, context.audience)


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


async def numbers(info: strawberry.Info, after: int | None = None) -> Follow:
    log: Numbers = info.context.numbers
    return Follow(log, len(log.entries) if after is None else after, info.context.audience)


@strawberry.type
class Subscription:
    numbers: Any = strawberry.subscription(resolver=numbers, graphql_type=Number)


SCHEMA = Schema(Query, subscription=Subscription)


class RecordingOutbox(Outbox):
    """Keeps what it is given. While `open` is not set, `drained` waits, and `waited_for` is set once it does."""

    def __init__(self) -> None:
        super().__init__(1 << 20, self.count_overflow)
        self.received: list[int] = []
        self.batches = 0
        self.open = asyncio.Event()
        self.open.set()
        self.waited_for = asyncio.Event()
        self.overflows = 0

    def count_overflow(self) -> None:
        self.overflows += 1

    def post(self, message: bytes) -> None:
        raise AssertionError(message)

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.batches += 1
        for head in next_prefixes(batch):
            message = orjson.loads(head + suffix)
            assert orjson.loads(suffix.removeprefix(b',"id":').removesuffix(b"}")) == message["id"]
            self.received.append(message["payload"]["data"]["numbers"]["value"])

    @property
    def backlog(self) -> int:
        return 0

    async def drain(self) -> None:
        if not self.open.is_set():
            self.waited_for.set()
        await self.open.wait()

    async def close(self, code: int, reason: str) -> None:
        raise AssertionError((code, reason))


class Reader:
    """One who subscribed, with what it was told."""

    def __init__(self, world: World, execution: SubscriptionExecution, id: str) -> None:
        self.outbox = RecordingOutbox()
        self.errors: list[Any] = []
        self.began = execution.source.position
        self.subscriber = Subscriber(self.outbox, next_suffix(id), self.began, self.errors.extend, lambda: self.errors.append("interrupted"))
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
        return SimpleNamespace(numbers=self.numbers, audience=audience, request_id="r", address="", refresh=lambda: None)

    async def read(self, audience: Hashable = "all", query: str = QUERY, **variables: Any) -> Reader:
        following = await SCHEMA.start_subscription(GraphQLRequest(query, variables, None, None), self.context(audience))
        assert isinstance(following, SubscriptionExecution), following
        self.readers.append(Reader(self, following, f"id-{len(self.readers)}"))
        return self.readers[-1]

    def expected(self, reader: Reader) -> list[int]:
        return [number for number in self.numbers.entries if number > reader.began and number % 10]


@pytest_asyncio.fixture(loop_scope="function")
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Readers that take nothing are waited for without end, except where a test sets another time."""
    monkeypatch.setattr(engine_groups, "DRAIN_SECONDS", 3600)
    found = World()
    with capture_logs():  # rendering a line for each subscription would cost more than what is tested
        yield found
    await found.groups.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, and leave the processor to others between two looks."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.002)


async def steps(count: int) -> None:
    """Let the other tasks take so many steps; none of them waits for anything but tasks here."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_equal_subscriptions_share_one_execution(world: World) -> None:
    readers = [await world.read() for _ in range(5)]
    world.numbers.write(3)
    await until(lambda: all(reader.received == [1, 2, 3] for reader in readers))
    assert world.numbers.executed == [1, 2, 3]
    assert len(world.groups.running) == 1
    assert (world.groups.counters.items, world.groups.counters.deliveries) == (3, 15)


async def test_what_is_told_together_comes_in_one_write(world: World) -> None:
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


async def test_who_resumes_from_a_cursor_reads_alone_and_then_joins(world: World) -> None:
    leading = await world.read()
    world.numbers.write(200)
    await until(lambda: leading.received == world.expected(leading))
    late = [await world.read(after=place) for place in (0, 57, 199)]
    await until(lambda: all(reader.received == world.expected(reader) for reader in late))
    world.numbers.write(30)
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    assert len(world.groups.running) == 1
    world.numbers.executed.clear()
    world.numbers.write(5)
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    assert world.numbers.executed == [231, 232, 233, 234, 235]


async def test_a_cursor_in_the_document_is_part_of_what_is_asked(world: World) -> None:
    await world.read(query="subscription { numbers(after: 0) { value times(by: 1) } }")
    await world.read(query="subscription($after: Int!) { numbers(after: $after) { value times(by: $after) } }", after=0)
    world.numbers.write()
    await until(lambda: all(reader.received == [1] for reader in world.readers))
    assert world.numbers.executed == [1, 1]


async def test_a_batch_without_visible_items_moves_each_position(world: World) -> None:
    """Otherwise a member that moves to another group would read the hidden items again, perhaps with wider permissions."""
    readers = [await world.read() for _ in range(2)]
    world.numbers.write(9)
    await until(lambda: all(len(reader.received) == 9 for reader in readers))
    world.numbers.write()  # number 10 is visible to nobody
    await until(lambda: all(reader.subscriber.position == 10 for reader in readers))
    assert [len(reader.received) for reader in readers] == [9, 9]


async def test_the_last_to_leave_ends_the_group(world: World) -> None:
    readers = [await world.read() for _ in range(2)]
    for reader in readers:
        assert len(world.groups.running) == 1
        reader.subscriber.leave()
    await until(lambda: not world.groups.running)
    assert not world.groups.leaders
    world.numbers.write()
    again = await world.read(after=0)
    await until(lambda: again.received == [1])
    assert [reader.received for reader in readers] == [[], []]


async def test_a_source_that_fails_ends_each_subscription_with_one_masked_error(world: World) -> None:
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
    assert not world.groups.leaders


async def test_who_reads_alone_is_told_as_fast_as_they_take_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_groups, "MAX_BATCH_ITEMS", 5)
    world.numbers.write(100)
    reader = await world.read(after=0)
    reader.outbox.open.clear()
    await until(reader.outbox.waited_for.is_set)
    await steps(50)
    assert len(reader.received) == 5
    reader.outbox.open.set()
    await until(lambda: reader.received == world.expected(reader))


async def test_who_reads_alone_and_takes_nothing_for_long_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_groups, "DRAIN_SECONDS", 0.05)
    world.numbers.write(100)
    reader = await world.read(after=0)
    reader.outbox.open.clear()
    await until(lambda: reader.outbox.overflows == 1)


async def test_who_joins_is_not_held_up_by_one_who_read_alone_and_takes_nothing(world: World) -> None:
    slow = await world.read()
    slow.outbox.open.clear()
    world.numbers.write()
    await until(slow.outbox.waited_for.is_set)
    assert slow.received == [1]
    others = [await world.read() for _ in range(2)]
    world.numbers.write(2)
    await until(lambda: all(reader.received == [2, 3] for reader in others))
    assert slow.received == [1]
    slow.outbox.open.set()
    world.numbers.write()
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    await until(lambda: len(world.groups.running) == 1)


async def test_rounds_are_bounded_in_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_groups, "MAX_BATCH_BYTES", 100)
    reader = await world.read()
    world.numbers.write(9)
    await until(lambda: len(reader.received) == 9)
    assert reader.received == list(range(1, 10))
    assert reader.outbox.batches > 3


@pytest.mark.stress
@pytest.mark.parametrize("number", range(20))
async def test_whoever_joins_leaves_and_resumes_is_told_all_that_follows_once_and_in_order(
    world: World, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = random_for("groups", number)
    monkeypatch.setattr(engine_groups, "MAX_BATCH_ITEMS", random.choice([1, 2, 7, 32]))
    monkeypatch.setattr(engine_groups, "SUBSCRIBERS_PER_YIELD", random.choice([1, 2, 64]))
    world.numbers.at_once = random.choice([3, 50])
    gone: list[tuple[Reader, int]] = []
    for _ in range(100):
        act = random.random()
        if act < 0.4:
            world.numbers.write(random.choice([1, 1, 2, 12]))
        elif act < 0.6:
            after = random.choice([None, random.randint(0, len(world.numbers.entries))])
            await world.read(**({} if after is None else {"after": after}))
        elif act < 0.7 and world.readers:
            reader = world.readers.pop(random.randrange(len(world.readers)))
            reader.subscriber.leave()
            gone.append((reader, reader.subscriber.position))
        elif act < 0.8 and world.readers:
            # rights change: on with another context, from where they are
            reader = random.choice(world.readers)
            assert reader.subscriber.group is not None
            audience = random.choice(["all", "others"])
            following = reader.subscriber.group.execution.fork(world.context(audience), reader.subscriber.position)
            reader.subscriber.leave()
            world.groups.join(following, reader.subscriber)
        await steps(random.choice([0, 1, 3, 20]))
    world.numbers.write()
    await until(lambda: all(reader.received == world.expected(reader) for reader in world.readers))
    for reader, position in gone:
        assert reader.received == [number for number in world.expected(reader) if number <= position]
    await until(lambda: world.groups.running == {reader.subscriber.group for reader in world.readers})
    assert len(world.groups.running) <= 2
