"""A board never shows old figures as current."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Service
from support.live import until
from support.wall import Screen

from engine.limits.memory import MemoryBudget, MemoryReservation
from models.queries.wall import BreachingTicket
from resolvers.subscriptions import live_stats
from resolvers.wall import board

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]


async def test_after_an_update_that_failed_the_old_state_has_its_old_time(
    screen: Screen, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await screen.pair(ada)
    state = await screen.read_state()
    read_tickets = board.list_next_breaches

    async def fail(*_: Any) -> Sequence[BreachingTicket]:
        raise RuntimeError("the tickets can't be read")

    monkeypatch.setattr(board, "TICKETS_SECONDS", 0)
    monkeypatch.setattr(board, "MIN_INTERVAL_SECONDS", 0)
    monkeypatch.setattr(board, "list_next_breaches", fail)
    assert (await screen.request_state()).status_code == 500
    monkeypatch.setattr(board, "MIN_INTERVAL_SECONDS", 3600)
    assert (await screen.read_state())["asOf"] == state["asOf"]
    monkeypatch.setattr(board, "MIN_INTERVAL_SECONDS", 0)
    assert (await screen.request_state()).status_code == 500
    monkeypatch.setattr(board, "list_next_breaches", read_tickets)
    monkeypatch.setattr(live_stats, "MIN_INTERVAL_SECONDS", 0)
    assert (await screen.read_state())["asOf"] > state["asOf"]


async def test_figures_that_could_not_be_updated_keep_their_time(
    service: Service, screen: Screen, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await screen.pair(ada)
    state = await screen.read_state()
    assert state["asOf"] <= state["now"]
    for name in ("MIN_INTERVAL_SECONDS", "MIN_COUNT_INTERVAL_SECONDS"):
        monkeypatch.setattr(live_stats, name, 3600)
    monkeypatch.setattr(board, "MIN_INTERVAL_SECONDS", 0)
    service.clock.advance(hours=1)  # so the hours of the figures are old
    late = await screen.read_state()
    assert late["asOf"] < late["hours"][-1]["hour"] or late["hours"] == state["hours"]
    age = datetime.fromisoformat(late["now"]) - datetime.fromisoformat(late["asOf"])
    assert age >= timedelta(minutes=59)


async def test_a_board_without_memory_for_its_tickets_is_counted(
    service: Service, ada: Client, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cora.raise_ticket("Printer")
    for name in ("MIN_INTERVAL_SECONDS", "MIN_COUNT_INTERVAL_SECONDS"):
        monkeypatch.setattr(live_stats, name, 0)
    monkeypatch.setattr(board, "MIN_INTERVAL_SECONDS", 0)
    monkeypatch.setattr(live_stats, "BYTES_PER_TICKET", 10**12)
    screens = [Screen(service), Screen(service)]
    for each, name in zip(screens, ("all", "support"), strict=True):
        await each.pair(ada, name)
        # the first update counts, the second one reads the tickets
        for _ in range(3):
            assert (await each.read_state())["figures"]["open"] == 1
    await cora.raise_ticket("Printer")

    async def is_shown() -> bool:
        return (await screens[0].read_state())["figures"]["open"] == 2

    await until(is_shown)


async def test_each_board_has_memory_of_its_own(
    service: Service, ada: Client, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stats, "MIN_INTERVAL_SECONDS", 0)
    monkeypatch.setattr(board, "MIN_INTERVAL_SECONDS", 0)
    await cora.raise_ticket("Printer")
    keys: list[str] = []
    open_reservation = MemoryBudget.open_reservation

    def note(budget: MemoryBudget, key: str) -> MemoryReservation:
        keys.append(key)
        return open_reservation(budget, key)

    monkeypatch.setattr(MemoryBudget, "open_reservation", note)
    for name in ("all", "support"):
        screen = Screen(service)
        await screen.pair(ada, name)
        await screen.read_state()
    assert len(set(keys)) == len(keys) == 2
