"""Files in S3-compatible storage. Clients upload and download there, by presigned URLs.

A presigned URL limits neither the size nor the type of an upload. So clients upload to a key in
quarantine, from which the server reads, checks and copies.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.store import ObjectStore, S3Store

from models.files.names import content_disposition, response_type
from models.files.quarantine import open_private_folder
from models.files.store import FileKind, FileStore
from models.tickets.attachment import Attachment

if TYPE_CHECKING:
    from obstore import Attributes

DOWNLOAD_LIFETIME = timedelta(minutes=1)
"""Browsers follow the redirect to such a URL at once."""


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket, and how to reach it. Without an endpoint, it is that of AWS in the region."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key: str
    secret_key: str

    @property
    def url(self) -> str:
        """The URL of the storage, to which clients send files, too."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


class S3FileStore(FileStore):
    """Files in a bucket, below a prefix."""

    sends_files = True
    has_direct_uploads = True

    def __init__(self, location: S3Location) -> None:
        self.location = location

    @cached_property
    def objects(self) -> ObjectStore:
        return self.bucket

    @cached_property
    def bucket(self) -> S3Store:
        location = self.location
        return S3Store(
            location.bucket,
            prefix=location.prefix or None,
            endpoint=location.url,
            region=location.region,
            access_key_id=location.access_key,
            secret_access_key=location.secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": location.endpoint.startswith("http://")},
        )

    @cached_property
    def quarantine(self) -> Path:
        """A folder of this machine that all its processes share, so that the cleanup of one finds
        what another one has left."""
        return open_private_folder(Path(tempfile.gettempdir(), f"ticketwire-{os.getuid()}"))

    def attributes_of(self, attachment: Attachment) -> Attributes | None:
        filename, content_type = attachment.filename, attachment.content_type
        return {
            "Content-Type": response_type(content_type),
            "Content-Disposition": content_disposition(filename, content_type),
            "Cache-Control": "private",
        }

    async def presign_upload(self, attachment_id: UUID, lifetime: timedelta) -> str:
        key = quarantine_key(attachment_id)
        return await obstore.sign_async(self.bucket, "PUT", key, lifetime)

    async def presign_download(self, key: str) -> str | None:
        return await obstore.sign_async(self.bucket, "GET", key, DOWNLOAD_LIFETIME)

    async def find_uploaded_size(self, attachment_id: UUID) -> int | None:
        """The size of what a client has uploaded directly; None if there is nothing."""
        try:
            meta = await obstore.head_async(self.objects, quarantine_key(attachment_id))
        except FileNotFoundError:
            return None
        return meta["size"]

    async def delete_uploaded(self, attachment_id: UUID) -> None:
        await self.delete(quarantine_key(attachment_id))

    async def delete_all(self, attachment_id: UUID) -> None:
        await self.delete_uploaded(attachment_id)
        await super().delete_all(attachment_id)

    async def delete_quarantined(self, before: datetime) -> None:
        await self.delete(*await self.list_keys(FileKind.UPLOAD.value, before))


def quarantine_key(attachment_id: UUID) -> str:
    return f"{FileKind.UPLOAD.value}{attachment_id}"
