"""The tags that tickets have, page by page. Spellings that differ only by case are one tag.

A tag may be on very many tickets, so no statement reads all rows of a tag. An index has the rows in
the order of the tags, and each step of the recursion below finds the first row of the next tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.errors import BadRequest
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import Cursors, Page, PageRequest
from models.core.sql import Condition, in_list
from models.core.text import is_storable
from models.tickets.tag_key import MAX_TAG_KEY_CHARS

MAX_COUNTED = 1000
"""The largest number of a tag's tickets, and of tags, that is counted."""
FIRST_CHARACTER = "\x01"
"""Databases store no NUL, so a key with this character appended is the next possible key.

It is also the first key: rows from processes of the previous version have an empty one.
"""
LAST_KEY = "\U0010ffff" * (MAX_TAG_KEY_CHARS + 1)
ORDER = Order((Sort("g.key", "key", False, SortType.TEXT),))
# These two read a range in the order of the index: for an equality, Postgres may read all rows of
# the tag. Tickets from before the keys can have several spellings of a tag, and count once.
COUNT_SQL = (
    "SELECT COUNT(*) FROM (SELECT DISTINCT c.key, c.ticket_id FROM ticket_tags c "
    "WHERE c.key >= p.key AND c.key <= p.key "
    f"ORDER BY c.key, c.ticket_id LIMIT {MAX_COUNTED}) counted"
)
NAME_SQL = (
    "SELECT n.name FROM ticket_tags n WHERE n.key >= p.key AND n.key <= p.key "
    "ORDER BY n.key, n.ticket_id LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of at least one ticket, as the oldest one spells it.

    `ticket_count` is at most MAX_COUNTED.
    """

    name: str
    ticket_count: int
    key: str


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys from `start` until before `end`. Python compares texts as the databases do."""

    start: str = FIRST_CHARACTER
    end: str = LAST_KEY

    def clip(self, after: str | None, before: str | None) -> KeyRange:
        """The keys of the range between these two, without them; None does not limit it."""
        start = self.start if after is None else max(self.start, after + FIRST_CHARACTER)
        return KeyRange(start, self.end if before is None else min(self.end, before))


async def list_tags(search: str | None, request: PageRequest) -> Page[Tag]:
    """Return a page of all tags, by name. The viewer must be able to see all tickets.

    `search` is the start of a name, in any case. Raises BadRequest if it can't be stored, and
    CursorInvalid.
    """
    found = find_range(search)
    after, before = decode_key(request.after), decode_key(request.before)
    backward = request.backward
    tags = await read_tags(found.clip(after, before), request.size + 1, backward=backward)
    on_page = tags[: request.size]
    if backward:
        on_page.reverse()
    return Page(
        on_page,
        Cursors(on_page, ORDER.cursor_of),
        request,
        has_more=len(tags) > request.size,
        count_total=partial(count_tags, found),
        has_rows_before_page=partial(has_tags_from, found, before if backward else after, backward),
    )


def find_range(search: str | None) -> KeyRange:
    """The keys of the tags that start with the text. Raises BadRequest."""
    if search and not is_storable(search):
        raise BadRequest("A search must not contain NUL bytes or lone surrogates.")
    prefix = (search or "").strip().casefold()
    return KeyRange(prefix or FIRST_CHARACTER, prefix + LAST_KEY)


def decode_key(cursor: str | None) -> str | None:
    """The key in a cursor. Raises CursorInvalid."""
    return None if cursor is None else cast("str", ORDER.decode_cursor(cursor)[0])


async def read_tags(keys: KeyRange, limit: int, *, backward: bool) -> list[Tag]:
    """The first tags of the range, or the last ones in reverse order."""
    page = select_keys(keys, limit, backward=backward)
    rows = await database.fetch_readonly(
        f"{page.text} SELECT ({NAME_SQL}), ({COUNT_SQL}), p.key FROM page p "
        "WHERE p.key IS NOT NULL ORDER BY p.place",
        page.params,
    )
    return [Tag(*cast("tuple[str, int, str]", tuple(row))) for row in rows]


def select_keys(keys: KeyRange, limit: int, *, backward: bool = False) -> Condition:
    """Return the common table expression `page` with the keys of tags, and perhaps a null."""
    if backward:
        aggregate, further, edge = "MAX", "g.key < p.key AND g.key >= ?", keys.start
    else:
        aggregate, further, edge = "MIN", "g.key > p.key AND g.key < ?", keys.end
    select = f"SELECT {aggregate}(g.key) FROM ticket_tags g WHERE"
    text = (
        f"WITH RECURSIVE page(key, place) AS (SELECT ({select} g.key >= ? AND g.key < ?), 1 "
        f"UNION ALL SELECT ({select} {further}), p.place + 1 FROM page p "
        f"WHERE p.key IS NOT NULL AND p.place < {limit})"
    )
    return Condition(text, (keys.start, keys.end, edge))


async def read_tag_names(viewer: Viewer, keys: Sequence[str]) -> dict[str, str]:
    """The names of tags by their keys: as the oldest ticket that the viewer can see spells them.

    A tag that has just been removed from the last ticket has its key as its name.
    """
    names = {key: key for key in keys}
    if keys:
        select = select_names(viewer, keys)
        for key, name in await database.fetch_readonly(select.text, select.params):
            names[cast("str", key)] = cast("str", name or key)
    return names


def select_names(viewer: Viewer, keys: Sequence[str]) -> Condition:
    """Return the statement for the keys and names of tags."""
    if viewer.can_see_all_tickets:
        values = ", ".join("(?)" for _ in keys)
        text = f"WITH p(key) AS (VALUES {values}) SELECT p.key, ({NAME_SQL}) FROM p"
        return Condition(text, tuple(keys))
    condition = visible_tickets(viewer) & in_list("g.key", keys)
    place = "ROW_NUMBER() OVER (PARTITION BY g.key ORDER BY g.ticket_id, g.name)"
    return Condition(
        f"SELECT n.key, n.name FROM (SELECT g.key AS key, g.name AS name, {place} AS place "
        f"FROM tickets t JOIN ticket_tags g ON g.ticket_id = t.id WHERE {condition.text}) n "
        "WHERE n.place = 1",
        condition.params,
    )


async def count_tags(keys: KeyRange) -> int:
    """The number of tags in the range, at most MAX_COUNTED."""
    page = select_keys(keys, MAX_COUNTED)
    rows = await database.fetch_readonly(
        f"{page.text} SELECT COUNT(p.key) FROM page p", page.params
    )
    return cast("int", rows[0][0])


async def has_tags_from(keys: KeyRange, edge: str | None, backward: bool) -> bool:
    """Whether the range has tags at the edge, or on the side of it that is not on the page."""
    if edge is None:
        return False
    if backward:
        outside = KeyRange(max(keys.start, edge), keys.end)
    else:
        outside = KeyRange(keys.start, min(keys.end, edge + FIRST_CHARACTER))
    sql = "SELECT 1 FROM ticket_tags g WHERE g.key >= ? AND g.key < ? LIMIT 1"
    return bool(await database.fetch_readonly(sql, (outside.start, outside.end)))
