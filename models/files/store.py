"""Where files are stored: the parts that all kinds of storage share, and a local folder.

Keys never contain names from clients. A file is at `files/{attachment id}/{random}`; only the
server writes there. The file of an export is at `exports/{job id}-{random}`.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.store import LocalStore, ObjectStore

from models.tickets.attachment import Attachment

if TYPE_CHECKING:
    from obstore import Attributes, GetResult

MAX_CONCURRENT_PARTS = 2
"""Parts of one file, of 5 MiB each, that are in memory while it is copied to the store."""
READ_BYTES = 256 * 1024


class FileKind(Enum):
    """What is in the storage. The value begins the keys of its files.

    `FILES` in models/privacy/registry.py says what each kind holds of people.
    """

    ATTACHMENT = "files/"
    """Attached files and their thumbnails."""
    EXPORT = "exports/"
    """Files of exports, and their parts."""
    UPLOAD = "quarantine/"
    """What clients upload, before it is checked."""


class FileStore:
    """The stored files. Subclasses say where."""

    sends_files = False
    """Whether the storage itself sends files, with the headers that are stored with them."""
    has_direct_uploads = False
    """Whether clients upload to the storage itself, into its quarantine, instead of here."""

    @cached_property
    def objects(self) -> ObjectStore:
        raise NotImplementedError

    @cached_property
    def quarantine(self) -> Path:
        """The folder of files that are received or checked."""
        raise NotImplementedError

    def attributes_of(self, attachment: Attachment) -> Attributes | None:
        """The headers with which the storage itself sends a file, if it does."""
        return None

    async def presign_upload(self, attachment_id: UUID, lifetime: timedelta) -> str:
        """The URL to which a client uploads. Only with direct uploads."""
        raise NotImplementedError

    async def presign_download(self, key: str) -> str | None:
        """The URL at which the storage sends a file; None if this server sends it."""
        return None

    async def put(self, attachment: Attachment, path: Path) -> str:
        """Copy a file to a new key, which is returned."""
        return await self.copy(attachment, path, self.attributes_of(attachment))

    async def put_thumbnail(self, attachment: Attachment, path: Path) -> str:
        """The same for its thumbnail."""
        return await self.copy(attachment, path, None)

    async def put_export(
        self,
        job_id: UUID,
        content: IO[bytes] | AsyncIterator[bytes],
        attributes: Attributes | None,
    ) -> str:
        """Store a file of an export, or a part of it, at a new key, which is returned.

        An open file is read from its start.
        `attributes` are the headers with which the storage itself sends the file, if it does.
        """
        key = f"{FileKind.EXPORT.value}{job_id}-{secrets.token_hex(16)}"
        await obstore.put_async(
            self.objects,
            key,
            content,
            attributes=attributes if self.sends_files else None,
            max_concurrency=MAX_CONCURRENT_PARTS,
        )
        return key

    async def copy(self, attachment: Attachment, path: Path, attributes: Attributes | None) -> str:
        key = f"{build_prefix(attachment.id)}{secrets.token_hex(16)}"
        await obstore.put_async(
            self.objects, key, path, attributes=attributes, max_concurrency=MAX_CONCURRENT_PARTS
        )
        return key

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The content in pieces, as they are needed. Raises FileNotFoundError."""
        return read_pieces(await obstore.get_async(self.objects, key))

    async def delete(self, *keys: str) -> None:
        """Delete files. Keys without a file are ignored."""
        for key in keys:
            with contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self.objects, key)

    async def delete_all(self, attachment_id: UUID) -> None:
        """Delete all files of an attachment, also those of uploads that were not finished."""
        await self.delete(*await self.list_keys(build_prefix(attachment_id)))

    async def list_keys(self, prefix: str, before: datetime | None = None) -> list[str]:
        """The keys below a prefix, of files that were last written before an instant."""
        keys: list[str] = []
        async for batch in obstore.list(self.objects, prefix):
            keys += [
                each["path"] for each in batch if before is None or each["last_modified"] < before
            ]
        return keys

    async def delete_quarantined(self, before: datetime) -> None:
        """Delete what clients uploaded directly before an instant, and never attached."""


class LocalFileStore(FileStore):
    """Files in a folder. All processes must share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored = folder / "stored"

    @cached_property
    def objects(self) -> ObjectStore:
        return LocalStore(self.stored, mkdir=True)

    @cached_property
    def quarantine(self) -> Path:
        return self.folder / "quarantine"

    async def delete_all(self, attachment_id: UUID) -> None:
        await super().delete_all(attachment_id)
        with contextlib.suppress(OSError):  # another process has deleted it, or uses it
            (self.stored / build_prefix(attachment_id)).rmdir()


async def read_pieces(result: GetResult) -> AsyncIterator[bytes]:
    async for piece in result.stream(min_chunk_size=READ_BYTES):
        yield bytes(piece)


def build_prefix(attachment_id: UUID) -> str:
    return f"{FileKind.ATTACHMENT.value}{attachment_id}/"
