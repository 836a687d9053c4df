"""The targets of `ticketwire follow`: a batch is stored as a whole, once, by one follower."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from support.mirrors import read_rows

from cli.follow.columns import Row, Table
from cli.follow.errors import TargetError
from cli.follow.position import Batch, Position
from cli.follow.tables import EVENTS, MESSAGES, PEOPLE, TABLES_BY_NAME
from cli.follow.target_url import build_target
from cli.follow.targets.base import Target
from cli.follow.targets.jsonl import JSONLTarget
from cli.follow.targets.sqlite import SQLiteTarget

KINDS = ["sqlite", "jsonl"]
EARLIER, LATER = "0000000000000005", "0000000000000009"
SECRET = "hunter2"
AT = "2026-11-30T10:00:00Z"


@pytest.fixture(params=KINDS)
def to(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    prefix = {"sqlite": "sqlite:///", "jsonl": "jsonl:"}[request.param]
    return f"{prefix}{tmp_path}/mirror"


def path_of(to: str) -> Path:
    return Path(to.removeprefix("sqlite:///").removeprefix("jsonl:"))


def row_of(table: Table, **values: Any) -> Row:
    return dict.fromkeys(table.column_names) | {"as_of": EARLIER} | values


def message(body: str, as_of: str = EARLIER, id: str = "msg_1") -> Row:
    return row_of(
        MESSAGES, id=id, ticket_id="tkt_1", kind="REPLY", body=body, as_of=as_of, created_at=AT
    )


def batch_of(cursor: str, *rows: Row, erases: bool = False) -> Batch:
    batch = Batch(Position(stage="log", copied_from=EARLIER, cursor=cursor))
    for row in rows:
        batch.add(MESSAGES, row, erases=erases)
    return batch


async def apply(to: str, *batches: Batch) -> Position:
    """Open the target, apply batches, close it; returns the position at the start."""
    target = build_target(to)
    try:
        position = await target.open()
        for batch in batches:
            await target.apply(batch)
        return position
    finally:
        await target.close()


async def test_a_new_target_begins_with_the_first_list(to: str) -> None:
    assert await apply(to) == Position()
    assert await apply(to) == Position()
    assert path_of(to).stat().st_mode & 0o077 == 0, "nobody else may read it"


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o666, 0o600), (0o640, 0o640)])
async def test_an_existing_file_is_taken_from_other_users(to: str, before: int, after: int) -> None:
    """A copy of a mirror has the default mode. One for a group was chosen, and is kept."""
    path = path_of(to)
    path.touch()
    for _ in range(2):  # an empty file, and then a mirror
        path.chmod(before)
        await apply(to, batch_of(EARLIER, message("Hello.")))
        assert path.stat().st_mode & 0o777 == after


async def test_the_log_of_a_file_is_taken_from_other_users_too(tmp_path: Path) -> None:
    """A killed follower leaves it, with the mode that the file had."""
    path = tmp_path / "mirror"
    await apply(f"sqlite:///{path}")
    with sqlite3.connect(path) as killed:  # its transaction stays in the log until it is closed
        killed.execute("UPDATE mirror SET updated_at = updated_at")
        files = [path, tmp_path / "mirror-wal", tmp_path / "mirror-shm"]
        for file in files:
            file.chmod(0o644)
        target = SQLiteTarget(path)
        await target.open()
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
        await target.close()
    killed.close()


async def test_rows_and_position_are_stored_together(to: str) -> None:
    batch = batch_of(EARLIER, message("Hello."))
    await apply(to, batch)
    assert await apply(to) == batch.position
    rows = await read_rows(to)
    assert rows["messages"]["msg_1"]["body"] == "Hello."


async def test_a_row_never_replaces_a_newer_one(tmp_path: Path) -> None:
    to = f"sqlite:///{tmp_path}/mirror"
    await apply(to, batch_of(LATER, message("new", LATER)))
    await apply(to, batch_of(LATER, message("old", EARLIER)))
    assert (await read_rows(to))["messages"]["msg_1"]["body"] == "new"
    await apply(to, batch_of(LATER, message("same cursor, read later", LATER)))
    assert (await read_rows(to))["messages"]["msg_1"]["body"] == "same cursor, read later"


async def test_texts_with_all_characters_are_stored_as_they_are(to: str) -> None:
    """NUL is the exception: Postgres can't store it."""
    text = "\r\n\u2028\u0085\x01 \U0001f600 \"'\\ %s $1 {} \ufffe"
    await apply(to, batch_of(EARLIER, message(text), message("after", id="msg_2")))
    await apply(to, batch_of(LATER, message("third", id="msg_3")))
    rows = await read_rows(to)
    assert [each["body"] for each in rows["messages"].values()] == [text, "after", "third"]
    node = {"displayName": "a\0b", "teams": [{"slug": "x\0"}], "organization": None}
    fields = ("id", "role", "active", "email", "externalId", "locale", "timeZone", "createdAt")
    row = PEOPLE.build_row({**dict.fromkeys(fields), **node}, EARLIER)
    assert (row["display_name"], row["teams"]) == ("a\ufffdb", ["x\ufffd"])


async def test_a_failed_batch_stores_nothing(tmp_path: Path) -> None:
    to = f"sqlite:///{tmp_path}/mirror"
    first = batch_of(EARLIER, message("Hello."))
    bad = batch_of(LATER, message("lost", LATER))
    bad.add(EVENTS, row_of(EVENTS, id="evt_1"))  # without a cursor, which is required
    with pytest.raises(TargetError, match="NOT NULL"):
        await apply(to, first, bad)
    assert await apply(to) == first.position
    assert (await read_rows(to))["messages"]["msg_1"]["body"] == "Hello."


async def test_a_target_has_one_follower_at_a_time(to: str) -> None:
    first, second = build_target(to), build_target(to)
    await first.open()
    try:
        with pytest.raises(TargetError, match="another follower"):
            await second.open()
    finally:
        await second.close()
        await first.close()
    await apply(to)


async def test_a_change_by_somebody_else_is_noticed(tmp_path: Path) -> None:
    """The lock of a file can be lost, for example on a network file system."""
    path = tmp_path / "mirror"
    target = SQLiteTarget(path)
    await target.open()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE mirror SET revision = revision + 1")
    other.close()
    try:
        with pytest.raises(TargetError, match="another follower has changed"):
            await target.apply(batch_of(EARLIER, message("lost")))
    finally:
        await target.close()
    assert (await read_rows(f"sqlite:///{path}"))["messages"] == {}


async def test_a_target_of_another_version_is_refused(to: str) -> None:
    await apply(to, batch_of(EARLIER, message("Hello.")))
    path = path_of(to)
    if to.startswith("sqlite"):
        with sqlite3.connect(path) as database:
            database.execute("UPDATE mirror SET schema_version = 3")
        database.close()
    else:
        path.write_bytes(path.read_bytes().replace(b'_mirror":2', b'_mirror":3', 1))
    before = path.read_bytes()
    with pytest.raises(TargetError, match=r"version 3 of the tables; .* needs version 2"):
        await apply(to)
    assert path.read_bytes() == before


async def test_other_content_is_refused_and_kept(to: str) -> None:
    path = path_of(to)
    if to.startswith("sqlite"):
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE tickets (id text)")
        database.close()
    else:
        path.write_text("my notes")
    before = path.read_bytes()
    with pytest.raises(TargetError, match="not a mirror"):
        await apply(to)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mysql://root:secret@localhost/x", "unknown target; use postgres://"),
        ("", "unknown target"),
        ("jsonlines", "unknown target"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
    ],
)
def test_an_unknown_target_is_refused(target: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as refused:
        build_target(target)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("path", ["/proc/mirror", "/dev/null/mirror", "."])
async def test_a_path_that_cannot_be_written_is_refused(path: str) -> None:
    for target in (SQLiteTarget(Path(path)), JSONLTarget(Path(path))):
        with pytest.raises(TargetError, match=f"can't write {path}"):
            await open_and_close(target)


async def open_and_close(target: Target) -> None:
    try:
        await target.open()
    finally:
        await target.close()


# ---------------------------------------------------------------- files of JSON lines


async def test_a_file_that_ends_anywhere_continues_after_its_last_position(tmp_path: Path) -> None:
    path = tmp_path / "mirror"
    to = f"jsonl:{path}"
    first, second = batch_of(EARLIER, message("one")), batch_of(LATER, message("two", LATER))
    await apply(to, first)
    after_first = path.read_bytes()
    await apply(to, second)
    complete = path.read_bytes()
    for size in range(len(complete)):
        path.write_bytes(complete[:size])
        position = await apply(to)
        assert position == (first.position if size >= len(after_first) else Position()), size
        await apply(to, *([second] if size >= len(after_first) else [first, second]))
        assert path.read_bytes() == complete, size


async def test_rows_that_a_power_failure_lost_are_noticed(tmp_path: Path) -> None:
    """The line with the position may reach the disk before the rows do."""
    path = tmp_path / "mirror"
    to = f"jsonl:{path}"
    first = batch_of(EARLIER, message("one"))
    await apply(to, first, batch_of(LATER, message("two", LATER)))
    path.write_bytes(path.read_bytes().replace(b'"two"', b"\0\0\0\0\0"))
    assert await apply(to) == first.position


async def test_erased_texts_are_overwritten_in_their_place(tmp_path: Path) -> None:
    path = tmp_path / "mirror"
    to = f"jsonl:{path}"
    other = message(f"other {SECRET}", id="msg_2")
    await apply(to, batch_of(EARLIER, message(SECRET), other))
    before = path.read_bytes()
    await apply(to, batch_of(LATER, message("[redacted]", LATER), erases=True))
    after = path.read_bytes()
    assert len(after) > len(before)
    lines = [json.loads(line) for line in after.splitlines()]
    assert lines[1] == {"table": "messages", "id": "msg_1", "erased": True}
    assert lines[2]["row"]["body"] == f"other {SECRET}"
    changed = [
        number
        for number, (old, new) in enumerate(
            zip(before.splitlines(keepends=True), after.splitlines(keepends=True), strict=False)
        )
        if old != new
    ]
    assert changed == [1], "all other lines keep their place"
    assert (await read_rows(to))["messages"]["msg_1"]["body"] == "[redacted]"


async def test_a_crash_before_the_overwriting_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mirror"
    to = f"jsonl:{path}"
    erasing = batch_of(LATER, message("[redacted]", LATER), erases=True)
    await apply(to, batch_of(EARLIER, message(SECRET)))
    with monkeypatch.context() as patch:
        patch.setattr(JSONLTarget, "overwrite", lambda *_: None)
        await apply(to, erasing)
    assert SECRET.encode() in path.read_bytes()
    assert await apply(to) == erasing.position
    assert SECRET.encode() not in path.read_bytes()
    assert (await read_rows(to))["messages"]["msg_1"]["body"] == "[redacted]"


async def test_lines_longer_than_a_block_are_found(tmp_path: Path) -> None:
    to = f"jsonl:{tmp_path}/mirror"
    large = [message("x" * 700_000, id=f"msg_{number}") for number in range(4)]
    batch = batch_of(EARLIER, *large)
    await apply(to, batch)
    assert await apply(to) == batch.position
    await apply(to, batch_of(LATER, *(replace_body(row) for row in large), erases=True))
    assert "xxx" not in (tmp_path / "mirror").read_text()


async def test_an_erasure_holds_a_small_part_of_the_file_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "mirror"
    rows = [message("x" * 200_000, id=f"msg_{number}") for number in range(20)]
    await apply(f"jsonl:{path}", *[batch_of(EARLIER, *rows)] * 5)
    size = path.stat().st_size
    assert size > 20_000_000
    target = JSONLTarget(path)
    await target.open()
    tracemalloc.start()
    try:
        await target.apply(batch_of(LATER, replace_body(message("")), erases=True))
        assert tracemalloc.get_traced_memory()[1] < size / 3
    finally:
        tracemalloc.stop()
        await target.close()
    assert path.read_bytes().count(b'"erased":true') == 5


def replace_body(row: Row) -> Row:
    return {**row, "body": "[erased]", "as_of": LATER}


def test_all_tables_have_a_key_and_a_cursor() -> None:
    for table in TABLES_BY_NAME.values():
        assert table.column_names[0] == "id"
        assert table.column_names[-1] == "as_of"
        assert len(set(table.column_names)) == len(table.columns)
