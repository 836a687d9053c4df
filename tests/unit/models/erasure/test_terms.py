"""What identifies a person in the texts of others, and where it is replaced."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from models.core.hydration import new_record
from models.core.ids import new_id
from models.erasure.event_texts import EventRules, find_removed_tags
from models.erasure.terms import Terms
from models.log.event import Event, EventType

PERSON, OTHER = new_id(), new_id()
TERMS = Terms("cora@example.com", "Cora Li")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear Cora Li, hello", "Dear [erased], hello"),
        ("Mail CORA@Example.COM.", "Mail [erased]."),
        ("<cora@example.com>", "<[erased]>"),
        ("cora@example.com.au", "cora@example.com.au"),
        ("acora@example.com x.cora@example.com", "acora@example.com x.cora@example.com"),
        ("cora@example.company", "cora@example.company"),
        ("Cora Lima and McCora Li", "Cora Lima and McCora Li"),
        ("cora li", "cora li"),
        ("_cora@example.com_ *cora@example.com*", "_[erased]_ *[erased]*"),
        ("联系cora@example.com吧", "联系[erased]吧"),
        (
            "see ...cora@example.com -cora@example.com- .cora@example.com",
            "see ...[erased] -[erased]- .[erased]",
        ),
        (
            "a_cora@example.com a-cora@example.com a+cora@example.com",
            "a_cora@example.com a-cora@example.com a+cora@example.com",
        ),
        ("cora@example.com-x.org", "cora@example.com-x.org"),
        ("_Cora Li_ 様Cora Li様", "_[erased]_ 様[erased]様"),
        ("Cora Lić", "Cora Lić"),
        ("", ""),
    ],
)
def test_terms_are_replaced_as_whole_words(text: str, expected: str) -> None:
    assert TERMS.replace(text) == expected
    assert TERMS.occur_in(text) is (text != expected)


def test_the_verification_finds_more_than_is_replaced() -> None:
    for text in ("cora li", "CORA LI", "Cora Lić", "acora@example.com", "Cora@Example.com.au"):
        assert TERMS.remain_in(text), text
        assert not TERMS.occur_in(text), text
    for text in ("Cora Lima", "McCora Li", "[erased]", "cora@example.org", ""):
        assert not TERMS.remain_in(text), text
    assert not Terms("", "Li").remain_in("Li")
    assert Terms("", "山田太郎").replace("山田太郎様") == "[erased]様"


@pytest.mark.parametrize("name", ["", "A", "Li", "erased", "[erased]"])
def test_short_names_and_no_terms_match_nothing(name: str) -> None:
    assert Terms("", name).replace(f"A {name} text of cora@example.com") == (
        f"A {name} text of cora@example.com"
    )


def test_special_characters_in_names_and_addresses_have_no_meaning() -> None:
    terms = Terms("a.b+c@x.org", "R2.D2 (the)")
    assert terms.replace("aXb+c@x.org a.b+c@x.org") == "aXb+c@x.org [erased]"
    assert terms.replace("R2.D2 (the) R2xD2 (the)") == "[erased] R2xD2 (the)"


def test_own_texts_are_replaced_where_others_repeat_them() -> None:
    long = "The printer on floor 3 is on fire"
    terms = TERMS.with_texts([f" {long}\n", "Yes", "[erased]", long + ", again"])
    assert terms.replace(f"You wrote: {long}, again!") == "You wrote: [erased]!"
    assert terms.replace("Yes, of course") == "Yes, of course"
    assert terms.without_name.replace(f"Cora Li: {long}") == f"Cora Li: {long}"


def build_event(type: EventType, actor: UUID = OTHER, **data: Any) -> Event:
    return new_record(
        Event, position=1, type=type, actor_user_id=actor, data={"changes": {}, **data}
    )


def build_rules(terms: Terms = TERMS, *, owns_ticket: bool = False, **more: Any) -> EventRules:
    return EventRules(terms, PERSON, erases_texts=True, owns_ticket=owns_ticket, **more)


def test_a_hostile_name_changes_no_value_that_is_no_text() -> None:
    """SLA clocks and the replay of the log read statuses, actions and ids."""
    changes = {"status": ["new", "resolved"], "priority": ["normal", "high"]}
    event = build_event(
        EventType.STATUS_CHANGED, changes=changes, action="resolve", side="team", comment="resolved"
    )
    for name in ("resolved", "resolve", "status", "changes", "normal", "team"):
        rewritten = build_rules(Terms("x@y.z", name)).rewrite(event)
        assert rewritten | {"comment": "resolved"} == event.data
    assert build_rules(Terms("x@y.z", "resolved")).rewrite(event)["comment"] == "[erased]"


def test_texts_of_the_person_and_of_the_ticket() -> None:
    reopened = build_event(EventType.STATUS_CHANGED, PERSON, action="reopen", comment="Again")
    by_team = build_event(EventType.STATUS_CHANGED, action="reopen", comment="Cora Li asked")
    resolved = build_event(EventType.STATUS_CHANGED, action="resolve", comment="Done")
    rules, own = build_rules(), build_rules(owns_ticket=True)
    assert rules.rewrite(reopened)["comment"] == own.rewrite(reopened)["comment"] == "[erased]"
    assert rules.rewrite(by_team)["comment"] == "[erased] asked"
    assert rules.rewrite(resolved)["comment"] == "Done"
    assert own.rewrite(resolved)["comment"] == "[erased]"


def test_a_longer_replacement_keeps_to_the_limit_of_the_subject() -> None:
    subject = "Bob " * 50
    event = build_event(EventType.TICKET_UPDATED, changes={"subject": ["x", subject]})
    rules = build_rules(Terms("b@x.org", "Bob"))
    rewritten = rules.rewrite(event)["changes"]["subject"][1]  # type: ignore[index,call-overload]
    assert rewritten == rules.rewrite_column("subject", subject)
    assert (len(str(rewritten)), "Bob" in str(rewritten)) == (200, False)


def test_a_mail_server_s_answer_about_the_person_is_replaced_for_everyone() -> None:
    failed = build_event(EventType.MAIL_FAILED, user=str(PERSON), answer="550 box c17 is full")
    other = build_event(EventType.MAIL_FAILED, user=str(OTHER), answer="550 box c18 is full")
    rules = EventRules(TERMS, PERSON, erases_texts=False, owns_ticket=False)
    assert rules.rewrite(failed)["answer"] == "[erased]"
    assert rules.rewrite(other) == other.data


def test_lists_lose_what_the_person_typed() -> None:
    typed = build_event(EventType.TICKET_UPDATED, PERSON, changes={"tags": [["vpn"], ["vpn", "x"]]})
    later = build_event(
        EventType.TICKET_UPDATED,
        changes={
            "tags": [["vpn", "x"], ["vpn", "x", "Cora Li", "cora-li"]],
            "resources": [[], [{"kind": "pc", "externalId": "pc-1", "name": "Cora Li's"}, {}]],
            "external_id": [None, "cora@example.com"],
        },
    )
    rules = build_rules()
    removed = find_removed_tags([typed, later], ["vpn"], rules)
    assert removed == {"x", "Cora Li"}
    changes = build_rules(removed_tags=removed).rewrite(later)["changes"]
    assert changes == {
        "tags": [["vpn"], ["vpn", "cora-li"]],
        "resources": [[], [{}]],
        "external_id": [None, None],
    }
