"""Placeholders of macros: which are known, and that values stay literal text."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import limit_examples

from models.core.errors import InvalidInput
from models.core.markdown import render
from models.macros.placeholders import (
    PLACEHOLDERS,
    check_placeholders,
    escape_markdown,
    fill_placeholders,
)

VALUES = dict.fromkeys(PLACEHOLDERS, "value")
MANY = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "no placeholder",
        "{ticket.ref}",
        "{{ticket.ref}} {{ requester.displayName }}{{\tticket.subject}}",
        "\\{\\{name}}",
        "} }} {",
        *(f"{{{{{name}}}}}" for name in PLACEHOLDERS),
    ],
)
def test_known_placeholders_are_accepted(text: str) -> None:
    check_placeholders(text, "text")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{{ticket.description}}", "{{ticket.description}}"),
        ("{{Ticket.ref}}", "{{Ticket.ref}}"),
        ("{{ }}", "{{}}"),
        ("{{ticket.ref}", "{{ without its end"),
        ("{{ticket.ref\n}}", "{{ without its end"),
        ("{{{ticket.ref}}}", "{{ without its end"),
        ("{{ {{ticket.ref}} }}", "{{ without its end"),
        ("{{requester.email}} {{requester.email}} {{a}}", "{{requester.email}}, {{a}}. Known"),
        ("".join(f"{{{{{letter}}}}}" for letter in "abcdefgh"), "{{e}} and 3 more. Known"),
        ("{{" + "x" * 5_000 + "}}", "{{" + "x" * 50 + "}}. Known"),
    ],
)
def test_unknown_placeholders_are_refused_with_the_list_of_known_ones(
    text: str, named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_placeholders(text, "text")
    assert (refused.value.code.value, refused.value.field) == ("INVALID", ["input", "text"])
    assert named in refused.value.message
    assert ", ".join(PLACEHOLDERS) in refused.value.message
    assert len(refused.value.message) < 1_000


def test_each_placeholder_is_replaced_once_and_values_are_not_searched() -> None:
    values = {**VALUES, "requester.displayName": "{{ticket.ref}}", "ticket.ref": "A-1"}
    text = "{{requester.displayName}} {{ticket.ref}} {{ ticket.ref }}"
    assert fill_placeholders(text, values, 100) == "{{ticket.ref}} A-1 A-1"


def test_values_that_join_to_a_placeholder_are_not_replaced() -> None:
    values = {**VALUES, "ticket.subject": "{", "requester.displayName": "{ticket.ref}}"}
    filled = fill_placeholders("{{ticket.subject}}{{requester.displayName}}", values, 100)
    assert filled == "{{ticket.ref}}"


def test_a_placeholder_that_is_no_longer_known_stays_as_it_is() -> None:
    assert fill_placeholders("{{gone}} {{ticket.ref}}", VALUES, 100) == "{{gone}} value"


def test_the_filled_text_is_bounded() -> None:
    values = {**VALUES, "ticket.subject": "s" * 200}
    assert fill_placeholders("{{ticket.subject}}" * 10, values, 2_000) == "s" * 2_000
    assert fill_placeholders("{{ticket.subject}}" * 10 + "x", values, 2_000) is None
    assert fill_placeholders("x{{ticket.subject}}" * MANY, values, 65_536) is None
    assert fill_placeholders("{{" * MANY, VALUES, 65_536) is None


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("O'Brien & Sons (Ltd.) 50% off!", "O'Brien & Sons (Ltd.) 50% off!"),
        ("[click](https://evil.example)", "\\[click\\](https://evil.example)"),
        ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("**bold** `code`", "\\*\\*bold\\*\\* \\`code\\`"),
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("2026-01-01", "2026-01-01"),
        (" \n\t first \n second ", "first second"),
        ("\\", "\\\\"),
    ],
)
def test_values_are_escaped_for_markdown(value: str, escaped: str) -> None:
    assert escape_markdown(value) == escaped


PIECES = st.lists(
    st.sampled_from(
        [
            *("a", " ", "\n", "*", "_", "`", "[", "]", "(", ")", "<", ">", "#", "-", "+", "=", "|"),
            *("~", "!", ":", "\\", "&amp;", "&#42;", "1.", "2)", "https://x.example", "{{", "}}"),
            *("    ", "---", "===", "***", "```", "|-|-|", "<b>", "é"),
        ]
    ),
    max_size=12,
)


@limit_examples(300)
@given(PIECES, st.sampled_from(["", "Dear ", "first line\n", "> ", "- ", "| a | b |\n"]))
def test_a_value_is_shown_as_the_text_that_it_is(pieces: list[str], before: str) -> None:
    value = "".join(pieces)
    html = render(f"{before}{escape_markdown(value)}")
    plain = render(f"{before}x")
    shown = unescape(re.sub(r"<[^>]*>", "", html))
    expected = unescape(re.sub(r"<[^>]*>", "", plain)).replace("x", " ".join(value.split()))
    assert shown.split() == expected.split()
    assert re.findall(r"<(\w+)", html) == re.findall(r"<(\w+)", plain) or not value.strip()
