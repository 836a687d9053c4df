"""Fixtures for tests of webhooks."""

from __future__ import annotations

import pytest
from support import Client, Service, World
from support.webhook_fixtures import receiver, service, worker

__all__ = ["receiver", "service", "worker"]


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)
