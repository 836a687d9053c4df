"""TicketFilter and its parts as inputs. They become the plain mappings that models.queries.filter compiles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import strawberry
from strawberry.utils.str_converters import to_camel_case

from models.sla.clock import ClockStatus
from models.tickets.lifecycle import Priority, Stage, Status
from schema.enums import OrderDirection, TicketOrderField
from schema.inputs.tickets import TicketResourceInput


def absent(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


@strawberry.input(description="Compares an id. What is no id of the right kind matches nothing.")
class IdFilter:
    eq: strawberry.ID | None = absent("Is this one.")
    in_: list[strawberry.ID] | None = absent("Is one of these.", "in")
    nin: list[strawberry.ID] | None = absent("Is none of these.")
    null: bool | None = absent("Is there none, or is there one.")


@strawberry.input(description="Compares a text; case counts.")
class StringFilter:
    eq: str | None = absent("Is this text.")
    neq: str | None = absent("Is another text, or none.")
    in_: list[str] | None = absent("Is one of these.", "in")
    nin: list[str] | None = absent("Is none of these.")
    contains: str | None = absent("Has this part.")
    starts_with: str | None = absent("Begins so.")
    null: bool | None = absent("Is there none, or is there one.")


@strawberry.input(description="Compares a number.")
class IntFilter:
    eq: int | None = absent("Is this number.")
    neq: int | None = absent("Is another number.")
    in_: list[int] | None = absent("Is one of these.", "in")
    gt: int | None = absent("Is greater.")
    gte: int | None = absent("Is greater or equal.")
    lt: int | None = absent("Is less.")
    lte: int | None = absent("Is less or equal.")


@strawberry.input(description="Compares an instant. A bound is an instant, or a duration counted back from now.")
class DateTimeFilter:
    gt: datetime | None = absent("Is later.")
    gte: datetime | None = absent("Is later or the same.")
    lt: datetime | None = absent("Is earlier.")
    lte: datetime | None = absent("Is earlier or the same.")
    within: timedelta | None = absent("Lies at most so far back.")
    older_than: timedelta | None = absent("Lies further back than this.")
    null: bool | None = absent("Is there none, or is there one.")


@strawberry.input(description="Compares a status.")
class StatusFilter:
    eq: Status | None = absent("Is this one.")
    neq: Status | None = absent("Is another one.")
    in_: list[Status] | None = absent("Is one of these.", "in")
    nin: list[Status] | None = absent("Is none of these.")


@strawberry.input(description="Compares a stage.")
class StageFilter:
    eq: Stage | None = absent("Is this one.")
    in_: list[Stage] | None = absent("Is one of these.", "in")


@strawberry.input(description="Compares a priority.")
class PriorityFilter:
    eq: Priority | None = absent("Is this one.")
    in_: list[Priority] | None = absent("Is one of these.", "in")
    nin: list[Priority] | None = absent("Is none of these.")


@strawberry.input(description="Compares how promises stand; a ticket fits where one of its clocks does.")
class SlaStatusFilter:
    eq: ClockStatus | None = absent("A clock stands so.")
    in_: list[ClockStatus] | None = absent("A clock stands in one of these ways.", "in")


@strawberry.input(description="Compares a set of tags.")
class TagsFilter:
    some: list[str] | None = absent("Has at least one of these.")
    every: list[str] | None = absent("Has all of these.")
    none: list[str] | None = absent("Has none of these.")


@strawberry.input(
    description="The same filter everywhere: lists, statistics, subscriptions, webhooks, bulk changes, export, saved views. "
    "All that is given must hold; null is the same as not given. At most 100 conditions, 10 levels, 1,000 values and 32 words "
    "to search for."
)
class TicketFilter:
    and_: list[TicketFilter] | None = absent("All of these hold; an empty list always does.", "and")
    or_: list[TicketFilter] | None = absent("At least one of these holds; an empty list never does.", "or")
    not_: TicketFilter | None = absent("This does not hold.", "not")
    id: IdFilter | None = absent("By id.")
    number: IntFilter | None = absent("By number.")
    external_id: StringFilter | None = absent("By the integrator's key.")
    search: str | None = absent(
        "Full text over subject, description and the messages that the viewer may read: each word must begin one of theirs."
    )
    subject: StringFilter | None = absent("By subject.")
    status: StatusFilter | None = absent("By status.")
    stage: StageFilter | None = absent("By stage.")
    priority: PriorityFilter | None = absent("By priority.")
    category: StringFilter | None = absent("By slug.")
    team: StringFilter | None = absent("By slug.")
    requester_id: IdFilter | None = absent("By whose request it is.")
    organization_id: IdFilter | None = absent("By the requester's account.")
    assignee_id: IdFilter | None = absent("By who answers for it.")
    watcher_id: IdFilter | None = absent("By who follows it.")
    tags: TagsFilter | None = absent("By tags.")
    resource: TicketResourceInput | None = absent("About this resource; a name counts only where one is given.")
    escalation_level: IntFilter | None = absent("By escalation level.")
    sla: SlaStatusFilter | None = absent("By how its promises stand.")
    created_at: DateTimeFilter | None = absent("By when it was raised.")
    updated_at: DateTimeFilter | None = absent("By when it last changed.")
    resolved_at: DateTimeFilter | None = absent("By when it was resolved.")
    closed_at: DateTimeFilter | None = absent("By when it was closed.")


@strawberry.input(description="One field to sort tickets by.")
class TicketOrder:
    field: TicketOrderField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")


def plain(value: object) -> Any:
    """An input as nested mappings under the contract's field names; what was not given is left out."""
    if isinstance(value, list):
        return [plain(each) for each in cast("list[object]", value)]
    definition = getattr(value, "__strawberry_definition__", None)
    if definition is None or not definition.__class__.__name__.startswith("StrawberryObject"):
        return value
    found: dict[str, Any] = {}
    for field in definition.fields:
        given = getattr(value, field.python_name)
        if given is not strawberry.UNSET:
            found[field.graphql_name or to_camel_case(field.python_name)] = plain(given)
    return found


def plain_filter(filter: TicketFilter | None) -> Mapping[str, Any] | None:
    return None if filter is None else cast("Mapping[str, Any]", plain(filter))
