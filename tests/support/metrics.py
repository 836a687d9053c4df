"""The metrics of a running service."""

from __future__ import annotations

import re
from collections import Counter

import httpx2

from support import Service
from support.client import TLS

TIMEOUT_SECONDS = 60


async def read_metrics(service: Service, token: str) -> dict[str, float]:
    """The metrics of the process, by name."""
    lines = [line for line in (await scrape(service, token)).splitlines() if 'process="' in line]
    return {
        line.partition("{")[0].removeprefix("ticketwire_"): float(line.rpartition(" ")[2])
        for line in lines
    }


async def read_limit_counts(service: Service, token: str, metric: str) -> Counter[str]:
    """How often each limit was reached, from a metric without prefix and suffix."""
    pattern = rf'ticketwire_{metric}_total{{limit="(\w+)",process="\d+"}} (\d+)'
    found = re.findall(pattern, await scrape(service, token))
    return Counter({limit: int(count) for limit, count in found})


async def scrape(service: Service, token: str) -> str:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        answer = await http.get(
            service.http.replace("/graphql", "/metrics"),
            headers={"Authorization": f"Bearer {token}"},
        )
    return answer.text
