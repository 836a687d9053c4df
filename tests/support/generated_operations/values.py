"""Random values of arguments: most exist in the database; an operation that must fail gets
a wrong one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final, TypeVar, cast

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
)

from models.core import ids
from models.core.time import format_instant
from support.generated_operations.pool import LOG, ORDERS, Order, Pool
from support.large_dataset import NOW

T = TypeVar("T")

ID_PREFIXES = {
    **dict.fromkeys(("requesterId", "assigneeId", "watcherId", "userId"), ids.USER),
    **dict.fromkeys(
        (
            *("ticketId", "otherId", "intoId", "followUpOf", "mergedIntoId"),
            *("Query.ticket.id", "TicketFilter.id"),
        ),
        ids.TICKET,
    ),
    "organizationId": ids.ORGANIZATION,
    "UpdateSlaPolicyInput.policyId": ids.SLA_POLICY,
    "ArchiveSlaPolicyInput.policyId": ids.SLA_POLICY,
    "UpdateRetentionPolicyInput.policyId": ids.RETENTION_POLICY,
    "DeleteRetentionPolicyInput.policyId": ids.RETENTION_POLICY,
    **dict.fromkeys(("webhookId", "Query.webhook.id"), ids.WEBHOOK),
    "deliveryId": ids.WEBHOOK_DELIVERY,
    "eventId": ids.EVENT,
    "calendarId": ids.SLA_CALENDAR,
    "screenId": ids.WALL_SCREEN,
    "pathId": ids.ESCALATION_PATH,
    "tokenId": ids.TOKEN,
    "viewId": ids.SAVED_VIEW,
    **dict.fromkeys(("jobId", "Query.job.id"), ids.JOB),
    "macroId": ids.MACRO,
    "fieldId": ids.CUSTOM_FIELD,
    "attachmentIds": ids.ATTACHMENT,
}
"""The prefix of ids by the name of the argument or field; other ids may have any prefix."""
INVALID_IDS = (
    "",
    "tkt_",
    "tkt_1",
    "usr_00000000-0000-7000-8000-000000000000",
    "evt_0",
    "evt_999999999999999999",
    "évt_1",
    "ntf_1e3",
)
INVALID_CURSORS = ("", "x", "0", "-000000000000001", "AAAA", "Ym9ndXM=", "\u0000", "é")
TEXTS: Mapping[str, Sequence[str]] = {
    "category": ("technical", "sales", "billing", "nothing"),
    "team": ("support", "sales", "billing", "nothing"),
    "search": ("a", "down", "off", "VPN", "the log", "co", "cora", "' OR 1=1", "%", "  "),
    "externalId": ("vpn", "mail", "srv-1", "nothing", "dns"),
    "kind": ("server", "invoice", "plan"),
    "subject": ("New", "VPN is down", "is down", "N"),
    "tags": ("vpn", "berlin", "urgent", "a"),
    "timeZone": ("Europe/Berlin", "Nowhere/At all"),
    "start": ("09:00",),
    "end": ("17:00", "25:00"),
    "CustomFieldFilter.key": ("note", "seats", "urgent", "due", "zone", "products", "nothing"),
    "CustomFieldInput.key": ("note", "seats", "urgent", "due", "zone", "products", "nothing"),
    "options": ("dns", "mail", "nothing"),
    "Query.dryRunWebhook.query": ("{ id ticket { ref } }", "{ nothing }"),
}
WORDS = (
    "plain",
    "ünïcode ☂",
    'a "quoted" one',
    "two\nlines",
    "**bold** <b>",
    "x",
    "\\ and $v and {}",
    "@ada please",
)
INTS: Mapping[str, Sequence[int]] = {
    "first": (1, 2, 3, 5, 8),
    "last": (1, 2, 3, 5, 8),
    "escalationLevel": (0, 1, 2),
    "score": (1, 5, 6),
    "atRiskPercent": (50, 100),
}
WRONG_VALUES: Mapping[str, Sequence[Any]] = {
    "first": (0, 101, -1),
    "last": (0, 101, -(2**31)),
    "DateTime": ("2026-11-03T10:30:00", "tomorrow", "", 7),
    "Duration": ("P1Y", "PT", "an hour", 3600),
    "Int": ("7", 7.5, 2**31, True),
    "Boolean": ("true", 1),
    "String": (7, True),
    "ID": (1.5, True),
}


@dataclass(frozen=True, slots=True)
class Raw:
    """Text to write without quotes, such as an enum value."""

    text: str


class Omitted:
    """The type of OMITTED: no value is provided."""


OMITTED: Final = Omitted()


class Values:
    """Creates values. `wrong_values_left` counts the wrong values still to insert.

    With `fail_in_coercion`, the coercion of variables refuses them; otherwise a resolver does.
    """

    def __init__(self, random: Random, pool: Pool) -> None:
        self.random = random
        self.pool = pool
        self.wrong_values_left = 0
        self.fail_in_coercion = False
        self.order: Order = ()
        """The order of the list whose arguments are being built."""

    def choose(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def wrong_value(self, *names: str) -> Any:
        """A value that is refused, or OMITTED if no wrong value is to be inserted here."""
        sized = [
            value for name in names if name in ("first", "last") for value in WRONG_VALUES[name]
        ]
        candidates = (
            [value for name in names for value in WRONG_VALUES.get(name, ())]
            if self.fail_in_coercion
            else sized
        )
        if (
            not self.wrong_values_left
            or not candidates
            or not self.chance(0.4 if self.fail_in_coercion else 0.7)
        ):
            return OMITTED
        self.wrong_values_left -= 1
        return self.choose(candidates)

    def value_of(self, type: Any, path: tuple[str, ...], depth: int = 0) -> Any:
        """A JSON value for the argument or field at the path, or OMITTED."""
        if isinstance(type, GraphQLNonNull):
            return self.value_of(type.of_type, path, depth)
        if isinstance(type, GraphQLList):
            if path[-1] == "orderBy":
                return self.sorts()
            count = self.choose((1, 1, 2, 3, 3, 0))
            return [self.value_of(type.of_type, path, depth + 1) for _ in range(count)]
        if isinstance(type, GraphQLEnumType):
            return Raw(self.choose(list(type.values)))
        if isinstance(type, GraphQLInputObjectType):
            return self.fields(type, path, depth)
        assert isinstance(type, GraphQLScalarType)
        wrong = self.wrong_value(type.name, path[-1])
        return wrong if wrong is not OMITTED else self.scalar(type.name, path)

    def sorts(self) -> list[dict[str, Any]]:
        self.order = self.choose(ORDERS)
        return [self.sort(field, way) for field, way in self.order]

    def sort(self, field: str, way: str) -> dict[str, Any]:
        sort: dict[str, Any] = {"field": Raw(field)}
        if field == "CUSTOM_FIELD":
            sort["customField"] = "seats"
        if way == "ASC" or not self.chance(0.3):
            sort["direction"] = Raw(way)
        return sort

    def fields(
        self, type: GraphQLInputObjectType, path: tuple[str, ...], depth: int
    ) -> dict[str, Any]:
        """Random fields of an input object; beyond a depth without nested filters."""
        required = [
            name for name, each in type.fields.items() if isinstance(each.type, GraphQLNonNull)
        ]
        optional = [
            name
            for name in type.fields
            if name not in required
            and (depth < 3 or name not in ("and", "or", "not"))
            and name != "idempotencyKey"
        ]
        max_optional = 2 if not required else len(optional)
        chosen = required + self.random.sample(
            optional, min(len(optional), self.random.randint(0 if required else 1, max_optional))
        )
        return {
            name: self.value_of(
                type.fields[name].type, (*path, f"{type.name}.{name}", name), depth + 1
            )
            for name in chosen
        }

    def scalar(self, name: str, path: tuple[str, ...]) -> Any:
        make: Callable[[tuple[str, ...]], Any] = getattr(self, f"a_{name.lower()}")
        return make(path)

    def a_id(self, path: tuple[str, ...]) -> str:
        if self.chance(0.06):
            return self.choose(INVALID_IDS)
        kind = next((ID_PREFIXES[name] for name in reversed(path) if name in ID_PREFIXES), None)
        if kind is None or self.chance(0.05):
            kind = self.choose(sorted(kind for kind, ids in self.pool.ids.items() if ids))
        ids_of_kind = self.pool.ids[kind]
        return self.choose(ids_of_kind[-12:] if self.chance(0.6) else ids_of_kind)

    def a_string(self, path: tuple[str, ...]) -> str:
        if path[-1] in ("after", "before", "lastSeenCursor"):
            return self.cursor(path)
        texts = next((TEXTS[name] for name in reversed(path) if name in TEXTS), WORDS)
        return self.choose(texts)

    def cursor(self, path: tuple[str, ...]) -> str:
        """A cursor of the list of the path; a wrong one may belong to another list."""
        if self.wrong_values_left and not self.fail_in_coercion and self.chance(0.7):
            self.wrong_values_left -= 1
            return (
                self.choose(INVALID_CURSORS)
                if self.chance(0.5)
                else self.choose(self.choose(list(self.pool.cursors.values())))
            )
        lists = {
            "users": "users",
            "auditLog": "auditLog",
            "notifications": "notifications",
            "queue": "queue",
            "tickets": f"tickets {self.order}",
        }
        return self.choose(
            self.pool.cursors[next((lists[name] for name in path if name in lists), LOG)]
        )

    def an_int(self, path: tuple[str, ...]) -> int:
        if path[-1] == "number" or "TicketFilter.number" in path:
            return self.choose((*self.pool.numbers[-9:], 2**31 - 1, -1, 0))
        return self.choose(
            next((INTS[name] for name in reversed(path) if name in INTS), (0, 1, 2, 3, 40))
        )

    a_int = an_int

    def a_float(self, path: tuple[str, ...]) -> float:
        return self.choose((12.5, 0.0, -1.0, 1e300))

    def a_boolean(self, path: tuple[str, ...]) -> bool:
        return self.chance(0.5)

    def a_datetime(self, path: tuple[str, ...]) -> str:
        at = NOW - timedelta(hours=self.choose((-24, 0, 1, 30, 500, 5000)))
        return self.choose(
            (format_instant(at), at.isoformat(), format_instant(at).replace("Z", ".123456789Z"))
        )

    def a_duration(self, path: tuple[str, ...]) -> str:
        return self.choose(("PT1H", "P1D", "P40D", "PT90.5S", "P2W", "PT0S"))

    def a_date(self, path: tuple[str, ...]) -> str:
        return self.choose(("2026-12-25", "2026-02-28"))


def to_json(value: Any) -> Any:
    """The value as JSON, for a variable. A `Raw` text must be the name of an enum value."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, list):
        return [to_json(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: to_json(each) for name, each in cast("dict[str, Any]", value).items()}
    return value


def to_graphql(value: Any) -> str:
    """The value as a GraphQL literal."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(to_graphql(each) for each in cast('list[Any]', value))}]"
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return f"{{{', '.join(f'{name}: {to_graphql(each)}' for name, each in items)}}}"
    return json.dumps(value, ensure_ascii=False).replace("\x00", "\\u0000")
