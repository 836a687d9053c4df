"""Results of attempts: the delay before the next one, and the stored part of a server's answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.notifications.email import Mail
from workers.mail.delivery_result import (
    MAX_ANSWER_CHARS,
    MAX_RETRY_DELAY,
    MIN_RETRY_DELAY,
    choose_retry_delay,
    clean_answer,
)


def test_the_retry_delay_doubles_up_to_four_hours() -> None:
    for attempts in range(200):
        expected = min(MIN_RETRY_DELAY * 2 ** min(max(attempts - 1, 0), 30), MAX_RETRY_DELAY)
        assert expected * 0.9 <= choose_retry_delay(attempts) <= expected * 1.1
    assert len({choose_retry_delay(3) for _ in range(20)}) > 1, (
        "the delay is random, so that not all mails are retried at once"
    )


ADDRESSED = Mail(address="cora+(x)@example.com")


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        ("550 <Cora+(X)@EXAMPLE.com>: unknown", "550 <…>: unknown"),
        ("550\x00 two\r\nlines", "550 two lines"),
        ("550 \udcff", "550 ?"),
        ("550 \x1b[31mno\x07 \u202eback\ufeff", "550 [31mno back"),
        ("550 <cora\x1b+(x)@example.com>", "550 <…>"),
        ("", ""),
    ],
    ids=["address", "breaks", "surrogate", "control", "address with control", "empty"],
)
def test_an_answer_is_stored_without_address_and_invalid_characters(
    answer: str, stored: str
) -> None:
    assert clean_answer(ADDRESSED, answer) == stored


@settings(deadline=None, database=None)
@given(st.text(st.characters(exclude_categories=()), max_size=2000))
def test_any_answer_can_be_stored(answer: str) -> None:
    stored = clean_answer(ADDRESSED, answer)
    stored.encode()
    assert stored.isprintable()
    assert len(stored) <= MAX_ANSWER_CHARS
