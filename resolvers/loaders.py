"""What one operation reads, batched: one statement for each kind of thing and level, however many rows.

Made anew for each operation and each event of a subscription, so nothing is stale. Never used inside a transaction: a
batch runs in a task of its own, which would go through the transaction's connection after it has ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader
from tortoise.models import Model

from models import database, timeline
from models.access import Viewer, sees, visible_entries
from models.attachment import Attachment
from models.condition import member
from models.event import MESSAGES, Event
from models.message import Kind, Message
from models.page import Page, Window
from models.person import ApiClient, Organization, User
from models.team import Category, Membership, Team
from models.ticket import Ticket, TicketLink, TicketResource, TicketTag, TicketWatcher
from models.timeline import Extract
from models.token import Token
from schema.interfaces import SYSTEM_ACTOR

MOST_KEYS = 5000  # both databases bound the parameters of a statement by some 32,000

M = TypeVar("M", bound=Model)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Asked = tuple[UUID, Extract, Window]
"""A page of a ticket's record."""
Counted = tuple[UUID, Extract, Window | None]
"""How long a ticket's record is, or what of it lies beyond the window's cursor."""


def by_id(model: type[M]) -> DataLoader[UUID, M | None]:
    async def load(keys: list[UUID]) -> list[M | None]:
        found = {record.pk: record for record in await model.filter(pk__in=keys)}
        return [found.get(key) for key in keys]

    return DataLoader(load, max_batch_size=MOST_KEYS)


def grouped(read: Callable[[list[UUID]], Awaitable[Sequence[tuple[UUID, V]]]]) -> DataLoader[UUID, list[V]]:
    """Lists by owner, out of pairs of owner and item."""

    async def load(keys: list[UUID]) -> list[list[V]]:
        found: dict[UUID, list[V]] = {key: [] for key in keys}
        for owner, item in await read(keys):
            found[owner].append(item)
        return [found[key] for key in keys]

    return DataLoader(load, max_batch_size=MOST_KEYS)


class Loaders:
    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.users = by_id(User)
        self.clients = by_id(ApiClient)
        self.organizations = by_id(Organization)
        self.teams = by_id(Team)
        self.categories = by_id(Category)
        self.seen_messages = by_id(Message)
        self.tickets: DataLoader[UUID, Ticket | None] = DataLoader(self.read_tickets, max_batch_size=MOST_KEYS)
        self.messages: DataLoader[UUID, Message | None] = DataLoader(self.read_messages, max_batch_size=MOST_KEYS)
        self.events: DataLoader[int, Event | None] = DataLoader(self.read_events, max_batch_size=MOST_KEYS)
        self.attachments: DataLoader[UUID, Attachment | None] = DataLoader(self.read_attachments, max_batch_size=MOST_KEYS)
        self.tags = grouped(read_tags)
        self.resources = grouped(read_resources)
        self.watchers = grouped(read_watchers)
        self.links = grouped(read_links)
        self.ticket_attachments = grouped(read_ticket_attachments)
        self.message_attachments = grouped(read_message_attachments)
        self.members_of_team = grouped(read_members)
        self.teams_of_user = grouped(read_teams)
        self.client_scopes = grouped(read_scopes)
        self.records: DataLoader[Asked, tuple[list[Event], bool]] = DataLoader(self.read_records, max_batch_size=MOST_KEYS)
        self.record_counts: DataLoader[Counted, int] = DataLoader(self.read_counts, max_batch_size=MOST_KEYS)

    async def actor(self, user_id: UUID | None, client_id: UUID | None) -> object:
        """Who did something: a person, a machine, or the system."""
        if user_id is not None:
            return await self.users.load(user_id)
        return await self.clients.load(client_id) if client_id is not None else SYSTEM_ACTOR

    async def record(self, ticket_id: UUID, extract: Extract, window: Window) -> Page[Event]:
        """A page of a ticket's record, read together with those of the other tickets of the same list."""
        entries, more = await self.records.load((ticket_id, extract, window))

        async def total() -> int:
            return await self.record_counts.load((ticket_id, extract, None))

        async def outside() -> bool:
            return await self.record_counts.load((ticket_id, extract, window)) > 0

        return Page(entries, [entry.cursor for entry in entries], window, more, total, outside)

    async def conversation(self, ticket_id: UUID, window: Window) -> Page[Any]:
        """The messages of a ticket: its record's entries of these types, by what they hold."""
        page = await self.record(ticket_id, Extract(MESSAGES), window)
        # the entries were read with the viewer's sight, so their messages need no second look
        messages = await self.seen_messages.load_many([entry.message_id for entry in page.rows if entry.message_id])
        return replace(page, rows=messages)

    async def read_tickets(self, keys: list[UUID]) -> list[Ticket | None]:
        found = {ticket.id: ticket for ticket in await Ticket.filter(id__in=keys) if sees(self.viewer, ticket)}
        return [found.get(key) for key in keys]

    async def read_messages(self, keys: list[UUID]) -> list[Message | None]:
        records = await Message.filter(id__in=keys).select_related("ticket")
        found = {
            message.id: message
            for message in records
            if sees(self.viewer, message.ticket) and (message.kind is Kind.REPLY or self.viewer.sees_notes)
        }
        return [found.get(key) for key in keys]

    async def read_attachments(self, keys: list[UUID]) -> list[Attachment | None]:
        records = {each.id: each for each in await Attachment.filter(id__in=keys).select_related("ticket", "message")}
        found = {
            key: each
            for key, each in records.items()
            if sees(self.viewer, each.ticket)
            and (each.message is None or each.message.kind is Kind.REPLY or self.viewer.sees_notes)
        }
        return [found.get(key) for key in keys]

    async def read_events(self, keys: list[int]) -> list[Event | None]:
        condition = member("e.position", keys) & visible_entries(self.viewer)
        seen = await database.rows(
            f"SELECT e.position AS position FROM {timeline.ENTRIES} WHERE {condition.text}", condition.params
        )
        found = await timeline.by_position({int(str(row["position"])) for row in seen})
        return [found.get(key) for key in keys]

    async def read_records(self, keys: list[Asked]) -> list[tuple[list[Event], bool]]:
        found: dict[Asked, tuple[list[Event], bool]] = {}
        for extract, window in dict.fromkeys((extract, window) for _, extract, window in keys):
            ticket_ids = [key[0] for key in keys if key[1:] == (extract, window)]
            for ticket_id, page in (await timeline.records(self.viewer, ticket_ids, extract, window)).items():
                found[ticket_id, extract, window] = page
        return [found[key] for key in keys]

    async def read_counts(self, keys: list[Counted]) -> list[int]:
        found: dict[Counted, int] = {}
        for extract, window in dict.fromkeys((extract, window) for _, extract, window in keys):
            ticket_ids = [key[0] for key in keys if key[1:] == (extract, window)]
            part = [timeline.outside(window)] if window else []
            for ticket_id, count in (await timeline.record_counts(self.viewer, ticket_ids, extract, *part)).items():
                found[ticket_id, extract, window] = count
        return [found.get(key, 0) for key in keys]


async def read_tags(keys: list[UUID]) -> list[tuple[UUID, str]]:
    return [(tag.ticket_id, tag.name) for tag in await TicketTag.filter(ticket_id__in=keys).order_by("name")]


async def read_resources(keys: list[UUID]) -> list[tuple[UUID, TicketResource]]:
    return [(each.ticket_id, each) for each in await TicketResource.filter(ticket_id__in=keys).order_by("id")]


async def read_watchers(keys: list[UUID]) -> list[tuple[UUID, User]]:
    found = await TicketWatcher.filter(ticket_id__in=keys).select_related("user").order_by("id")
    return [(each.ticket_id, each.user) for each in found]


async def read_links(keys: list[UUID]) -> list[tuple[UUID, TicketLink]]:
    return [(link.ticket_id, link) for link in await TicketLink.filter(ticket_id__in=keys).order_by("id")]


async def read_ticket_attachments(keys: list[UUID]) -> list[tuple[UUID, Attachment]]:
    found = await Attachment.filter(ticket_id__in=keys, message_id__isnull=True).order_by("id")
    return [(each.ticket_id, each) for each in found]


async def read_message_attachments(keys: list[UUID]) -> list[tuple[UUID, Attachment]]:
    found = await Attachment.filter(message_id__in=keys).order_by("id")
    return [(each.message_id, each) for each in found if each.message_id]


async def read_members(keys: list[UUID]) -> list[tuple[UUID, User]]:
    found = await Membership.filter(team_id__in=keys).select_related("user").order_by("user__display_name", "id")
    return [(each.team_id, each.user) for each in found]


async def read_teams(keys: list[UUID]) -> list[tuple[UUID, Team]]:
    found = await Membership.filter(user_id__in=keys).select_related("team").order_by("team__slug")
    return [(each.user_id, each.team) for each in found]


async def read_scopes(keys: list[UUID]) -> list[tuple[UUID, str]]:
    found = await Token.filter(client_id__in=keys, revoked_at__isnull=True).order_by("id")
    pairs = {(token.client_id, scope) for token in found for scope in token.scopes if token.client_id}
    return sorted(pairs)
