"""Answers of mail servers, masked for viewers who may not see email addresses."""

from __future__ import annotations

import pytest

from models.notifications.mail_answer import mask_answer


@pytest.mark.parametrize(
    ("answer", "masked"),
    [
        ("250 ok", "250 ok"),
        ("550 5.1.1 <boss@example.org>: Recipient unknown", "550 5.1.1 … Recipient unknown"),
        ('550 5.1.1 "the boss"@example.org unknown user', "550 5.1.1 … unknown user"),
        ("550 User boss does not exist", "550 User … does not exist"),
        ("550 boss%example.org@relay.example refused", "550 … refused"),
        ("550 b.oss@xn--bcher-kva.example refused", "550 … refused"),
        ("550 bücher@bücher.example: mailbox full.", "550 … mailbox full."),
        ("550 BOSS AT EXAMPLE DOT ORG", "550 … AT …"),
        ("452-4.2.2 The account (boss) is over quota", "… The account … is over quota"),
        ("550 5.1.1 12345678 unknown", "550 5.1.1 … unknown"),
        ("not sent: the recipient has turned such emails off",) * 2,
        ("not sent: the recipient is deactivated",) * 2,
        ("not sent: the recipient may not see it",) * 2,
        ("given up after 3 days: 451 busy",) * 2,
        ("the email could not be composed: KeyError('boss')", "the email could not be composed: …"),
        ("", ""),
    ],
)
def test_codes_and_usual_words_are_kept_and_everything_else_is_masked(
    answer: str, masked: str
) -> None:
    assert mask_answer(answer) == masked
