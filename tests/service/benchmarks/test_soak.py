"""benchmarks/soak: a short run finds nothing wrong; growth and lost events are found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from xml.etree import ElementTree

import pytest

from benchmarks.server import run_server
from benchmarks.soak import run as soak_run
from benchmarks.soak import samples as soak_samples
from benchmarks.soak import verification
from benchmarks.soak.api import open_api
from benchmarks.soak.plot import render_svg
from benchmarks.soak.run import Soak
from benchmarks.soak.samples import Sample
from benchmarks.soak.streams import EventStream, ListStream
from benchmarks.soak.verdict import CURVES, choose_warm_up, fit_lines
from benchmarks.soak.verification import Verifier, compare_sequences, compare_statuses
from benchmarks.soak.viewers import fill_database

pytestmark = pytest.mark.timeout(900)

SOCKETS = 24
START = f"{10:016x}"
SAMPLE = Sample(
    minutes=0,
    memory_mib=200,
    descriptors=550,
    tasks=900,
    sockets=530,
    subscriptions=1000,
    groups=100,
    live_sources=40,
    slow_clients=0,
    latency_p50=4,
    latency_p99=20,
)


def build_samples(mib_per_minute: float) -> Sequence[Sample]:
    """Samples of half an hour; the memory rises quickly at first, and then at the given rate."""
    return [
        replace(SAMPLE, minutes=minutes, memory_mib=150 + 10 * min(5, minutes) + rise + minutes % 2)
        for minutes in range(1, 31)
        for rise in (mib_per_minute * minutes,)
    ]


async def test_a_short_soak_misses_and_repeats_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_samples, "SAMPLE_SECONDS", 0.5)
    monkeypatch.setattr(soak_run, "TAIL_TICKETS", 10)
    monkeypatch.setattr(soak_run, "QUIET_SECONDS", 1)
    monkeypatch.setattr("benchmarks.soak.client.SOCKET_SECONDS", 1.0)
    monkeypatch.setattr("benchmarks.soak.event_stream.SOCKET_SECONDS", 1.0)
    monkeypatch.setattr("benchmarks.soak.client.SUBSCRIPTION_SECONDS", 1.0)
    viewers = await fill_database(url, 60)
    async with run_server(url) as server:
        soak = Soak(server, viewers, url, 1, Random(2))
        await soak.run(SOCKETS, rate=10, minutes=0.15)
        assert soak.verification.errors == []
        assert soak.errors == []
        assert soak.verification.items > SOCKETS
        assert sum(sum(client.ends.values()) for client in soak.clients) > 0
        assert soak.sampler.samples[-1].sockets > 0
        monkeypatch.setattr(verification, "DEADLINE_SECONDS", 0)
        events = [
            (f"{client.viewer.name}: {stream.label}: ", stream)
            for client in soak.clients
            for stream in client.streams
            if isinstance(stream, EventStream) and stream.positions
        ]
        (shorter, one), (longer, other) = events[:2]
        del one.positions[0]
        other.positions.append(other.positions[-1])
        async with open_api(server.port) as api:
            result = await Verifier(api, soak.clients, viewers.admin.token).verify()
        # The server still works: what it has written since the run is missed, too.
        missed = re.compile(re.escape(shorter) + r"[1-9]\d* missed .*, 0 repeated")
        repeated = re.compile(re.escape(longer) + r".*, 1 repeated")
        assert any(missed.match(error) for error in result.errors), result.errors
        assert any(repeated.match(error) for error in result.errors), result.errors


def test_memory_that_rises_after_the_warm_up_is_not_flat() -> None:
    memory = {rate: fit_lines(build_samples(rate), 5)[0] for rate in (0, 0.1, 2)}
    assert [line.is_flat for line in memory.values()] == [True, True, False]
    assert memory[2].slope == pytest.approx(2, rel=0.05)
    assert "NOT FLAT" in memory[2].format_verdict()
    with pytest.raises(ValueError, match="2 samples"):
        fit_lines(build_samples(0)[-2:], 5)
    assert (choose_warm_up(30), choose_warm_up(3)) == (5, 1)


def test_the_graph_has_a_chart_with_axes_and_units_for_each_curve() -> None:
    samples = build_samples(2)
    svg = render_svg("Soak & more", ["a <b>", "c"], samples, fit_lines(samples, 5), 5)
    texts = [each.text for each in ElementTree.fromstring(svg).iter() if each.text]
    for curve in CURVES:
        assert {curve.title, curve.unit} <= set(texts)
    assert {"Soak & more", "a <b>", "Latency of events", "ms", "p50", "p99"} <= set(texts)
    assert texts.count("minutes") == len(CURVES) + 1
    assert sum("not flat" in text for text in texts) == 1
    assert "prefers-color-scheme: dark" in svg


def test_an_event_out_of_order_is_reported_at_once() -> None:
    stream = EventStream("ticketEvents", "all tickets", {}, START)
    actor = {"__typename": "User"}
    for position in (11, 13, 13, 12):
        event = {"cursor": f"{position:016x}", "occurredAt": "2026-01-01T00:00:00Z", "actor": actor}
        stream.receive({"ticketEvents": event})
    assert len(stream.errors) == 2
    assert stream.received == 4


def test_a_live_list_resumes_after_the_last_complete_cursor() -> None:
    stream = ListStream("open tickets", {})

    def receive(kind: str, position: int, id: str | None = None) -> None:
        ticket = {"status": "NEW"} if kind in ("SNAPSHOT", "ADDED", "UPDATED") else None
        change = {"kind": kind, "cursor": f"{position:016x}", "ticketId": id, "ticket": ticket}
        stream.receive({"ticketChanges": {**change, "event": None}})

    receive("SNAPSHOT", 10, "a")
    assert stream.build_variables()["after"] is None
    assert stream.statuses == {}
    receive("SNAPSHOT", 10, "a")
    receive("SNAPSHOT_END", 10)
    receive("ADDED", 12, "b")
    assert stream.complete_cursor == f"{10:016x}"
    receive("REMOVED", 13, "a")
    assert stream.build_variables()["after"] == f"{12:016x}"
    assert stream.statuses == {"b": "NEW"}
    receive("GAP", 14)
    assert (stream.statuses, stream.complete_cursor, stream.errors) == ({}, None, [])


def test_differences_are_described() -> None:
    assert compare_sequences([1, 2], (1, 2)) is None
    assert compare_sequences([2, 1], [1, 2]) == "the order is wrong"
    difference = compare_sequences([1, 1, 4], [1, 2, 3])
    assert difference == "2 missed (first: 2), 1 repeated, 1 unexpected, of 3"
    assert compare_statuses({"a": "NEW"}, {"a": "NEW"}) is None
    difference = compare_statuses({"a": "NEW", "b": "NEW"}, {"a": "OPEN", "c": "NEW"})
    assert difference == "1 tickets missing, 1 too many, 1 with another status"
