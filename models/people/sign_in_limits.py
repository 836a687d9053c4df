"""Limits on sign-in attempts, counted in the database and so by all processes together.

Attempts are counted for an account at a network, for the account at the wide network around it, for
the account, and for the network. After some attempts without success, each further one must wait,
and the delay doubles. An attempt that must wait is refused and stores nothing.

Clients at unknown networks can't use up the attempts of an owner at a *known* network: one from
which the account has signed in within 30 days. There, only the attempts at this account from this
network count. At other networks, the account's delay is shorter than that of a wide network, so
clients in one or a few wide networks can't use all attempts. Clients in ten or more can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.time import InstantField
from models.database import as_instant, placeholders

NETWORK_LIMIT_FACTOR = 6
"""So many times more attempts are free for an account, and for a network."""
FIRST_DELAY = timedelta(seconds=1)
MAX_DELAY = timedelta(minutes=5)
MAX_ACCOUNT_DELAY = timedelta(seconds=30)
"""Shorter than MAX_DELAY, so that one wide network can't use up all attempts of an account."""
FORGET_AFTER = timedelta(hours=1)
"""Attempts are forgotten so long after the delay of the last one."""
KNOWN_FOR = timedelta(days=30)


class SignInAttempts(Model):
    """The attempts under one key since the last success or the last pause.

    key              a hash, because unknown email addresses must not be stored
    next_attempt_at  when the delay after the last attempt ends
    known_until      until when the network is known to the account
    """

    key = fields.CharField(max_length=64, primary_key=True)
    attempts = fields.IntField()
    next_attempt_at = InstantField()
    known_until = InstantField(null=True)
    expires_at = InstantField()

    class Meta:
        table = "sign_in_attempts"
        table_description = "Attempts to sign in, by hashes of accounts and networks"
        indexes = (("expires_at",),)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The state of one key."""

    count: int
    next_attempt_at: datetime
    known_until: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        forgotten_at = self.next_attempt_at + FORGET_AFTER
        return max(forgotten_at, self.known_until or forgotten_at)


@dataclass(frozen=True, slots=True)
class DelayRule:
    """The number of attempts without a delay, and the longest delay."""

    free_attempts: int
    max_delay: timedelta
    first_delay: timedelta = FIRST_DELAY

    def add_attempt(self, attempts: Attempts, at: datetime) -> Attempts:
        is_forgotten = attempts.next_attempt_at + FORGET_AFTER <= at
        count = 1 if is_forgotten else attempts.count + 1
        delay = timedelta()
        if count >= self.free_attempts:
            doublings = min(count - self.free_attempts, 20)
            delay = min(self.first_delay * 2**doublings, self.max_delay)
        return replace(attempts, count=count, next_attempt_at=at + delay)


class AttemptRefused(Exception):
    """Another attempt was counted in the meantime, and this one must wait."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


StateByKey = Mapping[str, Attempts]


@dataclass(frozen=True, slots=True)
class SignInSource:
    """An account, and the networks from which somebody tries to sign in to it.

    network       one customer's: an IPv4 address or an IPv6 /64 network
    wide_network  the /24 or /48 network around it
    """

    email: str
    network: str
    wide_network: str


@dataclass(frozen=True, slots=True)
class AttemptStatus:
    """How long an attempt must wait, and whether the network is known to the account."""

    wait: timedelta
    is_known_network: bool


class SignInLimits:
    """Counts attempts. `max_attempts` are free for one account at one network."""

    def __init__(self, max_attempts: int) -> None:
        self.pair_rule = DelayRule(max_attempts, MAX_DELAY)
        self.account_rule = DelayRule(max_attempts * NETWORK_LIMIT_FACTOR, MAX_ACCOUNT_DELAY)
        self.network_rule = DelayRule(max_attempts * NETWORK_LIMIT_FACTOR, MAX_DELAY)

    async def read_status(self, source: SignInSource, at: datetime) -> AttemptStatus:
        """Whether an attempt would have to wait now. Counts nothing."""
        rules = self.build_rules(source)
        states = applicable(rules, await read_states(list(rules), at))
        is_known_network = states[next(iter(rules))].known_until is not None
        return AttemptStatus(longest_wait(rules, states, at), is_known_network)

    async def count_attempt(self, source: SignInSource, at: datetime) -> timedelta:
        """Count an attempt, unless it must wait. Returns the time to wait, or zero."""
        return await count_attempt(self.build_rules(source), at)

    async def record_password_match(self, source: SignInSource, at: datetime) -> None:
        """Don't count an attempt whose password was right, but whose second factor is missing."""
        rules = self.build_rules(source)
        await change_states(list(rules), at, lambda states: uncount(applicable(rules, states)))

    async def record_success(self, source: SignInSource, at: datetime) -> None:
        """Forget the attempts of this account at this network, which becomes known to it.

        The attempt no longer counts for the account and the networks; earlier ones still do.
        """
        rules = self.build_rules(source)
        pair_key = next(iter(rules))

        def record(states: StateByKey) -> StateByKey:
            changed = uncount(applicable(rules, states))
            changed[pair_key] = Attempts(0, at, at + KNOWN_FOR)
            return changed

        await change_states(list(rules), at, record)

    def build_rules(self, source: SignInSource) -> dict[str, DelayRule]:
        """The rules by key: that of the account at the network first."""
        email, network, wide_network = source.email, source.network, source.wide_network
        return {
            hash_key("account at network", email, network): self.pair_rule,
            hash_key("account at wide network", email, wide_network): self.network_rule,
            hash_key("account", email): self.account_rule,
            hash_key("network", network): self.network_rule,
        }


async def count_attempt(rules: Mapping[str, DelayRule], at: datetime) -> timedelta:
    """Count an attempt under each key, unless it must wait. Returns the time to wait, or zero.

    Attempts at the same moment are counted one after another.
    """
    wait = longest_wait(rules, applicable(rules, await read_states(list(rules), at)), at)
    if wait:
        return wait

    def add_attempt(states: StateByKey) -> StateByKey:
        counted = applicable(rules, states)
        if wait := longest_wait(rules, counted, at):
            raise AttemptRefused(wait)
        return {key: rules[key].add_attempt(counted[key], at) for key in counted}

    try:
        await change_states(list(rules), at, add_attempt)
    except AttemptRefused as refused:
        return refused.wait
    return timedelta()


def uncount(states: StateByKey) -> dict[str, Attempts]:
    """The states with one attempt less."""
    return {
        key: replace(attempts, count=max(0, attempts.count - 1)) for key, attempts in states.items()
    }


def hash_key(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def applicable(rules: Mapping[str, DelayRule], states: StateByKey) -> StateByKey:
    """The states that count: at a known network, only that of the account at the network."""
    pair_key = next(iter(rules))
    if states[pair_key].known_until is not None:
        return {pair_key: states[pair_key]}
    return states


def longest_wait(rules: Mapping[str, DelayRule], states: StateByKey, at: datetime) -> timedelta:
    """The longest wait that a rule demands at this time, or zero.

    Of two attempts at once, the later one may be counted first. The other one does not wait for it
    unless there is a delay.
    """
    waits = [
        attempts.next_attempt_at - at
        for key, attempts in states.items()
        if attempts.count >= rules[key].free_attempts
    ]
    return max([timedelta(), *waits])


# ---------------------------------------------------------------- storage


async def read_states(keys: Sequence[str], at: datetime) -> StateByKey:
    """Read the states without a lock."""
    rows = await database.fetch_dicts(
        "SELECT key, attempts, next_attempt_at, known_until FROM sign_in_attempts "
        f"WHERE key IN ({placeholders(keys)})",
        keys,
    )
    return to_states(rows, keys, at)


async def change_states(
    keys: Sequence[str], at: datetime, change: Callable[[StateByKey], StateByKey]
) -> None:
    """Replace states by what `change` returns. Nothing is stored if it raises an exception."""

    async def run() -> None:
        # The order prevents deadlocks. The update of existing rows locks them.
        unchanged = {key: Attempts(0, at) for key in sorted(keys)}
        rows = await upsert(unchanged, "key = excluded.key")
        changed = change(to_states(rows, keys, at))
        await upsert(
            changed,
            "attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, "
            "known_until = excluded.known_until, expires_at = excluded.expires_at",
        )

    await database.run_in_transaction(run)


async def upsert(states: StateByKey, assignments: str) -> list[database.Row]:
    """Insert the states, or run the assignments if the key exists; returns the stored rows."""
    params: list[object] = []
    for key, state in states.items():
        params += [key, state.count, state.next_attempt_at, state.known_until, state.expires_at]
    rows = ", ".join(["(?, ?, ?, ?, ?)"] * len(states))
    return await database.fetch_dicts(
        "INSERT INTO sign_in_attempts (key, attempts, next_attempt_at, known_until, expires_at) "
        f"VALUES {rows} ON CONFLICT (key) DO UPDATE SET {assignments} "
        "RETURNING key, attempts, next_attempt_at, known_until",
        params,
    )


def to_states(rows: Sequence[database.Row], keys: Sequence[str], at: datetime) -> StateByKey:
    """The state of each key. A time of being known that has passed is dropped."""
    states = {key: Attempts(0, at) for key in keys}
    for row in rows:
        known_until = as_instant(row["known_until"])
        if known_until is not None and known_until <= at:
            known_until = None
        next_attempt_at = cast("datetime", as_instant(row["next_attempt_at"]))
        states[str(row["key"])] = Attempts(
            cast("int", row["attempts"]), next_attempt_at, known_until
        )
    return states


async def delete_expired(at: datetime) -> None:
    """Delete the states that no longer have an effect."""
    await database.run_in_transaction(lambda: SignInAttempts.filter(expires_at__lt=at).delete())
