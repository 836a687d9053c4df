"""Authentication is cheap, and never uses permissions that ended before the request came in."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from support import Service, World
from support.other_process import ACCESS_ENDING_STATEMENTS, write_as_another_process
from support.service import Clock
from support.statements import statements

from models.access import revision
from models.access.viewer import Viewer, authenticate
from models.database import fair_share
from models.people.token import Token, TokenKind, hash_token, issue_token
from models.people.user import Role, User
from resolvers.auth import viewer_cache
from resolvers.auth.viewer_cache import SharedRead, ViewerCache

pytestmark = pytest.mark.never_retried

REVISION = "SELECT revision FROM rights"
VIEWER = "{ viewer { role scopes } }"


@pytest.mark.parametrize(
    "statement", ACCESS_ENDING_STATEMENTS.values(), ids=list(ACCESS_ENDING_STATEMENTS)
)
async def test_the_next_request_is_refused_after_another_process_ends_access(
    service: Service, world: World, url: str, statement: str
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    for _ in range(3):
        assert (await ada.run(VIEWER))["viewer"]["role"] == "AGENT"
    await write_as_another_process(url, statement, world)
    answer = await ada.post(VIEWER)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await cora.run(VIEWER))["viewer"]["role"] == "CUSTOMER"


async def test_changed_permissions_apply_from_the_next_request(
    service: Service, world: World, url: str
) -> None:
    ada = service.client(world.ada.token)
    for role in ("admin", "customer", "agent") * 3:
        await write_as_another_process(
            url, f"UPDATE users SET role = '{role}' WHERE id = '{{ada}}'", world
        )
        for _ in range(2):
            assert (await ada.run(VIEWER))["viewer"]["role"] == role.upper()
    await write_as_another_process(
        url, "UPDATE tokens SET scopes = '[\"tickets:read\"]' WHERE user_id = '{ada}'", world
    )
    assert (await ada.run(VIEWER))["viewer"]["scopes"] == ["tickets:read"]


async def test_a_reactivated_person_is_accepted_again(
    service: Service, world: World, url: str
) -> None:
    ada = service.client(world.ada.token)
    for _ in range(3):
        await write_as_another_process(
            url, "UPDATE users SET active = FALSE WHERE id = '{ada}'", world
        )
        assert (await ada.post(VIEWER)).status_code == 401
        await write_as_another_process(
            url, "UPDATE users SET active = TRUE WHERE id = '{ada}'", world
        )
        assert (await ada.run(VIEWER))["viewer"]["role"] == "AGENT"


async def test_concurrent_requests_share_reads_of_the_revision(people: World) -> None:
    viewers = ViewerCache(Clock())
    await viewers.authenticate(people.ada.token)
    with statements() as sent:
        authenticated = await asyncio.gather(
            *(viewers.authenticate(people.ada.token) for _ in range(200))
        )
    assert sent.texts == [REVISION]
    assert {viewer.caller_kind.value for viewer in authenticated if viewer} == {"agent"}


async def test_a_shared_read_is_not_charged_to_the_first_caller() -> None:
    async def read() -> object:
        return fair_share.CALLER.get()

    fair_share.CALLER.set("ada")
    assert await SharedRead(read).get() is None


async def test_a_call_during_a_read_waits_for_the_next_read() -> None:
    started: list[asyncio.Future[int]] = []

    async def read() -> int:
        started.append(asyncio.get_running_loop().create_future())
        return await started[-1]

    async def run_pending_tasks() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    shared = SharedRead(read)
    early = [asyncio.create_task(shared.get()) for _ in range(3)]
    await run_pending_tasks()
    late = [asyncio.create_task(shared.get()) for _ in range(3)]
    await run_pending_tasks()
    assert len(started) == 1
    early[0].cancel()
    late[0].cancel()
    started[0].set_result(1)
    assert await asyncio.gather(*early[1:]) == [1, 1]
    await run_pending_tasks()
    started[1].set_exception(ConnectionResetError())
    assert all(
        isinstance(each, ConnectionResetError)
        for each in await asyncio.gather(*late[1:], return_exceptions=True)
    )
    again = asyncio.create_task(shared.get())
    await run_pending_tasks()
    started[2].set_result(3)
    assert await again == 3
    assert shared.task is None


async def test_expiry_is_checked_on_every_use_even_if_the_clock_jumps(people: World) -> None:
    clock = Clock()
    viewers = ViewerCache(clock)
    ends = clock() + timedelta(hours=1)
    _, text = await issue_token(
        TokenKind.API, "x", ["tickets:read"], user_id=people.ada.id, expires_at=ends, at=clock()
    )
    for ahead, is_valid in ((0, True), (2, False), (0, True), (-48, True), (1, False), (0, True)):
        clock.ahead = timedelta(hours=ahead)
        assert ((await viewers.authenticate(text)) is not None) is is_valid


async def test_unknown_tokens_are_not_cached_and_evict_no_viewer(people: World) -> None:
    viewers = ViewerCache(Clock(), max_viewers=2)
    for token in (people.ada.token, people.cora.token):
        await viewers.authenticate(token)
    with statements() as sent:
        assert (
            await asyncio.gather(*(viewers.authenticate(f"twk_{n}") for n in range(50)))
            == [None] * 50
        )
    assert len(sent) <= 51, "a lookup for each and one reading of the revision"
    assert list(viewers.viewers) == [hash_token(people.ada.token), hash_token(people.cora.token)]
    await viewers.authenticate(people.ada.token)
    await viewers.authenticate(people.api_client_token)
    assert list(viewers.viewers) == [
        hash_token(people.ada.token),
        hash_token(people.api_client_token),
    ], "the least recently used viewer is evicted"


async def test_an_unknown_token_is_accepted_as_soon_as_it_is_created(people: World) -> None:
    viewers = ViewerCache(Clock())
    assert await viewers.authenticate("twk_later") is None
    await Token.create(
        kind=TokenKind.API,
        name="x",
        digest=hash_token("twk_later"),
        prefix="twk_later",
        user_id=people.ada.id,
        scopes=["admin"],
    )
    assert await viewers.authenticate("twk_later") is not None


async def test_a_viewer_read_before_a_permission_change_is_not_cached(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second request sees the permission change before the first one caches its viewer."""
    viewers = ViewerCache(Clock())
    was_read, may_continue = asyncio.Event(), asyncio.Event()

    async def slowly(text: str, at: datetime) -> Viewer | None:
        viewer = await authenticate(text, at)
        was_read.set()
        await may_continue.wait()
        return viewer

    monkeypatch.setattr(viewer_cache, "authenticate", slowly)
    first = asyncio.create_task(viewers.authenticate(people.ada.token))
    await was_read.wait()
    monkeypatch.undo()
    await User.filter(id=people.ada.id).update(role=Role.ADMIN)
    await viewers.authenticate(people.cora.token)
    may_continue.set()
    await first
    again = await viewers.authenticate(people.ada.token)
    assert again is not None
    assert again.caller_kind.value == "admin"
    assert viewers.revision == await revision.read_revision()
