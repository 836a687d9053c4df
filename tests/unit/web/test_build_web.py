"""The build of the web applications notices when it must run again."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from support import web_applications
from support.web_applications import load_build, require_built


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


def test_tests_of_a_browser_do_not_use_outdated_applications(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = load_build()
    web = tmp_path / "web"
    monkeypatch.setattr(build, "WEB", web)
    project = build.Project("x", web, (write(web / "desk.html", 3000),), "sign-in.html")
    write(project.built, 2000)
    monkeypatch.setattr(build, "APPLICATIONS", project)
    monkeypatch.setattr(web_applications, "load_build", lambda: build)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="present sources"):
        require_built()


def test_a_build_waits_for_the_one_before_and_keeps_the_lock_file(tmp_path: Path) -> None:
    build = load_build()
    project = build.Project("x", tmp_path, (), "sign-in.html")
    with build.building(project):
        assert project.marker.exists()
        locked = project.lock.stat().st_ino
        with project.lock.open() as second, pytest.raises(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not project.marker.exists()
    assert project.lock.stat().st_ino == locked
