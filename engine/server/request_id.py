"""The id of each request, which its response and its log lines share."""

from __future__ import annotations

import re
from random import getrandbits

REQUEST_ID_PATTERN = re.compile(rb"[\w.-]{8,64}")


def choose_request_id(header: bytes) -> str:
    """Return the client's X-Request-Id if it is valid, otherwise a new id."""
    is_valid = REQUEST_ID_PATTERN.fullmatch(header)
    return header.decode() if is_valid else generate_request_id()


def generate_request_id() -> str:
    """Generate an id.

    It is not a secret, so the fast generator makes it: the system's takes 5 µs.
    """
    return f"{getrandbits(128):032x}"
