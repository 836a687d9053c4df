"""What people wrote, made fit for the headers of a mail: one harmless line, or one address."""

from __future__ import annotations

import unicodedata
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

TURNING = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Characters that turn the direction of what is written beside them."""
BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
NAME = 70
FORBIDDEN = frozenset('<>"\\(),:;[]')


def line(text: str, longest: int) -> str:
    """A text in one line, at most so many characters."""
    flat = "".join(" " if unicodedata.category(letter) in BREAKING else letter for letter in text.translate(TURNING))
    # Python 3.11 reads an encoded word in what it is given as a header, and writes the line breaks inside it as they are
    flat = " ".join(flat.split()).replace("=?", "= ?")
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def address(name: str, spec: str) -> Address:
    """Somebody's address. Raises ValueError where mail can't be sent to it; names of domains may be in any script."""
    local, _, domain = spec.rpartition("@")
    try:
        plain = f"{local}@{domain.encode('idna').decode('ascii')}"
        found = Address(line(name, NAME), addr_spec=plain)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise ValueError("the address can't be used") from error
    if not is_plain(found.addr_spec):
        raise ValueError("the address can't be used")
    return found


def is_plain(spec: str) -> bool:
    """Whether it is `local@domain` in ASCII without anything that has a meaning in headers or SMTP."""
    local, at, domain = spec.rpartition("@")
    safe = spec.isascii() and spec.isprintable() and " " not in spec and FORBIDDEN.isdisjoint(spec)
    return bool(local and at and domain) and "@" not in local and safe


def mailbox(text: str) -> Address:
    """`Name <local@domain>` or `local@domain`, as an operator writes it. Raises ValueError for anything else."""
    if text != line(text, len(text) + 1):
        raise ValueError("write it as Name <local@domain>")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = text
        found: tuple[Address, ...] = message["From"].addresses
    except (ValueError, IndexError, HeaderParseError) as error:
        raise ValueError("write it as Name <local@domain>") from error
    if len(found) != 1 or message["From"].defects or not is_plain(found[0].addr_spec):
        raise ValueError("write it as Name <local@domain>")
    return found[0]
