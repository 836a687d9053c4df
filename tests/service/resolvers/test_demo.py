"""The clock of the demo: admins advance it for everybody, and only in demo mode."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.admin_mutations import clocks_by_metric
from support.assert_unchanged import assert_nothing_stored, format_error
from support.live import until
from support.service import running

from models import demo_clock
from models.core import time

ADVANCE = """mutation($by: Duration!) {
  advanceClock(input: {by: $by}) { now userErrors { code message field } } }"""


async def advance_clock(client: Client, by: str) -> dict[str, Any]:
    return dict((await client.run(ADVANCE, by=by))["advanceClock"])


async def test_an_advance_applies_to_everybody_and_due_work_is_done(url: str) -> None:
    async with running(url, own_time=True, mode="demo") as service:
        world = await World.make()
        root, cora, ada = (
            service.client(person.token) for person in (world.root, world.cora, world.ada)
        )
        ticket = await cora.raise_ticket(priority="URGENT")
        before = time.now()
        answer = await advance_clock(root, "PT2H")
        assert answer["userErrors"] == []
        now = datetime.fromisoformat(answer["now"])
        assert timedelta(hours=2) <= now - before < timedelta(hours=3)

        async def breached() -> bool:
            return (await clocks_by_metric(ada, ticket))["FIRST_RESPONSE"]["status"] == "BREACHED"

        await until(breached)
        again = datetime.fromisoformat(
            (await advance_clock(service.client(world.api_client_token), "PT1S"))["now"]
        )
        assert again >= now + timedelta(seconds=1)
        late = datetime.fromisoformat(
            (await ada.do("startTicket", ticketId=ticket["id"]))["ticket"]["updatedAt"]
        )
        assert late >= again
    async with running(url, own_time=True, mode="demo") as service:
        fresh = await service.client(world.ada.token).raise_ticket(requesterId=world.cora.gid)
        assert datetime.fromisoformat(fresh["createdAt"]) >= again, (
            "a restart does not set the clock back"
        )


async def test_an_advance_has_a_minimum_and_a_maximum(url: str) -> None:
    async with running(url, own_time=True, mode="demo", run_jobs=False) as service:
        world = await World.make()
        root = service.client(world.root.token)
        async with assert_nothing_stored():
            for by in ("PT0S", "PT0.999999S", "P367D", "P366DT0.000001S", "P999999W"):
                answer = await advance_clock(root, by)
                assert answer["now"] is None
                assert [format_error(error) for error in answer["userErrors"]] == ["INVALID by"], by
        machine = service.client(world.api_client_token)
        assert [(await advance_clock(machine, "P366D"))["userErrors"] for _ in range(9)] == [[]] * 9
        remaining = "P300D"
        answers = await asyncio.gather(*(advance_clock(machine, remaining) for _ in range(4)))
        assert sorted(len(answer["userErrors"]) for answer in answers) == [0, 1, 1, 1], (
            "together they stay within the limit"
        )
        assert await demo_clock.read_advance() == timedelta(days=9 * 366 + 300)


async def test_the_clock_cannot_be_advanced_outside_the_demo(
    service: Service, world: World
) -> None:
    async with assert_nothing_stored():
        for token in (world.root.token, world.api_client_token, world.ada.token, world.cora.token):
            with pytest.raises(Refused) as refusal:
                await advance_clock(service.client(token), "PT1H")
            assert refusal.value.code == "FORBIDDEN"
    with pytest.raises(Refused, match="only in the demo"):
        await advance_clock(service.client(world.root.token), "PT1H")


async def test_only_admins_advance_the_demo_clock(url: str) -> None:
    async with running(url, own_time=True, mode="demo", run_jobs=False) as service:
        world = await World.make()
        async with assert_nothing_stored():
            for token, code in (
                (world.ada.token, "FORBIDDEN"),
                (world.cora.token, "FORBIDDEN"),
                (None, "UNAUTHENTICATED"),
            ):
                with pytest.raises(Refused) as refusal:
                    await advance_clock(service.client(token), "PT1H")
                assert refusal.value.code == code


async def test_a_slow_refresh_does_not_set_the_clock_back() -> None:
    """A read that started before an advance may finish after it."""
    clock = demo_clock.DemoClock()
    clock.ahead = timedelta(days=3)

    async def stale() -> timedelta:
        return timedelta(days=2)

    read, demo_clock.read_advance = demo_clock.read_advance, stale
    try:
        await clock.refresh()
    finally:
        demo_clock.read_advance = read
    assert clock.ahead == timedelta(days=3)
