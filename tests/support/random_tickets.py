"""Random tickets with many equal values and unusual texts, random filters, and the filters in
Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import strategies as st
from tortoise.models import Model

from models import database
from models.access.viewer import Viewer
from models.core import ids
from models.core.ids import ORGANIZATION, TICKET, USER, encode, new_id
from models.core.words import index_words
from models.queries.filters.filter import FilterData
from models.queries.text_search.search import split_words
from models.tickets.lifecycle import STAGES, CloseReason, Priority, Stage, Status
from models.tickets.message import Message, MessageKind
from models.tickets.ticket import Ticket, TicketResource, TicketTag, TicketWatcher
from support.ticket_factory import NOON, Desk

SUBJECTS = [
    *(
        "VPN is down",
        "vpn is DOWN",
        "100% CPU",
        "100x CPU",
        "a_b c",
        "axb c",
        'O\'Brien messages "no"',
        "C:\\temp\\*",
    ),
    *("Größe 🦊", "Gro\u0308ße", "what? $1 ?", "東京 server", "error E-1234", "  ", "NULL"),
]
BODIES = ["the VPN fails", "server web-1 is down", "error E-99 again", "nothing", "größe"]
TAGS = ["vpn", "mail", "100%", "a_b", "It's", "größe"]
KEYS = [None, None, "key-1", "key_1", "key%1", "KEY-1", "'", "?"]
RESOURCES = [
    ("server", "s-1", "web"),
    ("server", "s-1", None),
    ("server", "s-2", "web"),
    ("invoice", "s-1", "March"),
]
OPERATORS = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}


@st.composite
def filters(draw: st.DrawFn, tickets: RandomTickets, levels: int = 3) -> FilterData:
    """Filters that often match: their operands are mostly values of the tickets."""
    filter: dict[str, object] = {
        name: draw(tickets.fields[name])
        for name in draw(st.lists(st.sampled_from(tickets.names), max_size=2))
    }
    inner = filters(tickets, levels - 1)
    for name in draw(st.sets(st.sampled_from(["and", "or", "not"]), max_size=2)) if levels else ():
        filter[name] = draw(st.none() | (inner if name == "not" else st.lists(inner, max_size=3)))
    return filter


@dataclass(frozen=True)
class TicketFacts:
    """A ticket with all values that a filter can compare."""

    ticket: Ticket
    category: str
    team: str
    tags: frozenset[str]
    watchers: frozenset[UUID]
    resources: frozenset[tuple[str, str, str | None]]
    public: frozenset[str]
    notes: frozenset[str]

    def value(self, name: str) -> object:
        """The value of a filter field that has a single value."""
        ticket = self.ticket
        keys = {
            "id": (TICKET, ticket.id),
            "mergedIntoId": (TICKET, ticket.merged_into_id),
            "requesterId": (USER, ticket.requester_id),
            "organizationId": (ORGANIZATION, ticket.organization_id),
            "assigneeId": (USER, ticket.assignee_id),
        }
        if name in keys:
            prefix, key = keys[name]
            return None if key is None else encode(prefix, key)
        if name in ("category", "team"):
            return getattr(self, name)
        if name == "stage":
            return STAGES[ticket.status]
        return getattr(ticket, re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name))


def words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in index_words(text).split())


def matches_filter(
    facts: TicketFacts, filter: FilterData, at: datetime = NOON, *, notes: bool = True
) -> bool:
    """Whether the ticket matches the filter as the API describes it."""
    return all(
        matches_part(facts, name, value, at, notes)
        for name, value in filter.items()
        if value is not None
    )


def matches_part(facts: TicketFacts, name: str, value: object, at: datetime, notes: bool) -> bool:
    if name in ("and", "or"):
        return (all if name == "and" else any)(
            matches_filter(facts, each, at, notes=notes) for each in value
        )  # type: ignore[union-attr]
    if name == "not":
        return not matches_filter(facts, value, at, notes=notes)  # type: ignore[arg-type]
    if name == "search":
        return matches_search(facts, str(value), notes)
    operators = value.items()  # type: ignore[union-attr]
    tests = {test: operand for test, operand in operators if operand is not None}
    if name == "resource":
        wanted = (tests["kind"], tests["externalId"])
        return any(
            each[:2] == wanted and tests.get("name") in (None, each[2]) for each in facts.resources
        )
    if name == "tags":
        return all(matches_tags(facts.tags, test, set(operand)) for test, operand in tests.items())
    if name == "watcherId":
        watchers = {encode(USER, key) for key in facts.watchers}
        return all(matches_watchers(watchers, test, operand) for test, operand in tests.items())
    return all(
        matches_comparison(facts.value(name), test, operand, at) for test, operand in tests.items()
    )


def matches_search(facts: TicketFacts, text: str, notes: bool) -> bool:
    available = facts.public | facts.notes if notes else facts.public
    prefixes = split_words(text)
    return not text.strip() or (
        bool(prefixes)
        and all(
            prefix == str(facts.ticket.number) or any(word.startswith(prefix) for word in available)
            for prefix in prefixes
        )
    )


def matches_tags(tags: frozenset[str], test: str, names: set[str]) -> bool:
    tags, names = frozenset(map(str.casefold, tags)), set(map(str.casefold, names))
    return {"some": bool(tags & names), "every": names <= tags, "none": not tags & names}[test]


def matches_watchers(watchers: set[str], test: str, operand: object) -> bool:
    if test == "null":
        return operand == (not watchers)
    if test in ("eq", "isUser", "isNotUser"):
        return (operand in watchers) == (test != "isNotUser")
    return bool(watchers & set(operand)) == (test == "in")  # type: ignore[call-overload]


def matches_comparison(value: object, test: str, operand: object, at: datetime) -> bool:
    if test == "null":
        return operand == (value is None)
    opposites = {"neq": "eq", "nin": "in", "isNotUser": "isUser"}
    if test in opposites:
        return not matches_comparison(value, opposites[test], operand, at)
    if value is None:
        return False
    if test == "within":
        return value >= at - operand  # type: ignore[operator]
    if test == "olderThan":
        return value < at - operand  # type: ignore[operator]
    if test in OPERATORS:
        return bool(getattr(value, OPERATORS[test])(operand))
    if test == "contains":
        return operand in value  # type: ignore[operator]
    if test in ("ieq", "icontains"):
        value, operand = (str(each).lower().replace("ς", "σ") for each in (value, operand))
        return value == operand if test == "ieq" else operand in value
    if test == "startsWith":
        return value.startswith(operand)  # type: ignore[attr-defined]
    is_equality = test in ("eq", "isUser")
    return value == operand if is_equality else value in operand  # type: ignore[operator]


class RandomTickets:
    """The stored tickets.

    Not a dataclass, because a failing property test would print all of it.
    """

    def __init__(self, desk: Desk, facts: Sequence[TicketFacts]) -> None:
        self.desk, self.facts = desk, facts
        self.fields = self.comparisons()
        self.names = sorted(self.fields)

    @classmethod
    async def make(cls, desk: Desk, random: Random, count: int = 60) -> RandomTickets:
        tickets = [random_ticket(desk, random, 1001 + offset) for offset in range(count)]
        for merged in tickets[5::7]:
            merged.merged_into_id = tickets[0].id
        records: list[Model] = []
        facts = [add_details(desk, random, ticket, records) for ticket in tickets]
        async with database.transaction():
            await Ticket.bulk_create(tickets)
            for kind in (TicketTag, TicketWatcher, TicketResource, Message):
                await kind.bulk_create([each for each in records if isinstance(each, kind)])
        return cls(desk, facts)

    def facts_for(self, viewer: Viewer) -> Sequence[TicketFacts]:
        """The facts as the viewer sees them: customers see neither staff nor internal times."""
        if not viewer.is_customer:
            return self.facts
        staff = {each.user_id for each in self.desk.staff}
        return [
            replace(
                fact,
                ticket=with_public_time(fact.ticket),
                watchers=frozenset(key for key in fact.watchers if key not in staff),
            )
            for fact in self.facts
        ]

    def comparisons(self) -> Mapping[str, st.SearchStrategy[object]]:
        """The possible comparisons of each filter field."""

        def keys(prefix: str, *names: str) -> st.SearchStrategy[object]:
            here = sorted(
                {str(facts.value(name)) for facts in self.facts for name in names} - {"None"}
            )
            unknown = [
                encode(prefix, new_id()),
                encode(ids.TEAM, new_id()),
                "",
                "garbage",
                here[0].upper(),
                here[0] + " ",
            ]
            one = st.sampled_from([*here, *here, *unknown])
            return tests(
                eq=one,
                isUser=one,
                isNotUser=one,
                null=st.booleans(),
                **{"in": lists(one), "nin": lists(one)},
            )

        times = st.sampled_from(
            [NOON + timedelta(hours=hours, microseconds=hours % 2) for hours in range(-6, 3)]
        )
        durations = st.sampled_from([timedelta(hours=hours) for hours in range(-2, 7)])
        time_comparisons = tests(
            **dict.fromkeys(OPERATORS, times),
            within=durations,
            olderThan=durations,
            null=st.booleans(),
        )
        reasons = st.sampled_from(CloseReason)
        statuses, priorities = st.sampled_from(Status), st.sampled_from(Priority)
        people = keys(USER, "requesterId", "assigneeId")
        return {
            "id": keys(TICKET, "id"),
            "number": numbers(st.integers(995, 1001 + len(self.facts))),
            "externalId": strings([key for key in KEYS if key], nullable=True),
            "search": st.none()
            | st.sampled_from(
                [
                    "",
                    " ",
                    "vpn",
                    "VP",
                    "err",
                    "e 1234",
                    "down server",
                    "100% cpu",
                    "%",
                    "web-1",
                    "zebra",
                    "GROSSE",
                    "京",
                    "TKT-1003",
                    "#1004",
                    "mail",
                ]
            ),
            "subject": strings(SUBJECTS),
            "status": tests(
                eq=statuses, neq=statuses, **{"in": lists(statuses), "nin": lists(statuses)}
            ),
            "stage": tests(eq=st.sampled_from(Stage), **{"in": lists(st.sampled_from(Stage))}),
            "priority": tests(eq=priorities, **{"in": lists(priorities), "nin": lists(priorities)}),
            "category": strings(["technical", "sales", "billing", "none"]),
            "team": strings(["support", "sales", "billing", "none"]),
            "requesterId": people,
            "organizationId": keys(ORGANIZATION, "organizationId"),
            "assigneeId": people,
            "watcherId": people,
            "mergedIntoId": keys(TICKET, "id", "mergedIntoId"),
            "tags": tests(
                **dict.fromkeys(
                    ("some", "every", "none"),
                    lists(st.sampled_from([*TAGS, "none", "VPN", "GRÖSSE"])),
                )
            ),
            "resource": st.none()
            | st.sampled_from(RESOURCES).map(
                lambda each: dict(zip(("kind", "externalId", "name"), each, strict=True))
            ),
            "escalationLevel": numbers(st.integers(-1, 3)),
            **dict.fromkeys(("createdAt", "updatedAt", "resolvedAt", "closedAt"), time_comparisons),
            **dict.fromkeys(("heldUntil", "slaBreachesAt", "lastReplyAt"), time_comparisons),
            "satisfactionScore": numbers(st.sampled_from([-1, 1, 2, 5, 2**31 - 1])),
            "closeReason": tests(
                eq=reasons, null=st.booleans(), **{"in": lists(reasons), "nin": lists(reasons)}
            ),
        }


def tests(**operators: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """One or two comparisons, some of them null."""
    single = st.one_of(
        *(st.fixed_dictionaries({name: st.none() | operand}) for name, operand in operators.items())
    )
    return st.none() | st.lists(single, max_size=2).map(
        lambda each: {name: value for one in each for name, value in one.items()}
    )


def lists(one: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    return st.lists(one, max_size=4)


def numbers(one: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return tests(
        eq=one, neq=one, null=st.booleans(), **{"in": lists(one)}, **dict.fromkeys(OPERATORS, one)
    )


def strings(values: Sequence[str], *, nullable: bool = False) -> st.SearchStrategy[object]:
    one = st.sampled_from([*values, *values, "%", "_", "NULL", "x"]) | st.text(
        st.characters(codec="utf-8", exclude_characters="\0"), max_size=4
    )
    piece = st.tuples(st.sampled_from(values), st.integers(0, 6), st.integers(0, 4)).map(
        lambda cut: cut[0][cut[1] : cut[1] + cut[2]]
    )
    beginning = st.tuples(st.sampled_from(values), st.integers(0, 6)).map(
        lambda cut: cut[0][: cut[1]]
    )
    return tests(
        eq=one,
        neq=one,
        contains=piece | one,
        ieq=(one | piece).map(str.upper),
        icontains=(piece | one).map(str.swapcase),
        startsWith=beginning | one,
        null=st.booleans(),
        **{"in": lists(one), "nin": lists(one)},
    )


def random_ticket(desk: Desk, random: Random, number: int) -> Ticket:
    status = random.choice(list(Status))
    category = random.choice(list(desk.categories.values()))
    is_resolved = STAGES[status] is Stage.CLOSURE
    return desk.unsaved_ticket(
        number,
        random.choice(desk.customers),
        subject=random.choice(SUBJECTS),
        description=random.choice(BODIES),
        status=status,
        priority=random.choice(list(Priority)),
        category_id=category.id,
        team_id=random.choice([category.team_id, desk.teams["support"].id]),
        assignee_id=random.choice([None, *(each.user_id for each in desk.staff)]),
        escalation_level=random.choice([0, 0, 1, 2]),
        external_scope=str(number),
        external_id=random.choice(KEYS),
        created_at=random_hour(random, -6, 0),
        updated_at=random_hour(random, -4, 2),
        public_updated_at=random_hour(random, -4, 2),
        sla_breaches_at=random.choice([None, random_hour(random, -1, 1)]),
        last_reply_at=random.choice([None, random_hour(random, -4, 2)]),
        resolved_at=random_hour(random, -4, 1) if is_resolved else None,
        closed_at=random_hour(random, -2, 1) if status is Status.CLOSED else None,
        close_reason=random.choice(list(CloseReason)) if status is Status.CLOSED else None,
        held_until=random_hour(random, -1, 2) if status is Status.ON_HOLD else None,
        satisfaction_score=random.choice([None, 1, 5]) if status is Status.CLOSED else None,
    )


def with_public_time(ticket: Ticket) -> Ticket:
    """A copy of the ticket with the time that customers see."""
    seen = copy(ticket)
    seen.updated_at = ticket.public_updated_at
    return seen


def random_hour(random: Random, first: int, last: int) -> datetime:
    return NOON + timedelta(hours=random.randint(first, last), microseconds=random.randrange(2))


def add_details(desk: Desk, random: Random, ticket: Ticket, records: list[Model]) -> TicketFacts:
    """Add random tags, watchers, resources and messages of a ticket to the records; return its
    facts."""
    tags = random.sample(TAGS, random.randrange(4))
    watchers = random.sample(
        [each.user_id for each in (*desk.customers, *desk.staff)], random.randrange(3)
    )
    resources = {each[:2]: each for each in random.sample(RESOURCES, random.randrange(3))}
    messages = [
        (random.choice(BODIES), random.choice(list(MessageKind)))
        for _ in range(random.randrange(3))
    ]
    records += [TicketTag(ticket_id=ticket.id, name=name) for name in tags]
    ticket.tag_words = index_words(" ".join(tags))
    records += [TicketWatcher(ticket_id=ticket.id, user_id=key) for key in watchers]
    records += [
        TicketResource(ticket_id=ticket.id, kind=kind, external_id=key, name=name)
        for kind, key, name in resources.values()
    ]
    records += [
        Message(ticket_id=ticket.id, kind=kind, body=body, created_at=NOON)
        for body, kind in messages
    ]
    return TicketFacts(
        ticket=ticket,
        category=next(
            slug for slug, each in desk.categories.items() if each.id == ticket.category_id
        ),
        team=next(slug for slug, each in desk.teams.items() if each.id == ticket.team_id),
        tags=frozenset(tags),
        watchers=frozenset(key for key in watchers if key),
        resources=frozenset(resources.values()),
        public=words(
            ticket.subject,
            ticket.description,
            *tags,
            *(body for body, kind in messages if kind is MessageKind.REPLY),
        ),
        notes=words(*(body for body, kind in messages if kind is MessageKind.NOTE)),
    )
