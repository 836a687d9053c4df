"""Files from their announcement until they are attached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.functions import Sum
from tortoise.queryset import QuerySet

from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.record_limits import RecordLimits
from models.core.sql import compare, in_list
from models.people.user import ApiClient, User
from models.tickets.attachment import Attachment

NO_ATTACHMENT = "There is no such attachment."


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What the uploader declares, checked by `models.files.names`. `size` is in bytes."""

    filename: str
    content_type: str
    size: int
    sha256: str | None


def is_uploader(viewer: Viewer, attachment: Attachment) -> bool:
    """Whether the viewer is the user or API client that announced the file."""
    uploader = (attachment.uploader_user_id, attachment.uploader_client_id)
    return uploader != (None, None) and uploader == (viewer.user_id, viewer.client_id)


def check_size(size: int, limits: RecordLimits) -> None:
    """Raises InvalidInput for `size`."""
    if size < 1:
        raise InvalidInput(UserErrorCode.INVALID, "must be 1 or more", "size")
    if size > limits.max_attachment_bytes:
        message = f"must be at most {limits.max_attachment_bytes:,} bytes"
        raise InvalidInput(UserErrorCode.INVALID, message, "size", limit_name="attachment_size")


async def announce_file(
    viewer: Viewer,
    description: FileDescription,
    limits: RecordLimits,
    at: datetime,
    expires_at: datetime,
) -> Attachment:
    """Store a file that is not uploaded yet, in the caller's transaction. Raises InvalidInput."""
    await lock_uploader(viewer)
    await check_pending_limits(viewer, description.size, limits)
    return await Attachment.create(
        filename=description.filename,
        content_type=description.content_type,
        size=description.size,
        declared_sha256=description.sha256,
        uploader_user_id=viewer.user_id,
        uploader_client_id=viewer.client_id,
        created_at=at,
        upload_expires_at=expires_at,
    )


async def lock_uploader(viewer: Viewer) -> None:
    """Make other announcements of the same user or API client wait, so that limits hold."""
    model = ApiClient if viewer.client_id is not None else User
    await model.select_for_update(no_key=True).get(id=viewer.client_id or viewer.user_id)


def pending_files(viewer: Viewer) -> QuerySet[Attachment]:
    """The viewer's files that are not attached."""
    return Attachment.filter(
        ticket_id=None, uploader_user_id=viewer.user_id, uploader_client_id=viewer.client_id
    )


async def check_pending_limits(viewer: Viewer, size: int, limits: RecordLimits) -> None:
    pending = pending_files(viewer)
    if await pending.count() >= limits.max_pending_attachments_per_person:
        maximum = limits.max_pending_attachments_per_person
        message = f"There are {maximum} files that are not attached, the maximum. Attach them, or "
        message += "remove them from drafts and wait a day until they are deleted."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="pending_attachments")
    sums = await pending.annotate(total=Sum("size")).values_list("total", flat=True)
    total = int(str(sums[0] or 0)) if sums else 0
    if total + size > limits.max_pending_attachment_bytes_per_person:
        maximum = limits.max_pending_attachment_bytes_per_person
        message = f"Files that are not attached can have at most {maximum:,} bytes together. "
        message += "Attach them, or remove them from drafts and wait a day until they are deleted."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="pending_attachment_bytes")


def parse_attachment_ids(attachment_ids: Sequence[str], limits: RecordLimits) -> list[UUID]:
    """The keys of the ids. Raises InvalidInput for `attachmentIds`."""
    maximum = limits.max_attachments_per_message
    if len(attachment_ids) > maximum:
        message = f"must have at most {maximum} files; it has {len(attachment_ids)}"
        raise refuse_ids(UserErrorCode.INVALID, message, limit_name="message_attachments")
    keys = [ids.key_of(ids.ATTACHMENT, each) for each in attachment_ids]
    if None in keys:
        raise refuse_ids(UserErrorCode.NOT_FOUND, NO_ATTACHMENT)
    if len(set(keys)) < len(keys):
        raise refuse_ids(UserErrorCode.INVALID, "must not contain an id twice")
    return [key for key in keys if key is not None]


def refuse_ids(code: UserErrorCode, message: str, limit_name: str | None = None) -> InvalidInput:
    return InvalidInput(code, message, "attachmentIds", limit_name=limit_name)


async def lock_files(viewer: Viewer, keys: Sequence[UUID]) -> list[Attachment]:
    """The viewer's files with these keys, locked and in this order. All can be attached.

    Raises InvalidInput for `attachmentIds`: NOT_FOUND if another person's or no file has a key,
    INVALID if a file is not uploaded yet, or is attached already.
    """
    own = compare("a.uploader_user_id", "=", viewer.user_id)
    if viewer.client_id is not None:
        own = compare("a.uploader_client_id", "=", viewer.client_id)
    condition = in_list("a.id", sorted(keys)) & own
    query = LazyQuery(Attachment, "a", "attachments a", condition, "a.id", lock=True)
    found = {each.id: each for each in await ListQuery(query) if is_uploader(viewer, each)}
    if len(found) < len(keys):
        raise refuse_ids(UserErrorCode.NOT_FOUND, NO_ATTACHMENT)
    files = [found[key] for key in keys]
    for file in files:
        if file.ticket_id is not None:
            message = f"must not contain {encode_id(file)}, which is attached already"
            raise refuse_ids(UserErrorCode.INVALID, message)
        if not file.is_complete:
            message = f"must not contain {encode_id(file)}, whose upload is not complete"
            raise refuse_ids(UserErrorCode.INVALID, message)
    return files


def encode_id(file: Attachment) -> str:
    return ids.encode(ids.ATTACHMENT, file.id)


async def find_pending(key: UUID) -> Attachment | None:
    """The file with this key, if its upload is not complete."""
    return await Attachment.get_or_none(id=key, storage_key=None, ticket_id=None)


async def mark_complete(
    attachment: Attachment, storage_key: str, thumbnail_key: str | None, sha256: str
) -> bool:
    """Store where a checked file is.

    Returns False if another upload was faster, or the file is about to be deleted.
    """
    pending = Attachment.filter(
        id=attachment.id, storage_key=None, ticket_id=None, upload_expires_at__not_isnull=True
    )
    values = {"storage_key": storage_key, "thumbnail_key": thumbnail_key, "sha256": sha256}
    return await pending.update(**values) == 1
