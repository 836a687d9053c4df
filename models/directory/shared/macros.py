"""Creates, changes and archives macros. Each function is part of the caller's transaction."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from uuid import UUID

from models.access.audience import Audience, can_see_shared
from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.core.record_limits import RecordLimits, count_reached
from models.directory.access import lock_directory
from models.directory.shared.audiences import (
    apply_audience,
    check_can_change,
    group_of,
    logged,
    records_beside,
)
from models.directory.shared.macro_fields import MacroActionFields, apply_actions, apply_text
from models.macros.macro import Macro
from models.people.team import list_team_ids

KIND = "macros"
"""The name of the records in refusals, and of their limit."""


class MacroFields(MacroActionFields, total=False):
    """The input fields of a macro that the viewer sets. `team` is a slug."""

    name: str
    audience: Audience
    team: str | None
    text: str | None
    active: bool


async def create_macro(
    changes: RecordChanges, actor: Viewer, fields: MacroFields, at: datetime
) -> Macro:
    """Create a macro. Raises InvalidInput and Forbidden."""
    await lock_directory(actor)
    macro = Macro(
        name="",
        audience=Audience.PERSONAL,
        add_tags=[],
        remove_tags=[],
        custom_fields=[],
        created_at=at,
        updated_at=at,
    )
    await apply_fields(macro, actor, fields, changes.limits)
    await check_can_change(actor, macro, KIND)
    await check_macro_limit(macro, changes.limits)
    await logged(changes, macro).create(macro)
    return macro


async def update_macro(
    changes: RecordChanges,
    actor: Viewer,
    macro_id: str,
    fields: MacroFields,
    at: datetime,
    expected_version: int | None = None,
) -> Macro:
    """Change the given fields of a macro. Raises InvalidInput, StaleVersion and Forbidden."""
    macro = await lock_macro(actor, macro_id, expected_version)
    draft = copy(macro)
    await apply_fields(draft, actor, fields, changes.limits)
    await check_can_change(actor, draft, KIND)
    if draft.active and (group_of(draft) != group_of(macro) or not macro.active):
        await check_macro_limit(draft, changes.limits)
    log = logged(changes, macro, draft)
    if await log.update_from(macro, draft):
        macro.updated_at = at
        await macro.save(update_fields=["updated_at"])
    if not macro.active:
        await delete_oldest_archived(changes, macro)
    return macro


async def archive_macro(
    changes: RecordChanges,
    actor: Viewer,
    macro_id: str,
    at: datetime,
    expected_version: int | None = None,
) -> Macro:
    """Archive a macro, so that nobody can apply it. Raises InvalidInput, StaleVersion, Forbidden.

    There may be as many archived macros of the same people as active ones. If there are more, the
    one with the oldest last change is deleted.
    """
    return await update_macro(changes, actor, macro_id, {"active": False}, at, expected_version)


async def recall_macro(actor: Viewer, key: UUID) -> Macro:
    """The macro of a repeated mutation. Raises InvalidInput NOT_FOUND if it is gone."""
    macro = await Macro.get_or_none(id=key)
    if macro is None or not can_see_shared(actor, macro, await list_team_ids(actor.user_id)):
        message = "The macro of the first call was deleted, or you can no longer see it."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return macro


async def find_macro(actor: Viewer, macro_id: str) -> Macro | None:
    """A macro by its global id; None if there is none that the actor may see."""
    key = ids.key_of(ids.MACRO, macro_id)
    macro = await Macro.get_or_none(id=key) if key else None
    if macro is None or not can_see_shared(actor, macro, await list_team_ids(actor.user_id)):
        return None
    return macro


async def lock_macro(actor: Viewer, macro_id: str, expected_version: int | None) -> Macro:
    """A macro that the actor may change. Raises InvalidInput, StaleVersion and Forbidden."""
    await lock_directory(actor)
    macro = await find_macro(actor, macro_id)
    if macro is None:
        raise no_such_macro()
    await check_can_change(actor, macro, KIND)
    check_version(macro, expected_version)
    return macro


def no_such_macro() -> InvalidInput:
    return InvalidInput(UserErrorCode.NOT_FOUND, "There is no such macro.", "macroId")


async def apply_fields(
    macro: Macro, actor: Viewer, fields: MacroFields, limits: RecordLimits
) -> None:
    """Set the given fields of the record. Raises InvalidInput and Refusals."""
    if "name" in fields:
        macro.name = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    await apply_audience(macro, actor, fields.get("audience", macro.audience), fields.get("team"))
    if "text" in fields:
        apply_text(macro, fields["text"], limits)
    await apply_actions(macro, actor, fields, limits)
    macro.active = fields.get("active", macro.active)


def get_maximum(macro: Macro, limits: RecordLimits) -> int:
    """How many macros the same people may have."""
    return {
        Audience.PERSONAL: limits.max_macros_per_person,
        Audience.TEAM: limits.max_macros_per_team,
        Audience.EVERYONE: limits.max_macros_for_everyone,
    }[macro.audience]


async def check_macro_limit(macro: Macro, limits: RecordLimits) -> None:
    """Raises InvalidInput if no other macro of these people may be active."""
    maximum = get_maximum(macro, limits)
    others = records_beside(Macro, macro).filter(active=True).exclude(id=macro.id)
    if await others.count() >= maximum:
        message = (
            f"There are already {maximum} active macros for these people, the maximum. Archive one "
            "first."
        )
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name=KIND)


async def delete_oldest_archived(changes: RecordChanges, macro: Macro) -> None:
    """Delete the archived macros of the same people that exceed the limit, but not this one."""
    archived = records_beside(Macro, macro).filter(active=False).exclude(id=macro.id)
    excess = await archived.count() + 1 - max(get_maximum(macro, changes.limits), 1)
    if excess > 0:
        for each in await archived.order_by("updated_at", "id").limit(excess):
            await logged(changes, each).delete(each)
        count_reached("archived_macros", excess)
