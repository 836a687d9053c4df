"""Invented names of people and companies, and the email addresses and domains made from them."""

from __future__ import annotations

import unicodedata
from functools import cache
from random import Random

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS, read_data_file


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class NameParts:
    """A person has a first and a last name. A company has a word and an industry."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    company_words: tuple[str, ...]
    industries: tuple[str, ...]


@cache
def load_name_parts() -> NameParts:
    return read_data_file("names.toml", TypeAdapter(NameParts))


def choose_person_name(random: Random) -> str:
    parts = load_name_parts()
    return f"{random.choice(parts.first_names)} {random.choice(parts.last_names)}"


def choose_company_name(random: Random) -> str:
    parts = load_name_parts()
    return f"{random.choice(parts.company_words)} {random.choice(parts.industries)}"


def get_first_name(name: str) -> str:
    return name.split()[0]


def slugify(name: str, separator: str) -> str:
    """Return the name in lower-case ASCII letters and digits, its words joined by the separator."""
    ascii_name = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return separator.join("".join(filter(str.isalnum, word)) for word in ascii_name.split())


def build_domain(company: str) -> str:
    """Return a domain for the company, under a reserved top level (RFC 2606, section 2)."""
    return f"{slugify(company, '-')}.example"


def reserve_email(person: str, domain: str, used: set[str]) -> str:
    """Return an email address for the person that is not in `used`, and add it there."""
    local, count = slugify(person, "."), 1
    email = f"{local}@{domain}"
    while email in used:
        count += 1
        email = f"{local}{count}@{domain}"
    used.add(email)
    return email
