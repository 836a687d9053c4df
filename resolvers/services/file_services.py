"""The services and settings that attachments need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.core.errors import InvalidInput, UserErrorCode
from models.core.secrets import SecretStore
from models.files.acceptance import Acceptance
from models.files.signatures import FileAction, UrlSigner
from models.jobs.caller_job import CallerJob
from models.tickets.attachment import Attachment

NO_STORAGE = (
    "The server can't store files, because it has no storage. Ask the operator to set "
    "TICKETWIRE_STORAGE_URL."
)


@dataclass(frozen=True, slots=True)
class FileServices:
    """The defaults are those of a server without storage."""

    signer: UrlSigner = field(default_factory=lambda: UrlSigner(SecretStore(())))
    acceptance: Acceptance | None = None
    upload_lifetime: timedelta = timedelta(minutes=15)
    download_lifetime: timedelta = timedelta(minutes=5)

    def check_enabled(self) -> None:
        """Raises InvalidInput NOT_ENABLED if the server has no storage, or no key for URLs."""
        if self.acceptance is None:
            raise InvalidInput(UserErrorCode.NOT_ENABLED, NO_STORAGE)
        self.signer.load_keys()

    async def build_upload_url(self, attachment: Attachment, at: datetime) -> str | None:
        """The URL to upload a file to; None if the upload is complete, or the time is over."""
        expires_at = attachment.upload_expires_at
        if attachment.is_complete or expires_at is None or expires_at <= at:
            return None
        store = self.acceptance.store if self.acceptance is not None else None
        if store is not None and store.has_direct_uploads:
            return await store.presign_upload(attachment.id, expires_at - at)
        return self.signer.sign(FileAction.UPLOAD, attachment.id, expires_at)

    def build_download_url(
        self, attachment: Attachment, action: FileAction, at: datetime
    ) -> str | None:
        """The URL of the file or its thumbnail; None if there is none."""
        is_thumbnail = action is FileAction.THUMBNAIL
        key = attachment.thumbnail_key if is_thumbnail else attachment.storage_key
        if key is None or self.acceptance is None:
            return None
        return self.signer.sign(action, attachment.id, at + self.download_lifetime)

    def build_export_url(self, job: CallerJob, at: datetime) -> str | None:
        """The URL of the file of an export; None if the server has no storage."""
        if self.acceptance is None:
            return None
        return self.signer.sign(FileAction.EXPORT, job.id, at + self.download_lifetime)
