"""`python -m benchmarks costs`: measures how long operations take, next to their costs.

The weights in `schema/cost.py` are chosen so that one point of cost stands for about 10
microseconds of work, on the database below and the machine of benchmarks/RESULTS.md. An operation
whose time per point is far above that of the others is too cheap.

Each operation runs alone, ROUNDS times, in a process of its own over HTTP. The table has the median
time beyond that of `{ __typename }`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import httpx2
import orjson

from benchmarks import command_line
from benchmarks.accounts import create_account
from benchmarks.databases import database_label, temporary_database
from benchmarks.server import run_server
from demo.seed import seed_tickets
from models import database, migrate

ROUNDS = 15
TICKETS = "tickets(first: 100) {{ nodes {{ {} }} }}"
DESK = """id ref subject status stage priority escalationLevel version createdAt updatedAt
  firstRespondedAt resolvedAt tags allowedActions
  category { id slug name } team { id slug name }
  requester { id displayName organization { name } } organization { id name }
  assignee { id displayName } watchers { id displayName }
  clocks { metric status startedAt breachesAt achievedAt breachedAt }"""
SEARCH = "{{ tickets(first: 1, filter: {{{}}}) {{ totalCount nodes {{ id }} }} }}"
PAGE = "{{ tickets(first: 25, filter: {{{}}}) {{ nodes {{ id }} pageInfo {{ hasNextPage }} }} }}"
OPERATIONS: Mapping[str, str] = {
    "the desk's list of 100 tickets": f"{{ {TICKETS.format(DESK)} }}",
    "100 tickets, scalars only": f"{{ {TICKETS.format('id ref subject status updatedAt')} }}",
    "100 tickets and teams": f"{{ {TICKETS.format('id team { slug }')} }}",
    "100 tickets, requesters and organizations": (
        f"{{ {TICKETS.format('id requester { id } organization { id }')} }}"
    ),
    "100 tickets and clocks": f"{{ {TICKETS.format('id clocks { metric status breachesAt }')} }}",
    "100 tickets and descriptions": f"{{ {TICKETS.format('description')} }}",
    "20 tickets and 10 messages of each": (
        "{ tickets(first: 20) { nodes { messages(first: 10) { nodes { body } } } } }"
    ),
    "20 tickets and 10 messages of each, as HTML": (
        "{ tickets(first: 20) { nodes { messages(first: 10) { nodes { bodyHtml } } } } }"
    ),
    "20 tickets and 20 events of each": (
        "{ tickets(first: 20) { nodes { timeline(first: 20) { nodes { id type } } } } }"
    ),
    "100 events": "{ events(first: 100) { nodes { id actor { displayName } } } }",
    "totalCount": "{ tickets(first: 1) { totalCount } }",
    "ticketStats": "{ ticketStats(groupBy: ASSIGNEE) { total groups { key count } } }",
    "a search for a rare word": SEARCH.format('search: "xylophone"'),
    "a search for a frequent word": SEARCH.format('search: "the"'),
    "a search for a letter": SEARCH.format('search: "a"'),
    "a search for four letters": SEARCH.format('search: "a e i o"'),
    "the first page of a search for a frequent word": PAGE.format('search: "the"'),
    "the same, by relevance": PAGE.format('search: "the"').replace(
        "filter", "orderBy: {field: RELEVANCE}, filter"
    ),
    "the first page of a search for four letters": PAGE.format('search: "a e i o"'),
    "a page of tickets without a frequent word": PAGE.format('not: {search: "the"}'),
    "statistics of a search for a frequent word": (
        '{ ticketStats(filter: {search: "the"}) { total } }'
    ),
    "32 searches in not, or": SEARCH.format("not: {or: [" + 32 * '{search: "a"} ' + "]}"),
    "90 numbers": SEARCH.format(f"number: {{in: [{'1042 ' * 90}]}}"),
    "900 numbers": SEARCH.format(f"number: {{in: [{'1042 ' * 900}]}}"),
    "45 conditions on tags": SEARCH.format("or: [" + 45 * '{tags: {some: ["vpn"]}} ' + "]"),
    "9 levels": SEARCH.format("not: {" * 9 + 'subject: {contains: "x"}' + "}" * 9),
    "100 tags": "{ tags(first: 100) { totalCount nodes { name ticketCount } } }",
    "100 organizations": "{ organizations(first: 100) { nodes { id name } } }",
    "100 organizations, members and open tickets": (
        "{ organizations(first: 100) { nodes { id memberCount openTicketCount } } }"
    ),
    "a search for organizations": '{ organizations(first: 1, search: "a") { nodes { id } } }',
    "100 users": "{ users(first: 100) { nodes { id displayName email } } }",
}


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("costs", __doc__)
    command_line.add_database_option(parser)
    tickets_help = "tickets in the database (default: 5000)"
    parser.add_argument("--tickets", type=int, default=5000, help=tickets_help)
    asyncio.run(run(parser.parse_args(arguments)))


async def run(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(temporary_database(options.database))
        await database.connect(url)
        try:
            await migrate.migrate()
            await seed_tickets(options.tickets, datetime.now(UTC), lambda _: None)
            token = await create_account("Caller")
        finally:
            await database.disconnect()
        unlimited = {"TICKETWIRE_MAX_OPERATION_COST": "1000000", "TICKETWIRE_RUN_JOBS": "false"}
        unlimited |= {
            "TICKETWIRE_MAX_OPERATION_SEARCH_TERMS": "1000",
            "TICKETWIRE_COST_BUCKET_SIZE": "0",
        }
        server = await stack.enter_async_context(run_server(url, settings=unlimited))
        print(f"{database_label(options.database)}, {options.tickets:,} tickets\n")
        print("| operation | cost | ms | microseconds per point |\n|---|---|---|---|")
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        base = f"http://127.0.0.1:{server.port}"
        async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=60) as http:
            _, overhead = await measure(http, "{ __typename }")
            for name, query in OPERATIONS.items():
                cost, seconds = await measure(http, query)
                seconds -= overhead
                per_point = f"{seconds * 1e6 / cost:.0f}"
                print(f"| {name} | {cost:,} | {seconds * 1000:.1f} | {per_point} |", flush=True)


async def measure(http: httpx2.AsyncClient, query: str) -> tuple[int, float]:
    """Return the cost of a query and its median time in seconds."""
    content = orjson.dumps({"query": query})
    times: list[float] = []
    answer: dict[str, Any] = {}
    for _ in range(ROUNDS):
        started_at = perf_counter()
        response = await http.post("/graphql", content=content)
        times.append(perf_counter() - started_at)
        answer = response.json()
        assert "errors" not in answer, answer
    return answer["extensions"]["cost"]["requested"], median(times)
