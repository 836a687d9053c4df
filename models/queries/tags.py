"""The tags that tickets have, page by page.

A tag may be on very many tickets, so no statement reads all rows of a tag. An index has the rows in
the order of the tags, and each step of the recursion below finds the first row of the next tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

from models import database
from models.core.cursor_values import SortType
from models.core.errors import BadRequest
from models.core.ordering import Order, Sort
from models.core.pagination import Cursors, Page, PageRequest
from models.core.sql import Condition
from models.core.text import is_storable

MAX_COUNTED = 1000
"""The largest number of a tag's tickets, and of tags, that is counted."""
LAST_CHARACTER = "\U0010ffff"
ORDER = Order((Sort("g.sort_key", "sort_key", False, SortType.TEXT),))
COUNT_SQL = (
    "SELECT COUNT(*) FROM (SELECT 1 FROM ticket_tags c "
    # As a range in the order of an index: for an equality, Postgres may read all rows of the tag.
    "WHERE c.sort_key >= p.sort_key AND c.sort_key <= p.sort_key "
    f"ORDER BY c.sort_key, c.ticket_id LIMIT {MAX_COUNTED}) counted"
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of at least one ticket; `ticket_count` is at most MAX_COUNTED."""

    name: str
    ticket_count: int
    sort_key: str


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The sort keys between two texts, without these. Python compares texts as the databases do."""

    start: str = ""
    end: str = LAST_CHARACTER

    def clip(self, start: str | None, end: str | None) -> KeyRange:
        """The part of the range between these texts; None does not limit it."""
        return KeyRange(max(self.start, start or ""), min(self.end, end or LAST_CHARACTER))


async def list_tags(search: str | None, request: PageRequest) -> Page[Tag]:
    """Return a page of all tags, by name. The caller must be able to see all tickets.

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
    return KeyRange(prefix, prefix + LAST_CHARACTER)


def decode_key(cursor: str | None) -> str | None:
    """The sort key in a cursor. Raises CursorInvalid."""
    return None if cursor is None else cast("str", ORDER.decode_cursor(cursor)[0])


async def read_tags(keys: KeyRange, limit: int, *, backward: bool) -> list[Tag]:
    """The first tags of the range, or the last ones in reverse order."""
    page = select_keys(keys, limit, backward=backward)
    rows = await database.fetch_readonly(
        f"{page.text} SELECT (SELECT n.name FROM ticket_tags n WHERE n.sort_key = p.sort_key "
        f"LIMIT 1), ({COUNT_SQL}), p.sort_key FROM page p WHERE p.sort_key IS NOT NULL "
        "ORDER BY p.place",
        page.params,
    )
    return [Tag(*cast("tuple[str, int, str]", tuple(row))) for row in rows]


def select_keys(keys: KeyRange, limit: int, *, backward: bool = False) -> Condition:
    """Return the common table expression `page` with the sort keys of tags, and perhaps a null."""
    start, end = "g.sort_key > {}", "g.sort_key < {}"
    if backward:
        aggregate, first, last, edges = "MAX", end, start, (keys.end, keys.start)
    else:
        aggregate, first, last, edges = "MIN", start, end, (keys.start, keys.end)
    select = f"SELECT {aggregate}(g.sort_key) FROM ticket_tags g WHERE {first} AND {last}"
    text = (
        f"WITH RECURSIVE page(sort_key, place) AS (SELECT ({select.format('?', '?')}), 1 "
        f"UNION ALL SELECT ({select.format('p.sort_key', '?')}), p.place + 1 FROM page p "
        f"WHERE p.sort_key IS NOT NULL AND p.place < {limit})"
    )
    return Condition(text, (*edges, edges[1]))


async def count_tags(keys: KeyRange) -> int:
    """The number of tags in the range, at most MAX_COUNTED."""
    page = select_keys(keys, MAX_COUNTED)
    rows = await database.fetch_readonly(
        f"{page.text} SELECT COUNT(p.sort_key) FROM page p", page.params
    )
    return cast("int", rows[0][0])


async def has_tags_from(keys: KeyRange, edge: str | None, backward: bool) -> bool:
    """Whether the range has tags at the edge, or on the side of it that is not on the page."""
    if edge is None:
        return False
    if backward:
        condition, edges = "g.sort_key >= ? AND g.sort_key < ?", (max(keys.start, edge), keys.end)
    else:
        condition, edges = "g.sort_key > ? AND g.sort_key <= ?", (keys.start, min(keys.end, edge))
    sql = f"SELECT 1 FROM ticket_tags g WHERE {condition} LIMIT 1"
    return bool(await database.fetch_readonly(sql, edges))
