"""What a job changes in each of its tickets, and how the job stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from models.changes.resources import ResourceKey
from models.core.time import format_instant
from models.custom_fields.values import NewValue
from models.tickets.lifecycle import Action, CloseReason, Priority
from models.tickets.link_kind import LinkKind

if TYPE_CHECKING:
    from models.log.event import Json

REVERSIBLE_ACTIONS = frozenset({None, Action.AWAIT_CUSTOMER, Action.HOLD, Action.RESUME})
"""The actions that an undo can reverse. Nothing makes a ticket NEW again, and the customer has been
notified of an end or a reopening."""


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What to change. None leaves a value unchanged.

    sets_assignee      whether to set the assignee to `assignee_id`; None removes the assignee
    add_resources      kind, external id and name of each resource to add
    text               the resolution of RESOLVE, or the reason of REOPEN
    escalation_reason  why the level of each ticket rises by one
    link_to, unlink_from  the key of the other ticket, and the kind of the link; for unlink_from, no
                          kind stands for all links
    across_requesters  whether a merge may connect tickets of different requesters
    unmerge            whether to undo the merge of each ticket
    """

    sets_assignee: bool = False
    assignee_id: UUID | None = None
    team_id: UUID | None = None
    category_id: UUID | None = None
    priority: Priority | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    custom_fields: tuple[NewValue, ...] = ()
    add_resources: tuple[tuple[str, str, str | None], ...] = ()
    remove_resources: tuple[ResourceKey, ...] = ()
    add_watcher_id: UUID | None = None
    remove_watcher_id: UUID | None = None
    reply: str | None = None
    note: str | None = None
    escalation_reason: str | None = None
    action: Action | None = None
    until: datetime | None = None
    text: str | None = None
    close_reason: CloseReason | None = None
    requester_id: UUID | None = None
    link_to: tuple[UUID, LinkKind] | None = None
    unlink_from: tuple[UUID, LinkKind | None] | None = None
    merge_into_id: UUID | None = None
    across_requesters: bool = False
    unmerge: bool = False

    @property
    def is_reversible(self) -> bool:
        """Whether an undo can restore all of the values."""
        has_texts = (self.reply, self.note, self.escalation_reason) != (None, None, None)
        return self.action in REVERSIBLE_ACTIONS and not has_texts and not self.unmerge

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
            "add_resources": [list(each) for each in self.add_resources],
            "remove_resources": [list(each) for each in self.remove_resources],
            "add_watcher_id": str(self.add_watcher_id) if self.add_watcher_id else None,
            "remove_watcher_id": str(self.remove_watcher_id) if self.remove_watcher_id else None,
            "reply": self.reply,
            "note": self.note,
            "escalation_reason": self.escalation_reason,
            "action": self.action.value if self.action else None,
            "until": format_instant(self.until) if self.until else None,
            "text": self.text,
            "close_reason": self.close_reason.value if self.close_reason else None,
            "requester_id": str(self.requester_id) if self.requester_id else None,
            "link_to": link_to_json(self.link_to),
            "unlink_from": link_to_json(self.unlink_from),
            "merge_into_id": str(self.merge_into_id) if self.merge_into_id else None,
            "across_requesters": self.across_requesters,
            "unmerge": self.unmerge,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> BulkChange:
        def optional(name: str, parse: Callable[[Any], Any]) -> Any:
            value = stored.get(name)
            return None if value is None else parse(value)

        # A job that an earlier version has started lacks the later fields.
        custom_fields = cast("Sequence[Mapping[str, Json]]", stored.get("custom_fields", ()))
        add_resources = cast("Sequence[list[Any]]", stored.get("add_resources", ()))
        remove_resources = cast("Sequence[list[Any]]", stored.get("remove_resources", ()))
        return cls(
            sets_assignee=bool(stored["sets_assignee"]),
            assignee_id=optional("assignee_id", UUID),
            team_id=optional("team_id", UUID),
            category_id=optional("category_id", UUID),
            priority=optional("priority", Priority),
            add_tags=tuple(cast("list[str]", stored["add_tags"])),
            remove_tags=tuple(cast("list[str]", stored["remove_tags"])),
            custom_fields=tuple(map(NewValue.from_json, custom_fields)),
            add_resources=tuple((each[0], each[1], each[2]) for each in add_resources),
            remove_resources=tuple((each[0], each[1]) for each in remove_resources),
            add_watcher_id=optional("add_watcher_id", UUID),
            remove_watcher_id=optional("remove_watcher_id", UUID),
            reply=optional("reply", str),
            note=optional("note", str),
            escalation_reason=optional("escalation_reason", str),
            action=optional("action", Action),
            until=optional("until", datetime.fromisoformat),
            text=optional("text", str),
            close_reason=optional("close_reason", CloseReason),
            requester_id=optional("requester_id", UUID),
            link_to=optional("link_to", link_from_json),
            unlink_from=optional("unlink_from", link_from_json),
            merge_into_id=optional("merge_into_id", UUID),
            across_requesters=bool(stored.get("across_requesters")),
            unmerge=bool(stored.get("unmerge")),
        )


def link_to_json(link: tuple[UUID, LinkKind | None] | None) -> list[Json] | None:
    if link is None:
        return None
    other_id, kind = link
    return [str(other_id), kind.value if kind else None]


def link_from_json(stored: Sequence[str | None]) -> tuple[UUID, LinkKind | None]:
    other_id, kind = stored
    return UUID(other_id), LinkKind(kind) if kind else None
