"""The values of a ticket before the change of a job, and how an undo restores them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models.bulk.ticket_change import assign, transfer, update
from models.changes import commands
from models.changes.change import TicketChange
from models.core.time import format_instant
from models.custom_fields.custom_field import CustomField, key_of_column
from models.custom_fields.values import GivenValue
from models.people.team import Category
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import Ticket

if TYPE_CHECKING:
    from models.log.event import Json


def read_values(ticket: Ticket) -> dict[str, Json]:
    """The values that jobs can change and undo, as JSON, without the tags."""
    return {
        "category_id": str(ticket.category_id),
        "team_id": str(ticket.team_id),
        "assignee_id": str(ticket.assignee_id) if ticket.assignee_id else None,
        "priority": ticket.priority.value,
        "status": ticket.status.value,
        "held_until": format_instant(ticket.held_until) if ticket.held_until else None,
        "kept_unassigned": ticket.kept_unassigned,
    }


def build_previous(before: Mapping[str, Json], change: TicketChange) -> dict[str, Json]:
    """What an undo needs: the values `before` the change, and the tags that it changed.

    The earlier values of custom fields have the names that they have in events.
    """
    previous = {
        **before,
        "added_tags": list(change.added_tags),
        "removed_tags": list(change.removed_tags),
    }
    for event in change.events:
        for column, (value, _) in event.changes.items():
            if key_of_column(column) is not None:
                previous[column] = value
    return previous


async def restore(change: TicketChange, previous: Mapping[str, Json]) -> None:
    """Use the normal commands to restore each value that differs.

    Raises Refusal if a rule forbids a change now.

    A ticket that an assignment has started stays started: no command makes a ticket NEW again.
    """
    ticket = change.ticket
    category_id = UUID(str(previous["category_id"]))
    category = None
    if ticket.category_id != category_id:
        category = await Category.get(id=category_id)
    await update(
        change,
        category=category,
        priority=Priority(cast("int", previous["priority"])),
        add_tags=tuple(cast("list[str]", previous["removed_tags"])),
        remove_tags=tuple(cast("list[str]", previous["added_tags"])),
        custom_fields=await read_custom_fields(previous),
    )
    if ticket.team_id != UUID(str(previous["team_id"])):
        await transfer(change, UUID(str(previous["team_id"])))
    assignee_id = UUID(str(previous["assignee_id"])) if previous["assignee_id"] else None
    if ticket.assignee_id != assignee_id:
        await assign(change, assignee_id)
    change.set_kept_unassigned(bool(previous["kept_unassigned"]))
    restore_status(change, previous)


async def read_custom_fields(previous: Mapping[str, Json]) -> list[GivenValue]:
    """The earlier values of custom fields. Definitions are never deleted."""
    logged = {key_of_column(column): value for column, value in previous.items()}
    logged.pop(None, None)
    definitions = await CustomField.filter(key__in=list(logged)).order_by("id") if logged else []
    return [GivenValue.from_logged(each, logged[each.key]) for each in definitions]


def restore_status(change: TicketChange, previous: Mapping[str, Json]) -> None:
    """Restore the status, if a command leads from the present one to it; otherwise it stays."""
    held_until = None
    if previous["held_until"] is not None:
        held_until = datetime.fromisoformat(str(previous["held_until"]))
    status = Status(str(previous["status"]))
    if held_until is not None and held_until <= change.at:  # the hold would have ended by now
        status, held_until = Status.OPEN, None
    if (status, held_until) == (change.ticket.status, change.ticket.held_until):
        return
    if status is Status.ON_HOLD:
        commands.hold(change, held_until)
    elif status is Status.WAITING_ON_CUSTOMER:
        if change.ticket.status is Status.OPEN or change.ticket.status is Status.ON_HOLD:
            commands.await_customer(change)
    elif change.ticket.status in (Status.WAITING_ON_CUSTOMER, Status.ON_HOLD):
        commands.resume(change)
