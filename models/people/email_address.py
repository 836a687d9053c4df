"""Email addresses of users."""

from __future__ import annotations

import re

from models.core.errors import InvalidInput, UserErrorCode
from models.core.text import clean_text

MAX_EMAIL_CHARS = 320
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def clean_email(value: str, *path: str) -> str:
    """The address as it is stored: trimmed, in lower case.

    Raises InvalidInput for the input field `path`: REQUIRED, TOO_LONG or INVALID.
    """
    address = clean_text(value, *path, max_chars=MAX_EMAIL_CHARS).lower()
    # Invisible characters would make two addresses look alike.
    is_valid = EMAIL.fullmatch(address) is not None and address.isprintable()
    is_valid = is_valid and not is_disguised(value.strip(), address)
    if not is_valid or len(address) > MAX_EMAIL_CHARS:
        message = "must be an email address, such as name@example.com"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    return address


def is_disguised(value: str, address: str) -> bool:
    """Whether another address is behind it, once the address is in lower case or is sent to.

    The Kelvin sign, for example, is k in lower case. Email to a domain with full-width letters goes
    to the domain with the plain ones, so the limits on emails to an address would not hold.
    """
    if address.isascii():
        return not value.isascii()
    domain = address.rpartition("@")[2]
    try:
        return domain.encode("idna").decode("idna") != domain
    except UnicodeError:
        return True
