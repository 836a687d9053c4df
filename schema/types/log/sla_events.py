"""The types of events of SLA clocks, escalation paths, reminders and failed emails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import strawberry

from models.escalation.path import StepAction
from models.log.event import Event
from models.notifications.mail_answer import mask_answer
from models.people.user import User
from models.sla.records import SlaPolicy
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Status
from schema.context import context_of, loaders
from schema.interfaces import TicketEventInterface
from schema.types.log.field_changes import AFTER, BEFORE
from schema.types.people.people import UserType
from schema.types.sla import SlaPolicyType


@strawberry.interface(name="SlaEvent", description="An event of one SLA clock of a ticket.")
class SlaEventInterface(TicketEventInterface):
    @strawberry.field(description="The metric of the SLA clock.")
    def metric(self, root: strawberry.Parent[Event]) -> Metric:
        return Metric(root.value("metric"))

    @strawberry.field(
        description="The time at which the server recorded the event, at or after `occurredAt`."
    )
    def recorded_at(self, root: strawberry.Parent[Event]) -> datetime:
        return datetime.fromisoformat(cast("str", root.value("recorded_at")))

    @strawberry.field(
        description="The SLA policy that set the clock's target. Null only if it no longer exists.",
        graphql_type=SlaPolicyType | None,
    )
    async def policy(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> SlaPolicy | None:
        return await loaders(info).snapshot_policies.load(cast("str", root.value("terms")))


@strawberry.type(
    name="SlaAtRisk", description="An SLA clock passed the at-risk percentage of its target."
)
class SlaAtRisk(SlaEventInterface):
    pass


@strawberry.type(
    name="SlaBreached",
    description="An SLA clock passed its target before the response or resolution.",
)
class SlaBreached(SlaEventInterface):
    pass


@strawberry.type(
    name="SlaAchieved",
    description="The response or resolution that an SLA clock measures took place.",
)
class SlaAchieved(SlaEventInterface):
    @strawberry.field(description="Whether the target had passed by then.")
    def late(self, root: strawberry.Parent[Event]) -> bool:
        return bool(root.value("late"))


@strawberry.type(
    name="SlaRetargeted",
    description="Another SLA policy, or a changed one, applies to the ticket. Its clocks keep the "
    "time that they have spent.",
)
class SlaRetargeted(TicketEventInterface):
    @strawberry.field(
        description="The SLA policy before the event. Null if no policy applied.",
        graphql_type=SlaPolicyType | None,
    )
    async def from_policy(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> SlaPolicy | None:
        return await load_policy(info, root, BEFORE)

    @strawberry.field(
        description="The SLA policy after the event. Null if no policy applies.",
        graphql_type=SlaPolicyType | None,
    )
    async def to_policy(
        self, root: strawberry.Parent[Event], info: strawberry.Info
    ) -> SlaPolicy | None:
        return await load_policy(info, root, AFTER)


async def load_policy(info: strawberry.Info, event: Event, index: int) -> SlaPolicy | None:
    value = event.changes["sla_terms"][index]
    return await loaders(info).snapshot_policies.load(str(value)) if value is not None else None


@strawberry.type(
    name="TicketEscalationStep",
    description="The server ran a step of an escalation path. Customers never see this event.",
)
class TicketEscalationStep(TicketEventInterface):
    @strawberry.field(description="The name of the path at that time.")
    def path(self, root: strawberry.Parent[Event]) -> str:
        return cast("str", root.value("path"))

    @strawberry.field(description="The number of the step in chronological order, from 1 to 20.")
    def step(self, root: strawberry.Parent[Event]) -> int:
        return cast("int", root.value("step"))

    @strawberry.field(description="The action of the step.")
    def step_action(self, root: strawberry.Parent[Event]) -> StepAction:
        return StepAction(root.value("action"))

    @strawberry.field(
        description="The users that the step notified. Empty for actions that notify nobody.",
        graphql_type=list[UserType],
    )
    async def notified(self, root: strawberry.Parent[Event], info: strawberry.Info) -> list[User]:
        user_ids = cast("Sequence[str]", root.value("notified") or [])
        users = await loaders(info).users.load_many([UUID(user_id) for user_id in user_ids])
        return [user for user in users if user is not None]

    @strawberry.field(
        description="The reason for which the step had no effect, such as that no member is "
        "available. Null if it had an effect."
    )
    def outcome(self, root: strawberry.Parent[Event]) -> str | None:
        return cast("str | None", root.value("outcome"))


@strawberry.type(
    name="TicketReminded",
    description="The server reminded the customer that a ticket waits for a reply or will close "
    "soon.",
)
class TicketReminded(TicketEventInterface):
    @strawberry.field(
        description="The status of the ticket at that time: WAITING_ON_CUSTOMER or RESOLVED."
    )
    def status(self, root: strawberry.Parent[Event]) -> Status:
        return Status(root.value("status"))

    @strawberry.field(
        description="The time at which the server closes the ticket unless the customer replies. "
        "Null if it does not close automatically."
    )
    def closes_at(self, root: strawberry.Parent[Event]) -> datetime | None:
        closes_at = cast("str | None", root.value("closes_at"))
        return datetime.fromisoformat(closes_at) if closes_at else None


@strawberry.type(
    name="TicketMailFailed",
    description="An email about a ticket could not be delivered. Customers never see this event.",
)
class TicketMailFailed(TicketEventInterface):
    @strawberry.field(
        description="The user to whom the email was addressed.", graphql_type=UserType | None
    )
    async def recipient(self, root: strawberry.Parent[Event], info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(UUID(cast("str", root.value("user"))))

    @strawberry.field(
        description="The response of the mail server. Without the scope `users:read`, it has only "
        "the codes and the words that are usual in such responses, and `…` in place of all others, "
        "because it may quote other people's addresses."
    )
    def answer(self, root: strawberry.Parent[Event], info: strawberry.Info) -> str:
        answer = cast("str", root.value("answer"))
        return answer if context_of(info).viewer.can_see_people else mask_answer(answer)


SLA_AND_ESCALATION_TYPES = [
    *(SlaAtRisk, SlaBreached, SlaAchieved, SlaRetargeted),
    *(TicketEscalationStep, TicketReminded, TicketMailFailed),
]
