"""Enums of SLA clocks and escalation paths."""

from __future__ import annotations

from models.escalation.path import EscalationTrigger, StepAction
from models.sla.clock import ClockStatus
from models.sla.intervals import IntervalReason
from models.sla.snapshot import Metric
from schema.enums.registration import register_enum

register_enum(
    Metric,
    "SlaMetric",
    "What an SLA target measures. The team stands for all agents, admins and API clients.",
    {
        "FIRST_RESPONSE": "The time from the ticket's creation to the team's first reply or the "
        "resolution. It never pauses.",
        "NEXT_RESPONSE": "The time from the customer's first unanswered message to the team's "
        "next reply or the resolution. It never pauses.",
        "RESOLUTION": "The time from the ticket's creation to its resolution. It pauses while the "
        "ticket is WAITING_ON_CUSTOMER or ON_HOLD.",
    },
)
register_enum(
    ClockStatus,
    "SlaStatus",
    "The status of an SLA clock.",
    {
        "PENDING": "The clock runs and has not reached the at-risk percentage of its target.",
        "AT_RISK": "The clock runs and has passed the at-risk percentage of its target.",
        "PAUSED": "The clock is paused and has not reached its target.",
        "BREACHED": "The clock has passed its target, and the response or resolution is still due.",
        "ACHIEVED": "The response or resolution took place within the target.",
        "ACHIEVED_LATE": "The response or resolution took place after the target had passed.",
        "CANCELLED": "The clock ended without a result: the ticket was closed unresolved, or its "
        "SLA policy no longer has this target.",
    },
)
register_enum(
    EscalationTrigger,
    "EscalationTrigger",
    "The event that starts an escalation path.",
    {
        "ESCALATED": "The ticket was escalated.",
        "SLA_AT_RISK": "An SLA clock of the ticket became at risk.",
        "SLA_BREACHED": "An SLA clock of the ticket passed its target.",
        "UNTOUCHED": "The ticket was created. The steps run only while it is NEW and unassigned.",
    },
)
register_enum(
    StepAction,
    "EscalationAction",
    "The action of a step of an escalation path.",
    {
        "NOTIFY_ASSIGNEE": "Notifies the assignee.",
        "NOTIFY_TEAM": "Notifies the active members of the ticket's team.",
        "NOTIFY_ADMINS": "Notifies all active admins.",
        "RAISE_PRIORITY": "Raises the priority by one level, up to URGENT.",
        "REASSIGN": "Assigns the ticket to the step's user, or to the available team member with "
        "the fewest open tickets.",
        "TRANSFER": "Transfers the ticket to the step's team.",
    },
)
register_enum(
    IntervalReason,
    "SlaIntervalReason",
    "The reason for which an interval counts towards an SLA target or does not.",
    {
        "WORKING": "Working time according to the policy's calendar. The only reason that counts.",
        "OUTSIDE_HOURS": "Outside the working hours of the calendar. Does not count.",
        "HOLIDAY": "Working hours on a holiday of the calendar. Does not count.",
        "WAITING_ON_CUSTOMER": "The ticket was WAITING_ON_CUSTOMER. Does not count.",
        "ON_HOLD": "The ticket was ON_HOLD. Does not count.",
        "ENDED": "The ticket was resolved or closed and was reopened later. Does not count.",
    },
)
