"""The build of the web applications notices when it must run again."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "web" / "build_web.py"


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_web", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
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
    web, client = tmp_path / "web", tmp_path / "clients/typescript/src"
    monkeypatch.setattr(build, "WEB", web)
    source = write(tmp_path / name, 1000)
    sources = (web / "desk.html", web / "src", web / "node_modules", client)
    existing = tuple(path for path in sources if path.exists())
    project = build.Project("x", web, existing, "sign-in.html")
    assert build.is_outdated(project)
    for folder in source.parents:
        if folder.is_relative_to(web) or folder.is_relative_to(client):
            os.utime(folder, (1000, 1000))
    write(project.built, 2000)
    assert not build.is_outdated(project)
    write(web / "node_modules/svelte/index.js", 3000)
    assert not build.is_outdated(project)
    write(source, 3000)
    assert build.is_outdated(project)


def test_the_client_belongs_to_the_sources() -> None:
    build = load_build()
    names = {path.name for path in build.list_sources(build.APPLICATIONS)}
    assert {"build.mjs", "App.svelte", "live-list.ts"} <= names
