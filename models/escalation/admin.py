"""How admins change escalation paths. A path that is under way on a ticket goes on with the steps that it was set off with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from models import database
from models.core import ids, text
from models.core.errors import Code, InvalidInput
from models.core.time import whole_seconds
from models.escalation.path import EscalationPath, StepAction, Trigger
from models.people import team
from models.people.user import User
from models.sla import policies
from models.sla.admin import POSITION_GAP, MAX_POSITION
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority

if TYPE_CHECKING:
    from models.log.event import Json

MOST_PATHS = 100
MOST_STEPS = 20
LATEST = timedelta(days=365)
OF_METRICS = frozenset({Trigger.SLA_AT_RISK, Trigger.SLA_BREACHED})


class StepFields(TypedDict):
    """Team by slug, user by global id."""

    after: timedelta
    action: StepAction
    team: str | None
    user_id: str | None


class PathFields(TypedDict, total=False):
    name: str
    position: int
    trigger: Trigger
    metric: Metric | None
    priority: Priority | None
    team: str | None
    steps: Sequence[StepFields]
    active: bool


async def in_order(*, archived: bool = False) -> list[EscalationPath]:
    """The first that fits, for each trigger, is the one that is taken."""
    return await (EscalationPath.all() if archived else EscalationPath.filter(active=True)).order_by("position", "id")


async def create_path(given: PathFields, at: datetime) -> EscalationPath:
    """Raises InvalidInput. Where no position is given, the path is tried after all others."""
    path = EscalationPath(name="", position=0, trigger=Trigger.ESCALATED, steps=[], created_at=at)
    async with database.transaction():
        await policies.lock_admin_changes()
        if "position" not in given:
            last = await EscalationPath.filter(active=True).order_by("-position").first()
            path.position = POSITION_GAP if last is None else min(last.position + POSITION_GAP, MAX_POSITION)
        await fill(path, given)
        await expect_room()
        await path.save(force_create=True)
    return path


async def update_path(path_id: str, given: PathFields) -> EscalationPath:
    """What is left out stays. Raises InvalidInput."""
    key = ids.key_of(ids.ESCALATION_PATH, path_id)
    async with database.transaction():
        await policies.lock_admin_changes()
        path = await EscalationPath.get_or_none(id=key) if key else None
        if path is None:
            raise InvalidInput(Code.NOT_FOUND, "There is no such path.", "pathId")
        was_active = path.active
        await fill(path, given)
        if path.active and not was_active:
            await expect_room()
        await path.save()
    return path


async def archive_path(path_id: str) -> EscalationPath:
    """It is set off no more. Raises InvalidInput."""
    return await update_path(path_id, {"active": False})


async def expect_room() -> None:
    if await EscalationPath.filter(active=True).count() >= MOST_PATHS:
        raise InvalidInput(Code.INVALID, f"At most {MOST_PATHS} active paths; archive one first.")


async def fill(path: EscalationPath, given: PathFields) -> None:
    if "name" in given:
        path.name = text.written(given["name"], "name", longest=text.NAME)
    path.position = given.get("position", path.position)
    path.trigger = given.get("trigger", path.trigger)
    path.metric = given.get("metric", path.metric)
    if path.metric is not None and path.trigger not in OF_METRICS:
        raise InvalidInput(Code.INVALID, f"A path that {path.trigger.name} sets off has no metric.", "metric")
    path.priority = given.get("priority", path.priority)
    if "team" in given:
        path.team_id = None if given["team"] is None else (await team.named(given["team"], "team")).id
    if "steps" in given:
        path.steps = await checked(given["steps"])
    path.active = given.get("active", path.active)


async def checked(steps: Sequence[StepFields]) -> list[dict[str, Json]]:
    """Steps as they are stored. Raises InvalidInput."""
    if not steps:
        raise InvalidInput(Code.REQUIRED, "A path has a step at least.", "steps")
    if len(steps) > MOST_STEPS:
        raise InvalidInput(Code.INVALID, f"At most {MOST_STEPS} steps; these are {len(steps)}.", "steps")
    return [await checked_step(step, "steps", str(place)) for place, step in enumerate(steps)]


async def checked_step(step: StepFields, *path: str) -> dict[str, Json]:
    action = step["action"]
    after = whole_seconds(step["after"], timedelta(), LATEST, f"From nothing to {LATEST.days} days.", *path, "after")
    slug, person = step["team"], step["user_id"]
    if action is StepAction.TRANSFER and slug is None:
        raise InvalidInput(Code.REQUIRED, "Say to which team.", *path, "team")
    if action is not StepAction.TRANSFER and slug is not None:
        raise InvalidInput(Code.INVALID, "Only TRANSFER goes to a team.", *path, "team")
    if action is not StepAction.REASSIGN and person is not None:
        raise InvalidInput(Code.INVALID, "Only REASSIGN goes to a person.", *path, "userId")
    to = None if slug is None else str((await team.named(slug, *path, "team")).id)
    user = None if person is None else str((await worker(person, *path, "userId")).id)
    return {"after": after, "action": action.value, "team": to, "user": user}


async def worker(user_id: str, *path: str) -> User:
    """Somebody who takes tickets. Raises InvalidInput."""
    key = ids.key_of(ids.USER, user_id)
    found = await User.get_or_none(id=key) if key else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such person.", *path)
    if not found.is_staff:
        raise InvalidInput(Code.INVALID, "Tickets are given to active agents and admins.", *path)
    return found
