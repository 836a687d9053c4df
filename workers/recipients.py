"""Reads the people whom some events may concern.

The number of statements does not depend on the number of events, except that users and their
preferences are read in chunks of MAX_KEYS_PER_STATEMENT.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast
from uuid import UUID

from models.access.viewer import Viewer, read_shared_tickets, viewer_of_user
from models.access.visibility import can_access_ticket
from models.log.event import Event, EventType
from models.notifications import mentions, preferences
from models.notifications.notification import Channel, Topic
from models.notifications.preferences import PreferenceOverrides
from models.notifications.recipient_kind import CUSTOMER_KINDS, RecipientKind
from models.notifications.routing import Rule
from models.people.team import Membership
from models.people.user import Role, User
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketParticipant, TicketWatcher

MAX_KEYS_PER_STATEMENT = 5000  # both databases allow about 32,000 parameters in a statement


@dataclass(frozen=True, slots=True)
class Recipients:
    """The people by the keys of tickets, teams and users; `mentioned` is by position.

    `users` holds active users only. The members of a team without members are the admins.
    """

    tickets: Mapping[UUID, Ticket]
    users: Mapping[UUID, User]
    viewers: Mapping[UUID, Viewer]
    watchers: Mapping[UUID, Sequence[UUID]]
    participants: Mapping[UUID, Sequence[UUID]]
    members: Mapping[UUID, Sequence[UUID]]
    mentioned: Mapping[int, Collection[UUID]]
    chosen: PreferenceOverrides

    def list_user_ids(self, event: Event, recipients: RecipientKind) -> Iterable[UUID]:
        ticket = self.tickets[event.ticket_id]
        assignee = assignee_of(event, ticket)
        if recipients is RecipientKind.REQUESTER:
            return [ticket.requester_id]
        if recipients is RecipientKind.ASSIGNEE:
            return [assignee] if assignee else []
        if recipients is RecipientKind.WATCHERS:
            return self.watchers.get(ticket.id, ())
        if recipients is RecipientKind.ADDED_WATCHERS:
            return list_added_watchers(event)
        if recipients is RecipientKind.PARTICIPANTS:
            return self.participants.get(ticket.id, ())
        if recipients is RecipientKind.MENTIONED:
            return self.mentioned.get(event.position, ())
        if recipients is RecipientKind.NAMED_IN_EVENT:
            return list_notified(event)
        if recipients is RecipientKind.PROPOSED_TO:
            return list_proposed_to(event)
        holder = self.users.get(assignee) if assignee else None
        if (
            recipients is RecipientKind.TEAM_IF_UNASSIGNED
            and holder is not None
            and holder.is_staff
        ):
            # the assignee alone is notified; without one, or after they left, the team is
            return ()
        return self.members.get(team_of(event, ticket), ())

    def can_notify(self, user_id: UUID, event: Event, rule: Rule, channel: Channel) -> bool:
        """Whether the person is active, did not act themselves, may see the event and wants this
        notification."""
        user = self.users.get(user_id)
        if user is None or (event.actor_user_id == user_id and not rule.includes_actor):
            return False
        if not user.is_staff and rule.recipients not in CUSTOMER_KINDS:
            return False
        if channel is Channel.EMAIL and "@" not in user.email:
            return False
        viewer = self.viewers[user_id]
        can_see = can_access_ticket(viewer, self.tickets[event.ticket_id]) and (
            viewer.can_see_notes or not event.internal
        )
        return can_see and preferences.is_enabled(self.chosen, user_id, rule.topic, channel)


def assignee_of(event: Event, ticket: Ticket) -> UUID | None:
    """The assignee that the event sets, or else the current one."""
    if "assignee_id" not in event.changes:
        return ticket.assignee_id
    value = event.changes["assignee_id"][1]
    return UUID(str(value)) if value is not None else None


def team_of(event: Event, ticket: Ticket) -> UUID:
    """The team that the event sets, or else the current one."""
    return UUID(str(event.changes["team_id"][1])) if "team_id" in event.changes else ticket.team_id


def list_added_watchers(event: Event) -> list[UUID]:
    """The users whom the event adds to the watchers. Those who have left since are not users to
    notify, so `read_recipients` need not read them."""
    before, after = cast("Sequence[Sequence[str]]", event.changes["watchers"])
    return [UUID(user_id) for user_id in after if user_id not in before]


def list_notified(event: Event) -> list[UUID]:
    return [UUID(each) for each in cast("Sequence[str]", event.value("notified") or ())]


def list_proposed_to(event: Event) -> list[UUID]:
    """The user who gets the draft that the event is about, if it is about one."""
    is_proposal = event.type is EventType.DRAFT_PROPOSED
    return [UUID(str(event.value("user")))] if is_proposal else []


async def read_recipients(events: Sequence[Event]) -> Recipients:
    """Read everybody whom the routing table can select for these events."""
    tickets = {
        ticket.id: ticket
        for ticket in await Ticket.filter(id__in={event.ticket_id for event in events})
    }
    teams = {team_of(event, tickets[event.ticket_id]) for event in events}
    watchers = group_by_owner(
        await TicketWatcher.filter(ticket_id__in=list(tickets))
        .order_by("id")
        .values_list("ticket_id", "user_id")
    )
    # The participants of a merged ticket are notified about the ticket that remains.
    remaining = [ticket.id for ticket in tickets.values() if ticket.merged_into_id is None]
    participants = group_by_owner(
        await TicketParticipant.filter(ticket_id__in=remaining)
        .order_by("id")
        .values_list("ticket_id", "user_id")
    )
    members = await read_members(teams)
    mentioned = await read_mentions(
        [event for event in events if event.type is EventType.NOTE_ADDED]
    )
    assignees = {assignee_of(event, tickets[event.ticket_id]) for event in events}
    ids = {ticket.requester_id for ticket in tickets.values()} | {
        each for each in assignees if each is not None
    }
    ids |= set(
        chain.from_iterable(
            [
                *watchers.values(),
                *participants.values(),
                *members.values(),
                *mentioned.values(),
                *map(list_notified, events),
                *map(list_proposed_to, events),
            ]
        )
    )
    users: dict[UUID, User] = {}
    chosen: dict[tuple[UUID, Topic, Channel], bool] = {}
    for chunk in split_into_chunks(ids):
        users |= {
            user.id: user
            for user in await User.filter(id__in=chunk, active=True).select_related("organization")
        }
        chosen.update(await preferences.read_overrides(chunk))
    shared_tickets = await read_shared_tickets(list(users.values()))
    viewers = {user_id: viewer_of_user(user, shared_tickets) for user_id, user in users.items()}
    return Recipients(tickets, users, viewers, watchers, participants, members, mentioned, chosen)


async def read_members(teams: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Read the active members of each team; for a team without any, the admins."""
    active = (
        Membership.filter(team_id__in=list(teams), user__active=True)
        .exclude(user__role=Role.CUSTOMER)
        .order_by("id")
    )
    members = group_by_owner(await active.values_list("team_id", "user_id"))
    empty = [team for team in teams if team not in members]
    if empty:
        admins = (
            await User.filter(role=Role.ADMIN, active=True)
            .order_by("id")
            .values_list("id", flat=True)
        )
        members |= dict.fromkeys(empty, cast("list[UUID]", admins))
    return members


async def read_mentions(notes: Sequence[Event]) -> dict[int, list[UUID]]:
    """Read whom the notes mention, by position."""
    if not notes:
        return {}
    messages = await Message.filter(id__in=[note.message_id for note in notes])
    bodies = {message.id: message.body for message in messages if "@" in message.body}
    if not bodies:
        return {}
    staff = await User.filter(active=True).exclude(role=Role.CUSTOMER).values_list("id", "email")
    people = mentions.build_directory(cast("list[tuple[UUID, str]]", staff))
    return {
        note.position: sorted(mentions.find_mentioned_users(bodies[note.message_id], people))
        for note in notes
        if note.message_id is not None and note.message_id in bodies
    }


def group_by_owner(pairs: Iterable[object]) -> dict[UUID, list[UUID]]:
    """Group pairs of owner and member into lists of members."""
    groups: dict[UUID, list[UUID]] = {}
    for owner, member in cast("Iterable[tuple[UUID, UUID]]", pairs):
        groups.setdefault(owner, []).append(member)
    return groups


def split_into_chunks(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """Split ids into lists that fit into one statement."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), MAX_KEYS_PER_STATEMENT):
        yield ordered[start : start + MAX_KEYS_PER_STATEMENT]
