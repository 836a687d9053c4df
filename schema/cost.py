"""The costs of fields, and the table that documents them.

The engine adds them up before it runs an operation. A field without a cost of its own has the cost
of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOTAL_COUNT_COST = 5
SEARCH_COST = 20
STATS_COST = 25
LEDGER_COST = 10
MUTATION_COST = 10
SUBSCRIPTION_COST = 5
TEXT_COST = 1
HTML_COST = 5

QUERY_DESCRIPTION = f"""The queries of the API.

The server computes the cost of an operation before it runs it. The response has the cost in
`extensions.cost`.

| selection | cost |
|---|---|
| scalar or enum | 0 |
| long text, such as `body` | {TEXT_COST}; under a further alias, 10 times as much |
| HTML, such as `bodyHtml` | {HTML_COST}; under a further alias, 10 times as much |
| object | 1, plus its selection |
| connection | for each of `first` or `last` items, by default 25: 1, plus its selection |
| other list of objects | the same, for 5 items; `nodes`: for each of its `ids` |
| `totalCount` | {TOTAL_COUNT_COST} |
| filter with `search` | {SEARCH_COST} |
| filter values | 1 for every 10 values |
| arguments in the document | 1 for every 500 characters of a field; variables cost nothing |
| `ticketStats` | {STATS_COST} |
| `ledger` of an SLA clock | {LEDGER_COST} |
| mutation | {MUTATION_COST} |
| subscription | {SUBSCRIPTION_COST}, once, when it starts |
| introspection | 1 for every 250 objects of the schema |

Fields of a fragment count wherever the fragment is spread. `@skip` and `@include` do not reduce the
cost. The server rejects an operation that costs more than 1,000 (by default) with
QUERY_TOO_EXPENSIVE. The costs of a viewer's operations fill a leaky bucket. While it is full, the
server rejects operations with RATE_LIMITED and `retryAfterMs`."""


def cost(
    *,
    flat: int | None = None,
    each: int | None = None,
    items: int | None = None,
    by: str | None = None,
    given: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The metadata of a field with a cost.

    `flat` counts once, and `each` for every item of a list. The list has `items` items, or as many
    as the argument `by`. `given` has extra costs for arguments, such as `filter.search`, that count
    if the caller gives the argument.
    """
    costs = {"flat": flat, "each": each, "items": items, "by": by, "given": given}
    return {"cost": {name: value for name, value in costs.items() if value is not None}}


SEARCH_FILTER_COST = {"filter.search": SEARCH_COST}
