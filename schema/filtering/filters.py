"""The input TicketFilter and its parts, and their conversion for `models.queries.filters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import strawberry

from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import BadRequest
from models.custom_fields.custom_field import column_of, is_custom_field_key
from models.sla.clock import ClockStatus
from models.tickets.lifecycle import CloseReason, Priority, Stage, Status
from schema.enums.tickets import OrderDirection, TicketOrderField
from schema.filtering.conditions import (
    DateTimeFilter,
    IdFilter,
    IntFilter,
    StringFilter,
    optional_condition,
)
from schema.filtering.custom_field_filter import CustomFieldFilter
from schema.input_mapping import to_mapping
from schema.inputs.tickets.tickets import TicketResourceInput


@strawberry.input(description="Conditions on a ticket's status; all that are given must hold.")
class StatusFilter:
    eq: Status | None = optional_condition("The status is this one.")
    neq: Status | None = optional_condition("The status is another one.")
    in_: list[Status] | None = optional_condition(
        "The status is one of these. An empty list matches nothing.", "in"
    )
    nin: list[Status] | None = optional_condition("The status is none of these.")


@strawberry.input(description="Conditions on a ticket's stage; all that are given must hold.")
class StageFilter:
    eq: Stage | None = optional_condition("The stage is this one.")
    in_: list[Stage] | None = optional_condition(
        "The stage is one of these. An empty list matches nothing.", "in"
    )


@strawberry.input(description="Conditions on a ticket's priority; all that are given must hold.")
class PriorityFilter:
    eq: Priority | None = optional_condition("The priority is this one.")
    in_: list[Priority] | None = optional_condition(
        "The priority is one of these. An empty list matches nothing.", "in"
    )
    nin: list[Priority] | None = optional_condition("The priority is none of these.")


@strawberry.input(
    description="Conditions on the reason of a ticket's closure; all that are given must hold."
)
class CloseReasonFilter:
    eq: CloseReason | None = optional_condition("The reason is this one.")
    in_: list[CloseReason] | None = optional_condition(
        "The reason is one of these. An empty list matches nothing.", "in"
    )
    nin: list[CloseReason] | None = optional_condition(
        "The ticket is not CLOSED, or the reason is none of these."
    )
    null: bool | None = optional_condition(
        "True: the ticket is not CLOSED. False: the ticket is CLOSED."
    )


@strawberry.input(
    description="Conditions on the SLA clocks of a ticket. Each condition holds if at least one "
    "clock fulfils it."
)
class SlaStatusFilter:
    eq: ClockStatus | None = optional_condition("A clock has this status.")
    in_: list[ClockStatus] | None = optional_condition(
        "A clock has one of these statuses. An empty list matches nothing.", "in"
    )


@strawberry.input(
    description="Conditions on the tags of a ticket; all that are given must hold. The case of "
    "letters is ignored."
)
class TagsFilter:
    some: list[str] | None = optional_condition(
        "The ticket has at least one of these tags. An empty list matches nothing."
    )
    every: list[str] | None = optional_condition("The ticket has all of these tags.")
    none: list[str] | None = optional_condition("The ticket has none of these tags.")


@strawberry.input(
    description="Conditions on tickets, the same in queries and subscriptions. All conditions "
    "that are given must hold; null is the same as absent. A filter has at most 100 conditions "
    "(each field and each operator counts as one), 10 levels, 1,000 values and 32 search words; a "
    "larger one fails with BAD_REQUEST. Each condition, value and word adds to the cost; see the "
    "type Query."
)
class TicketFilter:
    and_: list[TicketFilter] | None = optional_condition(
        "All of these filters match. An empty list matches every ticket.", "and"
    )
    or_: list[TicketFilter] | None = optional_condition(
        "At least one of these filters matches. An empty list matches nothing.", "or"
    )
    not_: TicketFilter | None = optional_condition("This filter does not match.", "not")
    id: IdFilter | None = optional_condition("Conditions on the id.")
    number: IntFilter | None = optional_condition("Conditions on the ticket number.")
    external_id: StringFilter | None = optional_condition("Conditions on the external id.")
    search: str | None = optional_condition(
        "Full-text search over the subject, the description, the tags and the messages that the "
        "viewer may read; for agents, admins and API clients also over the names of the requester "
        "and the assignee. Each of the first 16 words, of up to 100 characters each, must be the "
        "beginning of a word there, or be the ticket's number (`1042`, `#1042`, `TKT-1042`). Case "
        "and accents are ignored, and so are punctuation and symbols: `c++` finds what `c` finds. "
        "A message is found on the ticket where it was written, also after a merge: a search finds "
        "the merged ticket, whose `mergedInto` is the ticket that shows the message. Any part of a "
        "text in Chinese, Japanese, Korean, Thai, Lao, Khmer or Burmese is found. Only the first "
        "2,000 characters of the search are read."
    )
    subject: StringFilter | None = optional_condition("Conditions on the subject.")
    status: StatusFilter | None = optional_condition("Conditions on the status.")
    stage: StageFilter | None = optional_condition("Conditions on the stage.")
    priority: PriorityFilter | None = optional_condition("Conditions on the priority.")
    category: StringFilter | None = optional_condition("Conditions on the slug of the category.")
    team: StringFilter | None = optional_condition("Conditions on the slug of the team.")
    requester_id: IdFilter | None = optional_condition("Conditions on the id of the requester.")
    organization_id: IdFilter | None = optional_condition(
        "Conditions on the id of the organization of the ticket."
    )
    assignee_id: IdFilter | None = optional_condition("Conditions on the id of the assignee.")
    watcher_id: IdFilter | None = optional_condition(
        "Conditions on the ids of the watchers. `eq` and `in` match if one of the watchers "
        "matches, `nin` if none does. `null` matches tickets without watchers."
    )
    merged_into_id: IdFilter | None = optional_condition(
        "Conditions on the id of the ticket that the ticket was merged into. Null if it was not "
        "merged."
    )
    tags: TagsFilter | None = optional_condition("Conditions on the tags.")
    resource: TicketResourceInput | None = optional_condition(
        "The ticket is about this resource. The name must match only if it is given."
    )
    escalation_level: IntFilter | None = optional_condition("Conditions on the escalation level.")
    sla: SlaStatusFilter | None = optional_condition("Conditions on the SLA clocks.")
    created_at: DateTimeFilter | None = optional_condition("Conditions on the time of creation.")
    updated_at: DateTimeFilter | None = optional_condition(
        "Conditions on the time of the last change."
    )
    resolved_at: DateTimeFilter | None = optional_condition(
        "Conditions on the time of the resolution."
    )
    closed_at: DateTimeFilter | None = optional_condition("Conditions on the time of the closure.")
    close_reason: CloseReasonFilter | None = optional_condition(
        "Conditions on the reason of the closure."
    )
    held_until: DateTimeFilter | None = optional_condition(
        "Conditions on the time at which the server resumes the ticket. Null unless the ticket is "
        "ON_HOLD with an end."
    )
    sla_breaches_at: DateTimeFilter | None = optional_condition(
        "Conditions on the earliest deadline of the running SLA clocks, including deadlines that "
        "have passed. Null if no clock is running."
    )
    last_reply_at: DateTimeFilter | None = optional_condition(
        "Conditions on the time of the last reply. Null if nobody has replied."
    )
    unread: bool | None = optional_condition(
        "True: tickets that have changed for the viewer, as in `Ticket.viewerHasUnread`. False: "
        "all others; for API clients all. Refused with BAD_REQUEST in the filter argument of a "
        "subscription, because read marks are not in the log; saved views may use it."
    )
    in_viewer_teams: bool | None = optional_condition(
        "True: the ticket's team is one of the viewer's teams. False: all other tickets. Customers "
        "and API clients have no teams. Subscriptions evaluate it again every 5 seconds, because "
        "memberships are not in the log of tickets."
    )
    custom_fields: list[CustomFieldFilter] | None = optional_condition(
        "Conditions on custom fields, one for each field; all of them must hold."
    )
    satisfaction_score: IntFilter | None = optional_condition(
        "Conditions on the score of the customer's rating. Null until the ticket is rated."
    )


@strawberry.input(description="A field to order tickets by, and the direction.")
class TicketOrder:
    field: TicketOrderField = strawberry.field(description="The field.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="The direction."
    )
    custom_field: str | None = strawberry.field(
        default=None,
        description="The key of the custom field, for CUSTOM_FIELD; BAD_REQUEST if it is missing, "
        "is no possible key, or is given for another field. If there is no such custom field, all "
        "tickets are without a value.",
    )


def sort_pairs(order_by: list[TicketOrder] | None) -> list[tuple[str, bool]]:
    """The argument `orderBy` as `models.queries.tickets.build_ticket_order` takes it.

    Raises BadRequest.
    """
    return [
        (sort_attribute(each), each.direction is OrderDirection.DESC) for each in order_by or ()
    ]


def sort_attribute(order: TicketOrder) -> str:
    """The attribute to sort by. Raises BadRequest if `custom_field` does not fit the field."""
    key = order.custom_field
    if order.field is not TicketOrderField.CUSTOM_FIELD:
        if key is not None:
            raise BadRequest("orderBy.customField is only for the field CUSTOM_FIELD.")
        return order.field.value
    if key is None or not is_custom_field_key(key):
        raise BadRequest("orderBy CUSTOM_FIELD needs the key of a custom field in customField.")
    return column_of(key)


def filter_mapping(filter: TicketFilter | None, viewer: Viewer) -> Mapping[str, Any] | None:
    """The filter as `models.queries.filters.filter` takes it. None stays None.

    Conditions on the viewer become conditions with the viewer's id. So equal filters of different
    viewers differ, and subscriptions don't share them.
    """
    if filter is None:
        return None
    mapping = cast("dict[str, Any]", to_mapping(filter))
    name_viewer(mapping, viewer)
    return mapping


def name_viewer(mapping: dict[str, Any], viewer: Viewer) -> None:
    """Give the conditions on the viewer in a filter the viewer's id."""
    user_id = viewer.user_id
    replace_viewer(mapping, "" if user_id is None else ids.encode(ids.USER, user_id))


def replace_viewer(mapping: dict[str, Any], user_id: str) -> None:
    for value in mapping.values():
        for each in cast("list[object]", value) if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                replace_viewer(cast("dict[str, Any]", each), user_id)
    is_viewer = mapping.pop("viewer", None)
    if is_viewer is not None:
        mapping["isUser" if is_viewer else "isNotUser"] = user_id
    is_in_teams = mapping.pop("inViewerTeams", None)
    if is_in_teams is not None:
        mapping["inTeamsOf" if is_in_teams else "notInTeamsOf"] = user_id
