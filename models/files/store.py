"""Where files are stored: a local folder.

Keys never contain names from clients. A file is at `files/{attachment id}/{random}`; only the
server writes there.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import obstore
from obstore.store import LocalStore, ObjectStore

from models.tickets.attachment import Attachment

MAX_CONCURRENT_PARTS = 2
"""Parts of one file, of 5 MiB each, that are in memory while it is copied to the store."""
READ_BYTES = 256 * 1024


class FileStore:
    """The stored files. The folder of the store must exist, or be creatable, on the first write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.quarantine, self.stored = folder / "quarantine", folder / "stored"
        self.opened: ObjectStore | None = None

    @property
    def objects(self) -> ObjectStore:
        if self.opened is None:
            self.opened = LocalStore(self.stored, mkdir=True)
        return self.opened

    async def put(self, attachment: Attachment, path: Path) -> str:
        """Copy a file to a new key, which is returned."""
        return await self.copy(attachment, path)

    async def put_thumbnail(self, attachment: Attachment, path: Path) -> str:
        """The same for its thumbnail."""
        return await self.copy(attachment, path)

    async def copy(self, attachment: Attachment, path: Path) -> str:
        key = f"{build_prefix(attachment.id)}{secrets.token_hex(16)}"
        await obstore.put_async(self.objects, key, path, max_concurrency=MAX_CONCURRENT_PARTS)
        return key

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The content in pieces, as they are needed. Raises FileNotFoundError."""
        result = await obstore.get_async(self.objects, key)
        return read_pieces(result)

    async def delete(self, *keys: str) -> None:
        """Delete files. Keys without a file are ignored."""
        for key in keys:
            try:
                await obstore.delete_async(self.objects, key)
            except FileNotFoundError:
                continue

    async def delete_all(self, attachment_id: UUID) -> None:
        """Delete all files of an attachment, also those of uploads that were not finished."""
        keys: list[str] = []
        async for batch in obstore.list(self.objects, build_prefix(attachment_id)):
            keys += [each["path"] for each in batch]
        await self.delete(*keys)
        with contextlib.suppress(OSError):  # another process has deleted it, or uses it
            (self.stored / build_prefix(attachment_id)).rmdir()


async def read_pieces(result: obstore.GetResult) -> AsyncIterator[bytes]:
    async for piece in result.stream(min_chunk_size=READ_BYTES):
        yield bytes(piece)


def build_prefix(attachment_id: UUID) -> str:
    return f"files/{attachment_id}/"
