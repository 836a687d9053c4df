"""Builds the store of attached files, and the services that need it, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from file_settings import FILE_PREFIX
from models.core.secrets import SecretStore, parse_keys
from models.files.acceptance import Acceptance
from models.files.signatures import UrlSigner
from models.files.store import FileStore
from models.files.virus_scan import parse_scanner
from resolvers.services.file_services import FileServices
from settings import SQLITE_PREFIX, Settings

STORAGE_SUFFIX = ".files"


def build_file_services(settings: Settings, now: Callable[[], datetime]) -> FileServices:
    """Build the services of attachments. Without storage, attachments are refused."""
    store = build_file_store(settings)
    secrets = SecretStore(parse_keys(settings.encryption_keys), settings.key_file)
    return FileServices(
        UrlSigner(secrets, settings.api_url or settings.public_url),
        Acceptance(store, now, parse_scanner(settings.virus_scanner))
        if store is not None
        else None,
        upload_lifetime=timedelta(minutes=settings.upload_url_minutes),
        download_lifetime=timedelta(minutes=settings.download_url_minutes),
    )


def build_file_store(settings: Settings) -> FileStore | None:
    """The store of attached files; None if the server has no storage."""
    if settings.storage_url:
        return FileStore(Path(settings.storage_url.removeprefix(FILE_PREFIX)))
    if settings.database_url.startswith(SQLITE_PREFIX):
        return FileStore(Path(settings.database_url.removeprefix(SQLITE_PREFIX) + STORAGE_SUFFIX))
    return None
