"""Completes files that clients have uploaded directly to the storage."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from models.access.viewer import Viewer
from models.core.errors import UserErrorCode
from models.files.acceptance import Acceptance
from models.files.quarantine import received_file
from models.files.refusals import FileRefused
from models.files.s3_store import S3FileStore, quarantine_key
from models.files.uploads import encode_id, find_pending, is_uploader, refuse_ids
from models.tickets.attachment import Attachment


async def complete_direct_uploads(
    acceptance: Acceptance, viewer: Viewer, keys: Sequence[UUID]
) -> None:
    """Check and store those of the viewer's files that are uploaded, but not complete.

    Not in a transaction, because it reads files. Raises InvalidInput for `attachmentIds`, also if
    the virus scanner does not respond; then the uploads stay, and the same call can be repeated.
    """
    store = acceptance.store
    if not isinstance(store, S3FileStore):
        return
    for key in keys:
        attachment = await find_pending(key)
        if attachment is not None and is_uploader(viewer, attachment):
            try:
                await complete(store, acceptance, attachment)
            except FileRefused as error:
                verb = "can't contain" if error.status == 503 else "must not contain"
                message = f"{verb} {encode_id(attachment)}: {error.message}"
                raise refuse_ids(UserErrorCode.INVALID, message, error.limit_name) from None


async def complete(store: S3FileStore, acceptance: Acceptance, attachment: Attachment) -> None:
    """Check and store one file, if it is uploaded. Raises FileRefused; then it is deleted."""
    size = await store.find_uploaded_size(attachment.id)
    if size is None:
        return
    try:
        if size != attachment.size:
            message = f"The file must have {attachment.size:,} bytes, as declared; it has {size:,}."
            raise FileRefused("SIZE_MISMATCH", message)
        # Read once: the client may replace the file in quarantine while its URL is valid.
        chunks = await store.read(quarantine_key(attachment.id))
        folder, name = store.quarantine, str(attachment.id)
        async with received_file(folder, name, chunks, attachment.size) as received:
            await acceptance.accept(attachment, received)
    except FileNotFoundError:  # a concurrent request has completed or deleted it
        return
    except FileRefused as error:
        if error.code == "ALREADY_UPLOADED":  # a concurrent request has completed it
            return
        if error.status != 503:
            await store.delete_uploaded(attachment.id)
        raise
    await store.delete_uploaded(attachment.id)
