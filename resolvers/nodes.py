"""The queries `node` and `nodes`: records of any type by id."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import strawberry

from models.access import permissions
from models.access.audience import can_see_shared
from models.access.viewer import Viewer
from models.access.visibility import can_see_record
from models.core import ids
from models.core.errors import BadRequest
from models.core.paging.pagination import MAX_PAGE_SIZE
from models.custom_fields.custom_field import can_see_custom_field
from models.jobs.caller_job import can_see_job
from models.macros.macro import Macro
from models.people.token import Token, TokenKind
from models.views.saved_view import SavedView
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook, can_see_webhook
from resolvers.context import Context, context_of


async def node(info: strawberry.Info, id: strawberry.ID) -> Any:
    return await find_node(context_of(info), id)


async def nodes(info: strawberry.Info, ids: list[strawberry.ID]) -> list[Any]:
    if len(ids) > MAX_PAGE_SIZE:
        raise BadRequest(f"nodes takes at most {MAX_PAGE_SIZE} ids.", "page_size")
    context = context_of(info)
    return list(await asyncio.gather(*(find_node(context, id) for id in ids)))


async def find_node(context: Context, id: str) -> Any:
    """The record with this id, or None if it does not exist or the viewer may not see it."""
    decoded = ids.decode(id)
    if decoded is None:
        return None
    prefix, number = decoded
    loaders, viewer = context.loaders, context.viewer
    if prefix == ids.EVENT:
        is_allowed = permissions.READ_EVENTS.allows(viewer)
        return await loaders.events.load(int(number)) if is_allowed else None
    if prefix == ids.DIRECTORY_EVENT:
        return await loaders.directory_events.load(int(number))
    if prefix == ids.NOTIFICATION:
        is_allowed = permissions.USE_OWN_NOTIFICATIONS.allows(viewer)
        return await loaders.notifications.load(int(number)) if is_allowed else None
    key = ids.key_of(prefix, id)
    assert key is not None
    if prefix == ids.AUDIT_ENTRY:
        is_allowed = permissions.ADMINISTER.allows(viewer)
        return await loaders.audit_entries.load(key) if is_allowed else None
    if prefix == ids.RETENTION_POLICY:
        is_allowed = permissions.ADMINISTER.allows(viewer)
        return await loaders.retention_policies.load(key) if is_allowed else None
    if prefix == ids.WALL_SCREEN:
        is_allowed = permissions.MANAGE_WALL_SCREENS.allows(viewer)
        return await loaders.wall_screens.load(key) if is_allowed else None
    if prefix in (ids.WEBHOOK, ids.WEBHOOK_DELIVERY):
        return await find_webhook_record(context, prefix, key)
    if prefix == ids.SESSION:
        return None  # the type Session is no Node
    if prefix == ids.TOKEN:
        return await find_token(viewer, key)
    if prefix in (ids.SAVED_VIEW, ids.MACRO):
        return await find_shared(context, prefix, key)
    if prefix == ids.JOB:
        is_allowed = permissions.READ_OR_CANCEL_JOBS.allows(viewer)
        job = await loaders.jobs.load(key) if is_allowed else None
        return job if job is not None and can_see_job(viewer, job) else None
    if prefix == ids.CUSTOM_FIELD:
        field = await loaders.custom_fields.load(key)
        return field if field is not None and can_see_custom_field(viewer, field) else None
    loader = {
        ids.TICKET: loaders.tickets,
        ids.MESSAGE: loaders.messages,
        ids.TEAM: loaders.teams,
        ids.CATEGORY: loaders.categories,
        ids.USER: loaders.users,
        ids.ORGANIZATION: loaders.organizations,
        ids.API_CLIENT: loaders.clients,
        ids.ATTACHMENT: loaders.attachments,
        ids.DRAFT: loaders.drafts,
        ids.SLA_POLICY: loaders.policies,
        ids.SLA_CALENDAR: loaders.calendars,
        ids.ESCALATION_PATH: loaders.escalation_paths,
    }[prefix]
    record = await loader.load(key)
    return record if record is not None and can_see_record(viewer, record) else None


async def find_shared(context: Context, prefix: str, key: UUID) -> SavedView | Macro | None:
    """A saved view or a macro that the viewer may see."""
    viewer, loaders = context.viewer, context.loaders
    is_view = prefix == ids.SAVED_VIEW
    permission = permissions.READ_SAVED_VIEWS if is_view else permissions.READ_MACROS
    if not permission.allows(viewer):
        return None
    record = await (loaders.views if is_view else loaders.macros).load(key)
    team_ids = await loaders.team_ids.load(viewer.user_id)
    return record if record is not None and can_see_shared(viewer, record, team_ids) else None


async def find_webhook_record(
    context: Context, prefix: str, key: UUID
) -> Webhook | WebhookDelivery | None:
    """A webhook, or a delivery of an event, that the viewer may see."""
    viewer, loaders = context.viewer, context.loaders
    if not permissions.MANAGE_WEBHOOKS.allows(viewer):
        return None
    if prefix == ids.WEBHOOK_DELIVERY:
        return await loaders.webhook_deliveries.load(key)
    webhook = await loaders.webhooks.load(key)
    return webhook if webhook is not None and can_see_webhook(viewer, webhook) else None


async def find_token(viewer: Viewer, key: UUID) -> Token | None:
    """An API token of the viewer, or of anyone if the viewer may administer."""
    found = await Token.get_or_none(id=key, kind=TokenKind.API)
    if found is None:
        return None
    is_own = found.user_id is not None and found.user_id == viewer.user_id
    return found if is_own or permissions.ADMINISTER.allows(viewer) else None
