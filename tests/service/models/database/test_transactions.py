"""Transactions are atomic, and a task that is cancelled at any point releases its resources."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from support.databases import IS_SQLITE
from support.live import until
from support.ticket_factory import DEADLINE_SECONDS
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from models import database
from models.core.ids import new_id
from models.database.config import build_config
from models.database.sqlite import split_script
from models.people.user import Organization

CANCELLED_AFTER = [*range(60), *range(60, 1500, 40)]
"""Iterations of the event loop before a task is cancelled: from before BEGIN to after COMMIT."""
only_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="specific to SQLite")


async def store(name: str) -> None:
    async with database.transaction():
        await Organization.create(name=name)


async def names() -> list[str]:
    return sorted(await Organization.all().values_list("name", flat=True))


async def cancel_after(iterations: int, work: Callable[[], Awaitable[None]]) -> bool:
    """Run the work as a task, and cancel it after some iterations of the event loop.

    Returns whether it was cancelled before its end.
    """
    task = asyncio.ensure_future(work())
    for _ in range(iterations):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def check_usable() -> None:
    """Check that two tasks can run transactions; on Postgres they use two connections at once."""
    barrier = asyncio.Barrier(1 if IS_SQLITE else 2)

    async def run_transaction(name: str) -> None:
        async with database.transaction():
            await database.fetch_dicts("SELECT 1 AS one")
            await barrier.wait()
            await Organization.create(name=name)

    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(run_transaction("usable"), run_transaction("usable"))
        assert await Organization.filter(name="usable").count() == 2
        await Organization.filter(name="usable").delete()


@pytest.fixture
async def small_pool(url: str) -> AsyncIterator[None]:
    """An open database with two Postgres connections."""
    await database.connect(url, max_connections=2)
    try:
        yield
    finally:
        await database.disconnect()


@pytest.mark.usefixtures("small_pool")
async def test_a_task_cancelled_in_a_transaction_stores_all_or_nothing() -> None:
    stored: set[str] = set()

    async def store_two(name: str) -> None:
        async with database.transaction():
            await Organization.create(name=name)
            await Organization.create(name=name)
        stored.add(name)

    cancelled = [
        await cancel_after(iterations, lambda iterations=iterations: store_two(f"n{iterations}"))
        for iterations in CANCELLED_AFTER
    ]
    assert cancelled[0]
    await check_usable()
    found = await names()
    assert all(found.count(name) == 2 for name in found)
    assert stored <= set(found)


@pytest.mark.usefixtures("small_pool")
@pytest.mark.parametrize("has_begun", [False, True], ids=["alone", "after BEGIN"])
async def test_a_task_cancelled_in_fetch_each_stores_all_or_nothing(
    has_begun: bool,
) -> None:
    stored: set[str] = set()
    insert_two = "INSERT INTO organizations (id, name, shared) VALUES (?, ?, FALSE), (?, ?, FALSE)"

    async def store_two(name: str) -> None:
        async with database.transaction():
            await (database.fetch if has_begun else database.fetch_readonly)("SELECT 1")
            await database.fetch_each([(insert_two, [new_id(), name, new_id(), name])], commit=True)
        stored.add(name)

    cancelled = [
        await cancel_after(iterations, lambda iterations=iterations: store_two(f"n{iterations}"))
        for iterations in CANCELLED_AFTER
    ]
    assert cancelled[0]
    await check_usable()
    found = await names()
    assert all(found.count(name) == 2 for name in found)
    assert stored <= set(found)


@pytest.mark.usefixtures("small_pool")
async def test_tasks_cancelled_at_begin_leave_the_database_usable() -> None:
    entered: list[int] = []

    async def enter(iterations: int) -> None:
        async with database.transaction():
            entered.append(iterations)
            await asyncio.Event().wait()

    for iterations in [*range(25), *range(25)]:
        assert await cancel_after(iterations, lambda iterations=iterations: enter(iterations))
    assert len(entered) < 50
    await check_usable()


@pytest.mark.usefixtures("small_pool")
async def test_tasks_cancelled_while_waiting_leave_the_database_usable() -> None:
    held, go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            held.set()
            await go.wait()

    holders = [asyncio.ensure_future(hold()) for _ in range(1 if IS_SQLITE else 2)]
    await held.wait()
    waiting = [asyncio.ensure_future(store(f"n{number}")) for number in range(10)]
    for task in waiting:
        await asyncio.sleep(0)
        task.cancel()
    ended = await asyncio.wait(waiting, timeout=DEADLINE_SECONDS)
    assert not ended[1]
    go.set()
    await asyncio.gather(*holders)
    await check_usable()
    assert await names() == []


@pytest.mark.usefixtures("small_pool")
async def test_a_cancelled_transaction_is_rolled_back() -> None:
    inside = asyncio.Event()

    async def wait_inside() -> None:
        async with database.transaction():
            await Organization.create(name="never")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait_inside())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names() == []
    await check_usable()


@pytest.mark.usefixtures("small_pool")
@pytest.mark.parametrize("is_rolled_back", [False, True], ids=["commit", "rollback"])
async def test_a_task_can_use_the_database_after_a_cancelled_transaction(
    is_rolled_back: bool,
) -> None:
    """A task under `asyncio.timeout` does so: its next statement must not use the old
    transaction."""

    async def run_interrupted(iterations: int) -> bool:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        remaining = iterations
        pending: asyncio.Handle | None = None

        def count_down() -> None:
            nonlocal remaining, pending
            remaining -= 1
            if remaining < 0:
                task.cancel()
            else:
                pending = loop.call_soon(count_down)

        try:
            async with database.transaction():
                await Organization.create(name="n")
                pending = loop.call_soon(count_down)
                if is_rolled_back:
                    raise LookupError
        except LookupError:
            pass
        except asyncio.CancelledError:
            task.uncancel()
            assert (await database.fetch_dicts("SELECT 1 AS one"))[0]["one"] == 1
            return True
        if pending:
            pending.cancel()
        return False

    # each in a task of its own, so that a failure does not affect the next
    cancelled = [
        await asyncio.ensure_future(run_interrupted(iterations)) for iterations in range(30)
    ]
    assert True in cancelled
    await check_usable()


@pytest.mark.usefixtures("small_pool")
async def test_a_transaction_inside_another_is_a_savepoint() -> None:
    async def store_both() -> None:
        async with database.transaction():
            await Organization.create(name="inner")
            await Organization.create(name="inner", external_id="key")

    async with database.transaction():
        await Organization.create(name="outer", external_id="key")
        with pytest.raises(IntegrityError):
            await store_both()
        assert await names() == ["outer"]
        async with database.transaction():
            await Organization.create(name="kept")
    assert await names() == ["kept", "outer"]


@pytest.mark.usefixtures("small_pool")
async def test_a_savepoint_is_rolled_back_with_its_transaction() -> None:
    async def fail() -> None:
        async with database.transaction():
            await store("inner")
            assert await names() == ["inner"]
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await names() == []


@pytest.mark.usefixtures("small_pool")
async def test_a_script_does_not_commit_its_transaction() -> None:
    async def fail() -> None:
        async with database.transaction():
            await store("never")
            await database.connection().execute_script(
                "CREATE TABLE one (id int); CREATE TABLE two (id int); SELECT 1;"
            )
            await database.fetch_dicts("SELECT * FROM two")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await names() == []
    with pytest.raises(OperationalError):
        await database.fetch_dicts("SELECT * FROM one")


async def test_a_script_is_split_into_statements_but_triggers_are_not() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = ';'; DELETE FROM c; END;"
    found = split_script(
        f"CREATE TABLE a (b text DEFAULT ';');{trigger} INSERT INTO a VALUES ('x;y') ; ;\n"
    )
    assert [each.strip() for each in found] == [
        "CREATE TABLE a (b text DEFAULT ';');",
        trigger,
        "INSERT INTO a VALUES ('x;y') ;",
    ]


@only_sqlite
@pytest.mark.usefixtures("small_pool")
async def test_a_task_cancelled_while_another_process_writes_holds_no_lock(url: str) -> None:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.ensure_future(store("never"))
        await until(lambda: is_waiting(task))
        task.cancel()
        await asyncio.sleep(0)
        other.execute("COMMIT")
    finally:
        other.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    await check_usable()
    assert await names() == []


async def is_waiting(task: asyncio.Future[None]) -> bool:
    """Whether the task waits in the driver's thread, so that the connection is locked."""
    assert not task.done()
    return database.connection()._lock.locked()


@only_sqlite
@pytest.mark.usefixtures("small_pool")
async def test_a_transaction_takes_the_write_lock_at_its_start(url: str) -> None:
    async with database.transaction():
        await names()
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=0)
        try:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        finally:
            other.close()


@only_sqlite
@pytest.mark.usefixtures("small_pool")
async def test_commits_are_durable_and_foreign_keys_are_checked() -> None:
    found = {
        name: (await database.fetch_dicts(f"PRAGMA {name}"))[0][name]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.usefixtures("small_pool")
async def test_fetch_dicts_takes_parameters_in_both_dialects() -> None:
    await store("it's 100% ? $1")
    found = await database.fetch_dicts(
        "SELECT name FROM organizations WHERE name = ? AND shared = ? AND name <> ?",
        ["it's 100% ? $1", False, "x"],
    )
    assert [row["name"] for row in found] == ["it's 100% ? $1"]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://host/name",
        "postgres://host",
        "postgres://host/",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "x",
        "postgres://host/name?sslmode=require",
    ],
)
async def test_an_invalid_database_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|unknown"):
        build_config(url)


async def test_a_database_url_is_parsed() -> None:
    def credentials(url: str) -> dict[str, object]:
        return build_config(url)["connections"]["default"]["credentials"]  # type: ignore[index]

    assert credentials("sqlite:///data/x.db")["file_path"] == "data/x.db"
    assert credentials("sqlite:////var/x.db")["file_path"] == "/var/x.db"
    found = credentials("postgres://us%40er:p%2Fw@host:5433/na%20me?ssl=require")
    assert [found[name] for name in ("user", "password", "host", "port", "database", "ssl")] == [
        *("us@er", "p/w", "host", 5433, "na me", "require")
    ]
    assert credentials("postgresql://host/name")["port"] == 5432


async def test_an_unavailable_database_is_an_error_at_once(tmp_path: Path) -> None:
    url = (
        f"sqlite:///{tmp_path}/no/such.db" if IS_SQLITE else "postgres://postgres@127.0.0.1:1/none"
    )
    with pytest.raises((OSError, sqlite3.OperationalError, DBConnectionError)):
        await database.connect(url)
    await database.disconnect()
