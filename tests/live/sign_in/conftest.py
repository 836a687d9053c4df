"""The service and a real identity provider. A module has the fixture `accounts`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Service
from support.oidc import Accounts, ProviderProcess, run_with_provider


@pytest.fixture
def changes() -> dict[str, Any]:
    """Changed settings of the provider; tests set them by parameters."""
    return {}


@pytest.fixture
async def both(
    url: str, accounts: Accounts, changes: dict[str, Any]
) -> AsyncIterator[tuple[Service, ProviderProcess]]:
    async with run_with_provider(url, accounts, **changes) as found:
        yield found


@pytest.fixture
def service(both: tuple[Service, ProviderProcess]) -> Service:
    return both[0]


@pytest.fixture
def provider(both: tuple[Service, ProviderProcess]) -> ProviderProcess:
    return both[1]
