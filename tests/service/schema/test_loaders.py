"""What loaders share: who gives up waiting for a record takes nobody along who waits for the same one."""

from __future__ import annotations

import asyncio
from uuid import UUID

from support import World

from models.people.user import User
from schema.loaders import ShieldedLoader, load_by_id


async def test_a_wait_that_is_cancelled_while_the_record_is_read_leaves_the_others(database: str) -> None:
    world = await World.make()
    begun = asyncio.Event()
    users = load_by_id(User)

    async def read(keys: list[UUID]) -> list[User | None]:
        begun.set()
        return list(await users.load_many(keys))

    loader = ShieldedLoader(read)
    given_up, kept = [asyncio.ensure_future(loader.load(world.cora.id)) for _ in range(2)]
    await begun.wait()
    given_up.cancel()
    found = await kept
    assert given_up.cancelled()
    assert found is not None
    assert found.display_name == "Cora"
