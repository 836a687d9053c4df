"""Fixtures of the tests of models: people and random tickets."""

from __future__ import annotations

import pytest
from support.random_tickets import RandomTickets
from support.seed import random_for
from support.ticket_factory import Desk


@pytest.fixture
async def desk(database: str) -> Desk:
    """People and teams in a fresh database, with no ticket yet."""
    return await Desk.make()


@pytest.fixture
async def sample(desk: Desk) -> RandomTickets:
    """Sixty random tickets in a fresh database."""
    return await RandomTickets.make(desk, random_for("pile"))
