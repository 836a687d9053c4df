"""The lock files of npm name no host, so each machine uses the registry of its own settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATTERNS = ("web", "web/*", "clients/*", "tests/live/*", "benchmarks/*", "benchmarks/*/peers")
LOCKS = sorted(path for each in PATTERNS for path in ROOT.glob(f"{each}/package-lock.json"))


def test_all_lock_files_are_found() -> None:
    folders = {path.parent.name for path in LOCKS}
    assert {"web", "graphiql", "typescript", "node", "oidc", "s3", "caches", "peers"} <= folders


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_lock_file_names_no_host(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text, "remove `resolved` and `funding` from the packages"
    packages = json.loads(text)["packages"]
    assert all("integrity" in each for name, each in packages.items() if name)
