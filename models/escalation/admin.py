"""Creates, changes and archives escalation paths, for admins.

A running escalation keeps the steps that its path had when the escalation started.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from models import database
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.positions import next_position
from models.core.record_changes import RecordChanges, check_version
from models.core.record_limits import RecordLimits
from models.core.time import to_whole_seconds
from models.escalation.path import EscalationPath, EscalationTrigger, StepAction
from models.people import team
from models.people.user import User, no_such_user
from models.sla import policies
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority

if TYPE_CHECKING:
    from models.log.event import Json

MAX_STEP_DELAY = timedelta(days=365)
METRIC_TRIGGERS = frozenset({EscalationTrigger.SLA_AT_RISK, EscalationTrigger.SLA_BREACHED})


class StepFields(TypedDict):
    """An input step. `team` is a slug, `user_id` a global id, `after` counts from the trigger."""

    after: timedelta
    action: StepAction
    team: str | None
    user_id: str | None


class PathFields(TypedDict, total=False):
    """The input fields of a path that the viewer sets. `team` is a slug."""

    name: str
    position: int
    trigger: EscalationTrigger
    metric: Metric | None
    priority: Priority | None
    team: str | None
    steps: Sequence[StepFields]
    active: bool


async def list_paths(*, include_inactive: bool = False) -> list[EscalationPath]:
    """The active paths, or all, in the order in which they match."""
    paths = EscalationPath.all() if include_inactive else EscalationPath.filter(active=True)
    return await paths.order_by("position", "id")


async def create_path(changes: RecordChanges, fields: PathFields, at: datetime) -> EscalationPath:
    """Create a path. Without a position, it comes after all active paths. Raises InvalidInput."""
    path = EscalationPath(
        name="", position=0, trigger=EscalationTrigger.ESCALATED, steps=[], created_at=at
    )
    async with database.transaction():
        # One lock for all records of SLA administration: no other change takes the same position,
        # or the last free place.
        await policies.lock_admin_changes()
        if "position" not in fields:
            last = await EscalationPath.filter(active=True).order_by("-position").first()
            path.position = next_position(last.position if last else None)
        await apply_fields(path, fields, changes.limits)
        await check_path_limit(changes.limits.max_escalation_paths)
        await changes.create(path)
    return path


async def update_path(
    changes: RecordChanges, path_id: str, fields: PathFields, expected_version: int | None = None
) -> EscalationPath:
    """Change the given fields of a path. Raises InvalidInput and StaleVersion."""
    key = ids.key_of(ids.ESCALATION_PATH, path_id)
    async with database.transaction():
        await policies.lock_admin_changes()
        path = await EscalationPath.get_or_none(id=key) if key else None
        if path is None:
            raise InvalidInput(
                UserErrorCode.NOT_FOUND, "There is no such escalation path.", "pathId"
            )
        check_version(path, expected_version)
        draft = copy(path)
        await apply_fields(draft, fields, changes.limits)
        if draft.active and not path.active:
            await check_path_limit(changes.limits.max_escalation_paths)
        await changes.update_from(path, draft)
    return path


async def archive_path(
    changes: RecordChanges, path_id: str, expected_version: int | None = None
) -> EscalationPath:
    """Deactivate a path, so that no new escalation uses it.

    Raises InvalidInput and StaleVersion.
    """
    return await update_path(changes, path_id, {"active": False}, expected_version)


async def check_path_limit(maximum: int) -> None:
    """Raises InvalidInput if no other path may be active."""
    if await EscalationPath.filter(active=True).count() >= maximum:
        message = f"There are {maximum} active paths, the maximum. Archive one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="escalation_paths")


async def apply_fields(path: EscalationPath, fields: PathFields, limits: RecordLimits) -> None:
    """Set the given fields of the record. Raises InvalidInput."""
    if "name" in fields:
        path.name = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    path.position = fields.get("position", path.position)
    path.trigger = fields.get("trigger", path.trigger)
    path.metric = fields.get("metric", path.metric)
    if path.metric is not None and path.trigger not in METRIC_TRIGGERS:
        message = "must be null unless the trigger is SLA_AT_RISK or SLA_BREACHED"
        raise InvalidInput(UserErrorCode.INVALID, message, "metric")
    path.priority = fields.get("priority", path.priority)
    if "team" in fields:
        slug = fields["team"]
        path.team_id = None if slug is None else (await team.get_team(slug, "team")).id
    if "steps" in fields:
        path.steps = await build_stored_steps(fields["steps"], limits.max_steps_per_escalation_path)
    path.active = fields.get("active", path.active)


async def build_stored_steps(steps: Sequence[StepFields], maximum: int) -> list[dict[str, Json]]:
    """The steps in the form that is stored. Raises InvalidInput."""
    if not steps:
        raise InvalidInput(UserErrorCode.REQUIRED, "must have at least one step", "steps")
    if len(steps) > maximum:
        message = f"must have at most {maximum} steps; it has {len(steps)}"
        raise InvalidInput(UserErrorCode.INVALID, message, "steps", limit_name="escalation_steps")
    return [await build_stored_step(step, "steps", str(index)) for index, step in enumerate(steps)]


async def build_stored_step(step: StepFields, *field_path: str) -> dict[str, Json]:
    """A step in the form that is stored. `field_path` leads to it in the input.

    Raises InvalidInput.
    """
    action, slug, user_id = step["action"], step["team"], step["user_id"]
    message = f"must be 0 to {MAX_STEP_DELAY.days} days"
    after = to_whole_seconds(
        step["after"], timedelta(), MAX_STEP_DELAY, message, *field_path, "after"
    )
    if action is StepAction.TRANSFER and slug is None:
        raise InvalidInput(UserErrorCode.REQUIRED, "is required for TRANSFER", *field_path, "team")
    if action is not StepAction.TRANSFER and slug is not None:
        raise InvalidInput(
            UserErrorCode.INVALID, "is only allowed for TRANSFER", *field_path, "team"
        )
    if action is not StepAction.REASSIGN and user_id is not None:
        raise InvalidInput(
            UserErrorCode.INVALID, "is only allowed for REASSIGN", *field_path, "userId"
        )
    team_key = user_key = None
    if slug is not None:
        team_key = str((await team.get_team(slug, *field_path, "team")).id)
    if user_id is not None:
        user_key = str((await find_assignable_user(user_id, *field_path, "userId")).id)
    return {"after": after, "action": action.value, "team": team_key, "user": user_key}


async def find_assignable_user(user_id: str, *field_path: str) -> User:
    """A user who can be assigned tickets, by global id. `field_path` leads to it in the input.

    Raises InvalidInput.
    """
    key = ids.key_of(ids.USER, user_id)
    user = await User.get_or_none(id=key) if key else None
    if user is None:
        raise no_such_user(*field_path)
    if not user.is_staff:
        raise InvalidInput(UserErrorCode.INVALID, "must be an active agent or admin", *field_path)
    return user
