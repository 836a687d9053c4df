"""The outcomes of tickets: the status by age, the steps to it, and the time of the last step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from demo.people import build_viewer
from demo.scenario import Scenario
from models.access.viewer import SYSTEM
from models.changes import commands
from models.tickets.lifecycle import CloseReason, Status

NEW, OPEN, WAITING, ON_HOLD, RESOLVED, CLOSED = Status

STATUS_WEIGHTS: Sequence[tuple[timedelta, Mapping[Status, int]]] = (
    (timedelta(minutes=15), {NEW: 90, OPEN: 10}),
    (timedelta(days=1), {NEW: 34, OPEN: 34, WAITING: 13, ON_HOLD: 5, RESOLVED: 10, CLOSED: 4}),
    (timedelta(days=7), {NEW: 8, OPEN: 27, WAITING: 17, ON_HOLD: 10, RESOLVED: 25, CLOSED: 13}),
    (timedelta(days=30), {OPEN: 18, WAITING: 12, ON_HOLD: 8, RESOLVED: 12, CLOSED: 50}),
    (timedelta.max, {OPEN: 9, WAITING: 6, ON_HOLD: 5, RESOLVED: 3, CLOSED: 77}),
)
"""For tickets younger than each age, the percentage in each status."""

AUTO_CLOSE_DELAY = timedelta(days=7)
"""The service closes a ticket that has been RESOLVED for so long."""

MAX_IDLE_TIME: Mapping[Status, timedelta] = {
    OPEN: timedelta(days=6),
    WAITING: timedelta(days=9),
    ON_HOLD: timedelta(days=12),
    RESOLVED: AUTO_CLOSE_DELAY - timedelta(hours=24),
}
"""The longest time since the last step of a ticket that is not closed."""

MAX_CLOSED_DURATION = timedelta(days=11)
"""The longest time from a closed ticket's creation to its last step.

It is shorter than the reopen window, so customers can reopen every ticket.
"""


def choose_status(age: timedelta, random: Random) -> Status:
    weights = next(weights for max_age, weights in STATUS_WEIGHTS if age < max_age)
    return random.choices(list(weights), list(weights.values()))[0]


def plan_outcome(scenario: Scenario, status: Status) -> None:
    """Plan the last steps of a ticket that has an assignee and is OPEN.

    `status` is the status after them. It must not be NEW.
    """
    PLANS[status](scenario)


def plan_open(scenario: Scenario) -> None:
    if scenario.happens(0.35):
        scenario.plan_customer_phrase(scenario.writer.phrases.reminders)
    if scenario.happens(0.08):
        scenario.add_agent_step(lambda change: commands.assign(change, None))


def plan_on_hold(scenario: Scenario) -> None:
    scenario.plan_agent_reply(scenario.writer.write_hold_notice())
    until = None
    if scenario.happens(0.7):
        until = scenario.now + timedelta(hours=scenario.random.randint(2, 300))
    delay = scenario.choose_click_delay()
    scenario.add_agent_step(lambda change: commands.hold(change, until), delay)


def plan_resolved(scenario: Scenario) -> None:
    plan_resolution(scenario)
    if scenario.happens(0.15):
        # A late rating would come after the service closes the ticket.
        delay = timedelta(hours=scenario.random.uniform(0.2, 20))
        scenario.plan_rating(min(delay, scenario.age / 10))


def plan_closed(scenario: Scenario) -> None:
    """Plan a resolution and the closing. A few customers withdraw the request or never answer."""
    if scenario.happens(0.08):
        plan_withdrawal(scenario)
        return
    if scenario.happens(0.05):
        plan_abandonment(scenario)
        return
    plan_resolution(scenario)
    if scenario.happens(0.5) and scenario.age > AUTO_CLOSE_DELAY * 1.5:
        scenario.add_step(SYSTEM, lambda change: commands.close(change, None), AUTO_CLOSE_DELAY)
    else:
        plan_closing(scenario)
    if scenario.happens(0.35):
        scenario.plan_rating()


def plan_resolution(scenario: Scenario) -> None:
    text = scenario.writer.write_resolution()
    scenario.add_agent_step(lambda change: commands.resolve(change, text))
    if scenario.happens(0.12):
        # The customer's reply reopens the ticket.
        scenario.plan_customer_phrase(scenario.writer.phrases.reopen_reasons)
        second_text = scenario.writer.write_second_resolution()
        scenario.add_agent_step(lambda change: commands.resolve(change, second_text))


def plan_closing(scenario: Scenario) -> None:
    """Plan that the customer or the agent closes the ticket. A few customers reopen it once."""
    actor = scenario.customer if scenario.happens(0.75) else build_viewer(scenario.agent)
    scenario.add_step(actor, lambda change: commands.close(change, None))
    if scenario.happens(0.05):
        writer = scenario.writer
        reason = writer.choose_text(writer.phrases.reopen_reasons)
        text = writer.write_second_resolution()
        scenario.add_step(scenario.customer, lambda change: commands.reopen(change, reason))
        scenario.add_agent_step(lambda change: commands.resolve(change, text))
        scenario.add_step(actor, lambda change: commands.close(change, None))


def plan_withdrawal(scenario: Scenario) -> None:
    """Plan that the customer withdraws the request."""
    scenario.plan_customer_phrase(scenario.writer.common_phrases.withdrawals)
    scenario.add_step(scenario.customer, lambda change: commands.close(change, None))


def plan_abandonment(scenario: Scenario) -> None:
    """Plan that the agent closes the ticket because the customer does not answer."""
    scenario.plan_question()
    scenario.add_agent_step(lambda change: commands.close(change, CloseReason.ABANDONED))


def plan_spam_closing(scenario: Scenario) -> None:
    scenario.add_step(scenario.dispatcher, lambda change: commands.close(change, CloseReason.SPAM))


PLANS: Mapping[Status, Callable[[Scenario], None]] = {
    OPEN: plan_open,
    WAITING: Scenario.plan_question,
    ON_HOLD: plan_on_hold,
    RESOLVED: plan_resolved,
    CLOSED: plan_closed,
}


def choose_last_step_time(scenario: Scenario, status: Status) -> datetime:
    """Choose the time of the last step.

    It is soon after the creation if the ticket is NEW, long ago for most closed tickets, and recent
    for others. The scenario must have all its steps, because their exact delays are kept.
    """
    random = scenario.random
    flexible_time = scenario.age - scenario.exact_delays
    if status is NEW:
        duration = min(flexible_time * 0.9, timedelta(minutes=random.uniform(2, 150)))
    elif status is CLOSED:
        work_time = timedelta(minutes=5, hours=random.lognormvariate(3.3, 1.1))
        duration = min(flexible_time * 0.97, work_time, MAX_CLOSED_DURATION)
    else:
        idle_time = random.random() * min(MAX_IDLE_TIME[status], flexible_time * 0.6)
        duration = flexible_time - idle_time
    return scenario.begin + scenario.exact_delays + duration
