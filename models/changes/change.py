"""A change of one ticket in memory. Commands build it; `storage.write` stores it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from models.access.viewer import Viewer
from models.changes.serialization import serialize_value
from models.core.hydration import new_record
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.core.words import index_words
from models.custom_fields.values import CustomValues
from models.log.event import UNVERSIONED_EVENTS, Event, EventType, Json
from models.sla.inputs import CLOCK_EVENT_TYPES, Side
from models.sla.state_machine import TicketClocks
from models.tickets import lifecycle
from models.tickets.attachment import Attachment
from models.tickets.lifecycle import Action, Status, TransitionRefused, build_merged_refusal
from models.tickets.link_kind import LinkKind
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketLink, TicketResource


@dataclass
class TicketChange:
    """A change of one ticket by one actor.

    Commands modify `ticket` in memory; `storage.write` stores the result. `at` is the time of the
    change. `reopen_window` is the time after closing in which the ticket can be reopened. `limits`
    are those of the ticket's records, and `columns` the ticket's columns to store.
    """

    ticket: Ticket
    actor: Viewer
    at: datetime
    reopen_window: timedelta
    creates_ticket: bool = False
    advances_clocks: bool = False
    """Whether to update the SLA clocks even without an event that changes them."""
    has_current_terms: bool = False
    """Whether `sla_terms` already names the policy that applies after the change."""
    limits: RecordLimits = DEFAULT_LIMITS
    previous_terms: str | None = field(init=False)
    previous_status_since: datetime | None = field(init=False)
    events: list[Event] = field(default_factory=list[Event])
    columns: dict[str, object] = field(default_factory=dict[str, object])
    messages: list[Message] = field(default_factory=list[Message])
    attached_files: list[Attachment] = field(default_factory=list[Attachment])
    redacted_messages: list[Message] = field(default_factory=list[Message])
    redacted_events: list[Event] = field(default_factory=list[Event])
    indexes_with_erased_words: set[str] = field(default_factory=set[str])
    erased_files: list[Attachment] = field(default_factory=list[Attachment])
    added_tags: list[str] = field(default_factory=list[str])
    removed_tags: list[str] = field(default_factory=list[str])
    resources: list[TicketResource] = field(default_factory=list[TicketResource])
    removed_resources: list[UUID] = field(default_factory=list[UUID])
    renamed_resources: list[TicketResource] = field(default_factory=list[TicketResource])
    added_watchers: list[UUID] = field(default_factory=list[UUID])
    removed_watchers: list[UUID] = field(default_factory=list[UUID])
    added_participants: list[UUID] = field(default_factory=list[UUID])
    removed_participants: list[UUID] = field(default_factory=list[UUID])
    moved_replies: list[tuple[Event, Message]] = field(default_factory=list[tuple[Event, Message]])
    links: list[TicketLink] = field(default_factory=list[TicketLink])
    removed_links: list[tuple[UUID, LinkKind]] = field(default_factory=list[tuple[UUID, LinkKind]])
    custom_values: CustomValues = field(default_factory=CustomValues)
    clocks: TicketClocks | None = None

    def __post_init__(self) -> None:
        self.previous_terms = self.ticket.sla_terms
        self.previous_status_since = self.ticket.status_since

    @property
    def main_event(self) -> Event | None:
        """The first event that no SLA clock caused, if any. It states what the command did."""
        return next((event for event in self.events if event.type not in CLOCK_EVENT_TYPES), None)

    @property
    def is_unversioned(self) -> bool:
        """Whether the change leaves the ticket's version and `updated_at` as they are."""
        return not self.creates_ticket and all(
            event.type in UNVERSIONED_EVENTS for event in self.events
        )

    @property
    def is_public(self) -> bool:
        """Whether the change of an existing ticket raises the version that customers see."""
        return any(
            not event.internal and event.type not in UNVERSIONED_EVENTS for event in self.events
        )

    def set_versions(self) -> None:
        """Raise the versions of an existing ticket, and set those of a new one and the events."""
        ticket = self.ticket
        if self.creates_ticket:
            ticket.public_version, ticket.public_updated_at = ticket.version, ticket.updated_at
        elif not self.is_unversioned:
            ticket.version, ticket.updated_at = ticket.version + 1, self.at
            if self.is_public:
                ticket.public_version, ticket.public_updated_at = ticket.public_version + 1, self.at
        for event in self.events:
            event.version = ticket.version

    def set(self, **values: object) -> dict[str, Json]:
        """Set columns of the ticket; returns `[from, to]` for each column whose value differs."""
        changes: dict[str, Json] = {}
        for name, value in values.items():
            before = getattr(self.ticket, name)
            if before != value:
                setattr(self.ticket, name, value)
                self.columns[name] = value
                changes[name] = [serialize_value(before), serialize_value(value)]
        return changes

    def set_tag_words(self, tags: Sequence[str]) -> None:
        """Store the words of the ticket's tags for the full-text search."""
        self.ticket.tag_words = self.columns["tag_words"] = index_words(" ".join(tags))

    def set_last_reply(self, reply: Message | None) -> None:
        """Store when and by whom the ticket's last reply was written. None: it has no reply."""
        self.set(
            last_reply_at=reply.created_at if reply else None,
            last_reply_user_id=reply.author_user_id if reply else None,
            last_reply_client_id=reply.author_client_id if reply else None,
        )

    def advance_last_reply(self, reply: Message) -> None:
        """Store the reply as the last one, unless a later one is stored.

        A change has the time at which its request began. Of two requests at the same time, the
        earlier one may get the ticket's lock last.
        """
        last_at = self.ticket.last_reply_at
        if last_at is None or reply.created_at >= last_at:
            self.set_last_reply(reply)

    def set_kept_unassigned(self, value: bool) -> None:
        """Store whether assignment by load skips the ticket. The ticket's events imply this."""
        if self.ticket.kept_unassigned != value:
            self.ticket.kept_unassigned = self.columns["kept_unassigned"] = value

    def log(
        self,
        type: EventType,
        changes: dict[str, Json] | None = None,
        *,
        message: Message | None = None,
        internal: bool = False,
        **data: Json,
    ) -> None:
        """Add an event with further `data`. `storage.write` gives the event its position."""
        self.events.append(
            new_record(
                Event,
                type=type,
                ticket_id=self.ticket.id,
                message_id=message.id if message else None,
                actor_user_id=self.actor.user_id,
                actor_client_id=self.actor.client_id,
                occurred_at=self.at,
                version=self.ticket.version,
                internal=internal,
                data={"changes": changes or {}, **data},
            )
        )

    def transition(
        self,
        action: Action,
        comment: str | None = None,
        side: Side | None = None,
        **values: object,
    ) -> None:
        """Apply a life-cycle action and set further columns. `side` is the side that acted.

        An action that keeps the status does not restart the time in the status.
        Raises TransitionRefused if the ticket's status does not permit the action.
        """
        before = self.ticket.status
        if self.ticket.merged_into_id is not None and action is Action.REOPEN:
            raise build_merged_refusal(before, action)
        reopenable = self.ticket.can_still_reopen(self.at, self.reopen_window)
        try:
            after = lifecycle.advance(before, action, reopenable=reopenable)
        except TransitionRefused as refusal:
            refusal.allowed = self.allowed_actions()
            raise
        if before is Status.ON_HOLD:
            values.setdefault("held_until", None)
        if action is Action.REOPEN:
            self.set_kept_unassigned(False)
        changes = self.set(status=after, reminded_at=None, **values)
        if before is after:
            changes["status"] = [before.value, after.value]  # the event states it in any case
        else:
            status_since = max(self.at, self.previous_status_since or self.at)
            self.ticket.status_since = self.columns["status_since"] = status_since
        self.log(
            EventType.STATUS_CHANGED,
            changes,
            action=action.value,
            comment=comment,
            side=side.value if side else None,
        )

    def allowed_actions(self) -> list[Action]:
        """The life-cycle actions that the ticket's status permits to the actor."""
        return self.ticket.allowed_actions(
            self.at, self.reopen_window, is_customer=self.actor.is_customer
        )

    def add_message(
        self, kind: MessageKind, body: str, side: Side | None = None, **values: object
    ) -> Message:
        """Add a message and its event, and set further columns. `side` is the author's side."""
        message = new_record(
            Message,
            ticket_id=self.ticket.id,
            kind=kind,
            author_user_id=self.actor.user_id,
            author_client_id=self.actor.client_id,
            body=body,
            created_at=self.at,
        )
        self.messages.append(message)
        if kind is MessageKind.REPLY:
            self.advance_last_reply(message)
        type = EventType.REPLY_ADDED if kind is MessageKind.REPLY else EventType.NOTE_ADDED
        self.log(
            type,
            self.set(**values),
            message=message,
            internal=kind is MessageKind.NOTE,
            side=side.value if side else None,
        )
        return message

    def attach(self, file: Attachment, message: Message | None) -> None:
        """Attach a locked file to a new message, or to the ticket if there is none."""
        file.ticket_id = self.ticket.id
        file.message_id = None if message is None else message.id
        self.attached_files.append(file)
        is_internal = message is not None and message.kind is MessageKind.NOTE
        self.log(EventType.ATTACHMENT_ADDED, internal=is_internal, attachment_id=str(file.id))

    def set_team(self, team_id: UUID, member_ids: Sequence[UUID]) -> None:
        """Move the ticket to another team.

        The ticket loses its assignee unless they are one of the team's members, `member_ids`.
        """
        changes = self.set(team_id=team_id)
        if not changes:
            return
        self.log(EventType.TRANSFERRED, changes)
        self.set_kept_unassigned(False)
        if self.ticket.assignee_id is not None and self.ticket.assignee_id not in member_ids:
            self.log(EventType.ASSIGNED, self.set(assignee_id=None))

    def set_participants(self, before: Collection[UUID], after: Collection[UUID]) -> None:
        """Replace the participants `before` by those in `after`, and log it if they differ."""
        self.added_participants = sorted(set(after).difference(before))
        self.removed_participants = sorted(set(before).difference(after))
        if self.added_participants or self.removed_participants:
            lists: list[Json] = [sorted(map(str, user_ids)) for user_ids in (before, after)]
            self.log(EventType.TICKET_UPDATED, {"participants": lists})

    def move_reply(self, event: Event, message: Message, side: Side) -> None:
        """Move a reply, which `event` logged on another ticket, to this one.

        The other ticket keeps its event, because it was an input of SLA clocks, but without the
        message. The new event states from which ticket the reply was moved.
        """
        from_id = str(event.ticket_id)
        self.log(EventType.REPLY_ADDED, message=message, side=side.value, from_id=from_id)
        self.events[-1].actor_user_id = event.actor_user_id
        self.events[-1].actor_client_id = None
        event.type, event.message_id = EventType.REPLY_MOVED, None
        event.data = {**event.data, "to_id": str(self.ticket.id)}
        message.ticket_id = self.ticket.id
        self.advance_last_reply(message)
        self.moved_replies.append((event, message))

    def add_link(self, other: Ticket, kind: LinkKind) -> None:
        """Add one direction of a link, and its event."""
        ids = {"ticket_id": self.ticket.id, "other_id": other.id}
        self.links.append(new_record(TicketLink, **ids, kind=kind))
        self.log_link(EventType.LINKED, other, kind)

    def remove_link(self, other: Ticket, kind: LinkKind) -> None:
        """Remove one direction of a link, and log it."""
        self.removed_links.append((other.id, kind))
        self.log_link(EventType.UNLINKED, other, kind)

    def log_link(self, type: EventType, other: Ticket, kind: LinkKind) -> None:
        """Log the change of a link. It is internal if staff link the tickets of two requesters,
        because a requester may not see the other's ticket."""
        is_internal = not self.actor.is_customer and other.requester_id != self.ticket.requester_id
        self.log(type, internal=is_internal, kind=kind.value, other_id=str(other.id))
