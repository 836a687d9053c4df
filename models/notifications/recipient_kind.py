"""The kinds of recipients of notifications: groups of users whom an event concerns."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from models.notifications.notification import NotificationReason


class RecipientKind(Enum):
    REQUESTER = "requester"
    PARTICIPANTS = "participants"
    """The other customers who share the ticket; nobody if it was merged into another one."""
    ASSIGNEE = "assignee"
    """The ticket's assignee. For an assignment, the new assignee."""
    WATCHERS = "watchers"
    TEAM = "team"
    """The active members of the ticket's team (the new team, for a transfer); the admins if it has
    none."""
    TEAM_IF_UNASSIGNED = "team_if_unassigned"
    """The team, if the ticket has no assignee who is active staff."""
    MENTIONED = "mentioned"
    """The users that a note mentions."""
    ADDED_WATCHERS = "added_watchers"
    """The users whom the event adds to the watchers."""
    NAMED_IN_EVENT = "named_in_event"
    """The users that the event itself lists."""
    PROPOSED_TO = "proposed_to"
    """The user who gets a proposed draft."""


REASON_BY_KIND: Mapping[RecipientKind, NotificationReason] = {
    RecipientKind.MENTIONED: NotificationReason.MENTIONED,
    RecipientKind.PROPOSED_TO: NotificationReason.MENTIONED,
    RecipientKind.NAMED_IN_EVENT: NotificationReason.ESCALATION,
    RecipientKind.REQUESTER: NotificationReason.REQUESTER,
    RecipientKind.PARTICIPANTS: NotificationReason.REQUESTER,
    RecipientKind.ASSIGNEE: NotificationReason.ASSIGNEE,
    RecipientKind.WATCHERS: NotificationReason.WATCHER,
    RecipientKind.ADDED_WATCHERS: NotificationReason.WATCHER,
    RecipientKind.TEAM: NotificationReason.TEAM,
    RecipientKind.TEAM_IF_UNASSIGNED: NotificationReason.TEAM,
}
CUSTOMER_KINDS = frozenset(
    {
        RecipientKind.REQUESTER,
        RecipientKind.PARTICIPANTS,
        RecipientKind.WATCHERS,
        RecipientKind.ADDED_WATCHERS,
    }
)
"""The kinds that can include customers."""
