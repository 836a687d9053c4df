"""Data loaders: they read the records of one operation in batches.

Each level of a result takes one statement for each kind of record and batch of keys. Each
operation, and each event of a subscription, has its own loaders, so that no record is stale.
Don't use them inside a transaction. A batch runs in its own task, which could use the
transaction's connection after the transaction has ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from strawberry.dataloader import DataLoader
from tortoise.models import Model

from models.access.viewer import Viewer
from models.access.visibility import can_see_ticket
from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.changes import sla_audit
from models.changes.sla_audit import RebuiltClocks
from models.core.lazy_query import ConnectionQuery, ListQuery
from models.core.paging.pagination import Page
from models.custom_fields.custom_field import CustomField
from models.database import as_uuid
from models.escalation.path import EscalationPath
from models.files.uploads import is_uploader
from models.jobs.caller_job import CallerJob
from models.log.event import Event
from models.macros.macro import Macro
from models.notifications import inbox
from models.notifications.notification import Notification
from models.people import second_factor
from models.people.team import Category, Membership, Team
from models.people.token import Token, read_scopes
from models.people.user import ApiClient, Organization, User
from models.queries import webhooks as webhook_queries
from models.queries.logs import directory_events, event_log
from models.queries.records import custom_fields, saved_views
from models.retention.policy import RetentionPolicy
from models.sla import policies
from models.sla.records import SlaCalendar, SlaPolicy
from models.sla.snapshot import PolicySnapshot
from models.tickets.attachment import Attachment
from models.tickets.draft import Draft
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket
from models.views.saved_view import SavedView
from models.wall.screen import WallScreen
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook
from schema.filtering.stored_filter import parse_filter
from schema.records.loader_names import LOADER_NAMES
from schema.records.own_records import OwnRecords
from schema.records.record_loader import MAX_KEYS_PER_STATEMENT, RecordLoader, ShieldedLoader

MAX_TICKETS_PER_REBUILD = 100
ReadRelated = Callable[..., ListQuery[Any]]
"""A function of models/related: takes the viewer and the keys of many owners."""
ReadRelatedPage = Callable[..., ConnectionQuery[Any]]
"""A function that reads pages of such records. Its further arguments select the page."""
ReadCounts = Callable[[list[UUID]], Awaitable[list[int]]]


class Loaders:
    """The loaders of one operation. Each is created at its first use, because few are needed."""

    users = RecordLoader(User)
    clients = RecordLoader(ApiClient)
    organizations = RecordLoader(Organization)
    teams = RecordLoader(Team)
    categories = RecordLoader(Category)
    calendars = RecordLoader(SlaCalendar)
    policies = RecordLoader(SlaPolicy)
    escalation_paths = RecordLoader(EscalationPath)
    tokens = RecordLoader(Token)
    audit_entries = RecordLoader(AuditEntry)
    views = RecordLoader(SavedView)
    jobs = RecordLoader(CallerJob)
    macros = RecordLoader(Macro)
    custom_fields = RecordLoader(CustomField)
    retention_policies = RecordLoader(RetentionPolicy)
    wall_screens = RecordLoader(WallScreen)
    webhooks = RecordLoader(Webhook)

    def __init__(self, viewer: Viewer, at: datetime) -> None:
        self.viewer = viewer
        self.at = at
        self.own = OwnRecords(viewer, at)
        self.related_loaders: dict[ReadRelated, DataLoader[Any, list[Any]]] = {}
        self.page_loaders: dict[Hashable, DataLoader[UUID, Page[Any]]] = {}
        self.count_loaders: dict[ReadCounts, DataLoader[UUID, int]] = {}

    @cached_property
    def tickets(self) -> DataLoader[UUID, Ticket | None]:
        return ShieldedLoader(self.read_tickets, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def messages(self) -> DataLoader[UUID, Message | None]:
        return ShieldedLoader(self.read_messages, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def events(self) -> DataLoader[int, Event | None]:
        return ShieldedLoader(self.read_events, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def unread(self) -> DataLoader[UUID, bool]:
        """Whether a ticket has events that the viewer has not read, by the ticket's key."""
        return ShieldedLoader(self.own.read_unread, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def watching(self) -> DataLoader[UUID, bool]:
        """Whether the viewer watches a ticket, by the ticket's key."""
        return ShieldedLoader(self.own.read_watching, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def own_drafts(self) -> DataLoader[UUID, Draft | None]:
        """The viewer's draft on a visible ticket, by the ticket's key."""
        return ShieldedLoader(self.own.read_drafts_by_ticket, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def drafts(self) -> DataLoader[UUID, Draft | None]:
        """The viewer's drafts on visible tickets, by their own keys."""
        return ShieldedLoader(self.own.read_drafts, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def filter_counts(self) -> DataLoader[SavedView, int]:
        """The number of tickets that match the filter of a view, which must be valid."""
        return ShieldedLoader(self.count_by_filters)

    @cached_property
    def team_ids(self) -> DataLoader[UUID | None, frozenset[UUID]]:
        """The ids of a user's teams, by the user's key."""
        return ShieldedLoader(read_team_ids)

    @cached_property
    def custom_fields_by_key(self) -> DataLoader[str, CustomField]:
        return ShieldedLoader(custom_fields.read_by_keys)

    @cached_property
    def directory_events(self) -> DataLoader[int, DirectoryEvent | None]:
        return ShieldedLoader(self.read_directory_events, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def notifications(self) -> DataLoader[int, Notification | None]:
        return ShieldedLoader(self.read_notifications)

    @cached_property
    def attachments(self) -> DataLoader[UUID, Attachment | None]:
        return ShieldedLoader(self.read_attachments, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def webhook_deliveries(self) -> DataLoader[UUID, WebhookDelivery | None]:
        return ShieldedLoader(self.read_deliveries, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def webhook_bodies(self) -> DataLoader[UUID, str | None]:
        return ShieldedLoader(self.own.read_webhook_bodies, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def client_scopes(self) -> DataLoader[UUID, list[str]]:
        return ShieldedLoader(read_scopes, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def second_factors(self) -> DataLoader[UUID, bool]:
        """Whether a user has a second factor, by the user's key."""
        return ShieldedLoader(second_factor.read_enabled, max_batch_size=MAX_KEYS_PER_STATEMENT)

    @cached_property
    def policy_snapshots(self) -> DataLoader[str, PolicySnapshot]:
        return ShieldedLoader(read_policy_snapshots)

    @cached_property
    def rebuilt_clocks(self) -> DataLoader[UUID, RebuiltClocks]:
        return ShieldedLoader(read_rebuilt_clocks, max_batch_size=MAX_TICKETS_PER_REBUILD)

    @cached_property
    def snapshot_policies(self) -> DataLoader[str, SlaPolicy | None]:
        return ShieldedLoader(self.read_policies)

    def of_model(self, model: type[Model]) -> DataLoader[Any, Any]:
        """The loader of the records of a model."""
        return getattr(self, LOADER_NAMES[model])

    def related(self, read: ReadRelated) -> DataLoader[Any, list[Any]]:
        """The loader of the records that belong to an owner, by the owner's key."""
        if read not in self.related_loaders:

            async def load(keys: list[Any]) -> list[list[Any]]:
                records: dict[str, list[Any]] = {str(key): [] for key in keys}  # text on SQLite
                for owner, record in await read(self.viewer, keys).fetch_with_owners():
                    records[str(owner)].append(record)
                return [records[str(key)] for key in keys]

            self.related_loaders[read] = ShieldedLoader(load, max_batch_size=MAX_KEYS_PER_STATEMENT)
        return self.related_loaders[read]

    def related_page(
        self, read: ReadRelatedPage, *page_arguments: Hashable
    ) -> DataLoader[UUID, Page[Any]]:
        """The loader of the page of an owner's records that `page_arguments` select."""
        key = (read, *page_arguments)
        if key not in self.page_loaders:

            async def load(keys: list[UUID]) -> list[Page[Any]]:
                query = read(self.viewer, keys, *page_arguments)
                pages = await query.fetch_by_owner(keys, as_uuid)
                return [pages[key] for key in keys]

            self.page_loaders[key] = ShieldedLoader(load, max_batch_size=MAX_KEYS_PER_STATEMENT)
        return self.page_loaders[key]

    def counts(self, read: ReadCounts) -> DataLoader[UUID, int]:
        """The loader of counts by the key of their owner."""
        if read not in self.count_loaders:
            self.count_loaders[read] = ShieldedLoader(read)
        return self.count_loaders[read]

    async def read_tickets(self, keys: list[UUID]) -> list[Ticket | None]:
        records = await Ticket.filter(id__in=keys)
        visible = {ticket.id: ticket for ticket in records if can_see_ticket(self.viewer, ticket)}
        return [visible.get(key) for key in keys]

    def can_see_message(self, message: Message) -> bool:
        """Whether the viewer may see a message of a visible ticket."""
        return message.kind is MessageKind.REPLY or self.viewer.can_see_notes

    async def read_messages(self, keys: list[UUID]) -> list[Message | None]:
        records = await Message.filter(id__in=keys).select_related("ticket")
        visible = {
            message.id: message
            for message in records
            if can_see_ticket(self.viewer, message.ticket) and self.can_see_message(message)
        }
        return [visible.get(key) for key in keys]

    def can_see_attachment(self, attachment: Attachment) -> bool:
        """Whether the viewer may see a file. Until it is attached, only its uploader may."""
        ticket, message = attachment.ticket, attachment.message
        if ticket is None:
            return is_uploader(self.viewer, attachment)
        is_visible = message is None or self.can_see_message(message)
        return is_visible and can_see_ticket(self.viewer, ticket)

    async def read_attachments(self, keys: list[UUID]) -> list[Attachment | None]:
        visible: dict[UUID, Attachment] = {}
        for attachment in await Attachment.filter(id__in=keys).select_related("ticket", "message"):
            if self.can_see_attachment(attachment):
                visible[attachment.id] = attachment
        return [visible.get(key) for key in keys]

    async def read_events(self, keys: list[int]) -> list[Event | None]:
        visible = await event_log.filter_visible(self.viewer, keys)
        events = await event_log.read_by_positions(visible)
        return [events.get(key) for key in keys]

    async def read_directory_events(self, keys: list[int]) -> list[DirectoryEvent | None]:
        events = await directory_events.read_visible(self.viewer, keys)
        return [events.get(key) for key in keys]

    async def read_notifications(self, keys: list[int]) -> list[Notification | None]:
        visible = await inbox.filter_visible(self.viewer, keys)
        if not visible:
            return [None] * len(keys)
        found = {each.number: each for each in await Notification.filter(number__in=visible)}
        return [found.get(key) for key in keys]

    async def read_deliveries(self, keys: list[UUID]) -> list[WebhookDelivery | None]:
        found = await webhook_queries.read_deliveries(self.viewer, keys)
        deliveries = {delivery.id: delivery for delivery in found}
        return [deliveries.get(key) for key in keys]

    async def count_by_filters(self, views: list[SavedView]) -> list[int]:
        filters = [parse_filter(view.ticket_filter, self.viewer) for view in views]
        return await saved_views.count_tickets(self.viewer, filters, self.at)

    async def read_policies(self, digests: list[str]) -> list[SlaPolicy | None]:
        snapshots = await self.policy_snapshots.load_many(digests)
        return await self.policies.load_many([snapshot.policy_id for snapshot in snapshots])


async def read_policy_snapshots(digests: list[str]) -> list[PolicySnapshot]:
    snapshots = await policies.read_snapshots(digests)
    return [snapshots[digest] for digest in digests]


async def read_rebuilt_clocks(ticket_ids: list[UUID]) -> list[RebuiltClocks]:
    clocks = await sla_audit.load_rebuilt_clocks(ticket_ids)
    return [clocks[ticket_id] for ticket_id in ticket_ids]


async def read_team_ids(user_ids: list[UUID | None]) -> list[frozenset[UUID]]:
    team_ids: dict[UUID | None, set[UUID]] = {user_id: set() for user_id in user_ids}
    for membership in await Membership.filter(user_id__in=[each for each in user_ids if each]):
        team_ids[membership.user_id].add(membership.team_id)
    return [frozenset(team_ids[user_id]) for user_id in user_ids]
