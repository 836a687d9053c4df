"""Decides how the database finds the tickets of a filter with searches or tags.

If a search has a word that few tickets contain, the index finds these tickets, and the database
checks the other words in each of them. Otherwise it would have to collect nearly all tickets. It
then checks each ticket by itself, if few tickets meet the rest of the filter. If they are many, it
must collect them, and the caller pays for that.

A customer's own tickets are usually few. If they are many, the customer pays for each of them. So
the cost shows nothing about the words of other tickets.

SQLite would check each ticket for a tag, which is the best way if many tickets have it. If few
tickets have it, the index of tags finds them. Postgres knows from its statistics which tags are
rare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.query_cost import CHARGE, charge
from models.core.sql import FALSE, TRUE, Condition, in_list
from models.core.text import fold_tag, is_storable
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.filters.limits import MAX_VALUES, NO_HINTS, FilterHints
from models.queries.text_search.search import SearchScope, count_by_index_sql, split_words

FREQUENT_ROWS = 1000
"""A word with so many rows in the index is frequent. Rows are tickets and messages."""
FEW_TICKETS = 1000
"""So many tickets are searched one by one, in some milliseconds."""
MAX_CHARGED_ROWS = 50_000
"""The rows, or the customer's tickets, that a caller pays for with each word. Counting more rows
would take as long as the search."""
ROWS_PER_POINT = 7
"""So many rows of the index cost 1 point. The database collects them in about 10 microseconds."""
RARE_TICKETS = 1000
"""Tags of a filter that together fewer tickets have are rare."""
COMPOUND_FIELDS = frozenset({"and", "or", "not", "search"})
"""The fields of a filter that may hold searches."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How to compile a filter. A plan never changes which tickets match."""

    hints: FilterHints = NO_HINTS
    collected_words: frozenset[str] = frozenset()
    """The words of searches whose words are all frequent, unless there are few tickets."""
    rest: Condition = TRUE
    """The restriction, visibility and all fields of the filter that can't hold searches."""

    def compile(
        self, filter: FilterData | None, viewer: Viewer, at: datetime, *, each: bool = False
    ) -> Condition:
        """The condition that the viewer can see the ticket and that it matches the filter.

        With `each`, the database checks each ticket that the rest of the statement selects.
        """
        hints = replace(self.hints, few_tickets=True) if each else self.hints
        is_match = compile_filter(filter, viewer, at, database.dialect(), hints)
        return visible_tickets(viewer) & is_match


NO_SEARCH = SearchPlan()


async def plan_search(
    viewer: Viewer, filter: FilterData | None, at: datetime, restriction: Condition = TRUE
) -> SearchPlan:
    """Choose a plan for the tickets that match the filter and meet the restriction.

    A customer with many tickets is charged for it, whatever the words are. Raises BadRequest if the
    filter exceeds a limit.
    """
    filter = filter or {}
    texts = list(find_searches(filter))
    if not texts:
        rare_tags = await find_rare_tags(viewer, filter)
        return SearchPlan(FilterHints(rare_tags=rare_tags)) if rare_tags else NO_SEARCH
    if NO_SEARCH.compile(filter, viewer, at) is FALSE:
        return NO_SEARCH
    searches = [words for text in texts if (words := set(split_words(text)))]
    words = set[str]().union(*searches)
    simple = {name: value for name, value in filter.items() if name not in COMPOUND_FIELDS}
    rest = NO_SEARCH.compile(simple, viewer, at) & restriction
    if not viewer.can_see_all_tickets and await charge_or_find_few(rest, len(words)):
        return SearchPlan(FilterHints(few_tickets=True))
    frequent = await find_frequent_words(viewer, words)
    collected = frozenset[str]().union(*(each for each in searches if each <= frequent))
    if collected and await count_tickets(rest, FEW_TICKETS + 1) <= FEW_TICKETS:
        return SearchPlan(FilterHints(few_tickets=True))
    hints = FilterHints(frequent_words=frequent, rare_words=words - frequent)
    return SearchPlan(hints, collected, rest)


async def find_rare_tags(viewer: Viewer, filter: FilterData) -> frozenset[str]:
    """The keys of the tags of which the tickets must have some, if the index should find them.

    Not for customers, whose times must not depend on other tickets.
    """
    tags = cast("Mapping[str, Sequence[str]]", filter.get("tags") or {})
    keys = frozenset(map(fold_tag, tags.get("some") or ()))
    if not keys or database.dialect() != "sqlite" or not viewer.can_see_all_tickets:
        return frozenset()
    if len(keys) > MAX_VALUES or not all(map(is_storable, keys)):
        return frozenset()  # the filter is refused when it is compiled
    condition = in_list("g.key", sorted(keys))
    rows = await database.fetch_dicts(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM ticket_tags g "
        f"WHERE {condition.text} LIMIT {RARE_TICKETS}) s",
        condition.params,
    )
    return keys if cast("int", rows[0]["n"]) < RARE_TICKETS else frozenset()


async def charge_or_find_few(condition: Condition, words: int) -> bool:
    """Whether few tickets meet the condition. If they are many, charge the customer for them."""
    tickets = await count_tickets(condition, MAX_CHARGED_ROWS)
    if tickets <= FEW_TICKETS:
        return True
    charge(tickets * words // ROWS_PER_POINT)
    return False


def find_searches(filter: FilterData) -> Iterator[str]:
    """The texts of all searches in a filter, at any depth."""
    for name, value in filter.items():
        if value is None:
            continue
        if name == "search":
            yield cast("str", value)
        elif name in COMPOUND_FIELDS:
            parts = [value] if name == "not" else cast("Sequence[object]", value)
            for part in parts:
                yield from find_searches(cast("FilterData", part))


async def find_frequent_words(viewer: Viewer, words: Collection[str]) -> frozenset[str]:
    """The words with many rows in the index. Single characters always count as frequent.

    SQLite would merge the rows of all words with this first character before it counts them.
    """
    counts = await count_rows(viewer, [each for each in words if len(each) > 1], FREQUENT_ROWS)
    return frozenset(each for each in words if counts.get(each, FREQUENT_ROWS) >= FREQUENT_ROWS)


async def count_tickets(condition: Condition, limit: int) -> int:
    """How many tickets meet the condition, but at most `limit`."""
    tickets = f"SELECT 1 FROM tickets t WHERE {condition.text} LIMIT {limit}"
    rows = await database.fetch_dicts(f"SELECT COUNT(*) AS n FROM ({tickets}) s", condition.params)
    return cast("int", rows[0]["n"])


async def charge_collection(viewer: Viewer, plan: SearchPlan) -> None:
    """Charge the caller for collecting all tickets with the plan's words.

    Not a customer, whose cost must not depend on other tickets: see `plan_search`.
    """
    if plan.collected_words and viewer.can_see_all_tickets and CHARGE.get() is not None:
        counts = await count_rows(viewer, sorted(plan.collected_words), MAX_CHARGED_ROWS)
        charge(sum(counts.values()) // ROWS_PER_POINT)


async def count_rows(viewer: Viewer, words: Sequence[str], limit: int) -> Mapping[str, int]:
    """How many rows the index has for each word, but at most `limit`."""
    if not words:
        return {}
    scope = SearchScope(database.dialect(), viewer.can_see_notes, not viewer.is_customer)
    counts = [count_by_index_sql(word, scope, limit) for word in words]
    columns = ", ".join(f"{each.text} AS n{index}" for index, each in enumerate(counts))
    params = [param for each in counts for param in each.params]
    rows = await database.fetch_dicts(f"SELECT {columns}", params)
    return {word: cast("int", rows[0][f"n{index}"]) for index, word in enumerate(words)}
