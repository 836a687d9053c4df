"""The lease and the cursor of a job.

One process at a time holds the lease, and a cursor moves only from the position that was read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.ticket_factory import NOON

from models.log import consumer
from models.log.consumer import UNUSED_TIME, LogConsumer, PositionConflict

pytestmark = pytest.mark.usefixtures("database")

NAME = "job"
LEASE_TIME = timedelta(seconds=30)
MICROSECOND = timedelta(microseconds=1)


async def test_only_the_holder_has_a_lease_until_it_expires() -> None:
    await consumer.register(NAME)
    assert await consumer.acquire_lease(NAME, "one", NOON, LEASE_TIME) == 0
    for at in (NOON, NOON + LEASE_TIME):
        assert await consumer.acquire_lease(NAME, "two", at, LEASE_TIME) is None
    assert (await LogConsumer.get(name=NAME)).holder == "one"
    assert (
        await consumer.acquire_lease(NAME, "two", NOON + LEASE_TIME + MICROSECOND, LEASE_TIME) == 0
    )
    assert (
        await consumer.acquire_lease(NAME, "one", NOON + LEASE_TIME + MICROSECOND, LEASE_TIME)
        is None
    )


async def test_a_holder_renews_its_lease() -> None:
    await consumer.register(NAME)
    await consumer.acquire_lease(NAME, "one", NOON, LEASE_TIME)
    assert await consumer.acquire_lease(NAME, "one", NOON + LEASE_TIME, LEASE_TIME) == 0
    assert await consumer.acquire_lease(NAME, "two", NOON + 2 * LEASE_TIME, LEASE_TIME) is None


async def test_only_the_holder_can_release_a_lease() -> None:
    await consumer.register(NAME)
    await consumer.acquire_lease(NAME, "one", NOON, LEASE_TIME)
    await consumer.release_lease(NAME, "two", NOON)
    assert await consumer.acquire_lease(NAME, "two", NOON, LEASE_TIME) is None
    await consumer.release_lease(NAME, "one", NOON)
    assert await consumer.acquire_lease(NAME, "two", NOON, LEASE_TIME) == 0


async def test_each_job_has_its_own_lease() -> None:
    await consumer.register(NAME)
    await consumer.register("other")
    await consumer.acquire_lease(NAME, "one", NOON, LEASE_TIME)
    assert await consumer.acquire_lease("other", "two", NOON, LEASE_TIME) == 0
    assert await consumer.acquire_lease("unknown", "two", NOON, LEASE_TIME) is None


async def test_a_cursor_moves_only_from_the_position_that_was_read() -> None:
    await consumer.register(NAME)
    await consumer.advance_position(NAME, 0, 5)
    with pytest.raises(PositionConflict):
        await consumer.advance_position(NAME, 0, 7)
    assert (await LogConsumer.get(name=NAME)).position == 5


async def test_a_renewal_moves_only_an_unchanged_cursor_and_never_back() -> None:
    await consumer.register(NAME)
    assert (
        await consumer.acquire_lease(
            NAME, "one", NOON, LEASE_TIME, read_position=0, scanned_position=4
        )
        == 4
    )
    assert (
        await consumer.acquire_lease(
            NAME, "one", NOON, LEASE_TIME, read_position=0, scanned_position=9
        )
        == 4
    ), "another process moved it"
    assert (
        await consumer.acquire_lease(
            NAME, "one", NOON, LEASE_TIME, read_position=4, scanned_position=2
        )
        == 4
    )


async def test_a_consumer_of_an_unknown_job_is_deleted_after_thirty_days_without_a_lease() -> None:
    for name in ("known", "held", "released", "never_held"):
        await consumer.register(name)
    await consumer.acquire_lease("held", "one", NOON, LEASE_TIME)
    await consumer.acquire_lease("released", "one", NOON, LEASE_TIME)
    await consumer.release_lease("released", "one", NOON)

    async def delete_and_list(at: datetime) -> set[str]:
        await consumer.delete_unused(["known"], at)
        names = {each.name for each in await LogConsumer.all()}
        return names - set(consumer.PERMANENT_CONSUMERS)

    others = {"held", "released", "never_held"}
    assert await delete_and_list(NOON) == {"known", *others}
    assert await delete_and_list(NOON + UNUSED_TIME) == {"known", *others}
    at = NOON + UNUSED_TIME + MICROSECOND
    assert await delete_and_list(at) == {"known", "held"}
    # A process of another version still runs this job.
    await consumer.acquire_lease("held", "two", at, LEASE_TIME)
    assert await delete_and_list(at + LEASE_TIME) == {"known", "held"}
    assert await delete_and_list(at + LEASE_TIME + UNUSED_TIME + MICROSECOND) == {"known"}


async def test_a_log_job_that_no_process_runs_keeps_its_position() -> None:
    await consumer.register("notifier")
    await LogConsumer.filter(name="notifier").update(position=7, held_until=NOON)
    await consumer.delete_unused(["other"], NOON + 2 * UNUSED_TIME)
    assert (await LogConsumer.get(name="notifier")).position == 7
