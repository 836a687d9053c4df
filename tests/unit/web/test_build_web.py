"""The build of the web applications notices when it must run again."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "web" / "build_web.py"


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_web", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path: Path, time: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.utime(path, (time, time))
    return path


@pytest.mark.parametrize(
    "name", ["web/desk.html", "web/src/desk/App.svelte", "clients/typescript/src/store.ts"]
)
def test_a_newer_source_makes_the_build_outdated(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = load_build()
    monkeypatch.setattr(build, "WEB", tmp_path / "web")
    monkeypatch.setattr(build, "CLIENT", tmp_path / "clients/typescript/src")
    monkeypatch.setattr(build, "BUILT", tmp_path / "web/dist/sign-in.html")
    source = write(tmp_path / name, 1000)
    assert build.is_outdated()
    write(build.BUILT, 2000)
    assert not build.is_outdated()
    write(tmp_path / "web/node_modules/svelte/index.js", 3000)
    assert not build.is_outdated()
    write(source, 3000)
    assert build.is_outdated()


def test_the_client_belongs_to_the_sources() -> None:
    names = {path.name for path in load_build().list_sources()}
    assert {"build.mjs", "App.svelte", "live-list.ts"} <= names
