"""Loaders: a field that stops waiting for a record does not disturb others that wait for it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from support import World

from models.people.user import User
from schema.records.record_loader import ShieldedLoader, build_record_loader


async def test_a_cancelled_wait_for_a_record_leaves_the_other_waits_alone(database: str) -> None:
    world = await World.make()
    started = asyncio.Event()
    users = build_record_loader(User)

    async def read(keys: list[UUID]) -> list[User | None]:
        started.set()
        return list(await users.load_many(keys))

    loader = ShieldedLoader(read)
    cancelled, waiting = [asyncio.ensure_future(loader.load(world.cora.id)) for _ in range(2)]
    await started.wait()
    cancelled.cancel()
    user = await waiting
    assert cancelled.cancelled()
    assert user is not None
    assert user.display_name == "Cora"
