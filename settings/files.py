"""The settings of attached files."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from models.files.s3_store import S3Location
from settings.base import SettingsGroup

FILE_PREFIX = "file://"
S3_PREFIX = "s3://"


class FileSettings(SettingsGroup):
    """The storage of attached files, and their URLs."""

    storage_url: Annotated[str, Field(repr=False)] = ""
    """Where attached files are stored: `file:///folder` or `s3://bucket/prefix`. By default a
    folder beside the SQLite database. With Postgres and without a URL, attachments are refused."""
    storage_endpoint: str = ""
    """URL of an S3-compatible storage, which clients must also reach. By default that of AWS."""
    storage_region: str = "us-east-1"
    """The region of the S3 bucket."""
    storage_access_key: str = ""
    """The access key of the S3 bucket."""
    storage_secret_key: Annotated[str, Field(repr=False)] = ""
    """The secret key of the S3 bucket."""
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
        is_folder = value.startswith(f"{FILE_PREFIX}/")
        parts = urlsplit(value)
        is_bucket = value.startswith(S3_PREFIX) and bool(parts.netloc)
        is_bucket = is_bucket and parts.netloc == parts.hostname
        if value and not is_folder and not is_bucket:
            raise ValueError("use file:///folder or s3://bucket/prefix")
        return value

    @field_validator("storage_endpoint")
    @classmethod
    def check_storage_endpoint(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("use a URL that begins with http:// or https://")
        return parts.geturl()  # with a scheme in lower case

    @property
    def s3_location(self) -> S3Location | None:
        """The bucket of attached files, if they are stored in one."""
        if not self.storage_url.startswith(S3_PREFIX):
            return None
        parts = urlsplit(self.storage_url)
        return S3Location(
            parts.netloc,
            parts.path.strip("/"),
            self.storage_endpoint,
            self.storage_region,
            self.storage_access_key,
            self.storage_secret_key,
        )

    @property
    def file_url(self) -> str:
        """The base URL of the storage; empty if the server itself serves the files."""
        return "" if self.s3_location is None else self.s3_location.url

    @field_validator("virus_scanner")
    @classmethod
    def check_virus_scanner(cls, value: str) -> str:
        from models.files.virus_scan import parse_scanner

        parse_scanner(value)
        return value
