"""Reads what depends on the viewer's account: read marks, watched tickets, drafts, and the bodies
of its webhooks' deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.access.viewer import Viewer
from models.access.visibility import can_see_ticket
from models.queries import webhooks as webhook_queries
from models.queries.filters.unread import find_unread
from models.tickets.draft import Draft
from models.tickets.message import MessageKind
from models.tickets.ticket import TicketWatcher


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """Functions for loaders. Each returns one value per key; the viewer must see the tickets."""

    viewer: Viewer
    at: datetime

    async def read_unread(self, ticket_ids: list[UUID]) -> list[bool]:
        unread_ids = await find_unread(self.viewer, ticket_ids, self.at)
        return [ticket_id in unread_ids for ticket_id in ticket_ids]

    async def read_watching(self, ticket_ids: list[UUID]) -> list[bool]:
        if self.viewer.user_id is None:
            return [False] * len(ticket_ids)
        own = TicketWatcher.filter(user_id=self.viewer.user_id, ticket_id__in=ticket_ids)
        watched_ids = {watcher.ticket_id for watcher in await own}
        return [ticket_id in watched_ids for ticket_id in ticket_ids]

    async def read_drafts_by_ticket(self, ticket_ids: list[UUID]) -> list[Draft | None]:
        if self.viewer.user_id is None:
            return [None] * len(ticket_ids)
        own = await Draft.filter(user_id=self.viewer.user_id, ticket_id__in=ticket_ids)
        drafts = {draft.ticket_id: draft for draft in own if self.can_see_kind(draft)}
        return [drafts.get(ticket_id) for ticket_id in ticket_ids]

    async def read_drafts(self, keys: list[UUID]) -> list[Draft | None]:
        """The viewer's drafts by their keys. Checks that the viewer sees their tickets."""
        if self.viewer.user_id is None:
            return [None] * len(keys)
        own = Draft.filter(user_id=self.viewer.user_id, id__in=keys).select_related("ticket")
        visible: dict[UUID, Draft] = {}
        for draft in await own:
            if can_see_ticket(self.viewer, draft.ticket) and self.can_see_kind(draft):
                visible[draft.id] = draft
        return [visible.get(key) for key in keys]

    def can_see_kind(self, draft: Draft) -> bool:
        """Whether the viewer may see a draft of this kind. A demoted agent sees no notes."""
        return draft.kind is MessageKind.REPLY or self.viewer.can_see_notes

    async def read_webhook_bodies(self, keys: list[UUID]) -> list[str | None]:
        """The bodies of deliveries of the viewer's own webhooks, by the deliveries' keys."""
        return await webhook_queries.read_bodies(self.viewer, keys)
