"""Fixtures: a fresh, migrated database for each test, and the service on its own port."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
import structlog

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
# processes that tests start import the program twice as fast if they needn't compile it
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from support import Client, Service, World, databases, leftovers  # noqa: E402 - the path comes first
from support.python_client import import_client  # noqa: E402
from support.seed import SEED, configure_hypothesis, random_for  # noqa: E402
from support.service import running  # noqa: E402
from tortoise import Tortoise  # noqa: E402

from engine.telemetry.logging import RENDERER, SHARED_PROCESSORS  # noqa: E402
from models import database as db  # noqa: E402
from models.database import config  # noqa: E402

NEVER_AWAITED = (
    "coroutine object GraphQLCoreConverter.from_resolver",
    "coroutine object Executor.",
)
DATABASE_FIXTURES = {"template", "empty_url"}
"""All tests that use a database use one of these, directly or through another fixture."""

configure_hypothesis()
# on a slow machine, other processes on the same SQLite file may take longer than the usual 15 s
config.BUSY_TIMEOUT_MS = 120_000


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Log in plain lines, and ignore the warnings that pyproject.toml ignores, even where Python
    can't issue them.

    structlog's default shows an exception with all values of its frames: gigabytes, if they contain
    the schema. A coroutine that was never awaited can be collected inside code without builtins,
    such as a named tuple's constructor. Then Python can't import the warning, and raises KeyError.
    """
    structlog.configure(processors=[*SHARED_PROCESSORS, RENDERER])
    hook = sys.unraisablehook

    def report(unraisable: sys.UnraisableHookArgs) -> None:
        error = unraisable.exc_value
        is_failed_warning = isinstance(error, KeyError) and error.args == ("__import__",)
        is_ignored = any(name in repr(unraisable.object) for name in NEVER_AWAITED)
        if not (is_failed_warning and is_ignored):
            hook(unraisable)

    sys.unraisablehook = report
    if not hasattr(config, "workerinput"):
        leftovers.end_abandoned()


def pytest_report_header() -> list[str]:
    return [f"database: {databases.SERVER}, seed: TEST_SEED={SEED}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark random tests as `stress`.

    With TEST_ONLY=database, deselect tests that ran on SQLite already: those without a database,
    and browser tests, which see the service only through its API, unless they are marked
    `both_databases`.
    """
    for item in items:
        function = getattr(item, "obj", None)
        is_property_test = getattr(function, "is_hypothesis_test", False)
        if is_property_test or "random" in fixtures_of(item):
            item.add_marker(pytest.mark.stress)
    if os.environ.get("TEST_ONLY") != "database":
        return
    deselected = [item for item in items if not depends_on_database(item)]
    config.hook.pytest_deselected(items=deselected)
    items[:] = [item for item in items if depends_on_database(item)]


def depends_on_database(item: pytest.Item) -> bool:
    if "browser" in fixtures_of(item) and item.get_closest_marker("both_databases") is None:
        return False
    return bool(DATABASE_FIXTURES & fixtures_of(item))


def fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the seed with each failure."""
    report = yield
    if report.failed:
        report.sections.append(("seed", f"TEST_SEED={SEED}"))
    return report


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """A random generator that depends on the test's name and the run's seed."""
    return random_for(request.node.nodeid)


@pytest.fixture(scope="session", autouse=True)
def records() -> None:
    """Records know their foreign keys, also where a test has no database."""
    Tortoise.init_models(config.MODULES, "models")


@pytest.fixture(scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A migrated database that is copied for tests: its path on SQLite, its name on Postgres."""
    async with contextlib.AsyncExitStack() as stack:
        if not databases.IS_SQLITE:
            await stack.enter_async_context(databases.run_lock())
        yield await stack.enter_async_context(
            databases.template(tmp_path_factory.mktemp("template"))
        )


@pytest.fixture(scope="session")
async def reused(template: str) -> AsyncIterator[databases.ReusedDatabase | None]:
    """The one database of this worker on Postgres; None on SQLite, where each test has a file of
    its own."""
    found = None if databases.IS_SQLITE else databases.ReusedDatabase(template)
    yield found
    if found is not None:
        await found.close()


Copy = Callable[[str, Path], contextlib.AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def copy() -> Copy:
    return databases.copy


@pytest.fixture
async def url(
    request: pytest.FixtureRequest,
    template: str,
    reused: databases.ReusedDatabase | None,
    tmp_path: Path,
) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database.

    With the mark `without_default_policies` it has no active SLA policies and escalation paths.
    """
    async with contextlib.AsyncExitStack() as stack:
        found = await (
            reused.url()
            if reused
            else stack.enter_async_context(databases.copy(template, tmp_path))
        )
        if request.node.get_closest_marker("without_default_policies") is not None:
            await databases.deactivate_slas(found)
        yield found


@pytest.fixture
async def empty_url(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without any table."""
    async with contextlib.AsyncExitStack() as stack:
        if not databases.IS_SQLITE:
            await stack.enter_async_context(databases.run_lock())
        yield await stack.enter_async_context(databases.empty(tmp_path))


@pytest.fixture
async def database(url: str) -> AsyncIterator[str]:
    """An open database for tests of models."""
    await db.connect(url)
    try:
        yield url
    finally:
        await db.disconnect()


@pytest.fixture
async def people(database: str) -> World:
    """People, teams and accounts in a database without a service, so that no other job runs."""
    return await World.make()


@pytest.fixture
def without_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that starts later runs no background jobs. A test runs those that it needs."""
    monkeypatch.setenv("TICKETWIRE_RUN_JOBS", "false")


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """The service in this process, on a real socket, over a fresh database."""
    async with running(url) as found:
        yield found


@pytest.fixture
async def world(service: Service) -> World:
    """People, teams and accounts that most tests need, in the service's database."""
    return await World.make()


@pytest.fixture(scope="session")
def ticketwire_client() -> ModuleType:
    """The Python client of clients/python. Skips the test if it is not built; in CI it fails."""
    return import_client()


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    """A client with the session of an admin."""
    return service.client(world.root.token)
