"""Open sockets follow the permissions of their tokens, with few statements and no stale reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from support import World
from support.actors import Person, token_of
from support.live import until
from support.service import Clock
from support.statements import statements

from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus
from models import database
from models.access import revision
from models.access.scopes import CallerKind
from models.access.viewer import ANONYMOUS, Viewer, authenticate
from models.core import time
from models.people import token
from models.people.password import PasswordChecker
from models.people.sign_in_limits import SignInLimits
from models.people.token import Token, TokenKind, hash_token, issue_token
from models.people.user import Organization, Role, User
from models.tickets.timers import TimerSettings
from resolvers.auth import viewer_cache
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context, ResolverSettings, Services
from resolvers.services.presence_tail import PresenceTail

pytestmark = pytest.mark.never_retried

REVISION = "SELECT revision FROM rights"


class Log:
    """A log of numbers."""

    head = 0

    async def read(self, position: int) -> list[int]:
        return list(range(position + 1, self.head + 1))


@dataclass
class Sockets:
    """Open connections without real sockets, and a record of the calls that sockets would get."""

    viewers: ViewerRegistry
    services: Services
    clock: Clock
    ended: list[Context] = field(default_factory=list)
    changed: list[tuple[Context, Viewer]] = field(default_factory=list)

    async def open(self, text: str) -> Context:
        context = Context(self.services, "r", "address")
        viewer = await self.viewers.authenticate(text)
        assert viewer is not None
        context.set_viewer(viewer)

        async def close() -> None:
            self.ended.append(context)

        self.viewers.add(context, close, lambda: self.changed.append((context, context.viewer)))
        return context

    async def wait_until_ended(self, context: Context) -> None:
        async def has_ended() -> bool:
            return context in self.ended

        await until(has_ended)
        assert context.viewer is ANONYMOUS
        assert (context, ANONYMOUS) in self.changed


@pytest.fixture
async def sockets(database: str) -> AsyncIterator[Sockets]:
    clock, wakeup_bus = Clock(), WakeupBus("memory://")
    viewers = ViewerRegistry(clock)
    empty: Any = LogTail(Log().read, int, wakeup_bus.listen())
    watcher = PresenceTail(wakeup_bus.listen(), clock, refresh_permissions=viewers.refresh)
    window = timedelta(days=14)
    settings = ResolverSettings(window, timedelta(days=30), 1000, TimerSettings(window, window))
    services = Services(
        settings,
        clock,
        wakeup_bus,
        empty,
        empty,
        watcher,
        PasswordChecker(),
        SignInLimits(10),
        viewers,
    )
    yield Sockets(viewers, services, clock)
    await asyncio.gather(*viewers.closing_tasks)


async def revoke(text: str) -> None:
    await token.revoke_token(await Token.get(digest=hash_token(text)), time.now())


async def test_one_event_costs_one_statement_for_fifty_sockets(
    sockets: Sockets, people: World
) -> None:
    for person in (people.ada, people.cora, people.carl, people.root, people.otto) * 10:
        await sockets.open(person.token)
    log = Log()
    tail = LogTail(log.read, int, WakeupBus("memory://").listen(), refresh=sockets.viewers.refresh)
    for index in range(3):
        log.head += 1
        with statements() as sent:
            await tail.advance()
        assert sent.texts[:1] == [REVISION]
        assert len(sent) == (2 if index == 0 else 1), (
            "the first refresh also reads the fingerprints of new tokens"
        )
    await User.filter(id=people.ada.id).update(role=Role.ADMIN)
    log.head += 1
    with statements() as sent:
        await tail.advance()
    assert len(sent) == 3, "the revision, the fingerprints of all tokens, the viewers of one"
    assert {viewer.caller_kind for _, viewer in sockets.changed} == {CallerKind.ADMIN}
    assert len(sockets.changed) == 10


async def test_concurrent_refreshes_share_reads(sockets: Sockets, people: World) -> None:
    await sockets.open(people.ada.token)
    await sockets.viewers.refresh()
    with statements() as sent:
        await asyncio.gather(*(sockets.viewers.refresh() for _ in range(50)))
    assert sent.texts == [REVISION] * 2, (
        "the first refresh's, and one that began after all other calls"
    )


async def test_a_refresh_survives_the_cancellation_of_a_concurrent_one(
    sockets: Sockets, people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = await sockets.open(people.ada.token)
    await sockets.viewers.refresh()
    read, gates = revision.read_revision, [asyncio.Event(), asyncio.Event()]
    waiting: list[asyncio.Event] = []

    async def gated_read() -> int:
        current = await read()
        if len(waiting) < 2:
            waiting.append(gates[len(waiting)])
            await waiting[-1].wait()
        return current

    async def wait_for_reads(count: int) -> None:
        async def has_reads() -> bool:
            return len(waiting) == count

        await until(has_reads)

    monkeypatch.setattr(revision, "read_revision", gated_read)
    first = asyncio.create_task(sockets.viewers.refresh())
    await wait_for_reads(1)
    await User.filter(id=people.ada.id).update(role=Role.CUSTOMER)
    second, third = (asyncio.create_task(sockets.viewers.refresh()) for _ in range(2))
    await asyncio.sleep(0)  # both have called refresh
    gates[0].set()
    await first
    assert context.viewer.caller_kind is CallerKind.AGENT, "this read began before the change"
    await wait_for_reads(2)
    second.cancel()
    await third
    assert context.viewer.caller_kind is CallerKind.CUSTOMER


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE users SET role = 'manager' WHERE id = ?",
        "UPDATE tokens SET kind = 'x', scopes = '7' WHERE user_id = ?",
    ],
)
async def test_an_unreadable_record_ends_only_its_own_sockets(
    sockets: Sockets, people: World, damage: str
) -> None:
    contexts = [
        await sockets.open(person.token) for person in (people.otto, people.ada, people.bill)
    ]
    await sockets.viewers.refresh()
    await database.fetch(f"{damage} RETURNING 1", [people.otto.id])
    await User.filter(id=people.ada.id).update(role=Role.ADMIN)
    await User.filter(id=people.bill.id).update(active=False)
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(contexts[0])
    await sockets.wait_until_ended(contexts[2])
    assert contexts[1].viewer.caller_kind is CallerKind.ADMIN


async def test_a_record_that_becomes_unreadable_during_a_refresh_ends_only_its_own_sockets(
    sockets: Sockets, people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = [await sockets.open(person.token) for person in (people.otto, people.ada)]
    await sockets.viewers.refresh()
    await User.filter(id__in=[people.otto.id, people.ada.id]).update(role=Role.ADMIN)
    read = revision.read_fingerprints

    async def read_before_damage(keys: list[str]) -> dict[str, str]:
        fingerprints = await read(keys)
        await database.fetch(
            "UPDATE users SET role = 'manager' WHERE id = ? RETURNING 1", [people.otto.id]
        )
        return fingerprints

    monkeypatch.setattr(revision, "read_fingerprints", read_before_damage)
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(contexts[0])
    assert contexts[1].viewer.caller_kind is CallerKind.ADMIN


async def test_viewers_are_current_unless_refreshes_fail_for_long(
    sockets: Sockets, people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = await sockets.open(people.ada.token)
    with statements() as sent:
        assert await sockets.viewers.ensure_current_viewers()
    assert sent.texts == []
    await User.filter(id=people.ada.id).update(role=Role.CUSTOMER)
    read, failures = revision.read_revision, [ConnectionError("away"), LookupError("unknown")]

    async def fail_twice() -> int:
        if failures:
            raise failures.pop()
        return await read()

    monkeypatch.setattr(revision, "read_revision", fail_twice)
    sockets.viewers.refreshed_at -= 10
    assert [await sockets.viewers.ensure_current_viewers() for _ in range(3)] == [
        False,
        False,
        True,
    ]
    assert context.viewer.caller_kind is CallerKind.CUSTOMER


async def test_the_next_refresh_repeats_a_failed_read(
    sockets: Sockets, people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = await sockets.open(people.ada.token)
    await sockets.viewers.refresh()
    await User.filter(id=people.ada.id).update(role=Role.CUSTOMER)

    async def fail(keys: list[str]) -> dict[str, str]:
        raise ConnectionError("away")

    with monkeypatch.context() as patched:
        patched.setattr(revision, "read_fingerprints", fail)
        with pytest.raises(ConnectionError):
            await sockets.viewers.refresh()
    assert context.viewer.caller_kind is CallerKind.AGENT
    await sockets.viewers.refresh()
    assert context.viewer.caller_kind is CallerKind.CUSTOMER


async def test_a_socket_authenticated_during_a_change_gets_the_new_permissions(
    sockets: Sockets, people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sockets.open(people.cora.token)
    viewers = list[Viewer | None]()

    async def slow_authenticate(text: str, at: Any) -> Viewer | None:
        viewers.append(await authenticate(text, at))
        if len(viewers) == 1:  # after the read, before anybody has the viewer
            await User.filter(id=people.ada.id).update(role=Role.CUSTOMER)
            await sockets.viewers.refresh()
        return viewers[-1]

    monkeypatch.setattr(viewer_cache, "authenticate", slow_authenticate)
    assert (await sockets.open(people.ada.token)).viewer.caller_kind is CallerKind.CUSTOMER
    assert [viewer.caller_kind for viewer in viewers if viewer] == [
        CallerKind.AGENT,
        CallerKind.CUSTOMER,
    ]


async def change_role(person: Person) -> None:
    await User.filter(id=person.id).update(role=Role.ADMIN)


async def change_account(person: Person) -> None:
    await User.filter(id=person.id).update(
        organization_id=(await Organization.get(name="Other")).id
    )


async def stop_sharing(person: Person) -> None:
    await Organization.filter(name="Acme").update(shared=False)


async def narrow_scopes(person: Person) -> None:
    await Token.filter(user_id=person.id).update(scopes=["tickets:read"])


@pytest.mark.parametrize("change", [change_role, change_account, stop_sharing, narrow_scopes])
async def test_a_socket_is_notified_once_that_its_viewer_changed(
    sockets: Sockets, people: World, change: Any
) -> None:
    contexts = [await sockets.open(people.cora.token) for _ in range(2)]
    other = await sockets.open(people.root.token)
    await sockets.viewers.refresh()
    before = contexts[0].viewer
    assert sockets.changed == []
    await change(people.cora)
    for _ in range(2):
        await sockets.viewers.refresh()
    assert {context for context, _ in sockets.changed} == set(contexts)
    assert len(sockets.changed) == 2
    for context, viewer in sockets.changed:
        assert viewer is context.viewer
        assert viewer.visibility_key != before.visibility_key
    assert other.viewer.caller_kind is CallerKind.ADMIN


async def test_irrelevant_changes_notify_no_socket(sockets: Sockets, people: World) -> None:
    context = await sockets.open(people.ada.token)
    await User.filter(id=people.ada.id).update(display_name="Other", present=False)
    await User.filter(id=people.bill.id).update(active=False)
    await sockets.viewers.refresh()
    assert sockets.changed == sockets.ended == []
    assert context.viewer.caller_kind is CallerKind.AGENT


async def test_a_deleted_token_closes_its_sockets(sockets: Sockets, people: World) -> None:
    context = await sockets.open(people.ada.token)
    await Token.filter(digest=hash_token(people.ada.token)).delete()
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(context)
    assert sockets.viewers.contexts_by_token == sockets.viewers.fingerprints == {}


async def test_an_expired_token_closes_its_socket_without_a_statement(
    sockets: Sockets, people: World
) -> None:
    at, user = sockets.clock(), await User.get(id=people.ada.id)
    tokens = [
        await issue_token(
            TokenKind.SESSION,
            "x",
            ["tickets:read"],
            user_id=user.id,
            expires_at=at + timedelta(hours=hours),
            at=at,
        )
        for hours in (1, 2, 3)
    ]
    first, second, third = [await sockets.open(text) for _, text in tokens]
    lasting = await sockets.open(people.ada.token)
    # sooner than at the last read
    await Token.filter(id=tokens[2][0].id).update(expires_at=at + timedelta(hours=1))
    await sockets.viewers.refresh()
    sockets.clock.advance(hours=1)
    with statements() as sent:
        sockets.viewers.end_expired()
    assert sent.texts == []
    await sockets.wait_until_ended(first)
    await sockets.wait_until_ended(third)
    assert second.viewer.token is not None
    sockets.clock.advance(hours=1)
    sockets.viewers.end_expired()
    await sockets.wait_until_ended(second)
    assert lasting.viewer.caller_kind is CallerKind.AGENT


async def test_a_socket_that_signs_in_again_follows_only_the_new_token(
    sockets: Sockets, people: World
) -> None:
    context = await sockets.open(people.ada.token)
    cora = await token_of(await User.get(id=people.cora.id))
    viewer = await sockets.viewers.authenticate(cora)
    assert viewer is not None
    context.set_viewer(viewer)
    assert sockets.changed == [(context, viewer)]
    await revoke(people.ada.token)
    await sockets.viewers.refresh()
    assert context.viewer is viewer
    await revoke(cora)
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(context)


async def test_an_anonymous_socket_that_signs_in_follows_its_token(
    sockets: Sockets, people: World
) -> None:
    context = Context(sockets.services, "r", "address")

    async def close() -> None:
        sockets.ended.append(context)

    sockets.viewers.add(context, close, lambda: sockets.changed.append((context, context.viewer)))
    await sockets.viewers.refresh()
    viewer = await sockets.viewers.authenticate(people.ada.token)
    assert viewer is not None
    context.set_viewer(viewer)
    await revoke(people.ada.token)
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(context)


async def test_a_closed_socket_is_forgotten(sockets: Sockets, people: World) -> None:
    contexts = [await sockets.open(people.ada.token) for _ in range(2)]
    await sockets.viewers.refresh()
    sockets.viewers.remove(contexts[0])
    sockets.viewers.remove(contexts[0])
    await revoke(people.ada.token)
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(contexts[1])
    assert sockets.ended == [contexts[1]]
    assert not sockets.viewers.open
    assert not sockets.viewers.contexts_by_token


async def test_a_socket_that_fails_to_apply_new_permissions_is_closed(
    sockets: Sockets, people: World
) -> None:
    broken, sound = [await sockets.open(people.ada.token) for _ in range(2)]

    def fail() -> None:
        sockets.changed.append((broken, broken.viewer))
        raise LookupError

    sockets.viewers.open[broken] = sockets.viewers.open[broken]._replace(on_change=fail)
    await User.filter(id=people.ada.id).update(role=Role.ADMIN)
    await sockets.viewers.refresh()
    await sockets.wait_until_ended(broken)
    assert sound.viewer.caller_kind is CallerKind.ADMIN
