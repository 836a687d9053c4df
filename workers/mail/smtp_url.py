"""Parses the URL of the mail server.

Error messages contain no part of the URL, which may hold a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

PORTS = {"smtp": 25, "smtps": 465}
USAGE = (
    "use smtp://user:password@host:port (?starttls=required or never) "
    "or smtps://user:password@host:port"
)
StartTls = Literal["offered", "required", "never"]
STARTTLS: dict[str, StartTls] = {"required": "required", "never": "never"}


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    """`tls` encrypts from the first byte; `starttls` states whether a plain connection is
    upgraded."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    starttls: StartTls = "offered"

    @classmethod
    def of(cls, url: str) -> SmtpUrl:
        """Parse a URL.

        A password is sent unencrypted only with `starttls=never`. Raises ValueError.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            options = parse_qsl(
                parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)
            )
        except ValueError:
            raise ValueError(USAGE) from None
        has_extra_parts = (
            parts.path not in ("", "/")
            or parts.fragment
            or port == 0
            or any(letter.isspace() for letter in url)
        )
        user, password = (
            unquote(part) if part else None for part in (parts.username, parts.password)
        )
        if (
            parts.scheme not in PORTS
            or not host
            or has_extra_parts
            or (user is None) != (password is None)
        ):
            raise ValueError(USAGE)
        starttls: StartTls = "required" if password is not None else "offered"
        for name, value in options:
            if name != "starttls" or value not in STARTTLS or parts.scheme == "smtps":
                raise ValueError(USAGE)
            starttls = STARTTLS[value]
        tls = parts.scheme == "smtps"
        return cls(
            host, port or PORTS[parts.scheme], user, password, tls, "never" if tls else starttls
        )
