"""The end of a server process."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from support import World
from tortoise.exceptions import ConfigurationError

from lifespan import lifespan
from models import database
from models.core.time import now
from models.people.token import Token
from services.components import build_components
from settings.application import load


async def test_a_part_that_cannot_be_closed_does_not_keep_the_others_open(url: str) -> None:
    components = build_components(load(database_url=url, log_level="error", run_jobs=False), None)
    used_at = now() + timedelta(hours=1)

    async def use_token_and_end() -> None:
        async with lifespan(components):
            world = await World.make()
            token = await Token.filter(user_id=world.ada.id).get()
            components.services.last_used[token.id] = used_at
            components.connections.groups.running = cast("Any", None)  # the first part to close

    with pytest.raises(TypeError):
        await use_token_and_end()
    with pytest.raises(ConfigurationError):
        database.connection()
    await database.connect(url)
    try:
        assert await Token.exists(last_used_at=used_at)
    finally:
        await database.disconnect()
