"""The change that a job makes to each of its tickets, by the commands of the API's mutations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from models.changes import commands
from models.changes.change import TicketChange
from models.changes.custom_values import check_required_at_resolution, set_custom_values
from models.core.errors import InvalidInput, UserErrorCode
from models.core.time import format_instant
from models.custom_fields.values import GivenValue
from models.people import team
from models.people.team import Category, Team
from models.people.user import User
from models.tickets.lifecycle import Action, CloseReason, Priority
from models.tickets.ticket import TicketTag

if TYPE_CHECKING:
    from models.log.event import Json

REVERSIBLE_ACTIONS = frozenset({None, Action.AWAIT_CUSTOMER, Action.HOLD, Action.RESUME})
"""The actions that an undo can reverse. Nothing makes a ticket NEW again, and the customer has been
notified of an end or a reopening."""


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What to change. None leaves a value unchanged.

    sets_assignee  whether to set the assignee to `assignee_id`; None removes the assignee
    text           the resolution of RESOLVE, or the reason of REOPEN
    """

    sets_assignee: bool = False
    assignee_id: UUID | None = None
    team_id: UUID | None = None
    category_id: UUID | None = None
    priority: Priority | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    custom_fields: tuple[GivenValue, ...] = ()
    action: Action | None = None
    until: datetime | None = None
    text: str | None = None
    close_reason: CloseReason | None = None

    @property
    def is_reversible(self) -> bool:
        """Whether an undo can restore all of the values."""
        return self.action in REVERSIBLE_ACTIONS

    @property
    def is_empty(self) -> bool:
        return self == BulkChange()

    def to_json(self) -> dict[str, Json]:
        return {
            "sets_assignee": self.sets_assignee,
            "assignee_id": str(self.assignee_id) if self.assignee_id else None,
            "team_id": str(self.team_id) if self.team_id else None,
            "category_id": str(self.category_id) if self.category_id else None,
            "priority": self.priority.value if self.priority else None,
            "add_tags": list(self.add_tags),
            "remove_tags": list(self.remove_tags),
            "custom_fields": [each.to_json() for each in self.custom_fields],
            "action": self.action.value if self.action else None,
            "until": format_instant(self.until) if self.until else None,
            "text": self.text,
            "close_reason": self.close_reason.value if self.close_reason else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> BulkChange:
        def optional(name: str, parse: Callable[[Any], Any]) -> Any:
            value = stored[name]
            return None if value is None else parse(value)

        # A job that the previous version has started has no custom fields.
        custom_fields = cast("Sequence[Mapping[str, Json]]", stored.get("custom_fields", ()))
        return cls(
            sets_assignee=bool(stored["sets_assignee"]),
            assignee_id=optional("assignee_id", UUID),
            team_id=optional("team_id", UUID),
            category_id=optional("category_id", UUID),
            priority=optional("priority", Priority),
            add_tags=tuple(cast("list[str]", stored["add_tags"])),
            remove_tags=tuple(cast("list[str]", stored["remove_tags"])),
            custom_fields=tuple(map(GivenValue.from_json, custom_fields)),
            action=optional("action", Action),
            until=optional("until", datetime.fromisoformat),
            text=optional("text", str),
            close_reason=optional("close_reason", CloseReason),
        )


async def apply(change: TicketChange, bulk: BulkChange) -> None:
    """Apply the change to a locked ticket. Raises Refusal.

    The order matters: a category and a team may remove the assignee, and an assignment starts a NEW
    ticket.
    """
    properties = (bulk.category_id, bulk.priority, bulk.add_tags, bulk.remove_tags)
    if any(properties) or bulk.custom_fields:
        category = await Category.get(id=bulk.category_id) if bulk.category_id else None
        await update(
            change,
            category=category,
            priority=bulk.priority,
            add_tags=bulk.add_tags,
            remove_tags=bulk.remove_tags,
            custom_fields=bulk.custom_fields,
        )
    if bulk.team_id is not None:
        await transfer(change, bulk.team_id)
    if bulk.sets_assignee:
        await assign(change, bulk.assignee_id)
    if bulk.action is not None:
        act(change, bulk)
        await check_required_at_resolution(change)


async def update(
    change: TicketChange,
    *,
    category: Category | None,
    priority: Priority | None,
    add_tags: tuple[str, ...],
    remove_tags: tuple[str, ...],
    custom_fields: Sequence[GivenValue],
) -> None:
    """Change properties in one event, and in an internal one for hidden custom fields."""
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
    )
    values.log_internal(change)


async def transfer(change: TicketChange, team_id: UUID) -> None:
    target = await Team.get(id=team_id)
    commands.transfer(change, target, await team.list_member_ids(target.id))


async def assign(change: TicketChange, assignee_id: UUID | None) -> None:
    assignee = await User.get(id=assignee_id) if assignee_id else None
    commands.assign(change, assignee)


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
