"""The queries of SLA policies, calendars and escalation paths."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.escalation
import resolvers.sla
from models.access.permissions import READ_POLICIES
from schema.fields import query
from schema.pagination import INCLUDE_INACTIVE
from schema.types.escalation import EscalationPathType
from schema.types.sla import SlaCalendarType, SlaPolicyType


@strawberry.type
class PolicyQueries:
    sla_policies: Any = query(
        resolvers.sla.sla_policies,
        READ_POLICIES,
        "The SLA policies, by position. At most 200 can be active, unless a setting changes this.",
        list[SlaPolicyType],
        arguments=INCLUDE_INACTIVE,
    )
    sla_calendars: Any = query(
        resolvers.sla.sla_calendars,
        READ_POLICIES,
        "The SLA calendars, by name. At most 100 can be active, unless a setting changes this.",
        list[SlaCalendarType],
        arguments=INCLUDE_INACTIVE,
    )
    escalation_paths: Any = query(
        resolvers.escalation.escalation_paths,
        READ_POLICIES,
        "The escalation paths, by position. At most 100 can be active, unless a setting changes "
        "this.",
        list[EscalationPathType],
        arguments=INCLUDE_INACTIVE,
    )
