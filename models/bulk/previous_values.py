"""The values of a ticket before the change of a job, and how an undo restores them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from models.bulk import other_tickets
from models.bulk.ticket_change import (
    add_watcher,
    assign,
    change_requester,
    remove_watcher,
    transfer,
    update,
)
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.resources import ResourceKey
from models.core.time import format_instant
from models.custom_fields.custom_field import CustomField, key_of_column
from models.custom_fields.values import NewValue
from models.people.team import Category
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import Ticket, TicketResource

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
        "requester_id": str(ticket.requester_id),
    }


def build_previous(before: Mapping[str, Json], change: TicketChange) -> dict[str, Json]:
    """What an undo needs: the values `before` the change, and what it added and removed.

    The earlier values of custom fields, and the earlier resources, have the names that they have in
    events.
    """
    previous = {
        **before,
        "added_tags": list(change.added_tags),
        "removed_tags": list(change.removed_tags),
        "added_watchers": [str(each) for each in change.added_watchers],
        "removed_watchers": [str(each) for each in change.removed_watchers],
        **other_tickets.build_previous(change),
    }
    for event in change.events:
        for column, (value, _) in event.changes.items():
            if key_of_column(column) is not None or column == "resources":
                previous[column] = value
    return previous


async def restore(change: TicketChange, previous: Mapping[str, Json]) -> None:
    """Use the normal commands to restore each value that differs.

    Raises Refusal if a rule forbids a change now. If the job merged the ticket, `other_tickets` has
    undone that; the merge can only have changed the status besides.

    A ticket that an assignment has started stays started: no command makes a ticket NEW again.
    """
    ticket = change.ticket
    if other_tickets.merged_by_job(previous) is not None:
        restore_status(change, previous)
        return
    category_id = UUID(str(previous["category_id"]))
    category = None
    if ticket.category_id != category_id:
        category = await Category.get(id=category_id)
    add_resources, remove_resources = await compare_resources(ticket, previous)
    await update(
        change,
        category=category,
        priority=Priority(cast("int", previous["priority"])),
        add_tags=tuple(cast("list[str]", previous["removed_tags"])),
        remove_tags=tuple(cast("list[str]", previous["added_tags"])),
        custom_fields=await read_custom_fields(previous),
        add_resources=add_resources,
        remove_resources=remove_resources,
    )
    if ticket.team_id != UUID(str(previous["team_id"])):
        await transfer(change, UUID(str(previous["team_id"])))
    assignee_id = UUID(str(previous["assignee_id"])) if previous["assignee_id"] else None
    if ticket.assignee_id != assignee_id:
        await assign(change, assignee_id)
    change.set_kept_unassigned(bool(previous["kept_unassigned"]))
    # A job of an earlier version has not stored the requester.
    requester_id = UUID(str(previous.get("requester_id", ticket.requester_id)))
    if ticket.requester_id != requester_id:
        await change_requester(change, requester_id)
    for user_id in list_ids(previous, "added_watchers"):
        await remove_watcher(change, user_id)
    for user_id in list_ids(previous, "removed_watchers"):
        await add_watcher(change, user_id)
    restore_status(change, previous)


def list_ids(previous: Mapping[str, Json], name: str) -> list[UUID]:
    """The ids in a list. A job of an earlier version has not stored it."""
    return [UUID(each) for each in cast("list[str]", previous.get(name, ()))]


async def compare_resources(
    ticket: Ticket, previous: Mapping[str, Json]
) -> tuple[dict[ResourceKey, str | None], set[ResourceKey]]:
    """What to add and to remove, so that the ticket has its earlier resources."""
    if "resources" not in previous:
        return {}, set()
    stored = cast("list[dict[str, Any]]", previous["resources"])
    earlier: dict[ResourceKey, str | None] = {
        (each["kind"], each["externalId"]): each["name"] for each in stored
    }
    current = await TicketResource.filter(ticket_id=ticket.id)
    return earlier, {(each.kind, each.external_id) for each in current} - earlier.keys()


async def read_custom_fields(previous: Mapping[str, Json]) -> list[NewValue]:
    """The earlier values of custom fields. Definitions are never deleted."""
    logged = {key_of_column(column): value for column, value in previous.items()}
    logged.pop(None, None)
    definitions = await CustomField.filter(key__in=list(logged)).order_by("id") if logged else []
    return [NewValue.from_logged(each, logged[each.key]) for each in definitions]


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
