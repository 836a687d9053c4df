"""What a field costs: the weights that rows and types state, and the table of them that the schema's documentation shows.

The engine adds them up before it runs an operation; a field that states nothing has the weight of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOTAL_COUNT = 5
SEARCH = 20
STATS = 25
LEDGER = 10
MUTATION = 10
SUBSCRIPTION = 5
TEXT = 1
HTML = 5

TABLE = f"""What can be read.

What an operation costs is worked out before it is run, and told in `extensions.cost`:

| what | cost |
|---|---|
| a scalar or an enum | 0 |
| a text that may be long, such as `body` or `description` | {TEXT}; a second time, under another name, 10 times as much |
| `bodyHtml` | {HTML}; the same |
| an object | 1, and what is asked for of it |
| a page | for each item that `first` or `last` asks for, 25 without them: 1, and what is asked for of it |
| another list of objects | the same, for 5 items; `nodes` for each of its `ids` |
| `totalCount` | {TOTAL_COUNT} |
| a filter by `search` | {SEARCH} |
| a filter with many values | 1 for each 10 of them |
| long arguments in the document itself | 1 for each 500 characters of a field's; variables cost nothing |
| `ticketStats` | {STATS} |
| `ledger` of a clock | {LEDGER} |
| a mutation | {MUTATION} |
| a subscription | {SUBSCRIPTION}, once, when it begins |
| introspection | 1 for 250 objects of the schema |

Fields inside fragments count where the fragments are spread; `@skip` and `@include` make nothing cheaper. An operation of more
than 1,000, or what the server's setting says, is refused with QUERY_TOO_EXPENSIVE. What a viewer's operations cost fills a bucket
that leaks steadily; while it is full, operations are refused with RATE_LIMITED and `retryAfterMs`."""


def cost(
    *,
    flat: int | None = None,
    each: int | None = None,
    items: int | None = None,
    by: str | None = None,
    given: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """A field's metadata. `flat` is paid once, `each` for each of `items`, or of the argument `by`; `given` where it is given."""
    stated = {"flat": flat, "each": each, "items": items, "by": by, "given": given}
    return {"cost": {name: value for name, value in stated.items() if value is not None}}


SEARCHED = {"filter.search": SEARCH}
