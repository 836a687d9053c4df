"""Requests of the soak to the server: GraphQL over HTTP, and /metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson

TIMEOUT_SECONDS = 60.0
MAX_TRIES = 30
PAGE = 100


class RequestFailed(Exception):
    """A response has errors that the soak does not expect."""


class Api:
    """Sends GraphQL requests. Counts the requests, and the refusals because of the rate limit."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.counts: Counter[str] = Counter()

    async def send(
        self, token: str, query: str, variables: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Return the data. Waits while the rate limit refuses the request.

        Raises RequestFailed for other errors.
        """
        content = orjson.dumps({"query": query, "variables": variables or {}})
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        for _ in range(MAX_TRIES):
            response = await self.http.post("/graphql", content=content, headers=headers)
            answer = response.json()
            self.counts["requests"] += 1
            errors = answer.get("errors")
            if not errors:
                return answer["data"]
            wait = errors[0].get("extensions", {}).get("retryAfterMs")
            if wait is None:
                raise RequestFailed(str(errors)[:300])
            self.counts["rate limited"] += 1
            await asyncio.sleep(wait / 1000)
        raise RequestFailed("the rate limit refused the request too often")

    async def read_pages(
        self, token: str, query: str, variables: Mapping[str, Any], after: str | None = None
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """The nodes of all pages of the only root field, which has `nodes` and `pageInfo`.

        The query has the variables $first and $after.
        """
        while True:
            page = {**variables, "first": PAGE, "after": after}
            (connection,) = (await self.send(token, query, page)).values()
            for node in connection["nodes"]:
                yield node
            if not connection["pageInfo"]["hasNextPage"]:
                return
            after = connection["pageInfo"]["endCursor"]


@asynccontextmanager
async def open_api(port: int) -> AsyncGenerator[Api]:
    address = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS) as http:
        yield Api(http)


async def read_metrics(port: int, token: str) -> tuple[str, Mapping[str, float]]:
    """The process that responds on a new connection, and its metrics by name without the prefix.

    Metrics with more labels than the process are left out.
    """
    address = f"http://127.0.0.1:{port}/metrics"
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
        response = await http.get(address, headers={"authorization": f"Bearer {token}"})
    response.raise_for_status()
    process, values = "", dict[str, float]()
    for line in response.text.splitlines():
        name, _, labels = line.partition("{")
        if labels.startswith('process="'):
            process = labels.split('"')[1]
            values[name.removeprefix("ticketwire_")] = float(line.rpartition(" ")[2])
    return process, values
