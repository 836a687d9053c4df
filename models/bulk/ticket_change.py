"""Applies the change of a job to one ticket, by the commands of the API's mutations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from models.bulk.bulk_change import BulkChange
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.custom_values import check_required_at_resolution, set_custom_values
from models.changes.participants import requester_change, sharing
from models.changes.participants.people_records import get_user, read_people
from models.changes.resources import ResourceKey, change_resources
from models.core.errors import InvalidInput, UserErrorCode
from models.custom_fields.values import NewValue
from models.people import team
from models.people.team import Category, Team
from models.people.user import User
from models.tickets.lifecycle import Action, Priority
from models.tickets.ticket import TicketResource, TicketTag

if TYPE_CHECKING:
    from models.log.event import Json


async def apply(change: TicketChange, bulk: BulkChange) -> None:
    """Apply the change to a locked ticket. Raises Refusal.

    The order matters: a category and a team may remove the assignee, and a reply and an assignment
    start a NEW ticket.
    """
    write_messages(change, bulk)
    properties = (bulk.category_id, bulk.priority, bulk.add_tags, bulk.remove_tags)
    resources = (bulk.add_resources, bulk.remove_resources)
    if any(properties) or any(resources) or bulk.custom_fields:
        category = await Category.get(id=bulk.category_id) if bulk.category_id else None
        await update(
            change,
            category=category,
            priority=bulk.priority,
            add_tags=bulk.add_tags,
            remove_tags=bulk.remove_tags,
            custom_fields=bulk.custom_fields,
            add_resources={(kind, key): name for kind, key, name in bulk.add_resources},
            remove_resources=bulk.remove_resources,
        )
    if bulk.team_id is not None:
        await transfer(change, bulk.team_id)
    if bulk.sets_assignee:
        await assign(change, bulk.assignee_id)
    if bulk.add_watcher_id is not None:
        await add_watcher(change, bulk.add_watcher_id)
    if bulk.remove_watcher_id is not None:
        await remove_watcher(change, bulk.remove_watcher_id)
    if bulk.requester_id is not None:
        await change_requester(change, bulk.requester_id)
    if bulk.escalation_reason is not None:
        commands.escalate(change, bulk.escalation_reason)
    if bulk.action is not None:
        act(change, bulk)
        await check_required_at_resolution(change)


def write_messages(change: TicketChange, bulk: BulkChange) -> None:
    """Add the reply and the note. Raises Refusal."""
    if bulk.reply is not None:
        commands.reply(
            change,
            bulk.reply,
            is_from_customer=change.actor.user_id == change.ticket.requester_id,
            keeps_status=bulk.action is not None,
        )
    if bulk.note is not None:
        commands.add_note(change, bulk.note)


async def update(
    change: TicketChange,
    *,
    category: Category | None,
    priority: Priority | None,
    add_tags: tuple[str, ...],
    remove_tags: tuple[str, ...],
    custom_fields: Sequence[NewValue],
    add_resources: Mapping[ResourceKey, str | None],
    remove_resources: Collection[ResourceKey],
) -> None:
    """Change properties in one event, and in an internal one for hidden custom fields."""
    resources: dict[str, Json] = {}
    if add_resources or remove_resources:
        current = await TicketResource.filter(ticket_id=change.ticket.id).order_by("id")
        resources = change_resources(change, current, add_resources, remove_resources)
    category_id = category.id if category else change.ticket.category_id
    values = await set_custom_values(change, custom_fields, category_id)
    tags = await TicketTag.filter(ticket_id=change.ticket.id).order_by("name")
    commands.update(
        change,
        current_tags=[tag.name for tag in tags],
        priority=priority,
        category=category,
        member_ids=await team.list_member_ids(category.team_id) if category else (),
        add_tags=add_tags,
        remove_tags=remove_tags,
        custom_fields=values.public,
        resources=resources,
    )
    values.log_internal(change)


async def transfer(change: TicketChange, team_id: UUID) -> None:
    target = await Team.get(id=team_id)
    commands.transfer(change, target, await team.list_member_ids(target.id))


async def assign(change: TicketChange, assignee_id: UUID | None) -> None:
    assignee = await User.get(id=assignee_id) if assignee_id else None
    commands.assign(change, assignee)


async def add_watcher(change: TicketChange, user_id: UUID) -> None:
    user = await get_user(user_id, "addWatcherId")
    sharing.add_watcher(change, user, await read_people(change, user))


async def remove_watcher(change: TicketChange, user_id: UUID) -> None:
    user = await get_user(user_id, "removeWatcherId")
    sharing.remove_watcher(change, user, await read_people(change, user))


async def change_requester(change: TicketChange, user_id: UUID) -> None:
    user = await get_user(user_id, "requesterId")
    await requester_change.change_requester(change, user)


def act(change: TicketChange, bulk: BulkChange) -> None:
    """Apply the action. Raises Refusal."""
    match bulk.action:
        case Action.START:
            commands.start(change)
        case Action.AWAIT_CUSTOMER:
            commands.await_customer(change)
        case Action.HOLD:
            commands.hold(change, bulk.until)
        case Action.RESUME:
            commands.resume(change)
        case Action.RESOLVE:
            commands.resolve(change, bulk.text or "")
        case Action.CLOSE:
            commands.close(change, bulk.close_reason)
        case Action.REOPEN:
            commands.reopen(change, bulk.text)
        case None:
            raise InvalidInput(UserErrorCode.REQUIRED, "The change has no action.")
