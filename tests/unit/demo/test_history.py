"""Lives told in memory: the clock runs forward, and what is kept is what the verbs decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from support.seed import random_for
from tortoise import Tortoise

from demo import names
from demo.endings import SHARES
from demo.facts import Facts
from demo.history import SHORTEST_GAP, History, Step, in_order, instants
from demo.manners import MANNERS
from demo.people import Company, People, company
from demo.texts import Script
from demo.texts import names as names_of
from demo.topics import TOPICS, alerts
from demo.writer import CATEGORIES, Odds, Wish, Writer, moments
from models.access.permissions import SYSTEM
from models.core import text
from models.core.ids import new_id
from models.database import MODULES
from models.people.team import CATEGORIES as ROUTES
from models.people.team import TEAMS, Category, Team
from models.people.user import ApiClient, Role, User
from models.sla.update import Promises
from models.tickets.lifecycle import CloseReason, Status
from models.tickets.message import Kind

pytestmark = pytest.mark.stress

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SPAN = timedelta(days=90)
ODDS = Odds(follow_up=0.1, doubled=0.1, linked=0.1, spam=0.1, alert=0.2, misfiled=0.2, handed_over=0.2, by_agent=0.2)


@pytest.fixture(scope="module", autouse=True)
def records() -> None:
    """Records know their foreign keys without a database."""
    Tortoise.init_models(MODULES, "models")


def people(random: Random) -> People:
    teams = {slug: Team(slug=slug, name=name) for slug, name in TEAMS}
    categories = {slug: Category(slug=slug, name=name, team_id=teams[team].id) for slug, name, team in ROUTES}
    agents = {team.id: [User(display_name=names.person(random), role=Role.AGENT) for _ in range(3)] for team in teams.values()}
    companies: list[Company] = [company(random, NOW - SPAN, set()) for _ in range(4)]
    return People(companies, agents, list(teams.values()), categories, ApiClient(display_name="Monitoring"), Promises([], {}))


def told(random: Random, count: int = 150, odds: Odds = ODDS) -> list[History]:
    writer = Writer(random, people(random), NOW, odds)
    return writer.chapter(range(1001, 1001 + count), moments(count, SPAN, NOW, random))


@pytest.fixture(scope="module")
def many(records: None) -> list[History]:
    """Enough tickets that some of them are merged, and some linked."""
    return told(random_for("many histories"), count=300)


def folded(history: History) -> dict[str, object]:
    """What the entries alone say of the ticket."""
    found: dict[str, object] = {}
    for entry in history.events:
        found.update({name: change[1] for name, change in entry.changes.items()})
    return found


@pytest.mark.parametrize("part", range(2))
def test_each_number_has_one_ticket_whose_entries_tell_how_it_stands(random: Random, part: int) -> None:
    histories = told(random)
    assert [history.ticket.number for history in histories] == list(range(1001, 1151))
    for history in histories:
        said = folded(history)
        assert said["status"] == history.ticket.status.value
        assert said["subject"] == history.ticket.subject
        assert said.get("tags", []) == history.tags
        assert said.get("watchers", []) == sorted(map(str, history.watchers))


@pytest.mark.parametrize("part", range(2))
def test_a_life_runs_forward_and_ends_before_now(random: Random, part: int) -> None:
    for history in told(random):
        steps = {entry.version: entry.occurred_at for entry in history.events}
        assert list(steps) == list(range(1, history.ticket.version + 1)), "one version for each step, in order"
        assert list(steps.values()) == sorted(set(steps.values())), "each step is later than the one before"
        assert all(steps[entry.version] == entry.occurred_at for entry in history.events)
        assert steps[1] == history.ticket.created_at
        assert steps[history.ticket.version] == history.ticket.updated_at <= NOW


def test_messages_are_those_of_the_entries(random: Random) -> None:
    for history in told(random):
        logged = [entry.message_id for entry in history.events if entry.message_id is not None]
        assert logged == [message.id for message in history.messages]
        assert all(message.ticket_id == history.ticket.id for message in history.messages)


def test_customers_do_only_what_they_may(random: Random) -> None:
    everybody = people(random)
    histories = Writer(random, everybody, NOW, ODDS).chapter(range(1001, 1301), moments(300, SPAN, NOW, random))
    accounts = {member.id: each.organization for each in everybody.companies for member in each.members}
    for history in histories:
        for entry in history.events:
            if entry.actor_user_id in accounts:
                account = accounts[entry.actor_user_id]
                own = entry.actor_user_id == history.ticket.requester_id
                assert own or (account.shared and account.id == history.ticket.organization_id)
        notes = {message.author_user_id for message in history.messages if message.kind is Kind.NOTE}
        assert not notes & set(accounts)


def test_what_was_held_or_resolved_still_has_time(many: list[History]) -> None:
    """Else the clock would do something to many tickets as soon as it runs."""
    for history in many:
        ticket = history.ticket
        assert (ticket.held_until is None) or (ticket.status is Status.ON_HOLD and ticket.held_until > NOW)
        if ticket.status is Status.RESOLVED:
            assert ticket.resolved_at is not None
            assert NOW - ticket.resolved_at < timedelta(days=7)


def test_a_merged_ticket_is_a_duplicate_beside_the_one_it_ended_in(many: list[History]) -> None:
    numbers = {history.ticket.id: history.ticket.number for history in many}
    merged = [history.ticket for history in many if history.ticket.merged_into_id is not None]
    assert merged
    for ticket in merged:
        assert (ticket.status, ticket.close_reason) == (Status.CLOSED, CloseReason.DUPLICATE)
        assert ticket.merged_into_id is not None
        assert numbers[ticket.merged_into_id] == ticket.number - 1


def test_links_go_both_ways(many: list[History]) -> None:
    links = [link for history in many for link in history.links]
    ends = {(link.ticket_id, link.other_id) for link in links}
    assert ends
    assert len(ends) == len(links)
    assert all((other, one) in ends for one, other in ends)


def test_tickets_of_all_ages_stand_somehow_believable(random: Random) -> None:
    histories = told(random, count=600, odds=Odds())
    over = sum(not history.ticket.is_open for history in histories)
    assert 0.55 < over / len(histories) < 0.75
    assert {history.ticket.status for history in histories} == set(Status)
    assert {history.ticket.priority for history in histories} == {1, 2, 3, 4}
    assert len({history.ticket.subject for history in histories}) > 300
    recent = sum(NOW - history.ticket.created_at < SPAN / 4 for history in histories)
    assert recent > len(histories) / 3


def test_the_shares_of_each_age_make_a_hundred() -> None:
    assert [sum(shares.values()) for _, shares in SHARES] == [100] * len(SHARES)


def test_the_same_seed_tells_the_same() -> None:
    def words(histories: list[History]) -> list[object]:
        return [
            (history.ticket.subject, history.ticket.updated_at, history.tags, [message.body for message in history.messages])
            for history in histories
        ]

    first = words(told(random_for("first")))
    assert words(told(random_for("first"))) == first
    assert words(told(random_for("second"))) != first


def test_wishes_come_true(random: Random) -> None:
    everybody = people(random)
    ours, team = everybody.companies[2], everybody.categories["billing"].team_id
    clerk = everybody.agents[team][1]
    wishes = {place: Wish(ours, ours.members[1], clerk, "billing", status=status) for place, status in enumerate(Status, 10)}
    writer = Writer(random, everybody, NOW, Odds(doubled=1, follow_up=1))
    histories = writer.chapter(range(40), moments(40, SPAN, NOW, random), wishes)
    for place, wish in wishes.items():
        ticket = histories[place].ticket
        assert ticket.status is wish.status
        assert ticket.requester_id == ours.members[1].id
        assert ticket.team_id == team


def test_entries_are_sorted_by_their_instants(random: Random) -> None:
    happened = [entry.occurred_at for entry in in_order(told(random))]
    assert happened == sorted(happened)


def steps(*after: timedelta | None) -> list[Step]:
    return [Step(SYSTEM, lambda change: change, each) for each in (None, *after)]


def test_exact_gaps_are_kept(random: Random) -> None:
    day = timedelta(days=1)
    found = instants(steps(None, day, None, None), NOW, NOW + 3 * day, random)
    assert found[0] == NOW
    assert abs(found[-1] - NOW - 3 * day) < timedelta(milliseconds=1)
    assert found[2] - found[1] == day
    assert all(later - earlier >= SHORTEST_GAP for earlier, later in pairwise(found))


def test_a_life_that_is_too_short_is_refused(random: Random) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        instants(steps(None, None), NOW, NOW + SHORTEST_GAP, random)
    assert instants(steps(), NOW, NOW, random) == [NOW]


@pytest.mark.parametrize("slug", CATEGORIES)
def test_every_topic_can_be_told(slug: str, random: Random) -> None:
    topics = TOPICS[slug] + (alerts.TOPICS if slug == "technical" else ())
    for topic in topics:
        facts = Facts(random, NOW, names_of("Fjord Analytics", "Clara Meyer", "Ben Ito", "Alex Kim"))
        script = Script(random, topic, MANNERS[slug], facts)
        said = [script.description(), script.note(), script.resolution(), script.second_resolution(), script.call()]
        said += [line for _ in MANNERS[slug].rounds for line in (script.question(), script.answer("Clara Meyer"), script.note())]
        said += [script.acknowledgement(), script.progress(), script.wait()]
        subjects = [script.fill(subject) for subject in topic.subjects]
        assert all(line == text.written(line, "body", longest=text.BODY) for line in said)
        assert all(line == text.written(line, "subject", longest=text.SUBJECT) for line in subjects)
        assert not [line for line in said + subjects if "{" in line or "}" in line]
        assert topic.tags == tuple(text.tags(topic.tags, "tags"))
        resources = script.resources(new_id())
        assert tuple(resource.kind for resource in resources) == topic.about[: len(resources)]


def test_addresses_are_plain_and_each_is_used_once() -> None:
    taken: set[str] = set()
    assert names.email("Zoë O'Brien", "fjord.example", taken) == "zoe.obrien@fjord.example"
    assert names.email("Zoe O'Brien", "fjord.example", taken) == "zoe.obrien2@fjord.example"
    for first in names.FIRST:
        for last in names.LAST[:3]:
            local = names.email(f"{first} {last}", "fjord.example", taken).removesuffix("@fjord.example")
            assert local.isascii()
            assert local.replace(".", "").isalnum()
            assert local == local.lower()
