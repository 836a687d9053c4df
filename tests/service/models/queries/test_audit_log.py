"""The audit log in the database: retention, batches, and the indexes of its pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.databases import IS_SQLITE
from support.loop_limits import count_runs
from support.statements import statements
from support.ticket_factory import NOON

from models import database
from models.audit.entry import AuditEntry
from models.audit.records import RecordKind
from models.core import ids
from models.core.ids import new_id
from models.core.paging.pagination import PageRequest
from models.people.user import ApiClient, User
from models.queries.logs import audit_log
from models.queries.logs.audit_log import AuditConditions
from workers import cleanup
from workers.cleanup import Cleanup

pytestmark = pytest.mark.usefixtures("database")
DAY = timedelta(days=1)


async def add_entries(count: int, *, action: str = "updateTeam", each_after: timedelta) -> None:
    """Add entries, the first at noon."""
    entries = [
        AuditEntry(occurred_at=NOON + number * each_after, action=action) for number in range(count)
    ]
    await AuditEntry.bulk_create(entries)


async def test_entries_are_deleted_after_the_retention_in_bounded_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cleanup, "MAX_DELETED_ENTRIES", 4)
    await add_entries(12, each_after=DAY)
    job, counts = Cleanup(3 * DAY), list[int]()
    for _ in count_runs():
        before = await AuditEntry.all().count()
        progress = await job.run_once(NOON + 12 * DAY, 7)
        counts.append(before - await AuditEntry.all().count())
        assert progress.position == 7
        if not progress.more:
            break
    assert counts == [4, 4, 1]
    assert {entry.occurred_at for entry in await AuditEntry.all()} == {
        NOON + day * DAY for day in (9, 10, 11)
    }
    await job.run_once(NOON + 12 * DAY + cleanup.INTERVAL - timedelta(microseconds=1), 7)
    assert await AuditEntry.all().count() == 3
    await job.run_once(NOON + 12 * DAY + cleanup.INTERVAL, 7)
    assert await AuditEntry.all().count() == 2


async def test_without_a_retention_entries_are_kept() -> None:
    await add_entries(2, each_after=DAY)
    await Cleanup(None).run_once(NOON + 100_000 * DAY, 0)
    assert await AuditEntry.all().count() == 2


async def test_batches_have_every_entry_once_even_if_times_are_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_log, "EXPORT_BATCH_ENTRIES", 3)
    await add_entries(7, each_after=timedelta())
    await add_entries(2, each_after=DAY, action="signIn")
    for conditions, expected in (
        (AuditConditions(), [3, 3, 3]),
        (AuditConditions(actions=["updateTeam"]), [3, 3, 1]),
        (AuditConditions(actions=["nothing"]), []),
        (AuditConditions(occurred_at={"gte": NOON + DAY}), [1]),
    ):
        batches = [batch async for batch in audit_log.read_in_batches(conditions, NOON)]
        assert [len(batch) for batch in batches] == expected
        seen = [entry for batch in batches for entry in batch]
        assert len({entry.id for entry in seen}) == len(seen)
        assert [entry.occurred_at for entry in seen] == sorted(entry.occurred_at for entry in seen)


async def read_plan(conditions: AuditConditions, page_request: PageRequest) -> str:
    """The plan of the statement that reads a page, as text."""
    with statements() as collected:
        await audit_log.list_entries(conditions, page_request, NOON)
    sql, params = next(each for each in collected.sent if "LIMIT" in each[0])
    if IS_SQLITE:
        rows = await database.connection().execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", params)
        return "\n".join(row["detail"] for row in rows)
    async with database.transaction():
        for other in ("seqscan", "bitmapscan", "sort"):
            await database.connection().execute_script(f"SET LOCAL enable_{other} = off")
        rows = await database.connection().execute_query_dict(f"EXPLAIN {sql}", params)
    return "\n".join(row["QUERY PLAN"] for row in rows)


async def test_pages_of_each_filter_use_an_index_in_their_order() -> None:
    user = await User.create(email="a@example.com", display_name="A")
    client = await ApiClient.create(display_name="C")
    await add_entries(500, each_after=timedelta(minutes=1))
    if not IS_SQLITE:
        await database.fetch_dicts("ANALYZE audit_entries")
    middle = audit_log.NEWEST_FIRST.cursor_of((await AuditEntry.all())[250])
    for conditions in (
        AuditConditions(),
        AuditConditions(actor_id=ids.encode(ids.USER, user.id)),
        AuditConditions(actor_id=ids.encode(ids.API_CLIENT, client.id)),
        AuditConditions(actions=["updateTeam"]),
        AuditConditions(record_kind=RecordKind.TEAM),
        AuditConditions(record_id=ids.encode(ids.TEAM, new_id())),
    ):
        for page_request in (
            PageRequest(10, False, None, None),
            PageRequest(10, False, middle, None),
            PageRequest(10, True, None, middle),
        ):
            plan = await read_plan(conditions, page_request)
            assert "Index" in plan or "USING INDEX" in plan, plan
            assert "Sort" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan
