"""Which part of two lists, read one after the other, is complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from cli.follow.api import Api, QueryResult
from cli.follow.errors import PageCursorInvalid, ServerError
from cli.follow.position import Position
from cli.follow.reader import Reader

DIRECTORY_EVENT = 190
LAST = 259
LOG = range(101, LAST + 1)


def cursor(position: int) -> str:
    return f"{position:016x}"


def build_list(positions: list[int], count: int, kind: str) -> dict[str, Any]:
    nodes = [
        {
            "id": f"evt_{each}",
            "cursor": cursor(each),
            "type": "UPDATED",
            "__typename": kind,
            "ticket": {"id": "tkt_1"},
            "recordId": "usr_1",
            "actor": None,
            "occurredAt": "",
        }
        for each in positions[:count]
    ]
    return {"nodes": nodes, "pageInfo": {"hasNextPage": len(positions) > count}}


class GrowingLog:
    """A server whose log grows after the first response has read the directory's events."""

    def __init__(self) -> None:
        self.responses = 0

    async def query(self, document: str, variables: Mapping[str, Any]) -> QueryResult:
        self.responses += 1
        after, count = int(variables["after"], 16), variables["first"]
        is_first = self.responses == 1
        directory = [DIRECTORY_EVENT] if not is_first and after < DIRECTORY_EVENT else []
        tickets = [each for each in LOG if each > after and each != DIRECTORY_EVENT]
        data = {
            "events": build_list(tickets, count, "TicketUpdated"),
            "directoryEvents": build_list(directory, count, "UserDirectoryEvent"),
        }
        return QueryResult(data, cursor(100 if is_first else LAST))


async def test_no_event_is_skipped_that_one_list_has_not_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def read_nothing(*_: object) -> None:
        """The records don't matter here."""

    reader = Reader(cast("Api", GrowingLog()))
    reader.learn(cursor(100))
    monkeypatch.setattr(reader, "read_changed_records", read_nothing)
    monkeypatch.setattr(
        reader, "query_log", lambda at: reader.query_page("log", "", after=at.cursor)
    )
    position, more = Position("log", None, cursor(50), cursor(100)), True
    found: set[int] = set()
    while more:
        batch, more = await reader.read_log(position)
        position = batch.position
        found |= {int(row["cursor"], 16) for row in batch.rows.get("events", {}).values()}
    assert sorted(found) == list(LOG)


class RestoredServer:
    """A server that was restored, and has lost the events after 100."""

    async def query(self, document: str, variables: Mapping[str, Any]) -> QueryResult:
        del document
        if variables["after"] > cursor(100):
            raise PageCursorInvalid
        none = build_list([], 1, "TicketUpdated")
        return QueryResult({"events": none, "directoryEvents": none}, cursor(100))


async def test_events_that_were_announced_and_then_lost_are_not_skipped() -> None:
    """Else the events that a restored server has later in their place would be skipped."""
    reader = Reader(cast("Api", RestoredServer()))
    reader.learn(cursor(105))
    with pytest.raises(ServerError, match="was restored from a backup"):
        await reader.read_log(Position("log", None, cursor(50), cursor(100)))
