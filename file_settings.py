"""The settings of attached files."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from limit_settings import LimitSettings

FILE_PREFIX = "file://"


class FileSettings(LimitSettings):
    """See `settings.Settings`."""

    storage_url: Annotated[str, Field(repr=False)] = ""
    """Where attached files are stored: `file:///folder`. By default a folder beside the SQLite
    database; without either, attachments are refused."""
    virus_scanner: str = ""
    """`host:port` of a clamd that checks attached files. Its StreamMaxLength must be at least
    TICKETWIRE_MAX_ATTACHMENT_BYTES. By default, files are not checked for malware."""
    upload_url_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """Minutes within which an attached file must be uploaded."""
    download_url_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    """Minutes for which the URL of an attached file is valid."""

    @field_validator("storage_url")
    @classmethod
    def check_storage_url(cls, value: str) -> str:
        if value and not value.startswith(f"{FILE_PREFIX}/"):
            raise ValueError("use file:///folder")
        return value

    @field_validator("virus_scanner")
    @classmethod
    def check_virus_scanner(cls, value: str) -> str:
        from models.files.virus_scan import parse_scanner

        parse_scanner(value)
        return value
