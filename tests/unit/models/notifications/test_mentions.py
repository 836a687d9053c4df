"""Mentions: which users an `@` in a note mentions, in any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import limit_examples

from models.core.ids import new_id
from models.core.text import MAX_BODY_CHARS
from models.notifications.mentions import (
    MAX_MENTIONS,
    MAX_NAMES,
    build_directory,
    find_mentioned_users,
    find_names,
)

ADA, BILL, ALEX, OTHER, BRIEN, LEE = (new_id() for _ in range(6))
NAMES = {ADA: "ada", BILL: "bill", ALEX: "alex", OTHER: "other", BRIEN: "brien", LEE: "lee"}
PEOPLE = build_directory(
    [
        (ADA, "ada@example.com"),
        (BILL, "bill.b-c@example.com"),
        (ALEX, "alex@example.com"),
        (OTHER, "Alex@Example.org"),
        (BRIEN, "o'brien@example.com"),
        (LEE, "lee_@example.com"),
    ]
)


def mentioned_names(body: str) -> list[str]:
    return sorted(NAMES[user_id] for user_id in find_mentioned_users(body, PEOPLE))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("@ada", "ada"),
        ("hello @ADA.", "ada"),
        ("@Ada@Example.COM, look", "ada"),
        ("(@ada)/“@bill.b-c”", "ada bill"),
        ("@ada @ada @ada@example.com", "ada"),
        ("@bill.b-c...", "bill"),
        ("@alex@example.com", "alex"),
        ("@alex@example.org", "other"),
        ("_@ada_ and **@bill.b-c**", "ada bill"),
        ("~~@ada~~", "ada"),
        ("-@ada", "ada"),
        ("@ada's", "ada"),
        ("@o'brien", "brien"),
        ("@lee_ @ada_", "ada lee"),
        ("请@ada看", "ada"),
        ("# @ada\n\n> @bill.b-c", "ada bill"),
        ("| @ada | x |\n|---|---|", "ada"),
        ("[@ada](https://example.com)", "ada"),
        ("\u200b@ada", "ada"),
    ],
    ids=lambda value: ascii(value)[1:60],
)
def test_a_name_after_an_at_sign_mentions_its_user(body: str, expected: str) -> None:
    assert mentioned_names(body) == expected.split()


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "@",
            "@ ada",
            "ada",
            "@@ada",
            "@.ada",
            "@nobody",
            "@adam",
            "@ad",
            "@example.com",
            "@ada@example.org",
            "@ada@x",
        ),
        *("@alex", "@alex@", "@lee@example.com", "@bill", "@o"),
        *(
            "a@ada",
            "a@b.c",
            "x.@ada",
            "first_@ada",
            "first+@ada",
            "first-@ada",
            "ada@example.com",
            "mailto:ada@example.com",
        ),
        *(
            "<ada@example.com>",
            "https://example.com/@ada",
            "https://x@ada",
            "/@ada",
            "key=@ada",
            r"\@ada",
            "50%@ada",
        ),
        *("@adа", "＠ada", "@\u200bada", "@a\u0301da"),
    ],
    ids=lambda body: ascii(body)[1:60],
)
def test_unknown_names_addresses_and_urls_mention_nobody(body: str) -> None:
    assert mentioned_names(body) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("`@ada` @bill.b-c", "bill"),
        ("``@ada ` @ada`` @bill.b-c", "bill"),
        ("`@ada", "ada"),
        ("``@ada`", "ada"),
        ("`` `@ada` @bill.b-c", "bill"),
        (r"\`@ada`", "ada"),
        (r"\``@ada` @bill.b-c", "bill"),
        (r"\\`@ada`", ""),
        ("`@ada\n@ada` @bill.b-c", "bill"),
        ("`@ada\n\n@bill.b-c`", "ada bill"),
        ("```\n@ada\n```\n@bill.b-c", "bill"),
        ("```py\n@ada\n````\n@bill.b-c", "bill"),
        ("````\n@ada\n```\n@ada\n````\n@bill.b-c", "bill"),
        ("~~~ `x`\n@ada\n```\n~~~\n@bill.b-c", "bill"),
        ("```\n@ada", ""),
        ("``` `\n@ada", "ada"),
        ("@bill.b-c\n```\n@ada\n```", "bill"),
        ("> ```\n> @ada\n> ```\n> @bill.b-c", "bill"),
        ("- ```\n  @ada\n  ```\n- @bill.b-c", "bill"),
        ("    @ada\n\n@bill.b-c", "bill"),
        ("\t@ada", ""),
        ("@bill.b-c\n\n    @ada\n\n    @ada", "bill"),
        ("@bill.b-c\n    @ada", "ada bill"),
        ("- one\n\n    @ada", "ada"),
        ("1. one\n\n   two\n\n    @ada", "ada"),
        ("- one\n\nend\n\n    @ada", ""),
        ("```\r\n@ada\r\n```\r\n@bill.b-c", "bill"),
        ("`@ada\u2028@ada` @bill.b-c", "bill"),
    ],
    ids=lambda value: ascii(value)[1:60],
)
def test_code_mentions_nobody(body: str, expected: str) -> None:
    assert mentioned_names(body) == expected.split()


def test_a_shared_name_mentions_nobody_and_an_address_its_owner() -> None:
    people = build_directory(
        [(ADA, "x@example.com"), (BILL, "X@example.org"), (ALEX, "y@example.com"), (LEE, "")]
    )
    assert people == {
        "x@example.com": ADA,
        "x@example.org": BILL,
        "y@example.com": ALEX,
        "y": ALEX,
        "": LEE,
    }
    assert find_mentioned_users("@ @x @y", people) == {ALEX}


def test_at_most_fifty_users_are_mentioned() -> None:
    crowd = {f"n{number}": new_id() for number in range(MAX_MENTIONS + 10)}
    body = " ".join(f"@n{number}" for number in range(MAX_MENTIONS + 10))
    assert find_mentioned_users(f"@n0 @n0 @n0 {body}", crowd) == {
        crowd[f"n{number}"] for number in range(MAX_MENTIONS)
    }


def test_unknown_names_do_not_use_up_the_limit() -> None:
    log = "\n".join(f"at @scope{number}/package ({number})" for number in range(MAX_MENTIONS * 3))
    assert find_mentioned_users(f"{log}\n\n@ada, can you look at this?", {"ada": ADA}) == {ADA}


LARGE = {
    "ats": "@",
    "ticks": "`",
    "words": "@a",
    "addresses": "a@b.c ",
    "emphasis": "_@",
    "underscores": "_" * 500 + "@",
    "escapes": "\\`",
    "quotes": "> ",
    "nested": ">",
    "items": "- ",
    "indents": "    \n",
    "fences": "```\n",
    "spaces": " ",
    "letters": "é",
    "unclosed": "` ``",
    "lines": "\r",
    "joined": "@a@b",
}


@pytest.mark.parametrize("piece", list(LARGE.values()), ids=list(LARGE))
def test_the_longest_hostile_text_is_read(piece: str) -> None:
    filled = (piece * MAX_BODY_CHARS)[: MAX_BODY_CHARS - 10]
    assert mentioned_names(filled) == []
    assert len(find_names(filled)) <= MAX_NAMES


def test_the_number_of_names_is_limited() -> None:
    assert len(find_names(" ".join(f"@n{number}" for number in range(MAX_NAMES * 3)))) == MAX_NAMES


def test_runs_of_backticks_of_every_length_are_read() -> None:
    runs = " ".join("`" * length for length in range(1, 350))
    assert mentioned_names(f"{runs} @ada") == ["ada"]
    assert mentioned_names(f"@{'a' * (MAX_BODY_CHARS - 1)}") == []


PIECES = st.sampled_from(
    [
        "@ada",
        "@bill.b-c",
        "`",
        "``",
        "```\n",
        "~~~\n",
        "\n",
        "\n\n",
        "    ",
        "- ",
        "> ",
        "\\",
        " ",
        "x",
        "_",
        "@",
    ]
)


@limit_examples(60)
@given(st.lists(PIECES | st.text(max_size=3), max_size=30))
def test_any_text_mentions_only_users_that_it_names(pieces: list[str]) -> None:
    body = "".join(pieces)
    for found in mentioned_names(body):
        assert f"@{found}" in body.lower()


@limit_examples(60)
@given(st.text(max_size=40))
def test_nothing_between_fences_mentions_anybody(text: str) -> None:
    inside = text.replace("`", "'")
    assert mentioned_names(f"````\n{inside}\n@ada\n````\n@bill.b-c") == ["bill"]
