"""The facts of one ticket, such as its host, invoice and times: the values of {placeholders}."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from random import Random
from string import Formatter
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS, read_data_file
from demo.texts.names import build_domain, get_first_name, slugify

T = TypeVar("T")


def check_placeholders(text: str) -> str:
    """Return the text. Raises ValueError if it has a placeholder that no ticket has a value for."""
    for _, name, _, _ in Formatter().parse(text):
        if name is not None and name not in GENERATORS and name not in NAME_PLACEHOLDERS:
            raise ValueError(f"unknown placeholder {{{name}}}")
    return text


Template = Annotated[str, AfterValidator(check_placeholders)]
"""A text with {placeholders}."""
Templates = Annotated[tuple[Template, ...], Field(min_length=1)]
"""Texts to choose from."""
Strings = Annotated[tuple[str, ...], Field(min_length=1)]
"""Values to choose from."""


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Resource:
    """A resource at the provider that a ticket is about: its id there and its name."""

    external_id: Template
    name: Template


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Options:
    """The values that facts are chosen from, and a resource for each kind."""

    regions: Strings
    server_roles: Strings
    plans: Strings
    databases: Strings
    database_environments: Strings
    cluster_names: Strings
    buckets: Strings
    weekdays: Strings
    volume_sizes: Annotated[tuple[int, ...], Field(min_length=1)]
    subdomains: Strings
    address_prefixes: Strings
    vat_countries: Strings
    resources: Mapping[str, Resource]


@cache
def load_options() -> Options:
    return read_data_file("facts.toml", TypeAdapter(Options))


class Facts(dict[str, str]):
    """Maps each placeholder to its value, for `str.format_map`.

    A value is generated when it is first read, and stays the same for the ticket. Reading an
    unknown placeholder raises KeyError.
    """

    def __init__(
        self,
        random: Random,
        created_at: datetime,
        *,
        company: str,
        customer: str,
        contact: str,
        agent: str,
    ) -> None:
        """Arguments: the time of the ticket's creation, and full names.

        `customer` is the requester, and `contact` is a member of the company whom texts mention.
        """
        super().__init__(
            company=company,
            customer=customer,
            first_name=get_first_name(customer),
            contact=get_first_name(contact),
            agent=get_first_name(agent),
        )
        self.random = random
        self.created_at = created_at
        self.options = load_options()

    def __missing__(self, name: str) -> str:
        value = GENERATORS[name](self)
        self[name] = value
        return value

    def choose(self, values: Sequence[T]) -> T:
        return self.random.choice(values)

    def choose_other(self, value: str, values: Sequence[str]) -> str:
        """Choose one of the values that differs from `value`, which is one of them."""
        index = values.index(value) + self.random.randrange(1, len(values))
        return values[index % len(values)]

    def choose_number(self, lowest: int, highest: int) -> str:
        return str(self.random.randint(lowest, highest))

    def generate_id(self, prefix: str, digits: int) -> str:
        """Return the prefix with this number of random hexadecimal digits."""
        return f"{prefix}{self.random.getrandbits(4 * digits):0{digits}x}"

    def choose_date(self, first_day: int, last_day: int) -> str:
        """Choose a date by its distance in days from the ticket's creation, such as "3 March"."""
        day = self.created_at + timedelta(days=self.random.randint(first_day, last_day))
        return f"{day.day} {day:%B}"


def generate_amount(facts: Facts) -> str:
    """Most amounts are some hundred euros. A few are thousands."""
    return f"€{facts.random.lognormvariate(5.3, 1.2) + 4:,.2f}"


def generate_lower_amount(facts: Facts) -> str:
    amount = float(facts["amount"].removeprefix("€").replace(",", ""))
    return f"€{amount * facts.random.uniform(0.55, 0.92):,.2f}"


def generate_bucket(facts: Facts) -> str:
    return f"{slugify(facts['company'], '-')}-{facts.choose(facts.options.buckets)}"


def generate_cluster(facts: Facts) -> str:
    return f"{facts.choose(facts.options.cluster_names)}-{facts['region']}"


def generate_database(facts: Facts) -> str:
    options = facts.options
    return f"{facts.choose(options.databases)}-{facts.choose(options.database_environments)}"


def generate_domain(facts: Facts) -> str:
    return f"{facts.choose(facts.options.subdomains)}.{build_domain(facts['company'])}"


def generate_host(facts: Facts) -> str:
    role, number = facts.choose(facts.options.server_roles), facts.random.randint(1, 24)
    return f"{role}-{number:02d}.{facts['region']}"


def generate_invoice(facts: Facts) -> str:
    return f"INV-{facts.created_at.year}-{facts.random.randrange(1, 1_000_000):06d}"


def generate_ip_address(facts: Facts) -> str:
    return f"{facts.choose(facts.options.address_prefixes)}.{facts.random.randint(2, 250)}"


def generate_ipv6_address(facts: Facts) -> str:
    return f"2001:db8:{facts.random.getrandbits(16):x}:{facts.random.getrandbits(12):x}::1"


def generate_previous_month(facts: Facts) -> str:
    last_day = facts.created_at - timedelta(days=facts.created_at.day)
    return f"{last_day:%B}"


def generate_time(facts: Facts) -> str:
    return f"{facts.random.randrange(24):02d}:{facts.random.randrange(60):02d}"


def generate_vat_number(facts: Facts) -> str:
    return f"{facts.choose(facts.options.vat_countries)}{facts.random.randrange(10**8, 10**9)}"


def generate_version(facts: Facts) -> str:
    return f"{facts.random.randint(2, 17)}.{facts.random.randint(0, 9)}"


NAME_PLACEHOLDERS = frozenset({"company", "customer", "first_name", "contact", "agent"})
"""The placeholders whose values are passed to `Facts`. GENERATORS generate the other values."""

GENERATORS: Mapping[str, Callable[[Facts], str]] = {
    "amount": generate_amount,
    "balancer": lambda facts: facts.generate_id("lb-", 5),
    "bucket": generate_bucket,
    "card": lambda facts: f"ending in {facts.random.randrange(10_000):04d}",
    "cluster": generate_cluster,
    "count": lambda facts: facts.choose_number(3, 9),
    "database": generate_database,
    "date": lambda facts: facts.choose_date(-9, -1),
    "deadline": lambda facts: facts.choose_date(5, 40),
    "domain": generate_domain,
    "host": generate_host,
    "hours": lambda facts: facts.choose_number(2, 30),
    "invoice": generate_invoice,
    "ip": generate_ip_address,
    "ip6": generate_ipv6_address,
    "lower_amount": generate_lower_amount,
    "minutes": lambda facts: facts.choose_number(4, 55),
    "month": generate_previous_month,
    "node": lambda facts: facts.generate_id("node-", 6),
    "order": lambda facts: f"ORD-{facts.random.randrange(10_000, 1_000_000)}",
    "other_invoice": generate_invoice,
    "other_plan": lambda facts: facts.choose_other(facts["plan"], facts.options.plans),
    "other_region": lambda facts: facts.choose_other(facts["region"], facts.options.regions),
    "other_time": generate_time,
    "percent": lambda facts: facts.choose_number(4, 48),
    "plan": lambda facts: facts.choose(facts.options.plans),
    "reference": lambda facts: f"OPS-{facts.random.randint(1_000, 29_999)}",
    "region": lambda facts: facts.choose(facts.options.regions),
    "server_id": lambda facts: facts.generate_id("srv-", 8),
    "size": lambda facts: str(facts.choose(facts.options.volume_sizes)),
    "time": generate_time,
    "vat": generate_vat_number,
    "version": generate_version,
    "volume": lambda facts: facts.generate_id("vol-", 6),
    "weekday": lambda facts: facts.choose(facts.options.weekdays),
}
