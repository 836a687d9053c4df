"""The argument `filter` of subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models import database
from models.core.errors import BadRequest
from models.queries.filter import compile_filter, has_unread_condition
from resolvers.context import Context
from schema.filters import TicketFilter, filter_mapping


def parse_filter(context: Context, filter: TicketFilter | None) -> Mapping[str, Any] | None:
    """The filter of a subscription.

    Raises BadRequest if it is too large, or if it has the condition `unread`: a read mark is no
    event of the log, so no subscription would notice it.
    """
    data = filter_mapping(filter, context.viewer)
    compile_filter(data, context.viewer, context.now(), database.dialect())  # checks its size
    if has_unread_condition(data):
        raise BadRequest("A subscription can't filter by unread. Use the query tickets instead.")
    return data
