"""Generated tickets: their events agree with them, and their times lie in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from support.seed import random_for

from demo.dataset import DatasetGenerator, choose_creation_times
from demo.history import History, collect_events
from demo.people import People, build_company
from demo.texts.names import choose_person_name
from demo.ticket_generator import Probabilities, TicketSpec
from models.people.team import DEFAULT_CATEGORIES, DEFAULT_TEAMS, Category, Team
from models.people.user import ApiClient, Organization, Role, User
from models.sla.policy_set import PolicySet
from models.tickets.lifecycle import CloseReason, Status
from models.tickets.message import MessageKind

pytestmark = pytest.mark.stress

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PERIOD = timedelta(days=90)
FIRST_NUMBER = 1001
PROBABILITIES = Probabilities(
    follow_up=0.1,
    duplicate=0.1,
    link=0.1,
    spam=0.1,
    alert=0.2,
    wrong_category=0.2,
    transfer=0.2,
    call=0.2,
)


def build_people(random: Random) -> People:
    teams = {slug: Team(slug=slug, name=name) for slug, name in DEFAULT_TEAMS}
    categories: dict[str, Category] = {}
    for slug, name, team in DEFAULT_CATEGORIES:
        categories[slug] = Category(slug=slug, name=name, team_id=teams[team].id)
    agents = {team.id: [build_agent(random) for _ in range(3)] for team in teams.values()}
    companies = [build_company(random, NOW - PERIOD, set()) for _ in range(4)]
    monitoring = ApiClient(display_name="Monitoring")
    policies = PolicySet([], {})
    return People(companies, agents, list(teams.values()), categories, monitoring, policies)


def build_agent(random: Random) -> User:
    return User(display_name=choose_person_name(random), role=Role.AGENT)


def generate(
    random: Random,
    people: People | None = None,
    count: int = 150,
    probabilities: Probabilities = PROBABILITIES,
) -> list[History]:
    generator = DatasetGenerator(random, people or build_people(random), NOW, probabilities)
    numbers = range(FIRST_NUMBER, FIRST_NUMBER + count)
    return generator.generate_histories(numbers, choose_creation_times(count, PERIOD, NOW, random))


@pytest.fixture(scope="module")
def histories() -> list[History]:
    """Enough tickets that some of them are merged, and some linked."""
    return generate(random_for("histories"), count=300)


def replay_events(history: History) -> dict[str, object]:
    """Return the ticket's columns as its events set them."""
    columns: dict[str, object] = {}
    for event in history.events:
        columns.update({name: change[1] for name, change in event.changes.items()})
    return columns


@pytest.mark.parametrize("part", range(2))
def test_each_number_has_one_ticket_that_agrees_with_its_events(random: Random, part: int) -> None:
    histories = generate(random)
    numbers = [history.ticket.number for history in histories]
    assert numbers == list(range(FIRST_NUMBER, FIRST_NUMBER + 150))
    for history in histories:
        columns = replay_events(history)
        assert columns["status"] == history.ticket.status.value
        assert columns["subject"] == history.ticket.subject
        assert columns.get("tags", []) == history.tags
        assert columns.get("watchers", []) == sorted(map(str, history.watchers))


@pytest.mark.parametrize("part", range(2))
def test_events_are_in_order_and_lie_in_the_past(random: Random, part: int) -> None:
    for history in generate(random):
        times = {event.version: event.occurred_at for event in history.events}
        assert list(times) == list(range(1, history.ticket.version + 1)), "one version per step"
        assert list(times.values()) == sorted(set(times.values())), "times increase"
        assert all(times[event.version] == event.occurred_at for event in history.events)
        assert times[1] == history.ticket.created_at
        assert times[history.ticket.version] == history.ticket.updated_at <= NOW


def test_each_message_has_an_event(random: Random) -> None:
    for history in generate(random):
        logged = [event.message_id for event in history.events if event.message_id is not None]
        assert logged == [message.id for message in history.messages]
        assert all(message.ticket_id == history.ticket.id for message in history.messages)


def test_customers_change_only_tickets_that_they_can_see(random: Random) -> None:
    people = build_people(random)
    organizations: dict[UUID, Organization] = {}
    for company in people.companies:
        organizations.update({member.id: company.organization for member in company.members})
    for history in generate(random, people, count=300):
        ticket = history.ticket
        for event in history.events:
            organization = organizations.get(event.actor_user_id) if event.actor_user_id else None
            if organization is not None and event.actor_user_id != ticket.requester_id:
                assert organization.shared
                assert organization.id == ticket.organization_id
        notes = [message for message in history.messages if message.kind is MessageKind.NOTE]
        assert not {note.author_user_id for note in notes} & set(organizations)


def test_the_timers_have_nothing_to_do_at_once(histories: list[History]) -> None:
    """Otherwise the timers would change many tickets right after the first start."""
    for history in histories:
        ticket = history.ticket
        if ticket.held_until is not None:
            assert ticket.status is Status.ON_HOLD
            assert ticket.held_until > NOW
        if ticket.status is Status.RESOLVED:
            assert ticket.resolved_at is not None
            assert NOW - ticket.resolved_at < timedelta(days=7)


def test_a_duplicate_is_merged_into_the_ticket_with_the_previous_number(
    histories: list[History],
) -> None:
    numbers = {history.ticket.id: history.ticket.number for history in histories}
    tickets = [history.ticket for history in histories if history.ticket.merged_into_id is not None]
    assert tickets
    for ticket in tickets:
        assert (ticket.status, ticket.close_reason) == (Status.CLOSED, CloseReason.DUPLICATE)
        assert ticket.merged_into_id is not None
        assert numbers[ticket.merged_into_id] == ticket.number - 1


def test_each_link_has_its_inverse(histories: list[History]) -> None:
    links = [link for history in histories for link in history.links]
    pairs = {(link.ticket_id, link.other_id) for link in links}
    assert pairs
    assert len(pairs) == len(links)
    assert all((other_id, ticket_id) in pairs for ticket_id, other_id in pairs)


def test_tickets_have_a_believable_variety(random: Random) -> None:
    histories = generate(random, count=600, probabilities=Probabilities())
    closed_or_resolved = sum(not history.ticket.is_open for history in histories)
    assert 0.55 < closed_or_resolved / len(histories) < 0.75
    assert {history.ticket.status for history in histories} == set(Status)
    assert {history.ticket.priority for history in histories} == {1, 2, 3, 4}
    assert len({history.ticket.subject for history in histories}) > 300
    recent = sum(NOW - history.ticket.created_at < PERIOD / 4 for history in histories)
    assert recent > len(histories) / 3


def read_texts(histories: list[History]) -> list[object]:
    return [
        (
            history.ticket.subject,
            history.ticket.updated_at,
            history.tags,
            [message.body for message in history.messages],
        )
        for history in histories
    ]


def test_the_same_seed_gives_the_same_tickets() -> None:
    first = read_texts(generate(random_for("first")))
    assert read_texts(generate(random_for("first"))) == first
    assert read_texts(generate(random_for("second"))) != first


def test_a_ticket_with_a_spec_meets_it(random: Random) -> None:
    people = build_people(random)
    company, team_id = people.companies[2], people.categories["billing"].team_id
    requester, agent = company.members[1], people.agents[team_id][1]
    specs: dict[int, TicketSpec] = {}
    for index, status in enumerate(Status, 10):
        specs[index] = TicketSpec(company, requester, agent, "billing", status=status)
    generator = DatasetGenerator(random, people, NOW, Probabilities(duplicate=1, follow_up=1))
    times = choose_creation_times(40, PERIOD, NOW, random)
    histories = generator.generate_histories(range(40), times, specs)
    for index, spec in specs.items():
        ticket = histories[index].ticket
        assert ticket.status is spec.status
        assert ticket.requester_id == requester.id
        assert ticket.team_id == team_id


def test_events_of_all_tickets_are_collected_in_order(random: Random) -> None:
    times = [event.occurred_at for event in collect_events(generate(random))]
    assert times == sorted(times)
