"""Who there is around some entries: read at once, in a number of statements that does not grow with entries or people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast
from uuid import UUID

from models.access.viewer import Viewer, viewer_as
from models.access.visibility import can_access_ticket
from models.log.event import Event, EventType
from models.notifications import mentions as mention
from models.notifications import preferences
from models.notifications.notification import Channel, Topic
from models.notifications.preferences import Chosen
from models.notifications.routing import FOR_CUSTOMERS, Audience, Rule
from models.people.team import Membership
from models.people.user import Role, User
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketWatcher

MAX_KEYS_PER_STATEMENT = 5000  # both databases bound the parameters of a statement by some 32,000


@dataclass(frozen=True, slots=True)
class Recipients:
    """`users` are active ones alone; the members of a team that has none are the admins; `mentioned` is by position."""

    tickets: Mapping[UUID, Ticket]
    users: Mapping[UUID, User]
    viewers: Mapping[UUID, Viewer]
    watchers: Mapping[UUID, Sequence[UUID]]
    members: Mapping[UUID, Sequence[UUID]]
    mentioned: Mapping[int, Collection[UUID]]
    chosen: Chosen

    def people(self, entry: Event, audience: Audience) -> Iterable[UUID]:
        ticket = self.tickets[entry.ticket_id]
        assignee = assignee_of(entry, ticket)
        if audience is Audience.REQUESTER:
            return [ticket.requester_id]
        if audience is Audience.ASSIGNEE:
            return [assignee] if assignee else []
        if audience is Audience.WATCHERS:
            return self.watchers.get(ticket.id, ())
        if audience is Audience.MENTIONED:
            return self.mentioned.get(entry.position, ())
        if audience is Audience.NAMED:
            return notified_by(entry)
        holder = self.users.get(assignee) if assignee else None
        if audience is Audience.TEAM_ALONE and holder is not None and holder.is_staff:
            return ()  # else nobody has it, or somebody who has left
        return self.members.get(team_of(entry, ticket), ())

    def reaches(self, user_id: UUID, entry: Event, row: Rule, channel: Channel) -> bool:
        """Whether a person is there, did not do it, may see it, and wants to be told so."""
        user = self.users.get(user_id)
        if user is None or (entry.actor_user_id == user_id and not row.own):
            return False
        if not user.is_staff and row.audience not in FOR_CUSTOMERS:
            return False
        if channel is Channel.EMAIL and "@" not in user.email:
            return False
        viewer = self.viewers[user_id]
        sees = can_access_ticket(viewer, self.tickets[entry.ticket_id]) and (viewer.can_see_notes or not entry.internal)
        return sees and preferences.wants(self.chosen, user_id, row.topic, channel)


def assignee_of(entry: Event, ticket: Ticket) -> UUID | None:
    """Whom the entry gives the ticket to, else who has it now."""
    if "assignee_id" not in entry.changes:
        return ticket.assignee_id
    value = entry.changes["assignee_id"][1]
    return UUID(str(value)) if value is not None else None


def team_of(entry: Event, ticket: Ticket) -> UUID:
    """The team that the entry brings the ticket to, else the one that has it now."""
    return UUID(str(entry.changes["team_id"][1])) if "team_id" in entry.changes else ticket.team_id


def notified_by(entry: Event) -> list[UUID]:
    return [UUID(each) for each in cast("Sequence[str]", entry.value("notified") or ())]


async def read_recipients(entries: Sequence[Event]) -> Recipients:
    """Everybody whom the table could mean by these entries."""
    tickets = {ticket.id: ticket for ticket in await Ticket.filter(id__in={entry.ticket_id for entry in entries})}
    teams = {team_of(entry, tickets[entry.ticket_id]) for entry in entries}
    watchers = group_by_owner(
        await TicketWatcher.filter(ticket_id__in=list(tickets)).order_by("id").values_list("ticket_id", "user_id")
    )
    members = await read_members(teams)
    mentioned = await read_mentions([entry for entry in entries if entry.type is EventType.NOTE_ADDED])
    assignees = {assignee_of(entry, tickets[entry.ticket_id]) for entry in entries}
    ids = {ticket.requester_id for ticket in tickets.values()} | {each for each in assignees if each is not None}
    ids |= set(chain.from_iterable([*watchers.values(), *members.values(), *mentioned.values(), *map(notified_by, entries)]))
    users: dict[UUID, User] = {}
    chosen: dict[tuple[UUID, Topic, Channel], bool] = {}
    for some in chunks(ids):
        users |= {user.id: user for user in await User.filter(id__in=some, active=True).select_related("organization")}
        chosen.update(await preferences.chosen(some))
    viewers = {user_id: viewer_as(user) for user_id, user in users.items()}
    return Recipients(tickets, users, viewers, watchers, members, mentioned, chosen)


async def read_members(teams: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Who works in the teams; the admins, where nobody does."""
    working = Membership.filter(team_id__in=list(teams), user__active=True).exclude(user__role=Role.CUSTOMER).order_by("id")
    found = group_by_owner(await working.values_list("team_id", "user_id"))
    empty = [team for team in teams if team not in found]
    if empty:
        admins = await User.filter(role=Role.ADMIN, active=True).order_by("id").values_list("id", flat=True)
        found |= dict.fromkeys(empty, cast("list[UUID]", admins))
    return found


async def read_mentions(notes: Sequence[Event]) -> dict[int, list[UUID]]:
    """Whom notes mention, by their entries' positions."""
    if not notes:
        return {}
    messages = await Message.filter(id__in=[note.message_id for note in notes])
    bodies = {message.id: message.body for message in messages if "@" in message.body}
    if not bodies:
        return {}
    staff = await User.filter(active=True).exclude(role=Role.CUSTOMER).values_list("id", "email")
    people = mention.directory(cast("list[tuple[UUID, str]]", staff))
    return {
        note.position: sorted(mention.mentioned(bodies[note.message_id], people))
        for note in notes
        if note.message_id is not None and note.message_id in bodies
    }


def group_by_owner(pairs: Iterable[object]) -> dict[UUID, list[UUID]]:
    """Lists by owner, out of pairs of owner and member."""
    found: dict[UUID, list[UUID]] = {}
    for owner, member in cast("Iterable[tuple[UUID, UUID]]", pairs):
        found.setdefault(owner, []).append(member)
    return found


def chunks(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """As many keys as one statement takes, at a time."""
    every = sorted(ids)
    for start in range(0, len(every), MAX_KEYS_PER_STATEMENT):
        yield every[start : start + MAX_KEYS_PER_STATEMENT]
