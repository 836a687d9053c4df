"""A failed sign-in does not tell whether the account exists, however slow its audit entry is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from support import Service, World
from support.accounts import PASSWORD, error_of, failed_sign_ins, hash_password, set_password
from support.service import running

from models.audit import storage
from models.audit.entry import AuditEntry
from resolvers.services.background_writes import BackgroundWrites

pytestmark = pytest.mark.usefixtures("cheap_passwords")
WRITE_ACTION = storage.write_action
TIMEOUT_SECONDS = 30
"""Only reached if a response waits for an entry."""


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Entries of the audit log wait until this is called."""
    released = asyncio.Event()

    async def write_later(*args: object, **kwargs: object) -> None:
        await released.wait()
        await WRITE_ACTION(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(storage, "write_action", write_later)
    return released.set


async def fail_to_sign_in(service: Service, email: str) -> str:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await error_of(service.client(), "signIn", email=email, password="wrong")


async def test_the_response_does_not_wait_for_the_entry(
    service: Service, world: World, release: Callable[[], None]
) -> None:
    await set_password("ada@example.com", hash_password(PASSWORD))
    known = await fail_to_sign_in(service, "ada@example.com")
    assert known == await fail_to_sign_in(service, "nobody@example.com")
    assert await AuditEntry.all().count() == 0
    release()
    assert await failed_sign_ins(1) == [world.ada.id]


async def test_an_entry_that_cannot_be_stored_does_not_change_the_response(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(storage, "write_action", fail)
    with capture_logs() as lines:
        known = await fail_to_sign_in(service, "ada@example.com")
    assert known == await fail_to_sign_in(service, "nobody@example.com")
    assert "background_write.failed" in [line["event"] for line in lines]


async def test_a_server_that_stops_waits_for_the_entry(
    url: str, release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = BackgroundWrites.finish

    async def release_and_finish(writes: BackgroundWrites) -> None:
        release()
        await finish(writes)

    monkeypatch.setattr(BackgroundWrites, "finish", release_and_finish)
    async with running(url, run_jobs=False) as service:
        world = await World.make()
        await fail_to_sign_in(service, "ada@example.com")
    async with running(url, run_jobs=False):
        (entry,) = await AuditEntry.all()
        assert entry.record_id == world.ada.id
