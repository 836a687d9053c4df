"""The metrics of a running service."""

from __future__ import annotations

import httpx2

from support import Service

TIMEOUT_SECONDS = 60


async def read_metrics(service: Service, token: str) -> dict[str, float]:
    """The metrics of the process, by name."""
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
        answer = await http.get(
            service.http.replace("/graphql", "/metrics"),
            headers={"Authorization": f"Bearer {token}"},
        )
    lines = [line for line in answer.text.splitlines() if 'process="' in line]
    return {
        line.partition("{")[0].removeprefix("ticketwire_"): float(line.rpartition(" ")[2])
        for line in lines
    }
