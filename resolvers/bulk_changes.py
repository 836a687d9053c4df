"""Checks the input of a bulk job's change, and looks up the records that it refers to."""

from __future__ import annotations

from uuid import UUID

import strawberry

from models.access.viewer import Viewer
from models.access.visibility import can_change_ticket
from models.bulk.bulk_change import BulkChange
from models.core import ids, text
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.custom_fields.custom_field import CustomerAccess
from models.custom_fields.value_checks import check_new_values
from models.custom_fields.values import NewValue
from models.people.team import get_active_team, get_category
from models.people.user import User, no_such_user
from models.tickets.lifecycle import Action
from models.tickets.link_kind import LinkKind
from models.tickets.ticket import Ticket
from resolvers.mutations.admin_mutation import AdminMutation
from resolvers.tickets.resources import clean_resources
from schema.inputs.custom_fields import read_input_values
from schema.inputs.jobs import BulkTicketChange

CHANGE = "change"
DRY_RUN_NEEDS_NOTES = (
    "A dry run that sets a HIDDEN custom field needs the scope notes:read, because its outcomes "
    "show which tickets have the value."
)


async def build_change(
    mutation: AdminMutation, input: BulkTicketChange, *, dry_run: bool
) -> BulkChange:
    """The change of each ticket, with the keys of the records that ids and slugs refer to.

    Raises InvalidInput, and Refusals and Forbidden for custom fields.
    """
    check_action_fields(input)
    if input.team is not None and input.category is not None:
        raise invalid("can't be combined with category, which decides the team", "team")
    sets_assignee = input.assignee_id is not strawberry.UNSET
    assignee_id = input.assignee_id if sets_assignee else None
    if assignee_id is not None and input.action is Action.START:
        raise invalid("can't be combined with an assignment, which starts NEW tickets", "action")
    if input.until is not None and input.until <= mutation.at:
        raise invalid("must be in the future", "until")
    category_id = await find_category(input.category)
    custom_fields = await read_custom_fields(mutation, input, category_id, dry_run=dry_run)
    limits = mutation.changes.limits
    max_tags, max_resources = limits.max_tags_per_ticket, limits.max_resources_per_ticket
    added = clean_resources(input.add_resources, max_resources, CHANGE, "addResources")
    removed = clean_resources(input.remove_resources, max_resources, CHANGE, "removeResources")
    if input.add_watcher_id is not None and input.remove_watcher_id is not None:
        raise invalid("can't be combined with addWatcherId", "removeWatcherId")
    link_to, unlink_from = await read_links(mutation.viewer, input)
    merge = input.merge
    merge_into_id = None
    if merge is not None:
        merge_into_id = await find_other_ticket(mutation.viewer, merge.into_id, "merge", "intoId")
    removed_watcher = await find_user(input.remove_watcher_id, "removeWatcherId")
    change = BulkChange(
        sets_assignee=sets_assignee,
        assignee_id=await find_assignee(assignee_id),
        team_id=await find_team(input.team),
        category_id=category_id,
        priority=input.priority,
        add_tags=clean_tags(input.add_tags, "addTags", max_tags),
        remove_tags=clean_tags(input.remove_tags, "removeTags", max_tags),
        custom_fields=tuple(custom_fields),
        add_resources=tuple((*key, name) for key, name in added.items()),
        remove_resources=tuple(removed),
        add_watcher_id=await find_active_user(input.add_watcher_id, "addWatcherId"),
        remove_watcher_id=removed_watcher.id if removed_watcher else None,
        reply=clean_message(input.reply, "reply"),
        note=clean_message(input.note, "note"),
        escalation_reason=clean_reason(input.escalation_reason, "escalationReason"),
        action=input.action,
        until=input.until,
        text=clean_action_text(input),
        close_reason=input.close_reason,
        requester_id=await find_active_user(input.requester_id, "requesterId"),
        link_to=link_to,
        unlink_from=unlink_from,
        merge_into_id=merge_into_id,
        across_requesters=merge is not None and merge.across_requesters,
        unmerge=input.unmerge,
    )
    if change.is_empty:
        raise InvalidInput(UserErrorCode.REQUIRED, "must change something", CHANGE)
    check_combinations(change)
    return change


def check_combinations(change: BulkChange) -> None:
    """Raises InvalidInput if parts of the change contradict each other."""
    merge_only = BulkChange(
        merge_into_id=change.merge_into_id, across_requesters=change.across_requesters
    )
    if change.merge_into_id is not None and change != merge_only:
        raise invalid("can't be combined with another field of the change", "merge")
    if change.unmerge and change != BulkChange(unmerge=True):
        raise invalid("can't be combined with another field of the change", "unmerge")
    for field, user_id in (
        ("addWatcherId", change.add_watcher_id),
        ("removeWatcherId", change.remove_watcher_id),
    ):
        if change.requester_id is not None and user_id is not None:
            raise invalid(f"can't be combined with {field}", "requesterId")
    if change.link_to is not None and change.unlink_from is not None:
        raise invalid("can't be combined with link", "unlink")


async def read_links(
    viewer: Viewer, input: BulkTicketChange
) -> tuple[tuple[UUID, LinkKind] | None, tuple[UUID, LinkKind | None] | None]:
    """The link to add, and the links to remove. Raises InvalidInput."""
    link, unlink = None, None
    if input.link is not None:
        other_id = await find_other_ticket(viewer, input.link.other_id, "link", "otherId")
        link = (other_id, input.link.kind)
    if input.unlink is not None:
        other_id = await find_other_ticket(viewer, input.unlink.other_id, "unlink", "otherId")
        unlink = (other_id, input.unlink.kind)
    return link, unlink


async def find_other_ticket(viewer: Viewer, id: str, *path: str) -> UUID:
    """The key of a ticket that the viewer may change. Raises InvalidInput NOT_FOUND."""
    key = ids.key_of(ids.TICKET, id)
    ticket = await Ticket.get_or_none(id=key) if key else None
    if ticket is None or not can_change_ticket(viewer, ticket):
        message = "There is no such ticket."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, CHANGE, *path)
    return ticket.id


async def read_custom_fields(
    mutation: AdminMutation, input: BulkTicketChange, category_id: UUID | None, *, dry_run: bool
) -> list[NewValue]:
    """The values of custom fields, checked. Raises Refusals and Forbidden."""
    new_values = read_input_values(input.custom_fields, CHANGE)
    path, limits = (CHANGE, "customFields"), mutation.changes.limits
    definitions = await check_new_values(
        mutation.viewer, new_values, limits, *path, category_id=category_id
    )
    access = [each.customer_access for each in definitions.values()]
    if dry_run and CustomerAccess.HIDDEN in access and not mutation.viewer.can_see_notes:
        raise Forbidden(DRY_RUN_NEEDS_NOTES)
    return new_values


def invalid(message: str, field: str) -> InvalidInput:
    return InvalidInput(UserErrorCode.INVALID, message, CHANGE, field)


def check_action_fields(input: BulkTicketChange) -> None:
    """Raises InvalidInput if a field does not belong to the action."""
    for field, value, action in (
        ("until", input.until, Action.HOLD),
        ("resolution", input.resolution, Action.RESOLVE),
        ("closeReason", input.close_reason, Action.CLOSE),
        ("reopenReason", input.reopen_reason, Action.REOPEN),
    ):
        if value is not None and input.action is not action:
            raise invalid(f"is only allowed with the action {action.name}", field)


async def find_assignee(id: str | None) -> UUID | None:
    """The key of the new assignee, if there is one. Raises InvalidInput."""
    user = await find_user(id, "assigneeId")
    if user is not None and not user.is_staff:
        raise invalid("must be an active agent or admin", "assigneeId")
    return user.id if user else None


async def find_user(id: str | None, field: str) -> User | None:
    """The user with this id, if it is given. Raises InvalidInput."""
    if id is None:
        return None
    key = ids.key_of(ids.USER, id)
    user = await User.get_or_none(id=key) if key else None
    if user is None:
        raise no_such_user(CHANGE, field)
    return user


async def find_active_user(id: str | None, field: str) -> UUID | None:
    """The key of an active user, if the id is given. Raises InvalidInput."""
    user = await find_user(id, field)
    if user is not None and not user.active:
        raise invalid("must be an active user", field)
    return user.id if user else None


async def find_category(slug: str | None) -> UUID | None:
    """The key of the new category, if there is one. Raises InvalidInput."""
    if slug is None:
        return None
    category = await get_category(slug, CHANGE, "category")
    if not category.active:
        raise invalid("must not be an archived category", "category")
    return category.id


async def find_team(slug: str | None) -> UUID | None:
    """The key of the new team, if there is one. Raises InvalidInput."""
    return None if slug is None else (await get_active_team(slug, CHANGE, "team")).id


def clean_tags(tags: list[str] | None, field: str, maximum: int) -> tuple[str, ...]:
    """The cleaned tags. Raises InvalidInput."""
    cleaned = text.clean_tags(tags or [], CHANGE, field)
    if len(cleaned) > maximum:
        message = f"must have at most {maximum} tags; it has {len(cleaned)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, CHANGE, field, limit_name="ticket_tags")
    return tuple(cleaned)


def clean_message(body: str | None, field: str) -> str | None:
    """The text of a reply or a note, if it is given. Raises InvalidInput."""
    return None if body is None else text.clean_body(body, CHANGE, field)


def clean_reason(reason: str | None, field: str) -> str | None:
    """The reason of a change, if it is given. Raises InvalidInput."""
    if reason is None:
        return None
    return text.clean_text(reason, CHANGE, field, max_chars=text.MAX_BODY_CHARS)


def clean_action_text(input: BulkTicketChange) -> str | None:
    """The text of the action, if it has one. Raises InvalidInput."""
    if input.action is Action.RESOLVE:
        return clean_message(input.resolution or "", "resolution")
    if input.action is Action.REOPEN:
        return clean_reason(input.reopen_reason or "", "reopenReason")
    return None
