"""Executes equal lookups of a caller's requests as one statement, on Postgres.

A lookup reads a record by a key, and takes less time than its round trip. Lookups of one caller
that arrive in the same turn of the event loop, while an equal one is running, are therefore sent
together. They have the same text and their own parameters:

    SELECT r.*, k.n FROM unnest((SELECT $1::int8[])) WITH ORDINALITY AS k(p1, n)
    CROSS JOIN LATERAL (SELECT … WHERE t.number = k.p1 OFFSET 0) r

Because of OFFSET 0, Postgres plans the inner statement like the lookup itself, once for each row of
`k`. Because of the inner SELECT, it doesn't know how many there are when it makes a plan, and so
keeps one plan for all numbers (docs/plans.md). The viewer's visibility is part of the text and its
parameters, so each lookup has its own. The statement begins after each lookup has arrived, as if
each were sent alone. A lookup that is alone is sent as it is. If a common statement fails or is
cancelled, its lookups are executed alone.

Callers don't share statements: one that has used its share of connections would delay the others.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass

import structlog

from models.database.fair_share import CALLER

log = structlog.get_logger("ticketwire.database")
Rows = Sequence[Sequence[object]]
Fetch = Callable[[str, Sequence[object]], Awaitable[Rows]]

MAX_LOOKUPS_PER_STATEMENT = 50
MAX_KNOWN_TEXTS = 400
"""As many as each connection keeps prepared statements."""
PLACEHOLDER = re.compile(r"\$(\d+)")

LookupKey = tuple[str, Hashable]
"""The text of a lookup and its caller."""


@dataclass(slots=True, eq=False)
class WaitingLookup:
    values: Sequence[object]
    rows: asyncio.Future[Rows | None]
    """None if the common statement has failed."""


class SharedLookups:
    """The lookups of one pool of connections.

    Args:
        fetch: Executes a statement.
        read_types: Returns the types of a statement's parameters; None if there are no arrays of
            one of them.
    """

    def __init__(
        self, fetch: Fetch, read_types: Callable[[str], Awaitable[Sequence[str] | None]]
    ) -> None:
        self.fetch = fetch
        self.read_types = read_types
        self.running: Counter[LookupKey] = Counter()
        """How many statements are running."""
        self.gathering: dict[LookupKey, list[WaitingLookup]] = {}
        """The lookups that wait to be sent together with the one that came first."""
        self.common_texts: dict[str, str | None] = {}
        """By text of the lookups; None if they can't be sent together."""

    async def execute(self, text: str, values: Sequence[object]) -> Rows:
        """The rows of a lookup. Raises what `fetch` raises."""
        key = (text, CALLER.get())
        others = self.gathering.get(key)
        if others is not None and len(others) < MAX_LOOKUPS_PER_STATEMENT - 1:
            waiting = WaitingLookup(values, asyncio.get_running_loop().create_future())
            others.append(waiting)
            rows = await waiting.rows
        elif self.running[key] and values:
            rows = await self.execute_with_others(key, values)
        else:
            rows = None
        if rows is not None:
            return rows
        self.running[key] += 1
        try:
            return await self.fetch(text, values)
        finally:
            self.finish(key)

    async def execute_with_others(self, key: LookupKey, values: Sequence[object]) -> Rows | None:
        """Let others join for one turn of the event loop; execute all together if there are any.

        None if the lookup must be executed alone.
        """
        others: list[WaitingLookup] = []
        results: list[Rows] | None = None
        self.gathering[key] = others
        try:
            await asyncio.sleep(0)
            self.stop_gathering(key, others)
            if others:
                parameters = [values, *(each.values for each in others)]
                results = await self.execute_together(key, parameters)
        except Exception as error:
            log.debug("lookups.failed_together", error=repr(error))  # each reports its own error
        finally:
            self.stop_gathering(key, others)
            for index, each in enumerate(others, 1):
                if not each.rows.done():  # otherwise it was cancelled
                    each.rows.set_result(None if results is None else results[index])
        return None if results is None else results[0]

    def stop_gathering(self, key: LookupKey, others: list[WaitingLookup]) -> None:
        if self.gathering.get(key) is others:
            del self.gathering[key]

    async def execute_together(
        self, key: LookupKey, parameters: Sequence[Sequence[object]]
    ) -> list[Rows] | None:
        """The rows for each of the parameters; None if the lookups can't be sent together."""
        self.running[key] += 1
        try:
            common_text = await self.find_common_text(key[0])
            if common_text is None:
                return None
            columns = [list(column) for column in zip(*parameters, strict=True)]
            results: list[list[Sequence[object]]] = [[] for _ in parameters]
            for row in await self.fetch(common_text, columns):
                number = row[-1]
                assert isinstance(number, int)
                results[number - 1].append(row[:-1])
            return list[Rows](results)
        finally:
            self.finish(key)

    async def find_common_text(self, text: str) -> str | None:
        if text not in self.common_texts:
            if len(self.common_texts) >= MAX_KNOWN_TEXTS:
                self.common_texts.clear()
            types = await self.read_types(text)
            self.common_texts[text] = None if types is None else build_common_text(text, types)
        return self.common_texts[text]

    def finish(self, key: LookupKey) -> None:
        self.running[key] -= 1
        if not self.running[key]:
            del self.running[key]


def build_common_text(text: str, types: Sequence[str]) -> str:
    """The statement that executes a lookup for each row of parameters.

    It takes an array for each parameter of the lookup. Its last column is the row's number, from 1.
    """
    arrays = ", ".join(f"(SELECT ${number}::{type}[])" for number, type in enumerate(types, 1))
    names = ", ".join(f"p{number}" for number in range(1, len(types) + 1))
    lookup = PLACEHOLDER.sub(r"k.p\1", text)
    return (
        f"SELECT r.*, k.n FROM unnest({arrays}) WITH ORDINALITY AS k({names}, n) "
        f"CROSS JOIN LATERAL ({lookup} OFFSET 0) r"
    )
