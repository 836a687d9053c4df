"""Signatures of webhooks, by Standard Webhooks."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from models.webhooks.signature import build_headers, generate_secret, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example() -> None:
    """The example in the tests of the specification's own packages."""
    assert sign([SECRET], MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE


def test_two_secrets_give_two_signatures_in_their_order() -> None:
    other = generate_secret()
    both = sign([other, SECRET], MESSAGE_ID, TIMESTAMP, BODY)
    assert both == f"{sign([other], MESSAGE_ID, TIMESTAMP, BODY)} {SIGNATURE}"


@pytest.mark.parametrize(
    ("message_id", "timestamp", "body"),
    [
        ("msg_other", TIMESTAMP, BODY),
        (MESSAGE_ID, TIMESTAMP + 1, BODY),
        (MESSAGE_ID, TIMESTAMP, BODY + b" "),
        (MESSAGE_ID, TIMESTAMP, b""),
    ],
)
def test_the_signature_covers_id_time_and_body(
    message_id: str, timestamp: int, body: bytes
) -> None:
    assert sign([SECRET], message_id, timestamp, body) != SIGNATURE


def test_the_body_is_signed_byte_by_byte() -> None:
    body = bytes(range(256))
    key = b64decode(SECRET.removeprefix("whsec_"))
    expected = hmac.new(key, b"id.1." + body, hashlib.sha256).digest()
    assert sign([SECRET], "id", 1, body) == f"v1,{b64encode(expected).decode()}"


def test_secrets_are_random_and_have_32_bytes() -> None:
    secrets = {generate_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_an_id_with_a_full_stop_is_refused() -> None:
    """`a.1` at the time 2 would have the signature of `a` at the time 1 with the body `2.…`."""
    with pytest.raises(ValueError, match="full stop"):
        sign([SECRET], "a.1", 2, BODY)


@pytest.mark.parametrize(
    "secrets", [[], ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], ["whsec_no base64!"], ["whsec_"]]
)
def test_a_malformed_secret_is_refused(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match=r"secret|[Bb]ase64"):
        sign(secrets, MESSAGE_ID, TIMESTAMP, BODY)


def test_the_three_headers() -> None:
    assert build_headers([SECRET], MESSAGE_ID, TIMESTAMP, BODY) == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }
