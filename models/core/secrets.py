"""Encrypts secrets that the server must be able to read, such as the secrets of second factors.

They are encrypted with Fernet (AES-128-CBC with HMAC-SHA256) before they are stored.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from models.core.errors import InvalidInput, UserErrorCode

NO_KEY = (
    "The server can't store secrets, because it has no encryption key. Ask the operator to set "
    "TICKETWIRE_ENCRYPTION_KEYS."
)


class UndecryptableSecret(Exception):
    """A stored secret was encrypted with a key that is not configured."""


class SecretStore:
    """Encrypts with the first key, and decrypts with all.

    To rotate keys, put the new one first. Without keys, `key_file` holds one; the first use creates
    it with the mode 0600. Without keys and file, secrets are refused.
    """

    def __init__(self, keys: Sequence[str], key_file: Path | None = None) -> None:
        self.keys = list(keys)
        self.key_file = key_file
        self.undecryptable = 0
        """How often a secret could not be decrypted, for the metric."""

    def encrypt(self, secret: str) -> str:
        """Raises InvalidInput NOT_ENABLED if there is no key."""
        return self.load_cipher().encrypt(secret.encode()).decode("ascii")

    def decrypt(self, stored: str) -> str:
        """Raises UndecryptableSecret, also if there is no key."""
        try:
            return self.load_cipher().decrypt(stored.encode("ascii")).decode()
        except (InvalidToken, InvalidInput) as error:
            self.undecryptable += 1
            raise UndecryptableSecret("no configured key decrypts the secret") from error

    def reencrypt(self, stored: str) -> str | None:
        """The secret encrypted with the first key; None if it is so already. Raises as `decrypt`.

        An old key can be removed once no stored secret needs it.
        """
        secret = self.decrypt(stored)
        with contextlib.suppress(InvalidToken):
            Fernet(self.load_keys()[0]).decrypt(stored.encode("ascii"))
            return None
        return self.encrypt(secret)

    def load_cipher(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self.load_keys()])

    def load_keys(self) -> list[str]:
        """Raises InvalidInput NOT_ENABLED if there is no key."""
        keys = self.keys
        if not keys and self.key_file is not None:
            keys = [load_or_create_key(self.key_file)]
        if not keys:
            raise InvalidInput(UserErrorCode.NOT_ENABLED, NO_KEY)
        return keys


def parse_keys(text: str) -> list[str]:
    """The keys of a comma-separated list. Raises ValueError if one is no Fernet key."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ValueError(
                "use comma-separated keys, each of 32 random bytes in URL-safe Base64"
            ) from error
    return keys


def load_or_create_key(path: Path) -> str:
    """The key in the file. Processes that create the file at the same time all get the same key."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # with the mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(Fernet.generate_key().decode("ascii"))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    return path.read_text("ascii").strip()
