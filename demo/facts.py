"""The facts of one ticket: which host, which invoice, what time. Each is made up when it is first named, and stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random

from demo import names

REGIONS = ("fra1", "ams2", "lon1", "par1", "waw1", "mad1", "nyc3", "sfo2", "tor1", "sao1", "sgp1", "blr1", "syd1", "tyo2")
ROLES = ("web", "app", "db", "cache", "worker", "api", "build", "mail", "proxy", "queue", "shop", "files", "search", "stage")
PLANS = ("Standard 2", "Standard 4", "Standard 8", "Compute 8", "Compute 16", "Memory 16", "Memory 32", "Storage 4", "Business")
DATABASES = ("orders", "shop", "users", "events", "catalog", "ledger", "wiki", "metrics", "booking", "content")
BUCKETS = ("uploads", "media", "backups", "exports", "static", "archive", "invoices", "logs", "images", "models")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SIZES = (50, 80, 100, 160, 200, 250, 320, 500, 750, 1000, 1500, 2000)


class Facts(dict[str, str]):
    """Blanks and what fills them, for `str.format_map`. Raises KeyError for a blank that nobody knows."""

    def __init__(self, random: Random, at: datetime, people: Mapping[str, str]) -> None:
        """`people` are the names that are given: company, customer, colleague, agent. `at` is when the ticket was raised."""
        super().__init__(people)
        self.random = random
        self.at = at

    def __missing__(self, name: str) -> str:
        self[name] = value = MAKERS[name](self)
        return value

    def date_after(self, least: int, most: int) -> str:
        """A day before or after the ticket's, in words."""
        day = self.at + timedelta(days=self.random.randint(least, most))
        return f"{day.day} {day:%B}"


def hexadecimal(facts: Facts, prefix: str, digits: int = 6) -> str:
    return f"{prefix}{facts.random.getrandbits(4 * digits):0{digits}x}"


def amount(facts: Facts) -> str:
    """Mostly small sums, some large."""
    return f"€{facts.random.lognormvariate(5.3, 1.2) + 4:,.2f}"


def smaller_amount(facts: Facts) -> str:
    """What it was before, or costs with a discount."""
    whole = float(facts["amount"].removeprefix("€").replace(",", ""))
    return f"€{whole * facts.random.uniform(0.55, 0.92):,.2f}"


def different(name: str, values: tuple[str, ...]) -> Callable[[Facts], str]:
    """Another one of the values than the fact of that name is."""

    def make(facts: Facts) -> str:
        place = values.index(facts[name]) + facts.random.randrange(1, len(values))
        return values[place % len(values)]

    return make


def invoice(facts: Facts) -> str:
    return f"INV-{facts.at.year}-{facts.random.randrange(1, 1_000_000):06d}"


def clock(facts: Facts) -> str:
    return f"{facts.random.randrange(24):02d}:{facts.random.randrange(60):02d}"


def number(least: int, most: int) -> Callable[[Facts], str]:
    return lambda facts: str(facts.random.randint(least, most))


def one_of(values: tuple[str, ...]) -> Callable[[Facts], str]:
    return lambda facts: facts.random.choice(values)


MAKERS: Mapping[str, Callable[[Facts], str]] = {
    "amount": amount,
    "amount2": smaller_amount,
    "balancer": lambda facts: hexadecimal(facts, "lb-", 5),
    "bucket": lambda facts: f"{names.plain(facts['company'], '-')}-{facts.random.choice(BUCKETS)}",
    "card": lambda facts: f"ending in {facts.random.randrange(10_000):04d}",
    "cluster": lambda facts: f"{facts.random.choice(('prod', 'stage', 'test', 'edge'))}-{facts['region']}",
    "count": number(3, 9),
    "database": lambda facts: f"{facts.random.choice(DATABASES)}-{facts.random.choice(('prod', 'stage', 'eu', 'main'))}",
    "date": lambda facts: facts.date_after(-9, -1),
    "deadline": lambda facts: facts.date_after(5, 40),
    "domain": lambda facts: f"{facts.random.choice(('www', 'shop', 'app', 'api', 'my'))}.{names.domain(facts['company'])}",
    "host": lambda facts: f"{facts.random.choice(ROLES)}-{facts.random.randint(1, 24):02d}.{facts['region']}",
    "hours": number(2, 30),
    "invoice": invoice,
    "invoice2": invoice,
    "ip": lambda facts: f"{facts.random.choice(('192.0.2', '198.51.100', '203.0.113'))}.{facts.random.randint(2, 250)}",
    "ip6": lambda facts: f"2001:db8:{facts.random.getrandbits(16):x}:{facts.random.getrandbits(12):x}::1",
    "minutes": number(4, 55),
    "month": lambda facts: f"{facts.at - timedelta(days=facts.at.day + 3):%B}",
    "node": lambda facts: hexadecimal(facts, "node-"),
    "order": lambda facts: f"ORD-{facts.random.randrange(10_000, 1_000_000)}",
    "percent": number(4, 48),
    "plan": one_of(PLANS),
    "plan2": different("plan", PLANS),
    "reference": lambda facts: f"OPS-{facts.random.randint(1_000, 29_999)}",
    "region": one_of(REGIONS),
    "region2": different("region", REGIONS),
    "server_id": lambda facts: hexadecimal(facts, "srv-", 8),
    "size": lambda facts: str(facts.random.choice(SIZES)),
    "time": clock,
    "time2": clock,
    "vat": lambda facts: f"{facts.random.choice(('DE', 'NL', 'FR', 'AT', 'PL'))}{facts.random.randrange(10**8, 10**9)}",
    "version": lambda facts: f"{facts.random.randint(2, 17)}.{facts.random.randint(0, 9)}",
    "volume": lambda facts: hexadecimal(facts, "vol-"),
    "weekday": one_of(WEEKDAYS),
}

RESOURCES: Mapping[str, tuple[str, str]] = {
    "server": ("{server_id}", "{host}"),
    "volume": ("{volume}", "{size} GB in {region}"),
    "database": ("{database}", "{database} in {region}"),
    "cluster": ("{cluster}", "Kubernetes {cluster}"),
    "bucket": ("{bucket}", "{bucket} in {region}"),
    "balancer": ("{balancer}", "Balancer of {domain}"),
    "domain": ("{domain}", "{domain}"),
    "invoice": ("{invoice}", "Invoice {invoice}"),
    "order": ("{order}", "Order {order}"),
    "plan": ("{plan}", "Plan {plan}"),
}
"""For each kind of resource, its id at the provider and its name."""
