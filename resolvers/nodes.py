"""The queries `node` and `nodes`: records of any type by id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from models.access import permissions
from models.access.audience import can_see_shared
from models.access.permissions import Permission
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
from models.webhooks.webhook import can_see_webhook
from resolvers.context import Context, context_of
from schema.records.loaders import Loaders

PERMISSION_BY_PREFIX: Mapping[str, Permission] = {
    ids.EVENT: permissions.READ_EVENTS,
    ids.NOTIFICATION: permissions.USE_OWN_NOTIFICATIONS,
    ids.AUDIT_ENTRY: permissions.ADMINISTER,
    ids.RETENTION_POLICY: permissions.ADMINISTER,
    ids.WALL_SCREEN: permissions.MANAGE_WALL_SCREENS,
    ids.WEBHOOK: permissions.MANAGE_WEBHOOKS,
    ids.WEBHOOK_DELIVERY: permissions.MANAGE_WEBHOOKS,
    ids.SAVED_VIEW: permissions.READ_SAVED_VIEWS,
    ids.MACRO: permissions.READ_MACROS,
    ids.JOB: permissions.READ_OR_CANCEL_JOBS,
}
"""The permission without which a viewer sees no record with ids of this prefix."""
VISIBILITY_BY_PREFIX: Mapping[str, Callable[[Viewer, Any], bool]] = {
    ids.WEBHOOK: can_see_webhook,
    ids.JOB: can_see_job,
    ids.CUSTOM_FIELD: can_see_custom_field,
}
"""Whether a viewer can see a record, for types to which `can_see_record` does not apply."""
LOADER_BY_PREFIX: Mapping[str, Callable[[Loaders], DataLoader[UUID, Any]]] = {
    ids.TICKET: lambda loaders: loaders.tickets,
    ids.MESSAGE: lambda loaders: loaders.messages,
    ids.TEAM: lambda loaders: loaders.teams,
    ids.CATEGORY: lambda loaders: loaders.categories,
    ids.USER: lambda loaders: loaders.users,
    ids.ORGANIZATION: lambda loaders: loaders.organizations,
    ids.API_CLIENT: lambda loaders: loaders.clients,
    ids.ATTACHMENT: lambda loaders: loaders.attachments,
    ids.DRAFT: lambda loaders: loaders.drafts,
    ids.SLA_POLICY: lambda loaders: loaders.policies,
    ids.SLA_CALENDAR: lambda loaders: loaders.calendars,
    ids.ESCALATION_PATH: lambda loaders: loaders.escalation_paths,
    ids.AUDIT_ENTRY: lambda loaders: loaders.audit_entries,
    ids.RETENTION_POLICY: lambda loaders: loaders.retention_policies,
    ids.WALL_SCREEN: lambda loaders: loaders.wall_screens,
    ids.WEBHOOK: lambda loaders: loaders.webhooks,
    ids.WEBHOOK_DELIVERY: lambda loaders: loaders.webhook_deliveries,
    ids.JOB: lambda loaders: loaders.jobs,
    ids.CUSTOM_FIELD: lambda loaders: loaders.custom_fields,
}
"""The loader of each type. It is created only when it is needed."""


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
    permission = PERMISSION_BY_PREFIX.get(prefix)
    if permission is not None and not permission.allows(viewer):
        return None
    if prefix == ids.EVENT:
        return await loaders.events.load(int(number))
    if prefix == ids.DIRECTORY_EVENT:
        return await loaders.directory_events.load(int(number))
    if prefix == ids.NOTIFICATION:
        return await loaders.notifications.load(int(number))
    key = ids.key_of(prefix, id)
    assert key is not None
    if prefix == ids.SESSION:
        return None  # the type Session does not implement Node
    if prefix == ids.TOKEN:
        return await find_token(viewer, key)
    if prefix in (ids.SAVED_VIEW, ids.MACRO):
        return await find_shared_record(context, prefix, key)
    record = await load_record(loaders, prefix, key)
    can_see = VISIBILITY_BY_PREFIX.get(prefix, can_see_record)
    return record if record is not None and can_see(viewer, record) else None


async def load_record(loaders: Loaders, prefix: str, key: UUID) -> Any:
    """The record with this key; None if it does not exist.

    Some loaders also return None if the viewer may not see the record.
    """
    loader: DataLoader[UUID, Any] = LOADER_BY_PREFIX[prefix](loaders)
    return await loader.load(key)


async def find_shared_record(context: Context, prefix: str, key: UUID) -> SavedView | Macro | None:
    """A saved view or a macro that the viewer may see."""
    viewer, loaders = context.viewer, context.loaders
    record = await (loaders.views if prefix == ids.SAVED_VIEW else loaders.macros).load(key)
    team_ids = await loaders.team_ids.load(viewer.user_id)
    return record if record is not None and can_see_shared(viewer, record, team_ids) else None


async def find_token(viewer: Viewer, key: UUID) -> Token | None:
    """An API token of the viewer, or of anyone if the viewer may administer."""
    found = await Token.get_or_none(id=key, kind=TokenKind.API)
    if found is None:
        return None
    is_own = found.user_id is not None and found.user_id == viewer.user_id
    return found if is_own or permissions.ADMINISTER.allows(viewer) else None
