"""Builds the store of attached files, and the services that need it, as the settings say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from models.core.secrets import SecretStore, parse_keys
from models.files.acceptance import Acceptance
from models.files.s3_store import S3FileStore
from models.files.signatures import UrlSigner
from models.files.store import FileStore, LocalFileStore
from models.files.virus_scan import parse_scanner
from resolvers.services.file_services import FileServices
from settings.application import SQLITE_PREFIX, Settings
from settings.files import FILE_PREFIX

STORAGE_SUFFIX = ".files"


def build_file_services(settings: Settings) -> FileServices:
    """Build the services of attachments. Without storage, attachments are refused."""
    store = build_file_store(settings)
    secrets = SecretStore(parse_keys(settings.encryption_keys), settings.key_file)
    return FileServices(
        UrlSigner(secrets, settings.api_url or settings.public_url),
        Acceptance(store, parse_scanner(settings.virus_scanner)) if store is not None else None,
        upload_lifetime=timedelta(minutes=settings.upload_url_minutes),
        download_lifetime=timedelta(minutes=settings.download_url_minutes),
    )


def build_file_store(settings: Settings) -> FileStore | None:
    """The store of attached files; None if the server has no storage."""
    location = settings.s3_location
    if location is not None:
        return S3FileStore(location)
    if settings.storage_url:
        return LocalFileStore(Path(settings.storage_url.removeprefix(FILE_PREFIX)))
    if settings.database_url.startswith(SQLITE_PREFIX):
        return LocalFileStore(
            Path(settings.database_url.removeprefix(SQLITE_PREFIX) + STORAGE_SUFFIX)
        )
    return None
