"""Fixtures for tests of emails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.smtp_sink import Sink, sink


@pytest.fixture
async def inbox() -> AsyncIterator[Sink]:
    """An SMTP server that keeps what it receives."""
    async with sink() as server:
        yield server
