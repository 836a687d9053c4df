"""The metrics at /metrics, which only administrators may read."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2
from support import Service, World
from support.actors import machine
from support.client import TIMEOUT_SECONDS, TLS

from engine.telemetry.metrics import render_exposition
from models.log import consumer


@dataclass(frozen=True)
class Shown:
    name: str
    value: float
    label: tuple[str, str] | None = None


def test_metrics_are_in_the_prometheus_format() -> None:
    found = render_exposition([Shown("a_lag", 3, ("job", "one")), Shown("a_lag", 4, ("job", "two")), Shown("b", 0.5)]).decode()
    assert 'a_lag{job="one"} 3.0\n' in found
    assert 'a_lag{job="two"} 4.0\n' in found
    assert "\nb 0.5\n" in found
    assert found.count("# TYPE a_lag gauge") == 1


async def test_lag_and_failures_of_each_job_are_shown_to_admins(service: Service, world: World) -> None:
    place = service.http.replace("/graphql", "/metrics")
    await consumer.record_failure("escalator", "boom", service.clock())
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        assert (await http.get(place)).status_code == 401
        for token, status in ((world.ada.token, 403), (await machine("Sync", ["tickets:read"]), 403), ("twk_wrong", 401)):
            assert (await http.get(place, headers={"Authorization": f"Bearer {token}"})).status_code == status
        answer = await http.get(place, headers={"Authorization": f"Bearer {world.root.token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'ticketwire_job_failures{job="escalator"} 1.0' in answer.text
    assert 'ticketwire_job_lag_events{job="notifier"}' in answer.text
    assert "ticketwire_sla_clocks_overdue_seconds 0.0" in answer.text
