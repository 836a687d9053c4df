"""The SQLite file and its companions are created for their owner alone."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import database, migrate
from models.database.sqlite import FILE_MODE


@pytest.fixture
def permissive_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def read_modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.usefixtures("permissive_umask")
async def test_a_new_file_and_its_companions_belong_to_their_owner_alone(tmp_path: Path) -> None:
    await database.connect(f"sqlite:///{tmp_path / 'new.db'}")
    try:
        await migrate.migrate()
        expected = dict.fromkeys(["new.db", "new.db-wal", "new.db-shm"], FILE_MODE)
        assert read_modes(tmp_path) == expected
    finally:
        await database.disconnect()


@pytest.mark.usefixtures("permissive_umask")
async def test_the_mode_of_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.touch(0o640)
    await database.connect(f"sqlite:///{path}")
    try:
        await migrate.migrate()
        assert set(read_modes(tmp_path).values()) == {0o640}
    finally:
        await database.disconnect()


async def test_a_file_that_can_not_be_created_is_reported(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await database.connect(f"sqlite:///{tmp_path / 'missing' / 'new.db'}")
    await database.disconnect()
