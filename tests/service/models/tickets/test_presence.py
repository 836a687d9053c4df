"""Presence: reports of browser windows, the state that they give a user, and their expiry."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.statements import statements
from support.ticket_factory import NOON, Desk

from models.access.viewer import Viewer
from models.core.record_limits import DEFAULT_LIMITS
from models.people.user import Role, User
from models.tickets import presence
from models.tickets.presence import PRESENCE_LIFETIME, Presence, PresenceState
from models.tickets.ticket import Ticket
from workers.cleanup import Cleanup

LOOKING, WRITING, GONE = PresenceState
MAX_WINDOWS = DEFAULT_LIMITS.max_presence_windows_per_user


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def report(
    ticket: Ticket, who: Viewer, state: PresenceState, seconds: float, window: str = "one"
) -> bool:
    assert who.user_id is not None
    return await presence.set_presence(ticket.id, who.user_id, window, state, at(seconds))


async def read_users(ticket: Ticket, seconds: float) -> list[tuple[str, PresenceState, float]]:
    """Name, state and seconds since NOON of each user on the ticket."""
    found = (await presence.read_presence([ticket.id], at(seconds)))[ticket.id]
    names = {user.id: user.display_name.lower() for user in await User.all()}
    return [
        (names[each.user_id], each.state, (each.since - NOON).total_seconds())
        for each in found.people
    ]


async def test_a_report_expires_after_fifteen_seconds(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    assert await report(ticket, desk.ada, LOOKING, 0)
    assert not await report(ticket, desk.ada, LOOKING, 14)
    for seconds in (0, 14.999, 15, 28.999):
        assert await read_users(ticket, seconds) == [("ada", LOOKING, 0)]
    assert await read_users(ticket, 29) == []
    assert await report(ticket, desk.ada, LOOKING, 29)
    assert await read_users(ticket, 29) == [("ada", LOOKING, 29)]


async def test_a_window_has_one_state_and_since_is_its_start(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    assert await report(ticket, desk.ada, LOOKING, 0)
    assert await report(ticket, desk.ada, WRITING, 5)
    assert not await report(ticket, desk.ada, WRITING, 6)
    assert await read_users(ticket, 6) == [("ada", WRITING, 5)]
    assert await report(ticket, desk.ada, LOOKING, 7)
    assert await read_users(ticket, 7) == [("ada", LOOKING, 7)]
    assert await report(ticket, desk.ada, GONE, 8)
    assert await read_users(ticket, 8) == []
    assert not await report(ticket, desk.ada, GONE, 9)


async def test_writing_in_one_window_overrides_looking_in_others(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    await report(ticket, desk.ada, LOOKING, 0, "a")
    await report(ticket, desk.ada, WRITING, 2, "b")
    await report(ticket, desk.ada, WRITING, 3, "c")
    await report(ticket, desk.ada, LOOKING, 4, "d")
    assert await read_users(ticket, 5) == [("ada", WRITING, 2)]
    await report(ticket, desk.ada, GONE, 6, "b")
    assert await read_users(ticket, 6) == [("ada", WRITING, 3)]
    await report(ticket, desk.ada, LOOKING, 7, "c")
    assert await read_users(ticket, 7) == [("ada", LOOKING, 0)]
    assert await read_users(ticket, 15) == [("ada", LOOKING, 4)]


async def test_users_are_listed_per_ticket_by_the_start_of_their_state(desk: Desk) -> None:
    ticket, other = await desk.raise_ticket(), await desk.raise_ticket()
    await report(ticket, desk.root, LOOKING, 0)
    await report(ticket, desk.ada, LOOKING, 1)
    await report(ticket, desk.bill, WRITING, 2)
    await report(other, desk.ada, WRITING, 3)
    assert await read_users(ticket, 4) == [
        ("root", LOOKING, 0),
        ("ada", LOOKING, 1),
        ("bill", WRITING, 2),
    ]
    assert await read_users(other, 4) == [("ada", WRITING, 3)]
    await report(ticket, desk.root, WRITING, 5)
    assert [name for name, _, _ in await read_users(ticket, 5)] == ["ada", "bill", "root"]


@pytest.mark.parametrize(
    "change", [{"active": False}, {"role": Role.CUSTOMER}], ids=["deactivated", "customer"]
)
async def test_only_active_staff_is_present(desk: Desk, change: dict[str, Any]) -> None:
    ticket = await desk.raise_ticket()
    for who in desk.staff:
        await report(ticket, who, WRITING, 0)
    await User.filter(id=desk.ada.user_id).update(**change)
    assert {name for name, _, _ in await read_users(ticket, 1)} == {"bill", "root"}


async def test_only_the_newest_windows_of_a_user_are_kept(desk: Desk) -> None:
    tickets = [await desk.raise_ticket() for _ in range(4)]
    await report(tickets[0], desk.bill, LOOKING, 0)
    windows = MAX_WINDOWS // 2 + 5
    for second in range(windows):
        for ticket in tickets[:2]:
            await report(ticket, desk.ada, LOOKING, second / 100, f"{second}")
    assert await Presence.filter(user_id=desk.ada.user_id).count() == MAX_WINDOWS
    assert set(
        await Presence.filter(user_id=desk.ada.user_id).values_list("client_key", flat=True)
    ) == {f"{second}" for second in range(5, windows)}
    assert await read_users(tickets[0], 1) == [("bill", LOOKING, 0), ("ada", LOOKING, 0.05)]
    # the limit counts reports on all tickets
    for second in range(MAX_WINDOWS):
        await report(tickets[2], desk.ada, LOOKING, 2, f"{second}")
    assert await read_users(tickets[1], 3) == []
    assert await read_users(tickets[0], 3) == [("bill", LOOKING, 0)]


async def test_concurrent_reports_are_all_stored(desk: Desk) -> None:
    ticket = await desk.raise_ticket()

    async def send_report(who: Viewer, number: int) -> None:
        await report(
            ticket, who, (LOOKING, WRITING, GONE)[number % 3], number / 1000, f"{number % 70}"
        )

    await asyncio.gather(*(send_report(who, number) for number in range(140) for who in desk.staff))
    assert await Presence.all().count() <= MAX_WINDOWS * len(desk.staff)
    await asyncio.gather(
        *(report(ticket, who, WRITING, 1, "last") for who in desk.staff for _ in range(10))
    )
    assert {name for name, state, _ in await read_users(ticket, 2) if state is WRITING} == {
        "ada",
        "bill",
        "root",
    }


async def test_expired_reports_are_deleted(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    await report(ticket, desk.ada, LOOKING, 0)
    await report(ticket, desk.bill, LOOKING, 60)
    await Cleanup(None).run_once(at(74), 0)
    assert await Presence.all().count() == 2, (
        "reports outlive small differences between the clocks of servers"
    )
    await Cleanup(None).run_once(at(60) + PRESENCE_LIFETIME + timedelta(seconds=1), 0)
    assert [each.user_id for each in await Presence.all()] == [desk.bill.user_id]


async def test_the_presence_on_all_tickets_is_read_by_one_statement(desk: Desk) -> None:
    tickets = [await desk.raise_ticket() for _ in range(5)]
    for ticket in tickets:
        for who in desk.staff:
            await report(ticket, who, LOOKING, 0)
    texts: set[str] = set()
    for count in range(6):
        with statements() as sent:
            found = await presence.read_presence([ticket.id for ticket in tickets[:count]], at(1))
        assert [len(each.people) for each in found.values()] == [3] * count
        assert len(sent) == 1
        texts |= set(sent.texts)
    assert len(texts) == 1
