"""The fast constructors of records give the same objects as the classes."""

from __future__ import annotations

import pytest
from support.ticket_factory import NOON, Desk
from tortoise import Tortoise

from models.changes import commands
from models.core.hydration import new_record
from models.core.ids import new_id
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.sql import TRUE
from models.log.event import Event, EventType
from models.sla.clock import ClockStatus
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketTag

VALUES = {
    Ticket: {
        "number": 7,
        "subject": "VPN is down",
        "description": "x",
        "public_updated_at": NOON,
        "priority": Priority.HIGH,
        "team_id": new_id(),
    },
    Event: {
        "position": 3,
        "type": EventType.RATED,
        "ticket_id": new_id(),
        "occurred_at": NOON,
        "version": 2,
    },
    Message: {"ticket_id": new_id(), "kind": MessageKind.NOTE, "body": "x", "created_at": NOON},
    SlaClock: {
        "ticket_id": new_id(),
        "metric": Metric.RESOLUTION,
        "status": ClockStatus.PENDING,
        "started_at": NOON,
    },
    TicketTag: {"ticket_id": new_id(), "name": "vpn"},
}


@pytest.mark.parametrize("kind", VALUES)
async def test_a_new_record_equals_one_made_by_its_class(desk: Desk, kind: type) -> None:
    key = {} if kind is Event else {"id": new_id()}
    fast, slow = new_record(kind, **VALUES[kind], **key), kind(**VALUES[kind], **key)
    assert vars(fast) == vars(slow)
    assert {name: type(value) for name, value in vars(fast).items()} == {
        name: type(value) for name, value in vars(slow).items()
    }
    assert (
        vars(new_record(Event, **VALUES[Event]))["data"]
        is not vars(new_record(Event, **VALUES[Event]))["data"]
    )


async def test_unknown_names_of_columns_are_refused() -> None:
    with pytest.raises(TypeError, match="TicketTag has no nmae"):
        new_record(TicketTag, nmae="vpn")


async def test_records_read_fast_equal_those_read_by_their_class(desk: Desk) -> None:
    ticket = await desk.raise_ticket(tags=["vpn"])
    await desk.act(ticket, lambda change: commands.reply(change, "x", is_from_customer=False))
    kinds_with_records = 0
    for kind in Tortoise.apps["models"].values():
        meta = kind._meta
        found = await ListQuery(
            LazyQuery(kind, "x", f"{meta.db_table} x", TRUE, f"x.{meta.db_pk_column}")
        )
        assert [vars(each) for each in found] == [
            vars(each) for each in await kind.all().order_by(meta.pk_attr)
        ], kind
        kinds_with_records += bool(found)
    assert kinds_with_records >= 10
