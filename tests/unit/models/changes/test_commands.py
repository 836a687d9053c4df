"""The commands, in memory: the columns that each sets, its events in order, and its refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from support.ticket_factory import NOON, WINDOW, change_of, event_types, ticket, viewer
from support.transitions import TRANSITIONS

from models.access.viewer import SYSTEM, Viewer
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.changes.merges import link_commands, merging
from models.changes.participants import sharing
from models.changes.serialization import serialize_ticket
from models.core.errors import InvalidInput, Refusal, UserErrorCode
from models.core.ids import new_id
from models.log.event import EventType
from models.people.team import Category, Team
from models.people.user import Role, User
from models.sla.inputs import parse_clock_input
from models.tickets import lifecycle
from models.tickets.lifecycle import Action, CloseReason, Priority, Status, TransitionRefused
from models.tickets.link_kind import INVERSE_LINK, LinkKind
from models.tickets.message import MessageKind
from models.tickets.ticket import Ticket, TicketResource

pytestmark = pytest.mark.without_default_policies

CUSTOMER, AGENT = viewer(Role.CUSTOMER), viewer(Role.AGENT)
OPEN = [Status.NEW, Status.OPEN, Status.WAITING_ON_CUSTOMER, Status.ON_HOLD]
ENDED = [Status.RESOLVED, Status.CLOSED]
LATER = NOON + timedelta(hours=1)
each_open = pytest.mark.parametrize("status", OPEN, ids=lambda each: each.name)
each_ended = pytest.mark.parametrize("status", ENDED, ids=lambda each: each.name)


def logged_changes(change: TicketChange, index: int = 0) -> dict[str, object]:
    """The `[from, to]` of each column that an event of the change logs."""
    return {name: list(values) for name, values in change.events[index].changes.items()}


def get_refusal(change: TicketChange, command: Callable[[TicketChange], object]) -> Refusal:
    """The refusal of a command, which must not add an event."""
    with pytest.raises(Refusal) as refusal:
        command(change)
    assert change.events == []
    return refusal.value


def assert_invalid(
    change: TicketChange, command: Callable[[TicketChange], object], code: UserErrorCode, *path: str
) -> None:
    refusal = get_refusal(change, command)
    assert isinstance(refusal, InvalidInput)
    assert (refusal.code, refusal.field) == (code, ["input", *path])


def assert_transition_refused(
    change: TicketChange,
    command: Callable[[TicketChange], object],
    action: Action,
    code: UserErrorCode = UserErrorCode.TRANSITION_REFUSED,
) -> None:
    status = change.ticket.status
    refusal = get_refusal(change, command)
    assert isinstance(refusal, TransitionRefused)
    assert (refusal.code, refusal.status, refusal.action) == (code, status, action)
    assert change.ticket.status is status
    assert change.columns == {}
    assert refusal.allowed == ([] if change.ticket.merged_into_id else change.allowed_actions())


def user(role: Role = Role.AGENT, *, active: bool = True) -> User:
    return User(email="ada@example.com", display_name="Ada", role=role, active=active)


def own_ticket(status: Status, **values: object) -> Ticket:
    """A ticket of CUSTOMER."""
    return ticket(status, requester_id=CUSTOMER.user_id, **values)


def closed(at: datetime = NOON, **values: object) -> Ticket:
    return ticket(Status.CLOSED, close_reason=CloseReason.ABANDONED, closed_at=at, **values)


# --- create ---


def test_create_logs_every_column_that_has_a_value() -> None:
    change = change_of(ticket(priority=Priority.HIGH), CUSTOMER)
    commands.create(change, ["vpn", "mail"], [])
    assert change.creates_ticket
    assert event_types(change) == [EventType.TICKET_CREATED]
    columns = logged_changes(change)
    assert columns["tags"] == [[], ["vpn", "mail"]]
    assert columns["priority"] == [None, "high"]
    assert columns["status"] == [None, "new"]
    assert "held_until" not in columns
    assert "description" not in columns
    assert {name: value[1] for name, value in columns.items() if name != "tags"} == {
        name: value for name, value in serialize_ticket(change.ticket).items() if value is not None
    }


def test_create_without_tags_logs_no_tags() -> None:
    change = change_of(ticket())
    commands.create(change, [], [])
    assert "tags" not in logged_changes(change)


def test_create_keeps_tags_and_resources_for_the_write() -> None:
    change = change_of(ticket())
    resource = TicketResource(ticket_id=change.ticket.id, kind="server", external_id="s-1")
    commands.create(change, ["vpn"], [resource])
    assert change.added_tags == ["vpn"]
    assert change.resources == [resource]


def test_create_accepts_at_most_twenty_tags() -> None:
    commands.create(change_of(ticket()), [f"t{n}" for n in range(20)], [])
    assert_invalid(
        change_of(ticket()),
        lambda change: commands.create(change, [f"t{n}" for n in range(21)], []),
        UserErrorCode.INVALID,
        "tags",
    )


# --- update ---


def test_update_sets_the_given_columns_and_keeps_the_others() -> None:
    change = change_of(ticket())
    commands.update(change, current_tags=[], subject="Mail is down", priority=Priority.URGENT)
    assert event_types(change) == [EventType.TICKET_UPDATED]
    assert logged_changes(change) == {
        "subject": ["VPN is down", "Mail is down"],
        "priority": ["normal", "urgent"],
    }
    assert change.columns == {"subject": "Mail is down", "priority": Priority.URGENT}


def test_update_to_the_present_values_changes_nothing() -> None:
    change = change_of(ticket())
    commands.update(
        change,
        current_tags=["vpn"],
        subject="VPN is down",
        priority=Priority.NORMAL,
        add_tags=["vpn"],
        remove_tags=["mail"],
    )
    assert change.events == []
    assert change.columns == {}
    assert (change.added_tags, change.removed_tags) == ([], [])


def test_update_adds_and_removes_tags() -> None:
    change = change_of(ticket())
    commands.update(
        change, current_tags=["mail", "vpn"], add_tags=["new", "vpn"], remove_tags=["mail"]
    )
    assert logged_changes(change) == {"tags": [["mail", "vpn"], ["vpn", "new"]]}
    assert (change.added_tags, change.removed_tags) == (["new"], ["mail"])


def test_a_tag_that_is_added_and_removed_is_removed() -> None:
    change = change_of(ticket())
    commands.update(
        change, current_tags=["vpn"], add_tags=["vpn", "new"], remove_tags=["vpn", "new"]
    )
    assert logged_changes(change) == {"tags": [["vpn"], []]}
    assert (change.added_tags, change.removed_tags) == ([], ["vpn"])


def test_update_limits_the_tags_that_would_remain() -> None:
    full = [f"t{n}" for n in range(20)]
    commands.update(change_of(ticket()), current_tags=full, add_tags=["new"], remove_tags=["t0"])
    assert_invalid(
        change_of(ticket()),
        lambda change: commands.update(change, current_tags=full, add_tags=["new"]),
        UserErrorCode.INVALID,
        "addTags",
    )


def test_update_sets_and_clears_the_external_key() -> None:
    change = change_of(ticket())
    commands.update(change, current_tags=[], external=("", "key"))
    assert logged_changes(change) == {"external_id": [None, "key"]}
    change = change_of(ticket(external_scope="machine", external_id="key"))
    commands.update(change, current_tags=[], external=("", None))
    assert logged_changes(change) == {
        "external_scope": ["machine", ""],
        "external_id": ["key", None],
    }


def test_a_new_category_transfers_the_ticket_to_its_team() -> None:
    change, team_id = change_of(ticket()), new_id()
    before = change.ticket.team_id
    category = Category(slug="billing", name="Billing", team_id=team_id)
    commands.update(change, current_tags=[], category=category)
    assert event_types(change) == [EventType.TICKET_UPDATED, EventType.TRANSFERRED]
    assert list(logged_changes(change)) == ["category_id"]
    assert logged_changes(change, 1) == {"team_id": [str(before), str(team_id)]}
    assert (change.ticket.category_id, change.ticket.team_id) == (category.id, team_id)


@pytest.mark.parametrize("is_member", [True, False])
def test_a_new_category_drops_an_assignee_outside_its_team(is_member: bool) -> None:
    assignee = new_id()
    change = change_of(ticket(Status.OPEN, assignee_id=assignee))
    category = Category(slug="billing", name="Billing", team_id=new_id())
    commands.update(
        change,
        current_tags=[],
        category=category,
        member_ids=[assignee] if is_member else [new_id()],
    )
    dropped = [] if is_member else [EventType.ASSIGNED]
    assert event_types(change) == [EventType.TICKET_UPDATED, EventType.TRANSFERRED, *dropped]
    assert change.ticket.assignee_id == (assignee if is_member else None)


def test_a_new_category_of_the_same_team_transfers_nothing() -> None:
    change = change_of(ticket())
    commands.update(
        change,
        current_tags=[],
        category=Category(slug="other", name="Other", team_id=change.ticket.team_id),
    )
    assert event_types(change) == [EventType.TICKET_UPDATED]


def test_an_unchanged_category_does_not_transfer_the_ticket_back() -> None:
    change = change_of(ticket())
    category = Category(
        id=change.ticket.category_id, slug="technical", name="Technical", team_id=new_id()
    )
    commands.update(change, current_tags=[], category=category)
    assert change.events == []


# --- assign, transfer ---


def test_the_first_assignment_starts_a_new_ticket() -> None:
    change, ada = change_of(ticket()), user()
    commands.assign(change, ada)
    assert event_types(change) == [EventType.ASSIGNED, EventType.STATUS_CHANGED]
    assert logged_changes(change) == {"assignee_id": [None, str(ada.id)]}
    assert logged_changes(change, 1) == {"status": ["new", "open"]}
    assert change.events[1].value("action") == "start"


@pytest.mark.parametrize("status", [*OPEN[1:], *ENDED], ids=lambda each: each.name)
def test_assigning_leaves_any_other_status(status: Status) -> None:
    change = change_of(ticket(status))
    commands.assign(change, user())
    assert event_types(change) == [EventType.ASSIGNED]
    assert change.ticket.status is status


def test_removing_the_assignee_does_not_start_the_ticket() -> None:
    assignee = new_id()
    change = change_of(ticket(assignee_id=assignee))
    commands.assign(change, None)
    assert event_types(change) == [EventType.ASSIGNED]
    assert logged_changes(change) == {"assignee_id": [str(assignee), None]}
    assert change.ticket.status is Status.NEW


def test_assigning_the_present_assignee_changes_nothing() -> None:
    ada = user()
    for user_record, assignee_id in [(ada, ada.id), (None, None)]:
        change = change_of(ticket(assignee_id=assignee_id))
        commands.assign(change, user_record)
        assert change.events == []


@pytest.mark.parametrize(
    "who", [user(Role.CUSTOMER), user(Role.AGENT, active=False), user(Role.ADMIN, active=False)]
)
def test_only_active_staff_is_assigned(who: User) -> None:
    assert_invalid(
        change_of(ticket()),
        lambda change: commands.assign(change, who),
        UserErrorCode.INVALID,
        "assigneeId",
    )


def test_an_admin_can_be_assigned() -> None:
    change = change_of(ticket())
    commands.assign(change, user(Role.ADMIN))
    assert EventType.ASSIGNED in event_types(change)


@pytest.mark.parametrize("is_member", [True, False])
def test_a_transfer_drops_an_assignee_outside_the_new_team(is_member: bool) -> None:
    assignee, team = new_id(), Team(slug="sales", name="Sales")
    change = change_of(ticket(Status.OPEN, assignee_id=assignee))
    before = change.ticket.team_id
    commands.transfer(change, team, [new_id(), *([assignee] if is_member else [])])
    assert logged_changes(change) == {"team_id": [str(before), str(team.id)]}
    if is_member:
        assert event_types(change) == [EventType.TRANSFERRED]
        assert change.ticket.assignee_id == assignee
    else:
        assert event_types(change) == [EventType.TRANSFERRED, EventType.ASSIGNED]
        assert logged_changes(change, 1) == {"assignee_id": [str(assignee), None]}
        assert change.ticket.assignee_id is None


def test_a_transfer_of_an_unassigned_ticket_logs_one_event() -> None:
    change = change_of(ticket())
    commands.transfer(change, Team(slug="sales", name="Sales"), [])
    assert event_types(change) == [EventType.TRANSFERRED]
    assert change.ticket.status is Status.NEW


def test_a_transfer_to_the_same_team_changes_nothing() -> None:
    change = change_of(ticket(assignee_id=new_id()))
    commands.transfer(change, Team(id=change.ticket.team_id, slug="support", name="Support"), [])
    assert change.events == []


# --- the steps of the life cycle ---

SIMPLE: dict[Action, Callable[[TicketChange], object]] = {
    Action.START: commands.start,
    Action.AWAIT_CUSTOMER: commands.await_customer,
    Action.HOLD: lambda change: commands.hold(change, None),
    Action.RESUME: commands.resume,
    Action.RESOLVE: lambda change: commands.resolve(change, "Switched it on."),
    Action.CLOSE: lambda change: commands.close(change, CloseReason.SPAM),
    Action.REOPEN: lambda change: commands.reopen(change, "It is off again."),
}


@pytest.mark.parametrize("action", Action, ids=lambda each: each.name)
@pytest.mark.parametrize("status", Status, ids=lambda each: each.name)
def test_a_transition_is_logged_once_or_refused(status: Status, action: Action) -> None:
    record = ticket(status, closed_at=NOON if status is Status.CLOSED else None)
    change = change_of(record, at=LATER)
    target = TRANSITIONS[status.name].get(action.name)
    if target is None:
        return assert_transition_refused(change, SIMPLE[action], action)
    SIMPLE[action](change)
    assert event_types(change) == [EventType.STATUS_CHANGED]
    assert logged_changes(change)["status"] == [status.value, Status[target].value]
    assert change.events[0].value("action") == action.value
    assert change.events[0].occurred_at == LATER
    assert not change.events[0].internal
    assert change.ticket.status is Status[target]
    return None


def test_hold_stores_held_until() -> None:
    change = change_of(ticket(Status.OPEN))
    commands.hold(change, LATER)
    assert change.ticket.held_until == LATER
    assert logged_changes(change)["held_until"] == [None, "2026-03-02T13:00:00Z"]


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(microseconds=1)])
def test_hold_refuses_an_instant_that_is_not_in_the_future(until: datetime) -> None:
    assert_invalid(
        change_of(ticket(Status.OPEN)),
        lambda change: commands.hold(change, until),
        UserErrorCode.INVALID,
        "until",
    )


@pytest.mark.parametrize(
    "action",
    [Action.RESUME, Action.AWAIT_CUSTOMER, Action.RESOLVE, Action.CLOSE],
    ids=lambda each: each.name,
)
def test_leaving_a_hold_clears_held_until(action: Action) -> None:
    change = change_of(ticket(Status.ON_HOLD, held_until=LATER))
    SIMPLE[action](change)
    assert change.ticket.held_until is None
    assert logged_changes(change)["held_until"] == ["2026-03-02T13:00:00Z", None]


def test_resolve_stores_and_logs_the_resolution() -> None:
    change = change_of(ticket(Status.OPEN), at=LATER)
    commands.resolve(change, "Switched it on.")
    assert (change.ticket.resolution, change.ticket.resolved_at) == ("Switched it on.", LATER)
    assert change.events[0].value("comment") == "Switched it on."
    assert set(logged_changes(change)) == {
        "status",
        "resolution",
        "resolved_at",
        "first_responded_at",
    }


def test_a_resolution_is_the_first_response_unless_the_team_has_replied() -> None:
    silent = change_of(ticket(Status.OPEN), at=LATER)
    commands.resolve(silent, "Switched it on.")
    assert silent.ticket.first_responded_at == LATER
    replied = change_of(ticket(Status.OPEN, first_responded_at=NOON), at=LATER)
    commands.resolve(replied, "Switched it on.")
    assert replied.ticket.first_responded_at == NOON
    assert "first_responded_at" not in logged_changes(replied)


@pytest.mark.parametrize("reason", CloseReason, ids=lambda each: each.name)
def test_only_closing_as_resolved_resolves_an_open_ticket(reason: CloseReason) -> None:
    change = change_of(ticket(Status.OPEN), at=LATER)
    commands.close(change, reason)
    at = LATER if reason is CloseReason.RESOLVED else None
    assert (change.ticket.resolved_at, change.ticket.first_responded_at) == (at, at)


@pytest.mark.parametrize("until", [None, NOON + timedelta(days=2)])
def test_holding_again_moves_only_the_end_of_the_hold(until: datetime | None) -> None:
    held = ticket(Status.ON_HOLD, held_until=NOON + timedelta(days=1), status_since=NOON)
    change = change_of(held, at=LATER)
    commands.hold(change, until)
    assert change.ticket.held_until == until
    assert change.ticket.status_since == NOON
    assert set(change.columns) == {"held_until"}
    assert event_types(change) == [EventType.STATUS_CHANGED]
    assert logged_changes(change)["status"] == ["on_hold", "on_hold"]
    assert parse_clock_input(change.events[0]) is None


@pytest.mark.parametrize("status", Status, ids=lambda each: each.name)
def test_customers_are_allowed_only_the_actions_of_customers(status: Status) -> None:
    record = ticket(status, closed_at=NOON if status is Status.CLOSED else None)
    team, customers = (change_of(record, by).allowed_actions() for by in (AGENT, CUSTOMER))
    assert team == lifecycle.list_allowed_actions(status)
    assert customers == [action for action in team if action in (Action.CLOSE, Action.REOPEN)]
    with pytest.raises(TransitionRefused) as refusal:
        change_of(record, CUSTOMER).transition(
            Action.START if status is not Status.NEW else Action.RESUME
        )
    assert refusal.value.allowed == customers


# --- close ---


@each_open
@pytest.mark.parametrize("reason", CloseReason, ids=lambda each: each.name)
def test_an_agent_closes_an_unresolved_ticket_with_any_reason(
    status: Status, reason: CloseReason
) -> None:
    change = change_of(ticket(status), AGENT, at=LATER)
    commands.close(change, reason)
    assert event_types(change) == [EventType.STATUS_CHANGED]
    assert (change.ticket.close_reason, change.ticket.closed_at) == (reason, LATER)
    assert logged_changes(change)["close_reason"] == [None, reason.value]


@each_open
@pytest.mark.parametrize(
    "by", [AGENT, viewer(Role.ADMIN), SYSTEM], ids=["agent", "admin", "system"]
)
def test_closing_an_unresolved_ticket_needs_a_reason(status: Status, by: Viewer) -> None:
    assert_invalid(
        change_of(ticket(status), by),
        lambda change: commands.close(change, None),
        UserErrorCode.REQUIRED,
        "reason",
    )


@pytest.mark.parametrize("by", [AGENT, CUSTOMER, SYSTEM], ids=["agent", "customer", "system"])
def test_closing_a_resolved_ticket_confirms_it(by: Viewer) -> None:
    change = change_of(ticket(Status.RESOLVED, resolution="Done", resolved_at=NOON), by, at=LATER)
    commands.close(change, None)
    assert change.ticket.close_reason is CloseReason.RESOLVED
    assert (change.ticket.resolution, change.ticket.resolved_at) == ("Done", NOON)


@each_open
@pytest.mark.parametrize("reason", [None, CloseReason.WITHDRAWN])
def test_a_customer_withdraws_an_unresolved_ticket(
    status: Status, reason: CloseReason | None
) -> None:
    change = change_of(ticket(status), CUSTOMER)
    commands.close(change, reason)
    assert change.ticket.close_reason is CloseReason.WITHDRAWN


@pytest.mark.parametrize("status", [*OPEN, Status.RESOLVED], ids=lambda each: each.name)
def test_a_customer_can_give_no_other_reason(status: Status) -> None:
    own = CloseReason.RESOLVED if status is Status.RESOLVED else CloseReason.WITHDRAWN
    for reason in set(CloseReason) - {own}:
        change = change_of(ticket(status), CUSTOMER)
        assert_invalid(
            change,
            lambda change, reason=reason: commands.close(change, reason),
            UserErrorCode.INVALID,
            "reason",
        )


@pytest.mark.parametrize("by", [AGENT, CUSTOMER], ids=["agent", "customer"])
@pytest.mark.parametrize("reason", [None, CloseReason.SPAM])
def test_a_closed_ticket_is_not_closed_again_whatever_the_reason(
    by: Viewer, reason: CloseReason | None
) -> None:
    assert_transition_refused(
        change_of(closed(), by), lambda change: commands.close(change, reason), Action.CLOSE
    )


# --- reopen ---


@each_ended
def test_reopen_clears_the_resolution_and_close_reason(status: Status) -> None:
    record = ticket(
        status,
        resolution="Done",
        resolved_at=NOON,
        close_reason=CloseReason.RESOLVED,
        closed_at=NOON,
    )
    change = change_of(record, at=LATER)
    commands.reopen(change, "It is off again.")
    assert change.ticket.status is Status.OPEN
    ends = ("resolution", "resolved_at", "close_reason", "closed_at")
    assert [getattr(change.ticket, name) for name in ends] == [None] * 4
    assert set(logged_changes(change)) == {"status", *ends}
    assert change.events[0].value("comment") == "It is off again."


def test_reopen_is_allowed_in_the_last_moment_of_the_window() -> None:
    change = change_of(closed(), at=NOON + WINDOW)
    commands.reopen(change, None)
    assert change.ticket.status is Status.OPEN


def test_reopen_is_refused_after_the_window() -> None:
    late = change_of(closed(), at=NOON + WINDOW + timedelta(microseconds=1))
    assert_transition_refused(
        late,
        lambda change: commands.reopen(change, "again"),
        Action.REOPEN,
        UserErrorCode.REOPEN_WINDOW_PASSED,
    )


def test_a_merged_ticket_is_not_reopened() -> None:
    change = change_of(closed(merged_into_id=new_id()))
    assert_transition_refused(
        change, lambda change: commands.reopen(change, "again"), Action.REOPEN
    )
    assert change.allowed_actions() == []


# --- escalate, rate ---


@each_open
def test_escalate_raises_the_level_by_one(status: Status) -> None:
    change = change_of(ticket(status, escalation_level=2), CUSTOMER)
    commands.escalate(change, "too slow")
    assert event_types(change) == [EventType.ESCALATED]
    assert logged_changes(change) == {"escalation_level": [2, 3]}
    assert change.events[0].value("reason") == "too slow"


@each_ended
def test_a_resolved_or_closed_ticket_is_not_escalated(status: Status) -> None:
    assert_invalid(
        change_of(ticket(status)),
        lambda change: commands.escalate(change, "too slow"),
        UserErrorCode.INVALID,
        "ticketId",
    )


@each_ended
@pytest.mark.parametrize("score", [1, 5])
def test_a_resolved_or_closed_ticket_is_rated(status: Status, score: int) -> None:
    change = change_of(own_ticket(status), CUSTOMER, at=LATER)
    rating.rate(change, score, "fine")
    assert event_types(change) == [EventType.RATED]
    rated = change.ticket
    assert (rated.satisfaction_score, rated.satisfaction_comment, rated.rated_at) == (
        score,
        "fine",
        LATER,
    )
    assert (change.events[0].value("score"), change.events[0].value("comment")) == (score, "fine")


def test_rating_again_replaces_score_and_comment() -> None:
    change = change_of(
        own_ticket(Status.CLOSED, satisfaction_score=1, satisfaction_comment="bad", rated_at=NOON),
        CUSTOMER,
        at=LATER,
    )
    rating.rate(change, 4, None)
    assert logged_changes(change)["satisfaction_score"] == [1, 4]
    assert logged_changes(change)["satisfaction_comment"] == ["bad", None]


@pytest.mark.parametrize("score", [0, 6, -1])
def test_a_score_is_one_to_five(score: int) -> None:
    assert_invalid(
        change_of(own_ticket(Status.CLOSED), CUSTOMER),
        lambda change: rating.rate(change, score, None),
        UserErrorCode.INVALID,
        "score",
    )


@each_open
def test_an_open_ticket_is_not_rated(status: Status) -> None:
    assert_invalid(
        change_of(own_ticket(status), CUSTOMER),
        lambda change: rating.rate(change, 5, None),
        UserErrorCode.INVALID,
        "ticketId",
    )


@pytest.mark.parametrize("by", [viewer(Role.CUSTOMER), AGENT, viewer(Role.ADMIN), SYSTEM])
def test_only_the_requester_rates(by: Viewer) -> None:
    assert_invalid(
        change_of(own_ticket(Status.RESOLVED), by),
        lambda change: rating.rate(change, 5, None),
        UserErrorCode.INVALID,
        "ticketId",
    )


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMIN])
def test_staff_do_not_rate_their_own_tickets(role: Role) -> None:
    by = viewer(role)
    assert_invalid(
        change_of(ticket(Status.RESOLVED, requester_id=by.user_id), by),
        lambda change: rating.rate(change, 5, None),
        UserErrorCode.INVALID,
        "ticketId",
    )


@pytest.mark.parametrize("reason", CloseReason, ids=lambda each: each.name)
def test_a_ticket_closed_as_duplicate_spam_or_invalid_is_not_rated(reason: CloseReason) -> None:
    change = change_of(own_ticket(Status.CLOSED, close_reason=reason), CUSTOMER)
    if reason in (CloseReason.DUPLICATE, CloseReason.SPAM, CloseReason.INVALID):
        assert_invalid(
            change,
            lambda change: rating.rate(change, 5, None),
            UserErrorCode.INVALID,
            "ticketId",
        )
    else:
        rating.rate(change, 5, None)
        assert event_types(change) == [EventType.RATED]


def test_a_reopened_ticket_keeps_its_last_rating() -> None:
    change = change_of(own_ticket(Status.RESOLVED, satisfaction_score=2), CUSTOMER)
    commands.reopen(change, "It is off again.")
    assert change.ticket.satisfaction_score == 2


# --- watch, link ---


def test_watch_logs_the_watchers() -> None:
    change, first, second = change_of(ticket()), UUID(int=1), UUID(int=2)
    sharing.watch(change, first, [second])
    assert event_types(change) == [EventType.TICKET_UPDATED]
    assert logged_changes(change) == {"watchers": [[str(second)], [str(first), str(second)]]}
    assert change.added_watchers == [first]


def test_unwatch_logs_the_remaining_watchers() -> None:
    change, first, second = change_of(ticket()), UUID(int=1), UUID(int=2)
    sharing.unwatch(change, first, [second, first])
    assert logged_changes(change) == {"watchers": [[str(first), str(second)], [str(second)]]}
    assert change.removed_watchers == [first]


@pytest.mark.parametrize(
    ("command", "watchers"), [(sharing.watch, [UUID(int=1)]), (sharing.unwatch, [UUID(int=2)])]
)
def test_watch_and_unwatch_without_effect_log_nothing(
    command: Callable[[TicketChange, UUID, Sequence[UUID]], None], watchers: list[UUID]
) -> None:
    change = change_of(ticket())
    command(change, UUID(int=1), watchers)
    assert change.events == []
    assert (change.added_watchers, change.removed_watchers) == ([], [])


@pytest.mark.parametrize("kind", LinkKind, ids=lambda each: each.name)
def test_a_link_is_stored_in_both_directions(kind: LinkKind) -> None:
    change, other = change_of(ticket()), change_of(ticket())
    link_commands.link(change, other, kind)
    assert event_types(change) == event_types(other) == [EventType.LINKED]
    assert change.events[0].value("kind") == kind.value
    assert change.events[0].value("other_id") == str(other.ticket.id)
    assert other.events[0].value("kind") == INVERSE_LINK[kind].value
    assert other.events[0].value("other_id") == str(change.ticket.id)
    assert [
        (link.ticket_id, link.other_id, link.kind) for link in (*change.links, *other.links)
    ] == [
        (change.ticket.id, other.ticket.id, kind),
        (other.ticket.id, change.ticket.id, INVERSE_LINK[kind]),
    ]


@pytest.mark.parametrize("kind", LinkKind, ids=lambda each: each.name)
def test_an_inverse_of_an_inverse_is_the_link_itself(kind: LinkKind) -> None:
    assert INVERSE_LINK[INVERSE_LINK[kind]] is kind


def test_linking_linked_tickets_changes_nothing() -> None:
    change, other = change_of(ticket()), change_of(ticket())
    link_commands.link(change, other, LinkKind.RELATED, existing=[LinkKind.RELATED])
    assert change.events == other.events == []


CONTRADICTIONS = [
    {LinkKind.DUPLICATE_OF, LinkKind.DUPLICATED_BY, LinkKind.PARENT_OF, LinkKind.CHILD_OF},
    {LinkKind.FOLLOW_UP_OF, LinkKind.FOLLOWED_UP_BY},
]


@pytest.mark.parametrize("present", LinkKind, ids=lambda each: each.name)
@pytest.mark.parametrize("kind", LinkKind, ids=lambda each: each.name)
def test_a_link_that_contradicts_a_present_one_is_refused(
    kind: LinkKind, present: LinkKind
) -> None:
    change, other = change_of(ticket()), change_of(ticket())
    if kind is not present and any({kind, present} <= each for each in CONTRADICTIONS):
        assert_invalid(
            change,
            lambda change: link_commands.link(change, other, kind, existing=[present]),
            UserErrorCode.INVALID,
            "kind",
        )
        assert other.events == []
    else:
        link_commands.link(change, other, kind, existing=[present])
        assert len(change.links) == len(other.links) == (0 if kind is present else 1)


def test_a_link_that_closes_a_cycle_is_refused() -> None:
    other = change_of(ticket())
    assert_invalid(
        change_of(ticket()),
        lambda change: link_commands.link(change, other, LinkKind.PARENT_OF, closes_cycle=True),
        UserErrorCode.INVALID,
        "otherId",
    )
    assert other.events == []


@pytest.mark.parametrize("kind", LinkKind, ids=lambda each: each.name)
def test_unlinking_removes_both_directions(kind: LinkKind) -> None:
    change, other = change_of(ticket()), change_of(ticket())
    link_commands.unlink(change, other, {kind})
    assert event_types(change) == event_types(other) == [EventType.UNLINKED]
    assert change.removed_links == [(other.ticket.id, kind)]
    assert other.removed_links == [(change.ticket.id, INVERSE_LINK[kind])]
    assert change.events[0].value("kind") == kind.value
    assert other.events[0].value("other_id") == str(change.ticket.id)


def test_a_ticket_is_not_unlinked_from_itself() -> None:
    assert_invalid(
        change_of(ticket()),
        lambda change: link_commands.unlink(change, change, set(LinkKind)),
        UserErrorCode.INVALID,
        "otherId",
    )


def test_a_ticket_is_not_linked_to_itself() -> None:
    assert_invalid(
        change_of(ticket()),
        lambda change: link_commands.link(change, change, LinkKind.RELATED),
        UserErrorCode.INVALID,
        "otherId",
    )


def test_a_follow_up_is_linked_to_the_original_ticket() -> None:
    change, older = change_of(ticket()), change_of(closed())
    commands.create(change, [], [])
    link_commands.follow_up(change, older)
    assert event_types(change) == [EventType.TICKET_CREATED, EventType.LINKED]
    assert change.events[1].value("kind") == "follow_up_of"
    assert older.events[0].value("kind") == "followed_up_by"


# --- merge ---


@pytest.mark.parametrize("status", [*OPEN, Status.RESOLVED], ids=lambda each: each.name)
def test_merging_closes_a_ticket_as_a_duplicate(status: Status) -> None:
    change = change_of(ticket(status), at=LATER)
    into = change_of(ticket(Status.OPEN, requester_id=change.ticket.requester_id), at=LATER)
    merging.merge(change, into, [])
    assert event_types(change) == [EventType.MERGED, EventType.STATUS_CHANGED]
    assert event_types(into) == [EventType.MERGED]
    gone = change.ticket
    assert (gone.status, gone.close_reason, gone.closed_at) == (
        Status.CLOSED,
        CloseReason.DUPLICATE,
        LATER,
    )
    assert gone.merged_into_id == into.ticket.id
    assert change.events[0].value("into_id") == str(into.ticket.id)
    assert into.events[0].value("from_id") == str(gone.id)
    assert logged_changes(into) == {}
    assert into.ticket.status is Status.OPEN


def test_merging_a_closed_ticket_keeps_closed_at() -> None:
    change = change_of(closed(), at=LATER)
    into = change_of(ticket(requester_id=change.ticket.requester_id))
    merging.merge(change, into, [])
    assert event_types(change) == [EventType.MERGED]
    assert logged_changes(change) == {
        "merged_into_id": [None, str(into.ticket.id)],
        "close_reason": ["abandoned", "duplicate"],
    }
    assert change.ticket.closed_at == NOON


def test_tickets_merged_into_a_merged_ticket_move_along() -> None:
    change = change_of(ticket())
    requester_id = change.ticket.requester_id
    into = change_of(ticket(requester_id=requester_id))
    earlier = change_of(closed(merged_into_id=change.ticket.id, requester_id=requester_id))
    merging.merge(change, into, [earlier])
    assert earlier.ticket.merged_into_id == into.ticket.id
    assert event_types(earlier) == [EventType.MERGED]
    assert logged_changes(earlier)["merged_into_id"] == [str(change.ticket.id), str(into.ticket.id)]


def test_a_ticket_is_not_merged_into_itself() -> None:
    assert_invalid(
        change_of(ticket()),
        lambda change: merging.merge(change, change, []),
        UserErrorCode.INVALID,
        "intoId",
    )


def test_a_merged_ticket_is_not_merged_again() -> None:
    into = change_of(ticket())
    assert_transition_refused(
        change_of(closed(merged_into_id=new_id())),
        lambda change: merging.merge(change, into, []),
        Action.CLOSE,
    )
    assert into.events == []


def test_nothing_is_merged_into_a_merged_ticket() -> None:
    into = change_of(closed(merged_into_id=new_id()))
    assert_invalid(
        change_of(ticket()),
        lambda change: merging.merge(change, into, []),
        UserErrorCode.INVALID,
        "intoId",
    )
    assert into.events == []


# --- reply, note ---


def test_an_agents_first_reply_starts_a_ticket_and_is_its_first_response() -> None:
    change = change_of(ticket(), AGENT, at=LATER)
    message = commands.reply(change, "Is the light on?", is_from_customer=False)
    assert event_types(change) == [EventType.REPLY_ADDED, EventType.STATUS_CHANGED]
    assert logged_changes(change) == {"first_responded_at": [None, "2026-03-02T13:00:00Z"]}
    assert (change.ticket.status, change.ticket.first_responded_at) == (Status.OPEN, LATER)
    assert (message.kind, message.body, message.author_user_id) == (
        MessageKind.REPLY,
        "Is the light on?",
        AGENT.user_id,
    )
    assert change.messages == [message]
    assert change.events[0].message_id == message.id
    assert change.events[1].message_id is None


def test_an_agents_next_reply_leaves_the_first_response() -> None:
    change = change_of(ticket(Status.OPEN, first_responded_at=NOON), AGENT, at=LATER)
    commands.reply(change, "And now?", is_from_customer=False)
    assert event_types(change) == [EventType.REPLY_ADDED]
    assert logged_changes(change) == {}
    assert change.ticket.first_responded_at == NOON


@pytest.mark.parametrize("status", [*OPEN[1:], Status.RESOLVED], ids=lambda each: each.name)
def test_an_agents_reply_leaves_any_other_status(status: Status) -> None:
    change = change_of(
        ticket(status, held_until=LATER if status is Status.ON_HOLD else None), AGENT
    )
    commands.reply(change, "Hello", is_from_customer=False)
    assert event_types(change) == [EventType.REPLY_ADDED]
    assert change.ticket.status is status


def test_an_agents_reply_to_a_closed_ticket_is_refused() -> None:
    change = change_of(closed(), AGENT)
    refusal = get_refusal(
        change, lambda change: commands.reply(change, "Hello", is_from_customer=False)
    )
    assert isinstance(refusal, TransitionRefused)
    assert refusal.code is UserErrorCode.TRANSITION_REFUSED
    assert refusal.allowed == [Action.REOPEN]
    assert change.messages == []


def test_a_customers_reply_resumes_a_waiting_ticket() -> None:
    change = change_of(ticket(Status.WAITING_ON_CUSTOMER), CUSTOMER)
    commands.reply(change, "Here I am", is_from_customer=True)
    assert event_types(change) == [EventType.REPLY_ADDED, EventType.STATUS_CHANGED]
    assert change.events[1].value("action") == "resume"
    assert change.ticket.status is Status.OPEN


@each_ended
def test_a_customers_reply_reopens_a_resolved_or_closed_ticket(status: Status) -> None:
    change = change_of(
        ticket(status, closed_at=NOON if status is Status.CLOSED else None), CUSTOMER, at=LATER
    )
    commands.reply(change, "It is off again", is_from_customer=True)
    assert event_types(change) == [EventType.REPLY_ADDED, EventType.STATUS_CHANGED]
    assert change.events[1].value("action") == "reopen"
    assert (change.ticket.status, change.ticket.closed_at) == (Status.OPEN, None)


@pytest.mark.parametrize(
    "status", [Status.NEW, Status.OPEN, Status.ON_HOLD], ids=lambda each: each.name
)
def test_a_customers_reply_leaves_any_other_status_and_is_no_response(status: Status) -> None:
    change = change_of(ticket(status), CUSTOMER)
    commands.reply(change, "Still down", is_from_customer=True)
    assert event_types(change) == [EventType.REPLY_ADDED]
    assert (change.ticket.status, change.ticket.first_responded_at) == (status, None)


def test_a_customers_reply_after_the_window_is_refused() -> None:
    change = change_of(closed(), CUSTOMER, at=NOON + WINDOW + timedelta(seconds=1))
    with pytest.raises(TransitionRefused) as refusal:
        commands.reply(change, "It is off again", is_from_customer=True)
    assert refusal.value.code is UserErrorCode.REOPEN_WINDOW_PASSED


@pytest.mark.parametrize("is_from_customer", [True, False])
def test_a_merged_ticket_takes_no_replies(is_from_customer: bool) -> None:
    change = change_of(closed(merged_into_id=new_id()))
    assert_transition_refused(
        change,
        lambda change: commands.reply(change, "Hello", is_from_customer=is_from_customer),
        Action.REOPEN,
    )
    assert change.messages == []


@pytest.mark.parametrize(
    ("status", "into"), [*((status, None) for status in Status), (Status.CLOSED, UUID(int=1))]
)
def test_a_note_can_always_be_added_and_is_internal(status: Status, into: UUID | None) -> None:
    change = change_of(ticket(status, merged_into_id=into))
    message = commands.add_note(change, "not for customers")
    assert event_types(change) == [EventType.NOTE_ADDED]
    assert change.events[0].internal
    assert (message.kind, change.ticket.status) == (MessageKind.NOTE, status)
    assert (change.ticket.first_responded_at, logged_changes(change)) == (None, {})


def test_a_reply_is_not_internal() -> None:
    change = change_of(ticket())
    commands.reply(change, "Hello", is_from_customer=True)
    assert [event.internal for event in change.events] == [False]


def test_events_have_the_actor() -> None:
    by_user, by_system = change_of(ticket(), AGENT), change_of(ticket(), SYSTEM)
    commands.start(by_user)
    commands.start(by_system)
    assert (by_user.events[0].actor_user_id, by_user.events[0].actor_client_id) == (
        AGENT.user_id,
        None,
    )
    assert (by_system.events[0].actor_user_id, by_system.events[0].actor_client_id) == (None, None)
