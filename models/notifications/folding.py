"""Folds repeated notifications: bounds how often one person notifies another about one ticket.

A folded notification is not created. In the application that happens only while earlier ones are
unread, so that no event goes unnoticed. In place of folded emails, the recipient gets a summary
after FOLD_WINDOW. Replies and notes are counted together, and each other type of event apart. So a
burst of replies hides no change of status.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models.log.event import Event, EventType
from models.notifications.email import MORE_UPDATES, Mail
from models.notifications.notification import Channel, Notification

FOLD_WINDOW = timedelta(minutes=10)
"""The time in which notifications are counted."""
REPEATED_TYPES = frozenset({EventType.ESCALATED})
"""Events that say nothing new if the same person repeats them: one notification in FOLD_WINDOW."""
DEFAULT_MAX_PER_TICKET = 20
DEFAULT_MAX_PER_TYPE = 5
FIRST_STEP_EVENTS = 500
"""The first step, in events, of the search backwards for the start of FOLD_WINDOW."""
ACTOR_COLUMNS = ("event__actor_user_id", "event__actor_client_id")
Cause = tuple[Channel, UUID, UUID, UUID | None, EventType]
"""The channel, ticket, recipient, actor (None: the system) and type of event; see `count_as`."""


class Folding:
    """Decides which notifications are folded, and counts them in `folded`."""

    def __init__(self, max_per_ticket: int, max_per_type: int = DEFAULT_MAX_PER_TYPE) -> None:
        """The limits apply to what one actor causes on one ticket for one recipient and channel.

        In FOLD_WINDOW, `max_per_ticket` bounds replies and notes together, and each type of
        automatic events. `max_per_type` bounds each other type of event; of REPEATED_TYPES only one
        is sent.
        """
        self.max_per_ticket = max_per_ticket
        self.max_per_type = max_per_type
        self.folded = 0
        self.times: dict[Cause, list[datetime]] = {}

    def admit(self, event: Event, user_id: UUID, channel: Channel) -> bool:
        """Whether to notify the user; if so, counts the notification."""
        actor = event.actor_user_id or event.actor_client_id
        cause: Cause = (channel, event.ticket_id, user_id, actor, count_as(event.type))
        since = event.occurred_at - FOLD_WINDOW
        if self.count(cause, since) >= self.get_limit(event.type, is_automatic=actor is None):
            self.folded += 1
            return False
        self.add(cause, event.occurred_at)
        return True

    def get_limit(self, type: EventType, *, is_automatic: bool) -> int:
        if is_automatic or count_as(type) is EventType.REPLY_ADDED:
            return self.max_per_ticket
        return 1 if type in REPEATED_TYPES else self.max_per_type

    def count(self, cause: Cause, since: datetime) -> int:
        return sum(at > since for at in self.times.get(cause, ()))

    def add(self, cause: Cause, at: datetime) -> None:
        self.times.setdefault(cause, []).append(at)


def count_as(type: EventType) -> EventType:
    """The type under which events of a type are counted: notes count as replies."""
    return EventType.REPLY_ADDED if type is EventType.NOTE_ADDED else type


@dataclass(frozen=True, slots=True)
class Window:
    """The events of some tickets that occurred after `since`; all of them are after `position`."""

    ticket_ids: Collection[UUID]
    since: datetime
    position: int

    @property
    def condition(self) -> Mapping[str, object]:
        """For a record with an `event`. The index of events by ticket and position serves it."""
        return {
            "event__ticket_id__in": list(self.ticket_ids),
            "event__position__gt": self.position,
            "event__occurred_at__gt": self.since,
        }


async def read_folding(
    events: Sequence[Event], max_per_ticket: int, max_per_type: int = DEFAULT_MAX_PER_TYPE
) -> Folding:
    """Read the notifications of the last FOLD_WINDOW. They count toward the limits for the events.

    The cost depends on the events of these tickets within FOLD_WINDOW, not on all their events.
    """
    folding = Folding(max_per_ticket, max_per_type)
    since = min(event.occurred_at for event in events) - FOLD_WINDOW
    position = await find_earlier_position(events[0].position, since)
    window = Window({event.ticket_id for event in events}, since, position)
    for channel, rows in (
        (Channel.EMAIL, await read_mails(window)),
        (Channel.IN_APP, await read_unread_notifications(window)),
    ):
        for ticket_id, user_id, type, actor_user_id, actor_client_id, at in rows:
            actor = actor_user_id or actor_client_id
            cause = (channel, ticket_id, user_id, actor, count_as(EventType(type)))
            folding.add(cause, at)
    return folding


Row = tuple[UUID, UUID, EventType, UUID | None, UUID | None, datetime]


async def find_earlier_position(position: int, at: datetime) -> int:
    """Find a position before `position` whose event occurred at or before `at`; 0 without any.

    One statement looks back in doubling steps, because no index covers occurred_at. The clocks of
    processes differ by so little that the log is in the order of time.
    """
    steps = [FIRST_STEP_EVENTS * 2**number for number in range(position.bit_length())]
    candidates = [position - step for step in steps if step < position]
    earlier = Event.filter(position__in=candidates, occurred_at__lte=at).order_by("-position")
    positions = cast("list[int]", await earlier.limit(1).values_list("position", flat=True))
    return positions[0] if positions else 0


async def read_mails(window: Window) -> Iterable[Row]:
    mails = Mail.filter(**window.condition).exclude(template=MORE_UPDATES)
    rows = await mails.values_list(
        "ticket_id", "user_id", "event__type", *ACTOR_COLUMNS, "event__occurred_at"
    )
    return cast("Iterable[Row]", rows)


async def read_unread_notifications(window: Window) -> Iterable[Row]:
    unread = Notification.filter(**window.condition, read_at__isnull=True)
    rows = await unread.values_list(
        "event__ticket_id", "user_id", "event__type", *ACTOR_COLUMNS, "event__occurred_at"
    )
    return cast("Iterable[Row]", rows)
