"""What tests of resolvers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from models.people import password


@pytest.fixture
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with argon2id, but with the least work that it allows: the usual work takes 50 ms and more each time."""
    password.get_dummy_hash.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(password, "HASHER", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
        yield
    password.get_dummy_hash.cache_clear()
