"""Lists of teams and categories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from models.core.lazy_query import LazyQuery, ListQuery
from models.core.sql import TRUE, Condition, in_list
from models.core.words import index_words, split_query
from models.people.team import Category, Team
from models.queries.directory.users import clean_search
from models.queries.text_search.search import MAX_QUERY_CHARS, MAX_WORDS


async def list_teams(search: str | None, *, include_inactive: bool) -> ListQuery[Team]:
    """Return the teams by name. Everybody may see them.

    With `search`, each of its words must be the start of a word of the name, or the whole text that
    of the slug, in any case. Raises BadRequest if the search can't be stored.
    """
    condition = TRUE if include_inactive else Condition("(t.active = ?)", (True,))
    text = clean_search(search)
    if text:
        condition &= in_list("t.id", find_matches(text, await read_names(Team)))
    return ListQuery(LazyQuery(Team, "t", "teams t", condition, "t.name, t.id"))


async def list_categories(search: str | None, *, include_inactive: bool) -> ListQuery[Category]:
    """Return the categories by name, like `list_teams`."""
    condition = TRUE if include_inactive else Condition("(c.active = ?)", (True,))
    text = clean_search(search)
    if text:
        condition &= in_list("c.id", find_matches(text, await read_names(Category)))
    return ListQuery(LazyQuery(Category, "c", "categories c", condition, "c.name, c.id"))


async def read_names(model: type[Team] | type[Category]) -> list[tuple[UUID, str, str]]:
    """The key, name and slug of all records: some hundred, so their words need no index."""
    rows: Any = await model.all().values_list("id", "name", "slug")
    return list(rows)


def find_matches(text: str, names: Iterable[tuple[UUID, str, str]]) -> list[UUID]:
    """The keys of the records that the text finds by name or slug. The text is in lower case."""
    words = split_query(text[:MAX_QUERY_CHARS], MAX_WORDS)
    found: list[UUID] = []
    for key, name, slug in names:
        padded = f" {index_words(name)}"
        in_name = bool(words) and all(f" {word}" in padded for word in words)
        if in_name or slug.startswith(text):
            found.append(key)
    return found
