"""Fixtures for tests of resolvers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from models.people import password


@pytest.fixture
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with argon2id at its lowest cost. The usual cost takes over 50 ms per hash."""
    password.get_dummy_hash.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            password,
            "HASHER",
            PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)),
        )
        yield
    password.get_dummy_hash.cache_clear()
