"""The test runner: failed tests are repeated, and leftovers of interrupted runs are removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import run
from run import Outcome, run_suite
from support import leftovers
from support.redis_server import redis_server

PASSES = "def test_it(): pass"
FAILS = "def test_it(): assert False, 'always'"
FAILS_ONCE = """
from pathlib import Path
def test_it():
    seen = Path(__file__).with_name("seen")
    first = not seen.exists()
    seen.touch()
    assert not first, "the first time"
"""
NEVER_RETRIED = "import pytest\npytestmark = pytest.mark.never_retried\n"
ENDS_PYTEST = "import os\ndef test_it(): os._exit(7)"
SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(1000)"]


CONFIGURATION = "[pytest]\nmarkers = never_retried\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty suite that runs without plugins and worker processes, so that it starts fast."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "DISTRIBUTION", [])
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)


def outcome_of(folder: Path, text: str) -> Outcome:
    (folder / "test_it.py").write_text(text)
    outcome = Outcome()
    run_suite("here", [], outcome, {})
    return outcome


def test_a_test_that_passes_is_not_named(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, PASSES) == Outcome(is_empty=False)


def test_a_test_that_fails_each_time_fails_the_run(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, FAILS)
    assert (outcome.failed, outcome.flaky) == (["test_it.py::test_it on here"], {})


def test_a_test_that_passes_when_repeated_is_flaky(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, FAILS_ONCE)
    assert outcome.failed == []
    assert list(outcome.flaky) == ["test_it.py::test_it on here"]
    assert "the first time" in outcome.flaky["test_it.py::test_it on here"]


def test_a_test_marked_never_retried_is_not_repeated(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, NEVER_RETRIED + FAILS_ONCE)
    assert (outcome.failed, outcome.flaky) == (["test_it.py::test_it on here"], {})


def test_an_aborted_pytest_fails_the_run(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, ENDS_PYTEST).failed
    assert outcome_of(tmp_path, "import nothing_of_this_name").failed


def test_many_failures_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_REPEATED", 1)
    outcome = outcome_of(tmp_path, FAILS_ONCE + "def test_other(): assert False")
    assert (outcome.failed, outcome.flaky) == (
        ["test_it.py::test_it on here", "test_it.py::test_other on here"],
        {},
    )


def test_a_worker_that_exits_in_a_test_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "DISTRIBUTION", ["-p", "xdist", "-n", "1"])
    ends_once = FAILS_ONCE.replace(
        'assert not first, "the first time"', "import os; first and os._exit(7)"
    )
    assert outcome_of(tmp_path, NEVER_RETRIED + ends_once).failed == ["test_it.py::test_it on here"]


def test_a_selection_without_tests_is_reported_as_empty(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, "").is_empty
    assert not outcome_of(tmp_path, PASSES).is_empty


def start_process(run: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(SLEEP, env={**os.environ, "TEST_RUN": run}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # the environment of the process can be read now
    return process


def test_only_leftovers_of_ended_runs_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks, temporary = tmp_path / "locks", tmp_path / "temporary"
    locks.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(leftovers, "LOCKS", locks)
    monkeypatch.setattr(leftovers, "RUN", "0123456789ab")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    running_id, ended_id = uuid4().hex[:12], uuid4().hex[:12]
    folders = {
        run: temporary / f"{leftovers.folder_prefix(run)}x" for run in (running_id, ended_id)
    }
    for folder in folders.values():
        (folder / "data").mkdir(parents=True)
    hold_lock = (
        f"import fcntl, sys; f = open({str(locks / running_id)!r}, 'w'); "
        "fcntl.flock(f, fcntl.LOCK_SH); print(); "
    )
    (locks / ended_id).touch()
    lasting, ended, process = start_process(running_id), start_process(ended_id), None
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", hold_lock + "sys.stdout.flush(); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        assert leftovers.end_abandoned() == [ended.pid]
        assert ended.wait(60) < 0
        assert lasting.poll() is None
        assert sorted(path.name for path in locks.iterdir()) == sorted(["0123456789ab", running_id])
        assert list(temporary.iterdir()) == [folders[running_id]]
    finally:
        for each in filter(None, (lasting, ended, process)):
            each.kill()
            each.communicate()


async def test_the_redis_server_of_an_ended_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default Redis overwrites its environment with its process title."""
    ended_id = uuid4().hex[:12]
    monkeypatch.setenv("TEST_RUN", ended_id)
    async with redis_server() as server:
        assert server.process is not None
        assert list(leftovers.processes_of(ended_id)) == [server.process.pid]
