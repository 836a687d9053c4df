"""Signatures of webhooks, by Standard Webhooks 1.0.0.

A receiver computes the same HMAC with the shared secret, and so knows that the request comes from
this service, is unchanged, and is recent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from base64 import b64decode, b64encode
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - every secret begins so
SECRET_BYTES = 32
"""The specification permits 24 to 64."""
ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
VERSION = "v1"
"""A symmetric signature: HMAC-SHA256."""


def generate_secret() -> str:
    """A new random secret: `whsec_`, then Base64."""
    return SECRET_PREFIX + b64encode(random.token_bytes(SECRET_BYTES)).decode("ascii")


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header `webhook-signature`: one signature per secret, separated by spaces.

    message_id  the value of `webhook-id`, without a full stop
    timestamp   the time of this attempt, in seconds since 1970
    body        the exact bytes that are sent
    Raises ValueError if there is no secret, if one is malformed, or if the id contains a full stop.
    """
    if not secrets or "." in message_id:
        raise ValueError("a signature needs a secret, and an id without a full stop")
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(sign_once(secret, signed) for secret in secrets)


def sign_once(secret: str, signed: bytes) -> str:
    """One signature, such as `v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=`."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret begins with {SECRET_PREFIX}")
    key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    if not key:
        raise ValueError("a secret has random bytes")
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"{VERSION},{b64encode(digest).decode('ascii')}"


def mask_signatures(header: str) -> str:
    """The value of `webhook-signature` with the version of each signature alone."""
    return " ".join(f"{each.partition(',')[0]},…" for each in header.split())


def build_headers(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of a signed request. Arguments and errors as for `sign`."""
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(secrets, message_id, timestamp, body),
    }
