"""Makes texts and addresses safe for email headers."""

from __future__ import annotations

import unicodedata
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

DIRECTION_CONTROLS = dict.fromkeys(
    map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)
"""Characters that change the direction of the text around them."""
BREAKING_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
MAX_HEADER_NAME_CHARS = 70
FORBIDDEN_CHARACTERS = frozenset('<>"\\(),:;[]')


def to_one_line(text: str, max_length: int) -> str:
    """Return the text as one line of at most `max_length` characters."""
    flat = "".join(
        " " if unicodedata.category(letter) in BREAKING_CATEGORIES else letter
        for letter in text.translate(DIRECTION_CONTROLS)
    )
    # Python 3.11 decodes an encoded word inside a header value and writes its line breaks
    # unchanged.
    flat = " ".join(flat.split()).replace("=?", "= ?")
    return flat if len(flat) <= max_length else flat[: max_length - 1].rstrip() + "…"


def make_address(name: str, spec: str) -> Address:
    """Build an address.

    The domain may be in any script. Raises ValueError if email can't be sent to it.
    """
    local, _, domain = spec.rpartition("@")
    try:
        plain = f"{local}@{domain.encode('idna').decode('ascii')}"
        address = Address(to_one_line(name, MAX_HEADER_NAME_CHARS), addr_spec=plain)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise ValueError("the address can't be used") from error
    if not is_plain_address(address.addr_spec):
        raise ValueError("the address can't be used")
    return address


def is_plain_address(spec: str) -> bool:
    """Whether it is `local@domain` in ASCII, without characters that have a meaning in headers or
    SMTP."""
    local, at, domain = spec.rpartition("@")
    safe = (
        spec.isascii()
        and spec.isprintable()
        and " " not in spec
        and FORBIDDEN_CHARACTERS.isdisjoint(spec)
    )
    return bool(local and at and domain) and "@" not in local and safe


def parse_mailbox(text: str) -> Address:
    """Parse `Name <local@domain>` or `local@domain` from a setting.

    Raises ValueError for anything else.
    """
    if text != to_one_line(text, len(text) + 1):
        raise ValueError("write it as Name <local@domain>")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = text
        found: tuple[Address, ...] = message["From"].addresses
    except (ValueError, IndexError, HeaderParseError) as error:
        raise ValueError("write it as Name <local@domain>") from error
    if len(found) != 1 or message["From"].defects or not is_plain_address(found[0].addr_spec):
        raise ValueError("write it as Name <local@domain>")
    return found[0]
