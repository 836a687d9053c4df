"""The lease and the cursor of a job: one process at a time holds the lease, and a cursor moves only from where it was read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.ticket_factory import NOON

from models.log import consumer
from models.log.consumer import LogConsumer, OffsetConflict

pytestmark = pytest.mark.usefixtures("database")

NAME = "job"
LENGTH = timedelta(seconds=30)
MOMENT = timedelta(microseconds=1)


async def test_a_lease_is_its_holders_alone_until_it_ends() -> None:
    await consumer.register(NAME)
    assert await consumer.acquire_lease(NAME, "one", NOON, LENGTH) == 0
    for at in (NOON, NOON + LENGTH):
        assert await consumer.acquire_lease(NAME, "two", at, LENGTH) is None
    assert (await LogConsumer.get(name=NAME)).holder == "one"
    assert await consumer.acquire_lease(NAME, "two", NOON + LENGTH + MOMENT, LENGTH) == 0
    assert await consumer.acquire_lease(NAME, "one", NOON + LENGTH + MOMENT, LENGTH) is None


async def test_a_holder_renews_its_lease() -> None:
    await consumer.register(NAME)
    await consumer.acquire_lease(NAME, "one", NOON, LENGTH)
    assert await consumer.acquire_lease(NAME, "one", NOON + LENGTH, LENGTH) == 0
    assert await consumer.acquire_lease(NAME, "two", NOON + 2 * LENGTH, LENGTH) is None


async def test_a_lease_is_released_by_its_holder_alone() -> None:
    await consumer.register(NAME)
    await consumer.acquire_lease(NAME, "one", NOON, LENGTH)
    await consumer.release_lease(NAME, "two")
    assert await consumer.acquire_lease(NAME, "two", NOON, LENGTH) is None
    await consumer.release_lease(NAME, "one")
    assert await consumer.acquire_lease(NAME, "two", NOON, LENGTH) == 0


async def test_a_lease_is_of_one_job() -> None:
    await consumer.register(NAME)
    await consumer.register("other")
    await consumer.acquire_lease(NAME, "one", NOON, LENGTH)
    assert await consumer.acquire_lease("other", "two", NOON, LENGTH) == 0
    assert await consumer.acquire_lease("unknown", "two", NOON, LENGTH) is None


async def test_a_cursor_moves_from_where_it_was_read_and_no_other_place() -> None:
    await consumer.register(NAME)
    await consumer.advance_position(NAME, 0, 5)
    with pytest.raises(OffsetConflict):
        await consumer.advance_position(NAME, 0, 7)
    assert (await LogConsumer.get(name=NAME)).position == 5


async def test_a_renewal_moves_a_cursor_that_still_stands_where_it_was_read_and_never_back() -> None:
    await consumer.register(NAME)
    assert await consumer.acquire_lease(NAME, "one", NOON, LENGTH, read_position=0, scanned_position=4) == 4
    assert await consumer.acquire_lease(NAME, "one", NOON, LENGTH, read_position=0, scanned_position=9) == 4, "another process moved it"
    assert await consumer.acquire_lease(NAME, "one", NOON, LENGTH, read_position=4, scanned_position=2) == 4
