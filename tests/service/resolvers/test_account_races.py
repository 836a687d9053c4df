"""Changes of an account while somebody signs in to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from support import Service, World
from support.accounts import PASSWORD, send, set_password
from support.live import until

from models import database, provisioning
from models.access.viewer import SYSTEM
from models.audit.entry import AuditEntry
from models.core.record_changes import RecordChanges
from models.directory.user_fields import UserFields
from models.directory.users import update_user
from models.people import password
from models.people.token import Token
from models.people.user import Role, User

pytestmark = [pytest.mark.usefixtures("cheap_passwords"), pytest.mark.never_retried]


@pytest.fixture
async def world(world: World) -> World:
    await set_password("cora@example.com", password.hash_password(PASSWORD))
    return world


async def choose_password(service: Service) -> None:
    await provisioning.set_password("cora@example.com", "another horse", service.clock())


async def deactivate(service: Service) -> None:
    await provisioning.deactivate_user("cora@example.com", None, service.clock())


async def promote(service: Service) -> None:
    """With the password, but without the sessions."""
    user = await User.get(email="cora@example.com")
    fields = UserFields(role=Role.AGENT)

    async def change() -> None:
        changes, at = RecordChanges(), service.clock()
        version = user.version
        await update_user(changes, SYSTEM, user.id, fields, at, version, keep_credentials=True)

    await database.run_in_transaction(change)


@pytest.mark.parametrize("change", [choose_password, deactivate, promote])
async def test_a_sign_in_with_the_former_password_gets_no_session(
    service: Service,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Service], Awaitable[None]],
) -> None:
    is_checking, may_finish = threading.Event(), threading.Event()
    verify = password.HASHER.verify

    def verify_later(secret: str, stored: str) -> bool:
        is_checking.set()
        may_finish.wait(60)
        return verify(secret, stored)

    monkeypatch.setattr(password.HASHER, "verify", verify_later)
    stranger = service.client()
    attempt = asyncio.create_task(
        send(stranger, "signIn", email="cora@example.com", password=PASSWORD)
    )

    async def has_begun() -> bool:
        return is_checking.is_set()

    await until(has_begun)
    await change(service)
    may_finish.set()
    payload = await attempt
    assert payload["token"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["INVALID"]
    assert not await Token.filter(user_id=world.cora.id, revoked_at__isnull=True).exists()
    assert not await AuditEntry.filter(action="signIn").exists()
