"""What becomes of an attempt: when the next one is, and what of a server's answer is kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.notifications.email import Mail
from workers.mail.delivery_result import FIRST_DELAY, LONGEST_DELAY, MAX_ANSWER_LENGTH, clean_answer, retry_delay


def test_the_wait_doubles_up_to_four_hours() -> None:
    for attempts in range(200):
        longest = min(FIRST_DELAY * 2 ** min(max(attempts - 1, 0), 30), LONGEST_DELAY)
        assert longest * 0.9 <= retry_delay(attempts) <= longest * 1.1
    assert len({retry_delay(3) for _ in range(20)}) > 1, "so that not all come back at once"


ADDRESSED = Mail(address="cora+(x)@example.com")


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("550 <Cora+(X)@EXAMPLE.com>: unknown", "550 <…>: unknown"),
        ("550\x00 two\r\nlines", "550 two lines"),
        ("550 \udcff", "550 ?"),
        ("", ""),
    ],
    ids=["address", "breaks", "surrogate", "empty"],
)
def test_an_answer_is_kept_without_the_address_and_without_what_can_not_be_stored(answer: str, kept: str) -> None:
    assert clean_answer(ADDRESSED, answer) == kept


@settings(deadline=None, database=None)
@given(st.text(st.characters(exclude_categories=()), max_size=2000))
def test_any_answer_can_be_stored(answer: str) -> None:
    kept = clean_answer(ADDRESSED, answer)
    kept.encode()
    assert "\x00" not in kept
    assert len(kept) <= MAX_ANSWER_LENGTH
