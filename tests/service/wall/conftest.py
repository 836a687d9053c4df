"""Clients of the people in tests of wallboards."""

from __future__ import annotations

import pytest
from support import Client, Service, World
from support.wall import Screen


@pytest.fixture
def ada(service: Service, world: World) -> Client:
    return service.client(world.ada.token)


@pytest.fixture
def cora(service: Service, world: World) -> Client:
    return service.client(world.cora.token)


@pytest.fixture
def screen(service: Service) -> Screen:
    return Screen(service)
