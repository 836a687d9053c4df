"""The queries of saved views, macros, custom fields and retention policies."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.custom_fields
import resolvers.macros
import resolvers.retention
import resolvers.views
from models.access.permissions import ADMINISTER, AUTHENTICATED, READ_MACROS, READ_SAVED_VIEWS
from schema.cost import CONDITION_COST, RETENTION_COST, SEARCH_COST, cost
from schema.fields import query
from schema.pagination import INCLUDE_INACTIVE, SEARCH_LENGTH, Connection
from schema.types.custom_fields import CustomFieldNode
from schema.types.macros import MacroPreview, MacroType
from schema.types.retention import RetentionPolicyType, RetentionPreview
from schema.types.views import SavedViewType


@strawberry.type
class DeskQueries:
    saved_views: Any = query(
        resolvers.views.saved_views,
        READ_SAVED_VIEWS,
        "The saved views that the viewer sees: personal ones, those of the viewer's teams, and "
        "those for everyone; each by position, and in pages of up to 100. A new installation has "
        "some views for everyone.",
        Connection[SavedViewType],
        arguments={
            "all_teams": "Whether to return the views of all teams. Only for admins, with the "
            "scope `admin`; FORBIDDEN for others. Default: false."
        },
    )
    custom_fields: Any = query(
        resolvers.custom_fields.custom_fields,
        AUTHENTICATED,
        "The custom fields of tickets, in the order of their creation and in pages of up to 100. "
        "Customers see those whose values they may see.",
        Connection[CustomFieldNode],
        arguments={
            "category": "Returns the fields that tickets of the category with this slug have; none "
            "for an unknown slug. Default: all.",
            **INCLUDE_INACTIVE,
        },
    )
    macros: Any = query(
        resolvers.macros.macros,
        READ_MACROS,
        "The macros that the viewer sees: personal ones, those of the viewer's teams, and those "
        "for everyone; by name, and in pages of up to 100.",
        Connection[MacroType],
        arguments={
            "search": "Returns macros with this text anywhere in their name or text, ignoring "
            f"case. {SEARCH_LENGTH} Default: all.",
            **INCLUDE_INACTIVE,
            "all_teams": "Whether to return the macros of all teams. Only for admins, with the "
            "scope `admin`; FORBIDDEN for others. Default: false.",
        },
    )
    preview_macro: Any = query(
        resolvers.macros.preview_macro,
        READ_MACROS,
        "What a macro would do with a ticket now, without changing anything. Null if there is no "
        "such macro or ticket.",
        MacroPreview | None,
        arguments={"macro_id": "The id of the macro.", "ticket_id": "The id of the ticket."},
    )
    retention_policies: Any = query(
        resolvers.retention.retention_policies,
        ADMINISTER,
        "The retention policies, in the order of their creation and in pages of up to 100.",
        Connection[RetentionPolicyType],
    )
    retention_preview: Any = query(
        resolvers.retention.retention_preview,
        ADMINISTER,
        "What a retention policy with this filter and age would erase now, without changing "
        "anything. Fails with FORBIDDEN without the scopes `tickets:read` and `notes:read`, and "
        "with BAD_REQUEST for a filter or an age that createRetentionPolicy refuses.",
        RetentionPreview,
        cost(flat=RETENTION_COST, condition=CONDITION_COST, search=SEARCH_COST),
        {
            "filter": "The tickets whose texts the policy would erase. An empty object: all closed "
            "tickets.",
            "age_days": "How many days after their closure tickets would keep their texts, from "
            "30, a minimum that the operator can change, to 36,500.",
        },
    )
