"""Signed URLs: they permit one action with one file until an instant, without a token."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from hashlib import sha256
from uuid import UUID

from models.core.secrets import SecretStore

PURPOSE = b"ticketwire signed file URLs"
"""Derives a key of its own from each encryption key."""


class FileAction(Enum):
    """What a signed URL permits. The value is the last part of its path."""

    UPLOAD = "upload"
    DOWNLOAD = "content"
    THUMBNAIL = "thumbnail"
    EXPORT = "export"


class UrlRefused(Exception):
    """The URL is forged, altered or expired."""


class UrlSigner:
    """Signs with the first encryption key, and accepts the signatures of all.

    So a new key can be put first without refusing URLs that were signed with the old one.
    """

    def __init__(self, secrets: SecretStore, base_url: str = "") -> None:
        """`base_url` comes before the path of each URL."""
        self.secrets, self.base_url = secrets, base_url.rstrip("/")
        self.keys: Sequence[bytes] = ()

    def load_keys(self) -> Sequence[bytes]:
        """Raises InvalidInput NOT_ENABLED if the server has no encryption key."""
        if not self.keys:
            keys = self.secrets.load_keys()
            self.keys = [hmac.digest(key.encode("ascii"), PURPOSE, "sha256") for key in keys]
        return self.keys

    def sign(self, action: FileAction, file_id: UUID, expires_at: datetime) -> str:
        """The URL for an action until an instant, in whole seconds.

        `file_id` is the key of an attachment, or of the job whose file it is.

        Raises InvalidInput NOT_ENABLED if the server has no encryption key.
        """
        expires = str(int(expires_at.timestamp()))
        signature = compute_signature(self.load_keys()[0], action, file_id, expires)
        path = f"/files/{file_id}/{action.value}"
        return f"{self.base_url}{path}?expires={expires}&signature={signature}"

    def verify(
        self, action: FileAction, file_id: UUID, expires: str, signature: str, at: datetime
    ) -> int:
        """The seconds until the URL expires. Raises UrlRefused."""
        is_valid = False
        for key in self.load_keys():
            expected = compute_signature(key, action, file_id, expires)
            is_valid |= hmac.compare_digest(expected.encode(), signature.encode())
        if not is_valid:
            raise UrlRefused("The signature of this URL is not valid. Request a new URL.")
        seconds = int(expires) - int(at.timestamp())
        if seconds <= 0:
            raise UrlRefused("This URL has expired. Request a new one.")
        return seconds


def compute_signature(key: bytes, action: FileAction, file_id: UUID, expires: str) -> str:
    message = f"{action.value}\n{file_id}\n{expires}"
    digest = hmac.digest(key, message.encode(), sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
