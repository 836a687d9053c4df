"""The costs of fields, and the table that documents them.

The engine adds them up before it runs an operation. A field without a cost of its own has the cost
of its kind.
"""

from __future__ import annotations

from typing import Any

from models.bulk.creation import TICKETS_PER_POINT
from models.people.password import PASSWORD_COST
from models.queries.search_plan import FEW_TICKETS, MAX_CHARGED_ROWS, ROWS_PER_POINT
from models.queries.ticket_search import SCANNED_TICKETS

TOTAL_COUNT_COST = 20
SEARCH_COST = 300
CONDITION_COST = 10
STATS_COST = 300
REPORT_COST = 600
TAGS_COST = 300
RETENTION_COST = 600
LIVE_STATS_COST = 30
UPDATE_COST = 20
STATS_UPDATE_COST = 50
GROUPS_LENGTH = 25
VIEW_COUNT_COST = 40
LIVE_VIEWS_LENGTH = 25
LIVE_VIEWS_COST = 100
LEDGER_COST = 10
MUTATION_COST = 10
SUBSCRIPTION_COST = 10
TEXT_COST = 1
HTML_COST = 5
UNREAD_COST = 1
URL_COST = 1
WEBHOOK_BODY_COST = 20
DRY_RUN_COST = 1000
REPLAY_PREVIEW_COST = 600
COUNT_COST = 5

QUERY_DESCRIPTION = f"""The queries of the API.

The response of a query has a cursor of the log in `extensions.cursor`. Everything up to this cursor
is included in the response. It is absent for anonymous requests, for tokens with none of
`tickets:read`, `events:read` and `users:read`, and if the response has no data.

An operation or a root field that fails has an error with a code in `errors[].extensions.code`:
UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, BAD_REQUEST, CURSOR_INVALID, CURSOR_EXPIRED,
QUERY_TOO_EXPENSIVE, RATE_LIMITED, UNAVAILABLE, INTERNAL, PERSISTED_QUERY_NOT_FOUND,
GRAPHQL_PARSE_FAILED or GRAPHQL_VALIDATION_FAILED. With RATE_LIMITED, `extensions.retryAfterMs` has
the milliseconds to wait.

"By default" means that the operator of the server can change the value with a setting. Lists take
`first` or `last` of 1 to 100; other values fail with BAD_REQUEST.

The server computes the cost of an operation before it runs it. The response has the cost in
`extensions.cost`. One point stands for about 10 microseconds of work.

| selection | cost |
|---|---|
| scalar or enum | 0 |
| long text, such as `body` | {TEXT_COST}; if selected again under another alias, 10 times as much |
| HTML, such as `bodyHtml` | {HTML_COST}; if selected again under another alias, 10 times as much |
| `viewerHasUnread` | {UNREAD_COST}; if selected again under another alias, 10 times as much |
| signed URL, such as `thumbnailUrl` | {URL_COST}; under another alias again, 10 times as much |
| `requestBody` of a webhook | {WEBHOOK_BODY_COST}; under another alias again, 10 times as much |
| object | 1, plus its selection |
| connection | for each of `first` or `last` items, by default 25: 1, plus its selection |
| `groups` of statistics | the same, for `last` items of the `period`, or else for {GROUPS_LENGTH} |
| other list of objects | the same, for 5 items; `nodes`: for each of its `ids` |
| `totalCount` | {TOTAL_COUNT_COST} |
| `memberCount`, `openTicketCount` | {COUNT_COST}; under another alias again, 10 times as much |
| `count` of a saved view | {VIEW_COUNT_COST} |
| `counts` of saved views | the same as a list, for {LIVE_VIEWS_LENGTH} items |
| filter of tickets | {CONDITION_COST} for each object, such as a condition or a nesting level |
| `search`, in a filter, of `users` or of `organizations` | {SEARCH_COST} for each word |
| values in arguments | 1 for every 10 values, lists and objects |
| arguments in the document | 1 for every 500 characters of a field; variables cost nothing |
| `ticketStats` | {STATS_COST} |
| `ticketReport` | {REPORT_COST} |
| `tags` | {TAGS_COST}, plus its items |
| `retentionPreview`, `preview` of a retention policy | {RETENTION_COST} |
| `dryRunWebhook` | {DRY_RUN_COST:,} |
| `webhookReplayPreview` | {REPLAY_PREVIEW_COST} |
| `ledger` of an SLA clock | {LEDGER_COST} |
| mutation | {MUTATION_COST} |
| password that is checked or hashed | {PASSWORD_COST:,}, while the mutation runs |
| introspection | 1 for every 50 objects of the schema |
| any operation | at least 1 |
| invalid document | 100 |

Fields of a fragment count wherever the fragment is spread. `@skip` and `@include` do not reduce the
cost. The server rejects an operation that costs more than 5,000 or searches for more than 16 words
(by default) with QUERY_TOO_EXPENSIVE. The costs of a viewer's operations fill a bucket, which holds
100,000 and loses 4,000 per second by default. While it is full, the server rejects operations with
RATE_LIMITED. `extensions.cost.remaining` is the room that the bucket has left.

A subscription costs {SUBSCRIPTION_COST} when it starts, `ticketStats` {LIVE_STATS_COST}, and
`savedViewCounts` {LIVE_VIEWS_COST}, plus its arguments and its selection. While it
runs, it costs again:

| work | cost |
|---|---|
| look for changes after new events | 1, plus its arguments |
| the same for `ticketChanges` | {UPDATE_COST}, plus its arguments |
| the same for `ticketStats` | {STATS_UPDATE_COST}, plus its arguments |
| the same for `savedViewCounts` | {STATS_UPDATE_COST} |
| each batch of items that is sent, such as 32 rows of a snapshot | 9 |
| each item of it | 1 plus its selection |

The server does the work of equal subscriptions once, and charges it to their viewers in turn.
While a viewer's bucket is more than half full, the viewer's subscriptions wait; they lose no event.

A search costs more if all its words are frequent and the server has to find all tickets with them:
for `totalCount`, statistics and events, for the order by relevance, and if the first
{SCANNED_TICKETS:,} tickets of a list don't fill the page.

| viewer | additional cost of each word |
|---|---|
| agent, admin or API client | 1 for every {ROWS_PER_POINT} tickets and messages with it, of at \
most {MAX_CHARGED_ROWS:,} |
| customer with more than {FEW_TICKETS:,} tickets | 1 for every {ROWS_PER_POINT} of these tickets, \
whatever the words are |
| other customer | 0 |

This is known only while the operation runs. It is part of `extensions.cost`, and the server rejects
later operations for it, but not this one.

`ticketReport` costs 1 more for each ticket of the report. The server
counts them before it reads the report.

`bulkUpdateTickets` costs 1 more for every {TICKETS_PER_POINT} tickets of the job. This is known
only while the mutation runs.

Checking or hashing a password, as in `signIn`, `changePassword`, `resetPassword` and
`startSecondFactor`, costs {PASSWORD_COST:,} more. It is not part of the cost that is computed
before. If the bucket has no room for it, the mutation fails with RATE_LIMITED and `retryAfterMs`,
and nothing is checked. Anonymous requests share the bucket of their IPv4 address or IPv6 /64
network."""


def cost(
    *,
    flat: int | None = None,
    each: int | None = None,
    items: int | None = None,
    by: str | None = None,
    condition: int | None = None,
    search: int | None = None,
    update: int | None = None,
    sized: bool | None = None,
) -> dict[str, Any]:
    """The metadata of a field with a cost.

    `flat` counts once, and `each` for every item of a list. The list has `items` items, or as many
    as the argument `by`. `condition` is the cost of each object in the arguments, `search` that of
    each word to search for, and `update` that of each update of a subscription. If it is `sized`,
    the `last` in an object of its arguments is the length of the lists below it.
    """
    costs = {
        "flat": flat,
        "each": each,
        "items": items,
        "by": by,
        "condition": condition,
        "search": search,
        "update": update,
        "sized": sized,
    }
    return {"cost": {name: value for name, value in costs.items() if value is not None}}


def personal(*, flat: int | None = None) -> dict[str, Any]:
    """The metadata of a field whose value depends on the viewer's account or token.

    Subscriptions with such a field are shared only with those of the same viewer and token.
    """
    return {"personal": True, **cost(flat=flat)}
