"""Replaces the texts in the data of a ticket's events: pure functions without I/O.

Only the places that hold free text are rewritten. A person who is called “resolved” must not change
the statuses in the log, from which SLA clocks are rebuilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models.core import text as text_limits
from models.erasure.terms import ERASED, Terms, list_texts
from models.log.event import RETENTION_POLICY, Event, EventType
from models.tickets.lifecycle import Action

if TYPE_CHECKING:
    from models.log.event import Json

TEXT_COLUMNS = ("subject", "resolution", "satisfaction_comment")
"""The columns of tickets with free text that events repeat."""
TEXT_VALUES = ("comment", "reason", "outcome", "answer")
"""The values of events, besides changes, with free text."""


@dataclass(frozen=True, slots=True)
class EventRules:
    """What to replace in the events of one ticket.

    erases_all    whether the texts of all people are replaced, except for tags and the external id
    erases_texts  whether the person's own texts are replaced, and not only terms
    owns_ticket   whether the texts of the ticket itself are the person's
    removed_tags  the tags that the events must no longer show
    text_fields   the names under which changes record custom fields with free text
    """

    terms: Terms
    person_id: UUID
    erases_texts: bool
    owns_ticket: bool
    removed_tags: frozenset[str] = frozenset()
    text_fields: frozenset[str] = frozenset()
    erases_all: bool = False

    def is_own_record(self, author_id: UUID | None) -> bool:
        """Whether a record with this author is replaced as a whole."""
        return self.erases_all or (self.erases_texts and author_id == self.person_id)

    def is_key_removed(self, key: Json) -> bool:
        """Whether the ticket loses its external id. Without it, an import would create the ticket
        again, with all texts."""
        return not self.erases_all and self.is_removed(key)

    def rewrite(self, event: Event) -> dict[str, Json]:
        """The event's data with texts replaced."""
        data = dict(event.data)
        if "changes" in data:
            data["changes"] = {
                column: self.rewrite_change(event, column, pair)
                for column, pair in event.changes.items()
            }
        for name in TEXT_VALUES:
            if isinstance(data.get(name), str):
                is_own = self.is_own_text(event, name)
                data[name] = ERASED if is_own else self.terms.replace(cast("str", data[name]))
        return data

    def is_own_text(self, event: Event, name: str) -> bool:
        """Whether a text of the event is the person's, or about the person alone."""
        if self.erases_all:
            return event.value(RETENTION_POLICY) is None  # that of a policy names nobody
        if event.type is EventType.MAIL_FAILED:
            # A mail server's answer repeats the address, and may name the mailbox differently.
            return event.value("user") == str(self.person_id)
        if self.erases_texts and event.actor_user_id == self.person_id:
            return True
        is_resolution = name == "comment" and event.value("action") == Action.RESOLVE.value
        return self.owns_ticket and (is_resolution or event.type is EventType.RATED)

    def rewrite_change(self, event: Event, column: str, pair: Sequence[Json]) -> Sequence[Json]:
        if column in TEXT_COLUMNS or column in self.text_fields:
            return [self.rewrite_column(column, value) for value in pair]
        if column == "external_id":
            return [None if self.is_key_removed(value) else value for value in pair]
        if column == "tags":
            return [self.remove_tags(value) for value in pair]
        if column == "resources":
            return [self.remove_resources(value) for value in pair]
        return pair

    def rewrite_column(self, column: str, value: Json) -> Json:
        """The new value of a column of the ticket, here and in the ticket itself."""
        if not isinstance(value, str):
            return value
        text = ERASED if self.owns_ticket else self.terms.replace(value)
        # The replacement can be longer than a short name.
        return text[: text_limits.MAX_SUBJECT_CHARS] if column == "subject" else text

    def remove_tags(self, value: Json) -> Json:
        return [tag for tag in cast("Sequence[str]", value) if tag not in self.removed_tags]

    def remove_resources(self, value: Json) -> Json:
        return [each for each in cast("Sequence[Json]", value) if not self.is_removed(each)]

    def is_removed(self, value: Json) -> bool:
        """Whether a resource, or a key of another system, is removed."""
        return self.owns_ticket or any(map(self.terms.occur_in, list_texts(value)))


def find_removed_tags(
    events: Sequence[Event], current: Sequence[str], rules: EventRules
) -> frozenset[str]:
    """The tags that the person has typed, and those with a term in them."""
    tags, typed = set(current), set[str]()
    for event in events:
        if "tags" not in event.changes:
            continue
        before, after = cast("Sequence[Sequence[str]]", event.changes["tags"])
        tags.update(before, after)
        if rules.erases_texts and event.actor_user_id == rules.person_id:
            typed.update(set(after) - set(before))
    return frozenset(typed.union(filter(rules.terms.occur_in, tags)))


def find_own_texts(events: Sequence[Event], rules: EventRules) -> list[str]:
    """The texts of the person in the events, before they are replaced."""
    found: list[str] = []
    for event in events:
        for name in TEXT_VALUES:
            value = event.value(name)
            if isinstance(value, str) and rules.is_own_text(event, name):
                found.append(value)
        if rules.owns_ticket:
            for column in (*TEXT_COLUMNS, *rules.text_fields):
                pair = event.changes.get(column, ())
                found += [value for value in pair if isinstance(value, str)]
    return found
