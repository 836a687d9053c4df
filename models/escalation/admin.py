"""How admins change escalation paths. A path that is under way on a ticket goes on with the steps that it was set off with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from models import database
from models.core import ids, text
from models.core.errors import Code, InvalidInput
from models.core.time import to_whole_seconds
from models.escalation.path import EscalationPath, EscalationTrigger, StepAction
from models.people import team
from models.people.user import User
from models.sla import policies
from models.sla.policy_admin import MAX_POSITION, POSITION_GAP
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority

if TYPE_CHECKING:
    from models.log.event import Json

MAX_ACTIVE_PATHS = 100
MAX_STEPS = 20
MAX_STEP_DELAY = timedelta(days=365)
METRIC_TRIGGERS = frozenset({EscalationTrigger.SLA_AT_RISK, EscalationTrigger.SLA_BREACHED})


class StepFields(TypedDict):
    """Team by slug, user by global id."""

    after: timedelta
    action: StepAction
    team: str | None
    user_id: str | None


class PathFields(TypedDict, total=False):
    name: str
    position: int
    trigger: EscalationTrigger
    metric: Metric | None
    priority: Priority | None
    team: str | None
    steps: Sequence[StepFields]
    active: bool


async def list_paths(*, archived: bool = False) -> list[EscalationPath]:
    """The first that fits, for each trigger, is the one that is taken."""
    return await (
        EscalationPath.all() if archived else EscalationPath.filter(active=True)
    ).order_by("position", "id")


async def create_path(fields: PathFields, at: datetime) -> EscalationPath:
    """Raises InvalidInput. Where no position is given, the path is tried after all others."""
    path = EscalationPath(
        name="", position=0, trigger=EscalationTrigger.ESCALATED, steps=[], created_at=at
    )
    async with database.transaction():
        await policies.lock_admin_changes()
        if "position" not in fields:
            last = await EscalationPath.filter(active=True).order_by("-position").first()
            path.position = (
                POSITION_GAP if last is None else min(last.position + POSITION_GAP, MAX_POSITION)
            )
        await apply_fields(path, fields)
        await check_path_limit()
        await path.save(force_create=True)
    return path


async def update_path(path_id: str, fields: PathFields) -> EscalationPath:
    """What is left out stays. Raises InvalidInput."""
    key = ids.key_of(ids.ESCALATION_PATH, path_id)
    async with database.transaction():
        await policies.lock_admin_changes()
        path = await EscalationPath.get_or_none(id=key) if key else None
        if path is None:
            raise InvalidInput(Code.NOT_FOUND, "There is no such path.", "pathId")
        was_active = path.active
        await apply_fields(path, fields)
        if path.active and not was_active:
            await check_path_limit()
        await path.save()
    return path


async def archive_path(path_id: str) -> EscalationPath:
    """It is set off no more. Raises InvalidInput."""
    return await update_path(path_id, {"active": False})


async def check_path_limit() -> None:
    if await EscalationPath.filter(active=True).count() >= MAX_ACTIVE_PATHS:
        raise InvalidInput(
            Code.INVALID, f"At most {MAX_ACTIVE_PATHS} active paths; archive one first."
        )


async def apply_fields(path: EscalationPath, fields: PathFields) -> None:
    if "name" in fields:
        path.name = text.clean_text(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    path.position = fields.get("position", path.position)
    path.trigger = fields.get("trigger", path.trigger)
    path.metric = fields.get("metric", path.metric)
    if path.metric is not None and path.trigger not in METRIC_TRIGGERS:
        raise InvalidInput(
            Code.INVALID, f"A path that {path.trigger.name} sets off has no metric.", "metric"
        )
    path.priority = fields.get("priority", path.priority)
    if "team" in fields:
        path.team_id = (
            None if fields["team"] is None else (await team.get_team(fields["team"], "team")).id
        )
    if "steps" in fields:
        path.steps = await validate_steps(fields["steps"])
    path.active = fields.get("active", path.active)


async def validate_steps(steps: Sequence[StepFields]) -> list[dict[str, Json]]:
    """Steps as they are stored. Raises InvalidInput."""
    if not steps:
        raise InvalidInput(Code.REQUIRED, "A path has a step at least.", "steps")
    if len(steps) > MAX_STEPS:
        raise InvalidInput(
            Code.INVALID, f"At most {MAX_STEPS} steps; these are {len(steps)}.", "steps"
        )
    return [await validate_step(step, "steps", str(place)) for place, step in enumerate(steps)]


async def validate_step(step: StepFields, *path: str) -> dict[str, Json]:
    action = step["action"]
    after = to_whole_seconds(
        step["after"],
        timedelta(),
        MAX_STEP_DELAY,
        f"From nothing to {MAX_STEP_DELAY.days} days.",
        *path,
        "after",
    )
    slug, person = step["team"], step["user_id"]
    if action is StepAction.TRANSFER and slug is None:
        raise InvalidInput(Code.REQUIRED, "Say to which team.", *path, "team")
    if action is not StepAction.TRANSFER and slug is not None:
        raise InvalidInput(Code.INVALID, "Only TRANSFER goes to a team.", *path, "team")
    if action is not StepAction.REASSIGN and person is not None:
        raise InvalidInput(Code.INVALID, "Only REASSIGN goes to a person.", *path, "userId")
    to = None if slug is None else str((await team.get_team(slug, *path, "team")).id)
    user = None if person is None else str((await find_assignable_user(person, *path, "userId")).id)
    return {"after": after, "action": action.value, "team": to, "user": user}


async def find_assignable_user(user_id: str, *path: str) -> User:
    """Somebody who takes tickets. Raises InvalidInput."""
    key = ids.key_of(ids.USER, user_id)
    found = await User.get_or_none(id=key) if key else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such person.", *path)
    if not found.is_staff:
        raise InvalidInput(Code.INVALID, "Tickets are given to active agents and admins.", *path)
    return found
