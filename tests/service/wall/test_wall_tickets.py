"""The tickets of a board come once each, whatever changes while they are read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Service

from models.queries import wall
from models.sla.records import SlaClock
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.usefixtures("without_jobs"), pytest.mark.never_retried]


async def test_a_ticket_that_becomes_overdue_while_the_board_is_read_comes_once(
    service: Service, cora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, other = await cora.raise_ticket("Printer"), await cora.raise_ticket("Scanner")
    read_tickets = wall.read_tickets

    async def read_and_change(*arguments: Any) -> list[wall.BreachingTicket]:
        found = await read_tickets(*arguments)
        await make_overdue(ticket["number"], service.clock() - timedelta(minutes=1))
        return found

    monkeypatch.setattr(wall, "read_tickets", read_and_change)
    found = await wall.list_next_breaches(None, service.clock(), 10)
    assert sorted(each.number for each in found) == [ticket["number"], other["number"]]


async def make_overdue(number: int, at: datetime) -> None:
    ticket = await Ticket.get(number=number)
    await SlaClock.filter(ticket_id=ticket.id).update(breaches_at=at)
    await Ticket.filter(id=ticket.id).update(sla_breaches_at=at)
