"""Gives a locked ticket another requester: reads what the command needs, and calls it."""

from __future__ import annotations

from models.changes.change import TicketChange
from models.changes.participants import requester
from models.changes.participants.people_records import (
    is_merged,
    list_outsiders,
    list_watchers_without_access,
    read_people,
)
from models.people.user import User


async def change_requester(change: TicketChange, user: User) -> None:
    """Set the requester, remove the people who may not see the ticket any more, and log the change.

    Raises InvalidInput.
    """
    people = await read_people(change, user)
    changes = requester.set_requester(
        change,
        user,
        people,
        await list_outsiders(people.participants, user.organization_id),
        is_merged=await is_merged(change.ticket),
    )
    without_access = await list_watchers_without_access(change, people.watchers)
    requester.log_requester_change(change, changes, people, without_access)
