"""Permissions and visibility.

The expected permissions are written here again, independent of models/access/permissions.py.
Visibility in Python must agree with visibility in SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_tickets import RandomTickets
from support.ticket_factory import NOON, limit_examples, ticket, viewer

from models import database
from models.access import permissions
from models.access.permissions import PUBLIC, Permission
from models.access.scopes import MAX_SCOPES, CallerKind, Scope, granted_scopes
from models.access.viewer import ANONYMOUS, SYSTEM, Viewer
from models.access.visibility import (
    can_access_ticket,
    can_see_record,
    can_see_ticket,
    visible_events,
    visible_tickets,
)
from models.core.errors import Forbidden, Unauthenticated
from models.core.ids import new_id
from models.core.paging.pagination import PageRequest
from models.people.token import Token, TokenKind
from models.people.user import ApiClient, Organization, Role, User
from models.queries.tickets import build_ticket_order, list_tickets

pytestmark = pytest.mark.never_retried

CUSTOMERS = {"tickets:read", "tickets:write", "events:read"}
AGENTS = CUSTOMERS | {"notes:read", "notes:write", "users:read"}
ALL_SCOPE_NAMES = AGENTS | {"webhooks:manage", "users:write", "admin"}
MAX_SCOPE_NAMES = {
    "ANONYMOUS": set[str](),
    "CUSTOMER": CUSTOMERS,
    "AGENT": AGENTS,
    "ADMIN": ALL_SCOPE_NAMES,
    "API_CLIENT": ALL_SCOPE_NAMES,
}

EXPECTED: Mapping[str, tuple[str, str | None]] = {
    # permission: callers, required scope (one of them suffices)
    "PUBLIC": ("ANONYMOUS CUSTOMER AGENT ADMIN API_CLIENT", None),
    "AUTHENTICATED": ("CUSTOMER AGENT ADMIN API_CLIENT", None),
    "READ_TICKETS": ("CUSTOMER AGENT ADMIN API_CLIENT", "tickets:read"),
    "READ_ALL_TICKETS": ("AGENT ADMIN API_CLIENT", "tickets:read"),
    "READ_EVENTS": ("CUSTOMER AGENT ADMIN API_CLIENT", "events:read"),
    "READ_PEOPLE": ("AGENT ADMIN API_CLIENT", "users:read"),
    "MANAGE_CUSTOMERS": ("ADMIN API_CLIENT", "users:write"),
    "EDIT_OWN_PROFILE": ("CUSTOMER AGENT ADMIN", None),
    "WRITE_TICKETS": ("CUSTOMER AGENT ADMIN API_CLIENT", "tickets:write"),
    "RATE_TICKETS": ("CUSTOMER", "tickets:write"),
    "WATCH_TICKETS": ("CUSTOMER AGENT ADMIN", "tickets:write"),
    "HANDLE_TICKETS_AS_STAFF": ("AGENT ADMIN API_CLIENT", "tickets:write"),
    "WRITE_NOTES": ("AGENT ADMIN API_CLIENT", "notes:write"),
    "MANAGE_OWN_TOKENS": ("CUSTOMER AGENT ADMIN", None),
    "MANAGE_OWN_SECOND_FACTOR": ("CUSTOMER AGENT ADMIN", None),
    "MANAGE_WALL_SCREENS": ("AGENT ADMIN", None),
    "MANAGE_WEBHOOKS": ("ADMIN API_CLIENT", "webhooks:manage"),
    "USE_OWN_NOTIFICATIONS": ("CUSTOMER AGENT ADMIN", "tickets:read"),
    "MARK_TICKETS_READ": ("CUSTOMER AGENT ADMIN", "tickets:read"),
    "CHANGE_OWN_NOTIFICATIONS": ("CUSTOMER AGENT ADMIN", "tickets:write"),
    "READ_POLICIES": ("AGENT ADMIN API_CLIENT", "tickets:read"),
    "READ_PRESENCE": ("AGENT ADMIN API_CLIENT", "tickets:read"),
    "WRITE_PRESENCE": ("AGENT ADMIN", "tickets:write"),
    "READ_SAVED_VIEWS": ("AGENT ADMIN", "tickets:read"),
    "CHANGE_SAVED_VIEWS": ("AGENT ADMIN", "tickets:write"),
    "WRITE_DRAFTS": ("CUSTOMER AGENT ADMIN", "tickets:write"),
    "PROPOSE_DRAFTS": ("API_CLIENT", "tickets:write"),
    "EXPORT_TICKETS": ("CUSTOMER AGENT ADMIN API_CLIENT", "tickets:read"),
    "READ_OR_CANCEL_JOBS": ("CUSTOMER AGENT ADMIN API_CLIENT", "tickets:write tickets:read"),
    "READ_MACROS": ("AGENT ADMIN", "tickets:read"),
    "CHANGE_MACROS": ("AGENT ADMIN", "tickets:write"),
    "APPLY_MACROS": ("AGENT ADMIN", "tickets:write"),
    "SET_UP_SECOND_FACTOR": ("AGENT ADMIN", None),
    "ADMINISTER": ("ADMIN API_CLIENT", "admin"),
}

SESSION_ONLY = {
    *("MANAGE_OWN_TOKENS", "MANAGE_OWN_SECOND_FACTOR", "MANAGE_WALL_SCREENS"),
    *("EDIT_OWN_PROFILE", "SET_UP_SECOND_FACTOR"),
}


def permissions_by_name() -> dict[str, Permission]:
    return {
        name: value for name, value in vars(permissions).items() if isinstance(value, Permission)
    }


def test_the_expected_table_is_complete() -> None:
    assert set(permissions_by_name()) == set(EXPECTED)
    assert {scope.value for scope in Scope} == ALL_SCOPE_NAMES
    assert {caller.name for caller in CallerKind} == set(MAX_SCOPE_NAMES)


@pytest.mark.parametrize("caller", CallerKind, ids=lambda each: each.name)
def test_a_caller_has_at_most_the_scopes_of_its_kind(caller: CallerKind) -> None:
    assert {scope.value for scope in granted_scopes(caller, ALL_SCOPE_NAMES)} == MAX_SCOPE_NAMES[
        caller.name
    ]
    assert granted_scopes(caller, []) == frozenset()
    assert (
        granted_scopes(caller, ["tickets:read", "no:such"])
        == {Scope.TICKETS_READ} & MAX_SCOPES[caller]
    )


@pytest.mark.parametrize("caller", CallerKind, ids=lambda each: each.name)
@pytest.mark.parametrize("name", EXPECTED)
def test_a_permission_requires_a_listed_caller_and_its_scope(name: str, caller: CallerKind) -> None:
    permission, (callers, scope) = permissions_by_name()[name], EXPECTED[name]
    listed = caller.name in callers.split()
    for held in Scope:
        for scopes in (frozenset({held}), frozenset(Scope) - {held}, frozenset[Scope]()):
            who = Viewer(caller, scopes, token=Token(kind=TokenKind.SESSION))
            held_names = {each.value for each in scopes}
            expected = listed and (scope is None or bool(held_names.intersection(scope.split())))
            if name in SESSION_ONLY - {"SET_UP_SECOND_FACTOR"} and not scopes:
                expected = False  # a session that lacks a required second factor
            assert permission.allows(who) == expected, scopes
            if expected:
                permission.check(who)
                continue
            with pytest.raises(
                Unauthenticated if caller is CallerKind.ANONYMOUS else Forbidden
            ) as refusal:
                permission.check(who)
            assert refusal.value.code == (
                "UNAUTHENTICATED" if caller is CallerKind.ANONYMOUS else "FORBIDDEN"
            )


@pytest.mark.parametrize("name", EXPECTED)
def test_only_a_session_may_manage_tokens(name: str) -> None:
    permission, callers = permissions_by_name()[name], EXPECTED[name][0].split()
    for caller in (CallerKind.CUSTOMER, CallerKind.AGENT, CallerKind.ADMIN):
        signed_in = Viewer(caller, MAX_SCOPES[caller], token=Token(kind=TokenKind.SESSION))
        for program in (
            replace(signed_in, token=Token(kind=TokenKind.API)),
            replace(signed_in, token=None),
        ):
            if name not in SESSION_ONLY:
                assert permission.allows(program) == permission.allows(signed_in)
                continue
            assert permission.allows(signed_in) == (caller.name in callers)
            assert not permission.allows(program)
            with pytest.raises(Forbidden):
                permission.check(program)


def test_the_error_names_the_missing_scope() -> None:
    with pytest.raises(Forbidden, match="notes:write"):
        permissions.WRITE_NOTES.check(Viewer(CallerKind.AGENT, frozenset({Scope.NOTES_READ})))


@pytest.mark.parametrize(
    ("caller", "scopes", "tickets", "notes", "people"),
    [
        (CallerKind.ANONYMOUS, ALL_SCOPE_NAMES, False, False, False),
        (CallerKind.CUSTOMER, ALL_SCOPE_NAMES, False, False, False),
        (CallerKind.AGENT, ALL_SCOPE_NAMES, True, True, True),
        (CallerKind.ADMIN, ALL_SCOPE_NAMES, True, True, True),
        (CallerKind.API_CLIENT, ALL_SCOPE_NAMES, True, True, True),
        (CallerKind.API_CLIENT, {"tickets:read"}, True, False, False),
        (CallerKind.API_CLIENT, {"notes:read"}, False, True, False),
        (CallerKind.API_CLIENT, {"users:read"}, False, False, True),
        (CallerKind.AGENT, {"tickets:write", "notes:write", "admin"}, False, False, False),
    ],
)
def test_caller_and_scopes_decide_on_all_tickets_notes_and_people(
    caller: CallerKind, scopes: set[str], tickets: bool, notes: bool, people: bool
) -> None:
    who = Viewer(caller, frozenset(scope for scope in Scope if scope.value in scopes))
    assert (who.can_see_all_tickets, who.can_see_notes, who.can_see_people) == (
        tickets,
        notes,
        people,
    )


def test_an_api_client_acts_as_agent_and_with_scope_admin_as_admin() -> None:
    assert Viewer(CallerKind.API_CLIENT, frozenset({Scope.TICKETS_WRITE})).role is Role.AGENT
    assert Viewer(CallerKind.API_CLIENT, frozenset({Scope.ADMIN})).role is Role.ADMIN
    assert SYSTEM.role is Role.ADMIN
    assert viewer(Role.CUSTOMER).role is Role.CUSTOMER


def test_the_caller_key_does_not_depend_on_the_token() -> None:
    cora = viewer()
    assert cora.caller_key == replace(cora, scopes=frozenset()).caller_key
    client = ApiClient(display_name="Sync")
    keys = {
        cora.caller_key,
        viewer().caller_key,
        Viewer(CallerKind.API_CLIENT, client=client).caller_key,
        SYSTEM.caller_key,
    }
    assert len(keys) == 4


# --- visibility ---


@limit_examples(120)
@given(
    caller=st.sampled_from(CallerKind),
    scopes=st.sets(st.sampled_from(Scope)),
    own=st.booleans(),
    shared=st.sampled_from([None, UUID(int=1), UUID(int=2)]),
    account=st.sampled_from([None, UUID(int=1), UUID(int=2)]),
)
def test_a_customer_sees_own_tickets_and_those_of_a_shared_account(
    caller: CallerKind, scopes: set[Scope], own: bool, shared: UUID | None, account: UUID | None
) -> None:
    user = User(email="x@example.com", display_name="X")
    who = Viewer(caller, frozenset(scopes), user=user, shared_organization_id=shared)
    there = ticket(requester_id=user.id if own else new_id(), organization_id=account)
    if Scope.TICKETS_READ not in scopes or caller is CallerKind.ANONYMOUS:
        expected = False
    elif caller is CallerKind.CUSTOMER:
        expected = own or (shared is not None and shared == account)
    else:
        expected = True
    assert can_see_ticket(who, there) == expected


@pytest.mark.stress
async def test_visibility_in_python_agrees_with_visibility_in_sql(
    sample: RandomTickets, random: Random
) -> None:
    desk = sample.desk
    accounts = [None, desk.cora.shared_organization_id, new_id()]
    people = [None, *(each.user for each in (*desk.customers, *desk.staff))]
    for _ in range(150):
        who = Viewer(
            random.choice(list(CallerKind)),
            frozenset(random.sample(list(Scope), random.choice([0, 4, 8]))),
            user=random.choice(people),
            shared_organization_id=random.choice(accounts),
        )
        condition = visible_tickets(who)
        rows = await database.fetch_dicts(
            f"SELECT t.number AS number FROM tickets t WHERE {condition.text}", condition.params
        )
        expected = {fact.ticket.number for fact in sample.facts if can_see_ticket(who, fact.ticket)}
        assert {row["number"] for row in rows} == expected, who
        listed = await list_tickets(
            who, None, build_ticket_order(()), PageRequest(100, False, None, None), NOON
        )
        assert {each.number for each in listed.rows} == expected, who


def test_customers_see_themselves_and_users_of_their_shared_account() -> None:
    account = Organization(name="Acme", shared=True)
    cora = User(email="cora@example.com", display_name="Cora", organization_id=account.id)
    carl = User(email="carl@example.com", display_name="Carl", organization_id=account.id)
    other = User(email="olga@example.com", display_name="Olga", organization_id=new_id())
    alone = replace(viewer(user=cora), shared_organization_id=None)
    sharing = replace(alone, shared_organization_id=account.id)
    without_organization = User(email="nobody@example.com", display_name="Nobody")
    assert [can_see_record(alone, each) for each in (cora, carl, other, without_organization)] == [
        True,
        False,
        False,
        False,
    ]
    assert [
        can_see_record(sharing, each) for each in (cora, carl, other, without_organization)
    ] == [
        True,
        True,
        False,
        False,
    ]
    assert can_see_record(alone, account)
    assert not can_see_record(alone, Organization(name="Other"))
    assert not can_see_record(alone, ApiClient(display_name="Sync"))
    for who, expected in [
        (viewer(Role.AGENT), True),
        (viewer(Role.ADMIN), True),
        (SYSTEM, True),
        (ANONYMOUS, False),
    ]:
        assert [can_see_record(who, each) for each in (cora, other, account)] == [expected] * 3


def test_a_token_without_users_read_shows_only_its_owner() -> None:
    machine, other = ApiClient(display_name="Sync"), ApiClient(display_name="Other")
    cora = User(email="cora@example.com", display_name="Cora")
    limited = Viewer(CallerKind.API_CLIENT, frozenset({Scope.TICKETS_READ}), client=machine)
    assert [can_see_record(limited, each) for each in (cora, other, machine)] == [
        False,
        False,
        True,
    ]
    with_people = replace(limited, scopes=frozenset({Scope.USERS_READ}))
    assert [can_see_record(with_people, each) for each in (cora, other, machine)] == [
        True,
        True,
        True,
    ]
    assert can_see_record(limited, Organization(name="Acme"))


@pytest.mark.parametrize("caller", CallerKind, ids=lambda each: each.name)
def test_ticket_access_does_not_depend_on_scopes(caller: CallerKind) -> None:
    user = User(email="x@example.com", display_name="X")
    who = Viewer(caller, frozenset({Scope.TICKETS_WRITE}), user=user)
    staff = caller in (CallerKind.AGENT, CallerKind.ADMIN, CallerKind.API_CLIENT)
    assert can_access_ticket(who, ticket(requester_id=user.id)) == (
        staff or caller is CallerKind.CUSTOMER
    )
    assert can_access_ticket(who, ticket()) == staff
    assert not can_see_ticket(who, ticket(requester_id=user.id))


@pytest.mark.parametrize(
    ("role", "internal"), [(Role.CUSTOMER, False), (Role.AGENT, True), (Role.ADMIN, True)]
)
def test_only_staff_sees_internal_events(role: Role, internal: bool) -> None:
    assert ("e.internal" in visible_events(viewer(role)).text) == (not internal)


# --- tokens ---


def test_anonymous_callers_have_only_public_permission() -> None:
    assert [
        name for name, permission in permissions_by_name().items() if permission.allows(ANONYMOUS)
    ] == ["PUBLIC"]
    assert PUBLIC.allows(ANONYMOUS)


@pytest.mark.parametrize("name", sorted(SESSION_ONLY))
def test_a_providers_jwt_only_edits_the_own_profile_and_only_with_its_scope(name: str) -> None:
    permission = permissions_by_name()[name]
    for caller in (CallerKind.CUSTOMER, CallerKind.AGENT, CallerKind.ADMIN):
        token = Token(kind=TokenKind.SESSION, is_jwt=True)
        full = Viewer(caller, MAX_SCOPES[caller], token=token)
        assert permission.allows(full) == (name == "EDIT_OWN_PROFILE")
        for scopes in (frozenset({Scope.TICKETS_READ}), frozenset[Scope]()):
            limited = replace(full, scopes=scopes)
            assert not permission.allows(limited)
            with pytest.raises(Forbidden):
                permission.check(limited)
