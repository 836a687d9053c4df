"""Names of people, and their email addresses."""

from __future__ import annotations

from demo.texts.names import load_name_parts, reserve_email

DOMAIN = "fjord.example"


def test_an_email_address_is_plain_ascii_and_used_once() -> None:
    used: set[str] = set()
    assert reserve_email("Zoë O'Brien", DOMAIN, used) == f"zoe.obrien@{DOMAIN}"
    assert reserve_email("Zoe O'Brien", DOMAIN, used) == f"zoe.obrien2@{DOMAIN}"


def test_every_name_gives_a_plain_email_address() -> None:
    parts, used = load_name_parts(), set[str]()
    for first_name in parts.first_names:
        for last_name in parts.last_names:
            email = reserve_email(f"{first_name} {last_name}", DOMAIN, used)
            local = email.removesuffix(f"@{DOMAIN}")
            assert local.isascii()
            assert local.replace(".", "").isalnum()
            assert local == local.lower()
