"""The metrics at /metrics, which only administrators may read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx2
from support import Service, World
from support.actors import api_client_token
from support.client import TIMEOUT_SECONDS, TLS
from support.metrics import read_metrics

from engine.telemetry.metrics import render_exposition
from models.log import consumer


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    labels: dict[str, str] = field(default_factory=dict[str, str])


def test_metrics_are_in_the_prometheus_format() -> None:
    metrics = [
        Metric("a_lag", 3, {"job": "one", "process": "7"}),
        Metric("a_lag", 4, {"job": "two", "process": "7"}),
        Metric("b", 0.5),
    ]
    text = render_exposition(metrics).decode()
    assert 'a_lag{job="one",process="7"} 3.0\n' in text
    assert 'a_lag{job="two",process="7"} 4.0\n' in text
    assert "\nb 0.5\n" in text
    assert text.count("# TYPE a_lag gauge") == 1


async def test_only_administrators_see_the_lag_and_failures_of_each_job(
    service: Service, world: World
) -> None:
    address = service.http.replace("/graphql", "/metrics")
    program = await api_client_token("Sync", ["tickets:read"])
    await consumer.record_failure("escalator", "boom", service.clock())
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        assert (await http.get(address)).status_code == 401
        for token, status in ((world.ada.token, 403), (program, 403), ("twk_wrong", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await http.get(address, headers=headers)).status_code == status
        headers = {"Authorization": f"Bearer {world.root.token}"}
        response = await http.get(address, headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert 'ticketwire_job_failures{background_job="escalator"} 1.0' in response.text
    assert 'ticketwire_job_lag_events{background_job="notifier"}' in response.text
    assert "ticketwire_sla_clocks_overdue_seconds 0.0" in response.text


async def test_metrics_show_the_tasks_and_live_sources_of_the_process(
    service: Service, world: World
) -> None:
    tasks = [asyncio.create_task(asyncio.Event().wait()) for _ in range(100)]
    values = await read_metrics(service, world.root.token)
    assert values["asyncio_tasks"] > 100
    assert values["live_sources"] == 0
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    after = await read_metrics(service, world.root.token)
    assert after["asyncio_tasks"] < values["asyncio_tasks"]
