"""Who is at a ticket: what windows say of themselves, what that makes of their person, and how it is forgotten."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.statements import statements
from support.ticket_factory import NOON, Desk

from models.access.viewer import Viewer
from models.people.user import Role, User
from models.tickets import presence
from models.tickets.presence import MAX_WINDOWS_PER_USER, PRESENCE_LIFETIME, Presence, PresenceState
from models.tickets.ticket import Ticket
from workers.cleanup import Cleanup

LOOKING, WRITING, GONE = PresenceState


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def say(ticket: Ticket, who: Viewer, state: PresenceState, seconds: float, window: str = "one") -> bool:
    assert who.user_id is not None
    return await presence.set_presence(ticket.id, who.user_id, window, state, at(seconds))


async def seen(ticket: Ticket, seconds: float) -> list[tuple[str, PresenceState, float]]:
    """Who is there, doing what, since when."""
    found = (await presence.read_presence([ticket.id], at(seconds)))[ticket.id]
    names = {user.id: user.display_name.lower() for user in await User.all()}
    return [(names[each.user_id], each.state, (each.since - NOON).total_seconds()) for each in found.people]


async def test_it_holds_for_fifteen_seconds_from_the_last_time_it_was_said(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    assert await say(ticket, desk.ada, LOOKING, 0)
    assert not await say(ticket, desk.ada, LOOKING, 14)
    for seconds in (0, 14.999, 15, 28.999):
        assert await seen(ticket, seconds) == [("ada", LOOKING, 0)]
    assert await seen(ticket, 29) == []
    assert await say(ticket, desk.ada, LOOKING, 29)
    assert await seen(ticket, 29) == [("ada", LOOKING, 29)]


async def test_a_window_does_one_thing_at_a_time_and_since_tells_from_when_on(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    assert await say(ticket, desk.ada, LOOKING, 0)
    assert await say(ticket, desk.ada, WRITING, 5)
    assert not await say(ticket, desk.ada, WRITING, 6)
    assert await seen(ticket, 6) == [("ada", WRITING, 5)]
    assert await say(ticket, desk.ada, LOOKING, 7)
    assert await seen(ticket, 7) == [("ada", LOOKING, 7)]
    assert await say(ticket, desk.ada, GONE, 8)
    assert await seen(ticket, 8) == []
    assert not await say(ticket, desk.ada, GONE, 9)


async def test_writing_in_one_window_wins_over_looking_in_others(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    await say(ticket, desk.ada, LOOKING, 0, "a")
    await say(ticket, desk.ada, WRITING, 2, "b")
    await say(ticket, desk.ada, WRITING, 3, "c")
    await say(ticket, desk.ada, LOOKING, 4, "d")
    assert await seen(ticket, 5) == [("ada", WRITING, 2)]
    await say(ticket, desk.ada, GONE, 6, "b")
    assert await seen(ticket, 6) == [("ada", WRITING, 3)]
    await say(ticket, desk.ada, LOOKING, 7, "c")
    assert await seen(ticket, 7) == [("ada", LOOKING, 0)]
    assert await seen(ticket, 15) == [("ada", LOOKING, 4)]


async def test_people_and_tickets_are_told_apart_and_who_is_there_for_longest_comes_first(desk: Desk) -> None:
    ticket, other = await desk.raise_ticket(), await desk.raise_ticket()
    await say(ticket, desk.root, LOOKING, 0)
    await say(ticket, desk.ada, LOOKING, 1)
    await say(ticket, desk.bill, WRITING, 2)
    await say(other, desk.ada, WRITING, 3)
    assert await seen(ticket, 4) == [("root", LOOKING, 0), ("ada", LOOKING, 1), ("bill", WRITING, 2)]
    assert await seen(other, 4) == [("ada", WRITING, 3)]
    await say(ticket, desk.root, WRITING, 5)
    assert [name for name, _, _ in await seen(ticket, 5)] == ["ada", "bill", "root"]


@pytest.mark.parametrize("change", [{"active": False}, {"role": Role.CUSTOMER}], ids=["deactivated", "customer"])
async def test_who_is_no_longer_of_the_team_is_not_there(desk: Desk, change: dict[str, Any]) -> None:
    ticket = await desk.raise_ticket()
    for who in desk.staff:
        await say(ticket, who, WRITING, 0)
    await User.filter(id=desk.ada.user_id).update(**change)
    assert {name for name, _, _ in await seen(ticket, 1)} == {"bill", "root"}


async def test_a_person_who_opens_everything_is_remembered_where_last_heard_of(desk: Desk) -> None:
    tickets = [await desk.raise_ticket() for _ in range(4)]
    await say(tickets[0], desk.bill, LOOKING, 0)
    windows = MAX_WINDOWS_PER_USER // 2 + 5
    for second in range(windows):
        for ticket in tickets[:2]:
            await say(ticket, desk.ada, LOOKING, second / 100, f"{second}")
    assert await Presence.filter(user_id=desk.ada.user_id).count() == MAX_WINDOWS_PER_USER
    assert set(await Presence.filter(user_id=desk.ada.user_id).values_list("client_key", flat=True)) == {
        f"{second}" for second in range(5, windows)
    }
    assert await seen(tickets[0], 1) == [("bill", LOOKING, 0), ("ada", LOOKING, 0.05)]
    # those on other tickets go as well
    for second in range(MAX_WINDOWS_PER_USER):
        await say(tickets[2], desk.ada, LOOKING, 2, f"{second}")
    assert await seen(tickets[1], 3) == []
    assert await seen(tickets[0], 3) == [("bill", LOOKING, 0)]


async def test_many_who_speak_at_once_are_all_heard(desk: Desk) -> None:
    ticket = await desk.raise_ticket()

    async def speak(who: Viewer, place: int) -> None:
        await say(ticket, who, (LOOKING, WRITING, GONE)[place % 3], place / 1000, f"{place % 70}")

    await asyncio.gather(*(speak(who, place) for place in range(140) for who in desk.staff))
    assert await Presence.all().count() <= MAX_WINDOWS_PER_USER * len(desk.staff)
    await asyncio.gather(*(say(ticket, who, WRITING, 1, "last") for who in desk.staff for _ in range(10)))
    assert {name for name, state, _ in await seen(ticket, 2) if state is WRITING} == {"ada", "bill", "root"}


async def test_what_no_longer_holds_is_removed_in_time(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    await say(ticket, desk.ada, LOOKING, 0)
    await say(ticket, desk.bill, LOOKING, 60)
    await Cleanup().run_once(at(74), 0)
    assert await Presence.all().count() == 2, "machines whose clocks differ a little take nothing from one another"
    await Cleanup().run_once(at(60) + PRESENCE_LIFETIME + timedelta(seconds=1), 0)
    assert [each.user_id for each in await Presence.all()] == [desk.bill.user_id]


async def test_all_tickets_are_read_by_one_statement(desk: Desk) -> None:
    tickets = [await desk.raise_ticket() for _ in range(5)]
    for ticket in tickets:
        for who in desk.staff:
            await say(ticket, who, LOOKING, 0)
    texts: set[str] = set()
    for count in range(6):
        with statements() as sent:
            found = await presence.read_presence([ticket.id for ticket in tickets[:count]], at(1))
        assert [len(each.people) for each in found.values()] == [3] * count
        assert len(sent) == 1
        texts |= set(sent.texts)
    assert len(texts) == 1
