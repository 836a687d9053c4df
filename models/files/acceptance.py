"""Checks a received file, and stores it under a key that no URL can write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path

from models import database
from models.files.content_type import check_content
from models.files.images import Thumbnailer
from models.files.quarantine import ReceivedFile
from models.files.refusals import FileRefused
from models.files.store import FileStore
from models.files.uploads import mark_complete
from models.files.virus_scan import VirusScanner
from models.tickets.attachment import Attachment

ALREADY_UPLOADED = "The file has already been uploaded, or the time to upload it has expired."


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Checks and stores received files."""

    store: FileStore
    scanner: VirusScanner | None = None
    thumbnailer: Thumbnailer = field(default_factory=Thumbnailer)

    async def accept(self, attachment: Attachment, received: ReceivedFile) -> None:
        """Check and store a file. Raises FileRefused; then nothing is stored."""
        await self.check(attachment, received)
        thumbnail = await self.thumbnailer.make(received.path, attachment.content_type)
        try:
            await self.store_files(attachment, received, thumbnail)
        finally:
            if thumbnail is not None:
                thumbnail.unlink(missing_ok=True)

    async def check(self, attachment: Attachment, received: ReceivedFile) -> None:
        """Raises FileRefused."""
        declared = attachment.declared_sha256
        if declared is not None and not compare_digest(declared, received.sha256):
            message = f"The SHA-256 of the file must be {declared}, as declared."
            raise FileRefused("SHA256_MISMATCH", message)
        await asyncio.to_thread(check_content, received.path, attachment.content_type)
        if self.scanner is not None:
            await self.scanner.check(received.path)

    async def store_files(
        self, attachment: Attachment, received: ReceivedFile, thumbnail: Path | None
    ) -> None:
        """Store the file and its thumbnail, unless another upload was faster."""
        keys: list[str] = []
        try:
            keys.append(await self.store.put(attachment, received.path))
            if thumbnail is not None:
                keys.append(await self.store.put_thumbnail(attachment, thumbnail))
            storage_key, thumbnail_key = keys[0], keys[1] if thumbnail is not None else None
            is_first = await database.run_in_transaction(
                lambda: mark_complete(attachment, storage_key, thumbnail_key, received.sha256)
            )
        except BaseException:  # also if the upload is cancelled
            # The commit may have succeeded although its answer was lost.
            if not await is_stored_as(attachment, keys):
                await self.store.delete(*keys)
            raise
        if not is_first:
            await self.store.delete(*keys)
            raise FileRefused("ALREADY_UPLOADED", ALREADY_UPLOADED, 409)


async def is_stored_as(attachment: Attachment, keys: Sequence[str]) -> bool:
    """Whether the attachment's row names one of the keys."""
    return await Attachment.filter(id=attachment.id, storage_key__in=list(keys)).exists()
