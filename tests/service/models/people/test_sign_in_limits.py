"""Sign-in attempts are counted in the database and delayed. Strangers lock nobody out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from models.people.sign_in_limits import (
    FORGET_AFTER,
    KNOWN_FOR,
    MAX_ACCOUNT_DELAY,
    MAX_DELAY,
    AttemptStatus,
    SignInAttempts,
    SignInLimits,
    SignInSource,
    delete_expired,
)

pytestmark = pytest.mark.usefixtures("database")
SECOND = timedelta(seconds=1)
NO_WAIT = timedelta()
EMAIL = "cora@example.com"


class Clock:
    """A clock that moves only if the test advances it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Caller:
    """Attempts from one network at the clock's time."""

    def __init__(
        self, limits: SignInLimits, clock: Clock, network: str, wide_network: str | None = None
    ) -> None:
        self.limits, self.clock, self.network = limits, clock, network
        self.wide_network = wide_network or network

    def source(self, email: str) -> SignInSource:
        return SignInSource(email, self.network, self.wide_network)

    async def fail(self, email: str = EMAIL) -> timedelta:
        """Make a failed attempt; returns the time to wait if it is refused."""
        return await self.limits.count_attempt(self.source(email), self.clock())

    async def succeed(self, email: str = EMAIL) -> timedelta:
        wait = await self.fail(email)
        if not wait:
            await self.limits.record_success(self.source(email), self.clock())
        return wait


async def read_rows() -> list[tuple[str, int, datetime, datetime | None, datetime]]:
    rows = await SignInAttempts.all().order_by("key")
    return [(r.key, r.attempts, r.next_attempt_at, r.known_until, r.expires_at) for r in rows]


async def test_the_delay_doubles_with_each_further_failed_attempt(clock: Clock) -> None:
    stranger = Caller(SignInLimits(3), clock, "192.0.2.1")
    assert [await stranger.fail() for _ in range(3)] == [NO_WAIT] * 3
    delays: list[float] = []
    for _ in range(11):
        wait = await stranger.fail()
        delays.append(wait.total_seconds())
        clock.advance(seconds=wait.total_seconds() - 0.001)
        assert await stranger.fail() == timedelta(milliseconds=1), "not yet"
        clock.advance(seconds=0.001)
        assert await stranger.fail() == NO_WAIT
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


async def test_refused_attempts_store_nothing_and_do_not_extend_the_delay(clock: Clock) -> None:
    stranger = Caller(SignInLimits(2), clock, "192.0.2.1")
    assert [await stranger.fail() for _ in range(2)] == [NO_WAIT] * 2
    before = await read_rows()
    for _ in range(20):
        assert await stranger.fail() == SECOND
    assert await read_rows() == before
    sprayer = Caller(SignInLimits(2), clock, "192.0.2.2")
    assert [await sprayer.fail(f"n{n}@example.com") for n in range(12)] == [NO_WAIT] * 12
    before = await read_rows()
    for index in range(50):
        assert await sprayer.fail(f"unknown-{index}@example.com") == SECOND
    assert await read_rows() == before, "no row for another email address"


async def test_attempts_at_the_same_moment_are_counted_one_after_another(clock: Clock) -> None:
    processes = [Caller(SignInLimits(5), clock, "192.0.2.1") for _ in range(4)]
    waits = await asyncio.gather(*(process.fail() for process in processes * 10))
    assert waits.count(NO_WAIT) == 5
    assert sum(attempts for _, attempts, *_ in await read_rows()) == 20, "each under four keys"


async def test_a_network_has_a_limit_for_all_accounts(clock: Clock) -> None:
    limits = SignInLimits(2)
    stranger, other = Caller(limits, clock, "192.0.2.1"), Caller(limits, clock, "192.0.2.2")
    waits = [await stranger.fail(f"n{n}@example.com") for n in range(14)]
    assert waits == [NO_WAIT] * 12 + [SECOND] * 2
    assert await other.fail("n99@example.com") == NO_WAIT


async def test_an_account_has_a_limit_for_all_networks(clock: Clock) -> None:
    limits = SignInLimits(2)
    networks = [Caller(limits, clock, f"192.0.2.{n}") for n in range(14)]
    assert [await each.fail() for each in networks] == [NO_WAIT] * 12 + [SECOND] * 2
    assert await networks[13].fail("other@example.com") == NO_WAIT


async def test_strangers_can_not_lock_the_owner_out_of_a_known_network(clock: Clock) -> None:
    limits = SignInLimits(2)
    owner = Caller(limits, clock, "2001:db8:1::/64")
    assert await owner.succeed() == NO_WAIT
    strangers = [Caller(limits, clock, f"2001:db8:2:{n}::/64") for n in range(30)]
    for _ in range(40):
        waits = [await each.fail() for each in strangers]
        clock.advance(seconds=min(waits).total_seconds())
    await strangers[0].fail()
    await strangers[1].fail()
    assert all([await each.fail() for each in strangers]), "the account has a delay"
    assert await owner.succeed() == NO_WAIT
    neighbour = Caller(limits, clock, owner.network)
    for index in range(20):
        await neighbour.fail(f"n{index}@example.com")
    assert await neighbour.fail("n20@example.com"), "the network has a delay"
    assert await owner.succeed() == NO_WAIT


async def test_one_stranger_can_not_use_all_turns_of_an_account(clock: Clock) -> None:
    limits = SignInLimits(2)
    stranger, owner = Caller(limits, clock, "192.0.2.1"), Caller(limits, clock, "192.0.2.2")
    for _ in range(40):
        clock.advance(seconds=(await stranger.fail()).total_seconds())
    clock.advance(seconds=(await stranger.fail()).total_seconds())
    assert await stranger.fail() == NO_WAIT
    assert await stranger.fail() == MAX_DELAY
    wait = await owner.fail()
    assert wait == MAX_ACCOUNT_DELAY
    clock.advance(seconds=wait.total_seconds())
    assert await stranger.fail() == MAX_DELAY - MAX_ACCOUNT_DELAY
    assert await owner.succeed() == NO_WAIT


async def test_strangers_in_one_wide_network_can_not_use_all_turns_of_an_account(
    clock: Clock,
) -> None:
    limits = SignInLimits(10)
    owner = Caller(limits, clock, "2001:db8:9::/64", "2001:db8:9::/48")
    strangers = [
        Caller(limits, clock, f"2001:db8:1:{n}::/64", "2001:db8:1::/48") for n in range(600)
    ]
    for stranger in strangers[:300]:
        clock.advance(seconds=(await stranger.fail()).total_seconds())
        if (await stranger.fail()) == MAX_DELAY:
            break
    wait = await owner.fail()
    assert NO_WAIT < wait <= MAX_ACCOUNT_DELAY
    clock.advance(seconds=wait.total_seconds())
    assert all([await each.fail() for each in strangers[300:310]]), "the wide network waits longer"
    assert await owner.succeed() == NO_WAIT


async def test_the_standing_tells_whether_the_network_is_known(clock: Clock) -> None:
    limits = SignInLimits(1)
    owner, stranger = Caller(limits, clock, "192.0.2.1"), Caller(limits, clock, "192.0.2.2")
    await owner.succeed()
    standings = [
        await limits.read_status(each.source(EMAIL), clock()) for each in (owner, stranger)
    ]
    assert standings == [AttemptStatus(NO_WAIT, True), AttemptStatus(NO_WAIT, False)]
    before = await read_rows()
    await stranger.fail()
    assert (await limits.read_status(stranger.source(EMAIL), clock())).wait == SECOND
    assert len(await read_rows()) > len(before)


async def test_a_success_ends_the_delay_of_its_account_at_its_network_only(clock: Clock) -> None:
    limits = SignInLimits(2)
    stranger = Caller(limits, clock, "192.0.2.1")
    assert await stranger.succeed("own@example.com") == NO_WAIT
    assert [await stranger.fail(f"n{n}@example.com") for n in range(12)] == [NO_WAIT] * 12
    assert await stranger.succeed("own@example.com") == NO_WAIT
    assert await stranger.fail("n13@example.com") == SECOND, "own successes earn no attempts"
    clock.advance(seconds=1)
    assert await stranger.fail("n13@example.com") == NO_WAIT


async def test_many_people_can_sign_in_from_one_network(clock: Clock) -> None:
    office = Caller(SignInLimits(2), clock, "192.0.2.1")
    assert {await office.succeed(f"n{n}@example.com") for n in range(50)} == {NO_WAIT}


async def test_attempts_are_forgotten_after_a_pause_and_networks_after_a_month(
    clock: Clock,
) -> None:
    limits = SignInLimits(2)
    owner = Caller(limits, clock, "192.0.2.1")
    assert await owner.succeed() == NO_WAIT
    assert [await owner.fail() for _ in range(3)] == [NO_WAIT, NO_WAIT, SECOND]
    clock.advance(seconds=FORGET_AFTER.total_seconds() + 1)
    assert [await owner.fail() for _ in range(3)] == [NO_WAIT, NO_WAIT, SECOND]
    assert await Caller(limits, clock, "192.0.2.2").fail() == NO_WAIT
    await delete_expired(clock())
    assert len(await read_rows()) == 5
    clock.advance(days=2)
    await delete_expired(clock())
    assert [known is not None for _, _, _, known, _ in await read_rows()] == [True]
    clock.advance(days=KNOWN_FOR.days)
    await delete_expired(clock())
    assert await read_rows() == []


@pytest.mark.parametrize("email", ["", "a\0b", "\ud800", "x" * 100_000, "a'; DROP TABLE users"])
async def test_hostile_email_addresses_are_counted_like_others(clock: Clock, email: str) -> None:
    stranger = Caller(SignInLimits(2), clock, "192.0.2.1")
    waits = [await stranger.fail(email) for _ in range(3)]
    assert waits == [NO_WAIT, NO_WAIT, SECOND]
    assert all(len(key) == 64 for key, *_ in await read_rows())


async def test_a_state_that_expired_while_it_was_known_starts_again(clock: Clock) -> None:
    limits = SignInLimits(1)
    owner = Caller(limits, clock, "192.0.2.1")
    assert await owner.succeed() == NO_WAIT
    clock.advance(days=KNOWN_FOR.days, seconds=1)
    assert await owner.fail() == NO_WAIT
    assert [attempts for _, attempts, *_ in await read_rows()] == [1, 1, 1, 1]
