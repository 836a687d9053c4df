"""The suite's own machinery: failed tests are repeated, and what an interrupted run left behind is removed."""

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
    """A suite of its own, run without plugins and worker processes, whose start takes a second each."""
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


def test_a_pytest_that_breaks_off_fails_the_run(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, ENDS_PYTEST).failed
    assert outcome_of(tmp_path, "import nothing_of_this_name").failed


def test_with_many_failures_none_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_REPEATED", 1)
    outcome = outcome_of(tmp_path, FAILS_ONCE + "def test_other(): assert False")
    assert (outcome.failed, outcome.flaky) == (
        ["test_it.py::test_it on here", "test_it.py::test_other on here"],
        {},
    )


def test_a_worker_that_dies_in_a_test_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "DISTRIBUTION", ["-p", "xdist", "-n", "1"])
    ends_once = FAILS_ONCE.replace(
        'assert not first, "the first time"', "import os; first and os._exit(7)"
    )
    assert outcome_of(tmp_path, NEVER_RETRIED + ends_once).failed == ["test_it.py::test_it on here"]


def test_a_selection_without_tests_is_noted(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, "").is_empty
    assert not outcome_of(tmp_path, PASSES).is_empty


def started(run: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(SLEEP, env={**os.environ, "TEST_RUN": run}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # its environment can be read from now on
    return process


def test_what_an_ended_run_left_is_removed_and_other_runs_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks, temporary = tmp_path / "locks", tmp_path / "temporary"
    locks.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(leftovers, "LOCKS", locks)
    monkeypatch.setattr(leftovers, "RUN", "0123456789ab")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    going, over = uuid4().hex[:12], uuid4().hex[:12]
    folders = {run: temporary / f"{leftovers.folder_prefix(run)}x" for run in (going, over)}
    for folder in folders.values():
        (folder / "data").mkdir(parents=True)
    holder = f"import fcntl, sys; f = open({str(locks / going)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_SH); print(); "
    (locks / over).touch()
    lasting, ended, process = started(going), started(over), None
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", holder + "sys.stdout.flush(); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        assert leftovers.end_abandoned() == [ended.pid]
        assert ended.wait(60) < 0
        assert lasting.poll() is None
        assert sorted(path.name for path in locks.iterdir()) == sorted(["0123456789ab", going])
        assert list(temporary.iterdir()) == [folders[going]]
    finally:
        for each in filter(None, (lasting, ended, process)):
            each.kill()
            each.communicate()


async def test_a_redis_of_an_ended_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis writes its process title over its environment, unless it is asked not to."""
    over = uuid4().hex[:12]
    monkeypatch.setenv("TEST_RUN", over)
    async with redis_server() as server:
        assert server.process is not None
        assert list(leftovers.processes_of(over)) == [server.process.pid]
