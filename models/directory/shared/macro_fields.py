"""The text and the actions of a macro, as clients set them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_limits import RecordLimits
from models.core.time import to_whole_seconds
from models.custom_fields.value_checks import FIELD, check_new_values
from models.custom_fields.values import NewValue
from models.macros.macro import Macro, MacroAssignment, MacroStatusAction
from models.macros.placeholders import check_placeholders
from models.people.team import get_active_team
from models.people.user import User, no_such_user
from models.tickets.lifecycle import CloseReason, Priority

MIN_HOLD = timedelta(minutes=1)
MAX_HOLD = timedelta(days=365)


class MacroActionFields(TypedDict, total=False):
    """The actions that the viewer sets. `new_team` is a slug, `assignee_id` a global id."""

    status_action: MacroStatusAction | None
    hold_for: timedelta | None
    close_reason: CloseReason | None
    assignment: MacroAssignment | None
    assignee_id: str | None
    new_team: str | None
    priority: Priority | None
    add_tags: Sequence[str]
    remove_tags: Sequence[str]
    custom_fields: Sequence[NewValue]


def apply_text(macro: Macro, value: str | None, limits: RecordLimits) -> None:
    """Set the text. Raises InvalidInput."""
    if value is None or text.is_blank(value):
        macro.text = None
        return
    text.clean_text(value, "text", max_chars=limits.max_macro_text_chars)
    text.check_length(value, "text", max_chars=limits.max_macro_text_chars)
    check_placeholders(value, "text")
    macro.text = value


async def apply_actions(
    macro: Macro, actor: Viewer, fields: MacroActionFields, limits: RecordLimits
) -> None:
    """Set the given actions. Raises InvalidInput and Refusals."""
    apply_status_action(macro, fields)
    await apply_assignment(macro, fields)
    if "new_team" in fields:
        slug = fields["new_team"]
        macro.new_team_id = None if slug is None else (await get_active_team(slug, "newTeam")).id
    if "priority" in fields:
        macro.priority = fields["priority"]
    apply_tags(macro, fields, limits)
    if "custom_fields" in fields:
        new_values = fields["custom_fields"]
        await check_new_values(actor, new_values, limits, FIELD)
        macro.custom_fields = [each.to_json() for each in new_values]
    check_completeness(macro)


def apply_status_action(macro: Macro, fields: MacroActionFields) -> None:
    """Set the change of status. Another action clears the values of the previous one."""
    if "status_action" in fields:
        macro.status_action = fields["status_action"]
    hold_for, reason = fields.get("hold_for"), fields.get("close_reason")
    if macro.status_action is not MacroStatusAction.HOLD:
        if hold_for is not None:
            message = "is only allowed for the status action HOLD"
            raise InvalidInput(UserErrorCode.INVALID, message, "holdFor")
        macro.hold_for = None
    elif hold_for is not None:
        message = "must be 1 minute to 365 days"
        macro.hold_for = to_whole_seconds(hold_for, MIN_HOLD, MAX_HOLD, message, "holdFor")
    elif "hold_for" in fields:
        macro.hold_for = None
    if macro.status_action is not MacroStatusAction.CLOSE:
        if reason is not None:
            message = "is only allowed for the status action CLOSE"
            raise InvalidInput(UserErrorCode.INVALID, message, "closeReason")
        macro.close_reason = None
    elif "close_reason" in fields:
        macro.close_reason = reason


async def apply_assignment(macro: Macro, fields: MacroActionFields) -> None:
    """Set the new assignee. Another assignment clears the person."""
    if "assignment" in fields:
        macro.assignment = fields["assignment"]
    user_id = fields.get("assignee_id")
    if macro.assignment is not MacroAssignment.PERSON:
        if user_id is not None:
            message = "is only allowed for the assignment PERSON"
            raise InvalidInput(UserErrorCode.INVALID, message, "assigneeId")
        macro.assignee_id = None
    elif user_id is not None:
        key = ids.key_of(ids.USER, user_id)
        user = await User.get_or_none(id=key) if key else None
        if user is None:
            raise no_such_user("assigneeId")
        if not user.is_staff:
            message = "must be an active agent or admin"
            raise InvalidInput(UserErrorCode.INVALID, message, "assigneeId")
        macro.assignee_id = user.id
    elif "assignee_id" in fields:
        macro.assignee_id = None


def apply_tags(macro: Macro, fields: MacroActionFields, limits: RecordLimits) -> None:
    if "add_tags" in fields:
        macro.add_tags = clean_tags(fields["add_tags"], "addTags", limits)
    if "remove_tags" in fields:
        macro.remove_tags = clean_tags(fields["remove_tags"], "removeTags", limits)
    added = set(map(text.fold_tag, macro.add_tags))
    if added.intersection(map(text.fold_tag, macro.remove_tags)):
        message = "must not have tags that the macro adds"
        raise InvalidInput(UserErrorCode.INVALID, message, "removeTags")


def clean_tags(tags: Sequence[str], field: str, limits: RecordLimits) -> list[str]:
    cleaned = text.clean_tags(tags, field)
    if len(cleaned) > limits.max_macro_tags:
        message = f"must have at most {limits.max_macro_tags} tags; it has {len(cleaned)}"
        raise InvalidInput(UserErrorCode.INVALID, message, field, limit_name="macro_tags")
    return cleaned


def check_completeness(macro: Macro) -> None:
    """Raises InvalidInput REQUIRED if a value is missing that another one needs."""
    if macro.status_action is MacroStatusAction.RESOLVE and macro.text is None:
        message = "is required for the status action RESOLVE, because it is the resolution"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "text")
    if macro.status_action is MacroStatusAction.CLOSE and macro.close_reason is None:
        message = "is required for the status action CLOSE"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "closeReason")
    if macro.assignment is MacroAssignment.PERSON and macro.assignee_id is None:
        message = "is required for the assignment PERSON"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "assigneeId")
    actions = (macro.status_action, macro.assignment, macro.new_team_id, macro.priority)
    has_action = any(action is not None for action in actions)
    has_action |= bool(macro.add_tags or macro.remove_tags or macro.custom_fields)
    if macro.text is None and not has_action:
        message = "is required for a macro without actions"
        raise InvalidInput(UserErrorCode.REQUIRED, message, "text")
