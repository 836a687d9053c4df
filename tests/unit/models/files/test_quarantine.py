"""The folder in which a server checks what clients have uploaded to S3-compatible storage."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from models.files.quarantine import open_private_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_all_processes_of_a_user_share_the_folder(temporary: Path) -> None:
    path = temporary / "own"
    assert open_private_folder(path) == open_private_folder(path) == path
    assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["shared", "link", "broken link", "file"])
def test_a_folder_that_others_may_have_made_is_not_used(temporary: Path, kind: str) -> None:
    path, target = temporary / "found", temporary / "target"
    if kind == "shared":
        path.mkdir()
        path.chmod(0o777)
    elif kind == "file":
        path.touch()
    else:
        path.symlink_to(target)
        if kind == "link":
            target.mkdir(mode=0o700)
    found = open_private_folder(path)
    assert found not in (path, target)
    assert (found.parent, found.stat().st_mode & 0o777) == (temporary, 0o700)
