"""Approves and revokes the screens of wallboards.

`delete_unused_screens` has a transaction of its own. All other functions are part of the caller's.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from models import database
from models.access.viewer import Viewer
from models.audit import storage
from models.audit.entry import Origin
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.directory.access import lock_directory
from models.people.team import Team
from models.people.token import hash_token
from models.people.user import User
from models.wall.pairing import clean_code
from models.wall.screen import ALL_BOARD, WallPairing, WallScreen, is_in_use

DELETE_UNUSED = "deleteUnusedWallScreen"
"""The action in the audit log."""


async def approve_screen(
    changes: RecordChanges, actor: Viewer, code: str, name: str, board: str, at: datetime
) -> WallScreen:
    """Replace the pairing with this code by an approved screen. Raises InvalidInput.

    `board` is ALL_BOARD, or the slug or id of a team.
    """
    await lock_directory(actor)
    assert actor.user_id is not None  # because the mutation needs a session
    name = text.clean_line(name, "name", max_chars=text.MAX_NAME_CHARS)
    team = await find_team(board)
    pairing = await WallPairing.select_for_update().get_or_none(
        code_digest=hash_token(clean_code(code)), expires_at__gt=at
    )
    if pairing is None:
        message = (
            "No screen shows this code now. Look at the screen: a code is valid for 10 minutes."
        )
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "code")
    maximum = changes.limits.max_wall_screens
    if await WallScreen.filter(is_in_use(at)).count() >= maximum:
        message = f"There are {maximum} wallboard screens, the maximum. Revoke one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="wall_screens")
    await pairing.delete()
    screen = WallScreen(
        name=name,
        team=team,
        approved_by_id=actor.user_id,
        digest=pairing.digest,
        last_seen_at=at,
        created_at=at,
    )
    await changes.create(screen)
    return screen


async def find_team(board: str) -> Team | None:
    """The team of a board; None for the board of all tickets. Raises InvalidInput."""
    if board == ALL_BOARD:
        return None
    team = None
    key = ids.key_of(ids.TEAM, board)
    if key is not None:
        team = await Team.get_or_none(id=key, active=True)
    elif text.can_be_slug(board):
        team = await Team.get_or_none(slug=board, active=True)
    if team is None:
        message = (
            f'There is no such board. Pass "{ALL_BOARD}", or the slug or id of an active team.'
        )
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "board")
    return team


async def revoke_screen(changes: RecordChanges, actor: Viewer, screen_id: str) -> WallScreen:
    """Delete a screen, which ends its session. Raises InvalidInput."""
    await lock_directory(actor)
    key = ids.key_of(ids.WALL_SCREEN, screen_id)
    screen = None if key is None else await WallScreen.select_for_update().get_or_none(id=key)
    if screen is None:
        message = "There is no such wallboard screen."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "screenId")
    await changes.delete(screen)
    return screen


async def revoke_screens_of_user(changes: RecordChanges, user: User) -> None:
    """Delete the screens that a user approved. Call it when the user is no longer active staff.

    Otherwise the user could still watch the figures on a screen at home. The directory must be
    locked, so that no other screen is approved before the commit.
    """
    await delete_screens(changes, Q(approved_by_id=user.id))


async def revoke_screens_of_team(changes: RecordChanges, team: Team) -> None:
    """Delete the screens of a team that is archived. The directory must be locked."""
    await delete_screens(changes, Q(team_id=team.id))


async def delete_screens(changes: RecordChanges, condition: Q) -> None:
    for screen in await WallScreen.filter(condition).select_for_update().order_by("id"):
        await changes.delete(screen)


async def delete_unused_screens(at: datetime) -> None:
    """Delete the screens that were not seen for MAX_UNUSED_DAYS, with entries of the audit log."""
    if not await WallScreen.exists(~is_in_use(at)):
        return

    async def delete() -> None:
        changes = RecordChanges()
        await delete_screens(changes, ~is_in_use(at))
        await storage.write(changes, Origin(DELETE_UNUSED), at)

    await database.run_in_transaction(delete)


async def recall_screen(_: Viewer, key: UUID) -> WallScreen:
    """The screen that the first call of a repeated mutation approved. Raises InvalidInput NOT_FOUND
    if it was revoked since."""
    screen = await WallScreen.get_or_none(id=key)
    if screen is None:
        message = "The screen of the first call was revoked."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return screen
